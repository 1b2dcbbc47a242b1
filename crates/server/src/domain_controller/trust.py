"""Makes, changes, tries and removes a trust of a domain, as one line of JSON on standard input says. The last line of
the output is JSON, with a reason where it cannot be done. Passwords are in neither arguments nor files. It ends when the
input does: then whoever asked for it is gone."""

import json
import os
import re
import socket
import sys
import threading
import time

wanted = json.loads(sys.stdin.readline())


def end_with_input():
    os.read(0, 1)
    os._exit(1)


threading.Thread(target=end_with_input, daemon=True).start()

# Read by Samba when it is loaded. Nothing is left of it, however this ends.
kerberos = os.memfd_create("krb5.conf")
os.write(kerberos, wanted["kerberos"].encode())
os.environ["KRB5_CONFIG"] = "/proc/self/fd/%d" % kerberos

import ldb
import samba
from samba import NTSTATUSError, gensec, ntstatus
from samba.auth import system_session
from samba.credentials import DONT_USE_KERBEROS, MUST_USE_KERBEROS, Credentials
from samba.dcerpc import drsblobs, lsa, misc, nbt, netlogon, security
from samba.dsdb import UF_INTERDOMAIN_TRUST_ACCOUNT, UF_PASSWD_NOTREQD
from samba.ndr import ndr_pack, ndr_unpack
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB

# Without it, an account of this kind cannot be made.
MAY_MAKE_TRUST_ACCOUNTS = "local_oid:1.3.6.1.4.1.7165.4.3.23:0"
ENCRYPTION = (
    security.KERB_ENCTYPE_RC4_HMAC_MD5
    | security.KERB_ENCTYPE_AES128_CTS_HMAC_SHA1_96
    | security.KERB_ENCTYPE_AES256_CTS_HMAC_SHA1_96
)
# Of a domain among those that it knows: the one that it serves itself.
PRIMARY = netlogon.NETR_TRUST_FLAG_PRIMARY
ENDPOINT_MAPPER_PORT = 135
KERBEROS_PORT = 88
CONNECT_SECONDS = 3
# Controllers that are tried.
CONTROLLERS_MAX = 3

parameters = LoadParm()
parameters.load(wanted["configuration"])
# What Samba says goes to standard error, where nobody takes it for the answer.
ours, remote = wanted["name"], wanted["remote"]
is_incoming, is_outgoing = wanted["is_incoming"], wanted["is_outgoing"]


class Refused(Exception):
    """Why it cannot be done, in a sentence for whoever asked."""


def code_of(error):
    return error.args[0] & 0xFFFFFFFF


def explained(error):
    return str(error.args[1] if len(error.args) > 1 else error).rstrip(".")


def database():
    return SamDB(url=parameters.samdb_url(), session_info=system_session(), lp=parameters)


def escaped(text):
    return ldb.binary_encode(text)


def trusted_domain(samdb):
    """The trust as the domain has it."""
    found = samdb.search(
        "CN=System,%s" % samdb.domain_dn(),
        scope=ldb.SCOPE_ONELEVEL,
        expression="(&(objectClass=trustedDomain)(trustPartner=%s))" % escaped(remote),
        attrs=["flatName", "securityIdentifier", "trustAttributes", "trustAuthOutgoing"],
    )
    return found[0] if len(found) > 0 else None


def missing():
    return Refused(
        "The domain %s does not have the trust any more, as when a snapshot from before it was restored: delete it and "
        "create it again." % ours
    )


def controllers(port):
    """The other domain's controllers that answer at a port: name and address."""
    reason = "DNS names no domain controllers of %s." % remote
    # What else a name server may say has a meaning where names are used below.
    plain = [each for each in wanted["controllers"] if re.fullmatch("[A-Za-z0-9._-]+", each[0])]
    for host, address in plain[:CONTROLLERS_MAX]:
        try:
            socket.create_connection((address, port), CONNECT_SECONDS).close()
            yield host, address
        except OSError as error:
            why = error.strerror or "no answer within %d seconds" % CONNECT_SECONDS
            reason = "The domain controller %s (%s) of %s cannot be reached at port %d: %s." % (
                host,
                address,
                remote,
                port,
                why,
            )
    raise Refused(reason)


