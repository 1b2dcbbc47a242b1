"""Makes the other half of a trust in a domain of Samba's, as its own tool does: with calls to its local authority.

Run by the interpreter that has Samba's modules, as whoever runs the domain's controller, with one line of JSON on
standard input: the configuration of the controller, the other domain (name, NetBIOS name, SID), the direction as this
domain sees it, and the password. Without a password, the trust is removed.
"""

import json
import sys
import time

import samba
from samba import NTSTATUSError, ntstatus
from samba.dcerpc import drsblobs, lsa, security
from samba.param import LoadParm
from samba.trust_utils import CreateTrustedDomainRelax

wanted = json.loads(sys.stdin.readline())
parameters = LoadParm()
parameters.load(wanted["configuration"])
authority = lsa.lsarpc("ncalrpc:[auth_type=ncalrpc_as_system]", parameters, None)
attributes = lsa.ObjectAttribute()
attributes.sec_qos = lsa.QosInfo()
access = lsa.LSA_POLICY_VIEW_LOCAL_INFORMATION | lsa.LSA_POLICY_TRUST_ADMIN | lsa.LSA_POLICY_CREATE_SECRET
policy = authority.OpenPolicy2("", attributes, access)


def blob(secret):
    both = drsblobs.trustAuthInOutBlob()
    if secret is None:
        both.count = 0
        return both
    clear = drsblobs.AuthInfoClear()
    clear.size = len(secret)
    clear.password = secret
    information = drsblobs.AuthenticationInformation()
    information.LastUpdateTime = samba.unix2nttime(int(time.time()))
    information.AuthType = lsa.TRUST_AUTH_TYPE_CLEAR
    information.AuthInfo = clear
    current = drsblobs.AuthenticationInformationArray()
    current.count = 1
    current.array = [information]
    both.count = 1
    both.current = current
    return both


name = lsa.String()
name.string = wanted["name"]
try:
    known = authority.QueryTrustedDomainInfoByName(policy, name, lsa.LSA_TRUSTED_DOMAIN_INFO_FULL_INFO)
    handle = authority.OpenTrustedDomainByName(policy, name, security.SEC_STD_DELETE)
    authority.DeleteObject(handle)
except NTSTATUSError as error:
    if error.args[0] & 0xFFFFFFFF != ntstatus.NT_STATUS_OBJECT_NAME_NOT_FOUND:
        raise

if wanted.get("password"):
    information = lsa.TrustDomainInfoInfoEx()
    information.domain_name.string = wanted["name"]
    information.netbios_name.string = wanted["short_name"]
    information.sid = security.dom_sid(wanted["sid"])
    information.trust_type = lsa.LSA_TRUST_TYPE_UPLEVEL
    information.trust_attributes = lsa.LSA_TRUST_ATTRIBUTE_FOREST_TRANSITIVE
    is_incoming, is_outgoing = wanted["direction"] != "outgoing", wanted["direction"] != "incoming"
    information.trust_direction = (lsa.LSA_TRUST_DIRECTION_INBOUND if is_incoming else 0) | (
        lsa.LSA_TRUST_DIRECTION_OUTBOUND if is_outgoing else 0
    )
    secret = list(wanted["password"].encode("utf-16-le"))
    handle = CreateTrustedDomainRelax(
        authority,
        policy,
        information,
        lsa.LSA_TRUSTED_DOMAIN_ALL_ACCESS,
        blob(secret if is_incoming else None),
        blob(secret if is_outgoing else None),
    )
    encryption = lsa.TrustDomainInfoSupportedEncTypes()
    encryption.enc_types = security.KERB_ENCTYPE_AES128_CTS_HMAC_SHA1_96 | security.KERB_ENCTYPE_AES256_CTS_HMAC_SHA1_96
    authority.SetInformationTrustedDomain(handle, lsa.LSA_TRUSTED_DOMAIN_SUPPORTED_ENCRYPTION_TYPES, encryption)
