"""Makes the database of a domain, as one line of JSON on standard input says. Passwords are in neither arguments nor
files. It ends when the input does: then whoever asked for it is gone."""

import json
import logging
import os
import sys
import threading

import ldb
from samba.auth import system_session
from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2, UF_DONT_EXPIRE_PASSWD, UF_NORMAL_ACCOUNT
from samba.param import LoadParm
from samba.provision import provision
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

DAY = 24 * 60 * 60 * 10_000_000
MINUTE = 60 * 10_000_000

wanted = json.loads(sys.stdin.readline())


def end_with_input():
    os.read(0, 1)
    os._exit(1)


threading.Thread(target=end_with_input, daemon=True).start()
logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="%(message)s")
parameters = LoadParm()
parameters.load(wanted["configuration"])
session = system_session()
controller = wanted["controller"]
fqdn = "%s.%s" % (controller, wanted["name"])

provision(
    logging.getLogger(),
    session,
    smbconf=wanted["configuration"],
    realm=wanted["name"].upper(),
    domain=wanted["short_name"],
    hostname=controller.upper(),
    hostip=wanted["address"],
    dns_backend="SAMBA_INTERNAL",
    dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2,
    serverrole="active directory domain controller",
    lp=parameters,
    use_rfc2307=True,
    # No files are shared: their permissions guard nothing, and need a file system that has them.
    skip_sysvolacl=True,
)

samdb = SamDB(url=parameters.samdb_url(), session_info=session, lp=parameters)
base = samdb.domain_dn()
unit = "OU=%s,%s" % (wanted["short_name"], base)
groups = "OU=AWS Delegated Groups,%s" % base
reserved = "OU=AWS Reserved,%s" % base


def replace(dn, values):
    message = ldb.Message(ldb.Dn(samdb, dn))
    for name, value in values.items():
        message[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
    samdb.modify(message)


def add_account(dn, name, password, is_for_ever):
    control = UF_NORMAL_ACCOUNT | (UF_DONT_EXPIRE_PASSWD if is_for_ever else 0)
    samdb.add(
        {
            "dn": dn,
            "objectClass": "user",
            "sAMAccountName": name,
            "userPrincipalName": "%s@%s" % (name, wanted["name"]),
            "clearTextPassword": password.encode("utf-16-le"),
            "userAccountControl": str(control),
        }
    )


# What AWS's domains begin with.
replace(
    base,
    {
        "minPwdLength": "7",
        "pwdHistoryLength": "24",
        "pwdProperties": "1",
        "minPwdAge": str(-1 * DAY),
        "maxPwdAge": str(-42 * DAY),
        "lockoutThreshold": "0",
        "lockoutDuration": str(-30 * MINUTE),
        "lockOutObservationWindow": str(-30 * MINUTE),
    },
)
for dn in (unit, "OU=Users,%s" % unit, "OU=Computers,%s" % unit, groups, reserved):
    samdb.add({"dn": dn, "objectClass": "organizationalUnit"})

admin = "CN=%s,OU=Users,%s" % (wanted["administrator"], unit)
service = "CN=%s,%s" % (wanted["service_user"], reserved)
administrators = "CN=AWS Delegated Administrators,%s" % groups
add_account(admin, wanted["administrator"], wanted["administrator_password"], False)
add_account(service, wanted["service_user"], wanted["service_password"], True)
samdb.add(
    {
        "dn": administrators,
        "objectClass": "group",
        "sAMAccountName": "AWS Delegated Administrators",
        "member": admin,
    }
)
samdb.add_remove_group_members("Domain Admins", [wanted["service_user"]], add_members_operation=True)

# Whoever administers has everything below the unit, and of the unit everything but its end.
found = samdb.search(administrators, scope=ldb.SCOPE_BASE, attrs=["objectSid"])
sid = samdb.schema_format_value("objectSid", found[0]["objectSid"][0]).decode()
descriptors = SDUtils(samdb)
descriptors.dacl_add_ace(unit, "(A;CIIO;GA;;;%s)" % sid)
descriptors.dacl_add_ace(unit, "(A;;RPWPCRCCDCLCLORCSW;;;%s)" % sid)

# The names under which LDAP is asked with Kerberos: a part of Samba would add them that is not run.
names = ["HOST/" + controller.upper(), "HOST/" + fqdn, "HOST/%s/%s" % (fqdn, wanted["name"])]
names += ["ldap/" + controller.upper(), "ldap/" + fqdn, "ldap/%s/%s" % (fqdn, wanted["name"])]
replace("CN=%s,OU=Domain Controllers,%s" % (controller.upper(), base), {"servicePrincipalName": names})

# It was written without waiting for the disk.
for directory, _, files in os.walk(wanted["directory"]):
    for file in files:
        handle = os.open(os.path.join(directory, file), os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