def netlogon_of(host, address, options, credentials):
    binding = "ncacn_ip_tcp:%s[%starget_hostname=%s]" % (address, options, host)
    return netlogon.netlogon(binding, parameters, credentials)


def names_of(address):
    """What a controller tells about its domain without being asked for a name: its NetBIOS name and its forest."""
    flags = nbt.NBT_SERVER_LDAP | nbt.NBT_SERVER_DS | nbt.NBT_SERVER_WRITABLE
    return Net(Credentials(), parameters).finddc(domain=remote, address=address, flags=flags)


def own_identifier(host, address):
    """The security identifier of the other domain, as everybody is told it who asks its controller."""
    anonymous = Credentials()
    anonymous.set_anonymous()
    known = netlogon_of(host, address, "", anonymous).netr_DsrEnumerateDomainTrusts("\\\\" + host, 0x3F)
    for domain in known.array:
        if domain.trust_flags & PRIMARY and domain.sid is not None:
            return str(domain.sid)
    return None


def identifier_by_channel(host, address, flat, password):
    """The same, as it is told to whoever proves to know the trust's password."""
    credentials = Credentials()
    credentials.guess(parameters)
    # Of an account for a trust it is the name of the domain with a dot (MS-NRPC section 3.5.4.4.2).
    credentials.set_username(ours + ".")
    credentials.set_domain(flat)
    credentials.set_password(password)
    credentials.set_workstation(parameters.get("netbios name"))
    credentials.set_secure_channel_type(misc.SEC_CHAN_DNS_DOMAIN)
    credentials.set_kerberos_state(DONT_USE_KERBEROS)
    channel = netlogon_of(host, address, "schannel,sign,seal,", credentials)
    proof = credentials.new_client_authenticator()
    authenticator = netlogon.netr_Authenticator()
    authenticator.cred.data = list(proof["credential"])
    authenticator.timestamp = proof["timestamp"]
    # It takes a name of an operating system, and does nothing with it.
    about_us = netlogon.netr_WorkstationInformation()
    about_us.os_name.string = "Samba"
    own_name, returned = parameters.get("netbios name"), netlogon.netr_Authenticator()
    _, told = channel.netr_LogonGetDomainInfo("\\\\" + host, own_name, authenticator, returned, 1, about_us)
    return str(told.primary_domain.domain_sid)


def described():
    """NetBIOS name and security identifier of the other domain."""
    reason = None
    for host, address in controllers(ENDPOINT_MAPPER_PORT):
        try:
            names = names_of(address)
        except NTSTATUSError as error:
            reason = "%s (%s) does not tell about its domain (LDAP over UDP): %s." % (host, address, explained(error))
            continue
        if names.dns_domain.lower() != remote:
            raise Refused("%s (%s) serves the domain %s, not %s." % (host, address, names.dns_domain, remote))
        if wanted["type"] == "Forest" and names.forest.lower() != remote:
            raise Refused(
                "%s is not the root of its forest, which is %s: trust that, or create an External trust."
                % (remote, names.forest)
            )
        identifier = None
        try:
            identifier = own_identifier(host, address)
        except NTSTATUSError as error:
            reason = "%s (%s) does not tell the identifier of its domain: %s." % (host, address, explained(error))
        if identifier is None and is_outgoing:
            try:
                identifier = identifier_by_channel(host, address, names.domain_name, wanted["password"])
            except NTSTATUSError as error:
                raise Refused(channel_refusal(host, error))
        if identifier is not None:
            return names.domain_name, identifier
    raise Refused(reason)


def secret(password):
    """A password as a trust keeps it (MS-ADTS section 6.1.6.9.1)."""
    value = list(password.encode("utf-16-le"))
    clear = drsblobs.AuthInfoClear()
    # The size comes first: it says how much of the value is taken.
    clear.size = len(value)
    clear.password = value
    information = drsblobs.AuthenticationInformation()
    information.LastUpdateTime = samba.unix2nttime(int(time.time()))
    information.AuthType = lsa.TRUST_AUTH_TYPE_CLEAR
    information.AuthInfo = clear
    current = drsblobs.AuthenticationInformationArray()
    current.count = 1
    current.array = [information]
    both = drsblobs.trustAuthInOutBlob()
    both.count = 1
    both.current = current
    return ndr_pack(both)


def attributes(is_selective):
    """The bits of trustAttributes (MS-ADTS section 6.1.6.7.9). Whom to let in is the trusting side's to choose."""
    if wanted["type"] == "Forest":
        bits = lsa.LSA_TRUST_ATTRIBUTE_FOREST_TRANSITIVE
    else:
        bits = lsa.LSA_TRUST_ATTRIBUTE_QUARANTINED_DOMAIN
    if is_selective and is_outgoing:
        bits |= lsa.LSA_TRUST_ATTRIBUTE_CROSS_ORGANIZATION
    return str(bits)


def remove(samdb):
    """Removes the trust and its account, as far as they are there."""
    known = trusted_domain(samdb)
    if known is None:
        return
    account = samdb.search(
        samdb.domain_dn(),
        scope=ldb.SCOPE_SUBTREE,
        expression="(&(objectClass=user)(sAMAccountName=%s$)(userAccountControl:1.2.840.113556.1.4.803:=%d))"
        % (escaped(str(known["flatName"])), UF_INTERDOMAIN_TRUST_ACCOUNT),
        attrs=[],
    )
    for each in account:
        samdb.delete(each.dn)
    samdb.delete(known.dn)


def check_names(samdb, flat, identifier):
    """Refuses a domain that could not be told from one that is known here."""
    if flat.upper() == wanted["short_name"].upper():
        raise Refused("The domain %s has the NetBIOS name of this one, %s." % (remote, flat))
    if identifier == str(samdb.get_domain_sid()):
        raise Refused("The domain %s has the security identifier of this one: it is a copy of it." % remote)
    for attribute, value in (("flatName", escaped(flat)), ("securityIdentifier", identifier)):
        found = samdb.search(
            "CN=System,%s" % samdb.domain_dn(),
            scope=ldb.SCOPE_ONELEVEL,
            expression="(&(objectClass=trustedDomain)(%s=%s))" % (attribute, value),
            attrs=["trustPartner"],
        )
        for other in found:
            raise Refused(
                "There is a trust with %s already, which has the same NetBIOS name or security identifier as %s."
                % (other["trustPartner"], remote)
            )
    if is_incoming:
        found = samdb.search(
            samdb.domain_dn(),
            scope=ldb.SCOPE_SUBTREE,
            expression="(sAMAccountName=%s$)" % escaped(flat),
            attrs=[],
        )
        for account in found:
            raise Refused("There is an account %s$ already, which the trust needs: %s." % (flat, account.dn))


def make():
    flat, identifier = described()
    samdb = database()
    samdb.transaction_start()
    try:
        # What an attempt left, or a snapshot brought back.
        remove(samdb)
        check_names(samdb, flat, identifier)
        direction = (lsa.LSA_TRUST_DIRECTION_INBOUND if is_incoming else 0) | (
            lsa.LSA_TRUST_DIRECTION_OUTBOUND if is_outgoing else 0
        )
        trust = {
            "dn": "CN=%s,CN=System,%s" % (remote, samdb.domain_dn()),
            "objectClass": "trustedDomain",
            "trustType": str(lsa.LSA_TRUST_TYPE_UPLEVEL),
            "trustDirection": str(direction),
            "trustAttributes": attributes(wanted["is_selective"]),
            "trustPartner": remote,
            "flatName": flat,
            "securityIdentifier": ndr_pack(security.dom_sid(identifier)),
            "msDS-SupportedEncryptionTypes": str(ENCRYPTION),
        }
        if is_incoming:
            trust["trustAuthIncoming"] = secret(wanted["password"])
        if is_outgoing:
            trust["trustAuthOutgoing"] = secret(wanted["password"])
        samdb.add(trust)
        if is_incoming:
            account = {
                "dn": "CN=%s$,CN=Users,%s" % (flat, samdb.domain_dn()),
                "objectClass": "user",
                "sAMAccountName": flat + "$",
                "userAccountControl": str(UF_INTERDOMAIN_TRUST_ACCOUNT | UF_PASSWD_NOTREQD),
                "clearTextPassword": wanted["password"].encode("utf-16-le"),
            }
            samdb.add(account, controls=[MAY_MAKE_TRUST_ACCOUNTS])
    except:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()


def change():
    samdb = database()
    known = trusted_domain(samdb)
    if known is None:
        raise missing()
    message = ldb.Message(known.dn)
    bits = attributes(wanted["is_selective"])
    message["trustAttributes"] = ldb.MessageElement(bits, ldb.FLAG_MOD_REPLACE, "trustAttributes")
    samdb.modify(message)


def take_away():
    samdb = database()
    samdb.transaction_start()
    try:
        remove(samdb)
    except:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()


def channel_refusal(host, error):
    code = code_of(error)
    if code == ntstatus.NT_STATUS_NO_TRUST_SAM_ACCOUNT or code == ntstatus.NT_STATUS_NO_SUCH_DOMAIN:
        return (
            "%s knows no incoming trust of %s with %s: create the other half of the trust there, with the same "
            "password, and verify this one." % (host, remote, ours)
        )
    if code == ntstatus.NT_STATUS_ACCESS_DENIED or code == ntstatus.NT_STATUS_WRONG_PASSWORD:
        return (
            "%s refuses the password of the trust: the half of %s was created with another one. Delete one half and "
            "create it again with the password of the other." % (host, remote)
        )
    return "%s refuses the trust's secure channel: %s." % (host, explained(error))


def use_outgoing(known):
    """Uses the trust as this domain does for users of the other one: with a secure channel to a controller there."""
    kept = ndr_unpack(drsblobs.trustAuthInOutBlob, known["trustAuthOutgoing"][0])
    password = bytes(kept.current.array[0].AuthInfo.password).decode("utf-16-le")
    for host, address in controllers(ENDPOINT_MAPPER_PORT):
        try:
            identifier = identifier_by_channel(host, address, str(known["flatName"]), password)
        except NTSTATUSError as error:
            raise Refused(channel_refusal(host, error))
        if identifier != str(ndr_unpack(security.dom_sid, known["securityIdentifier"][0])):
            raise Refused(
                "%s is another domain than when the trust was created (its security identifier is %s): delete the trust "
                "and create it again." % (remote, identifier)
            )
        return


def use_incoming(known):
    """Uses the trust as somebody of this domain does: with a ticket of the other one, for a controller there."""
    if int(str(known["trustAttributes"])) & lsa.LSA_TRUST_ATTRIBUTE_CROSS_ORGANIZATION:
        raise Refused(
            "With selective authentication nobody can use this trust, in either direction: Samba's domain controllers, "
            "which run this domain, do not know it and are strict. UpdateTrust disables it."
        )
    for host, _ in controllers(KERBEROS_PORT):
        credentials = Credentials()
        credentials.guess(parameters)
        credentials.set_username(wanted["service_user"])
        credentials.set_realm(ours.upper())
        credentials.set_domain("")
        credentials.set_password(wanted["service_password"])
        credentials.set_kerberos_state(MUST_USE_KERBEROS)
        client = gensec.Security.start_client({"target_hostname": host, "lp_ctx": parameters})
        client.set_credentials(credentials)
        client.set_target_service("ldap")
        client.set_target_hostname(host)
        client.start_mech_by_name("gssapi_krb5")
        try:
            client.update(b"")
        except NTSTATUSError:
            raise Refused(
                "%s gives no Kerberos ticket to an account of %s: the other half of the trust is missing in %s, is not "
                "outgoing, has another password, or does not take AES." % (host, ours, remote)
            )
        return


def verify():
    known = trusted_domain(database())
    if known is None:
        raise missing()
    if is_outgoing:
        use_outgoing(known)
    if is_incoming:
        use_incoming(known)


answer = {}
try:
    {"make": make, "change": change, "remove": take_away, "verify": verify}[wanted["work"]]()
except Refused as refused:
    answer = {"reason": str(refused)}
except (NTSTATUSError, ldb.LdbError, RuntimeError) as error:
    answer = {"reason": "%s." % explained(error)}
print(json.dumps(answer))
