"""Trusts of a domain that the program runs: with another one that it runs, and with a domain of somebody else's.

Part of managed_directory.py. What is verified is tried besides as people do it, with MIT's tools for Kerberos.
"""

import json
import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile

from expect import check, eventually, refused

PASSWORD = "Trust-Passw0rd-1"
OTHER = "other.example.net"
STRANGER = "stranger.example.org"
STRANGER_PASSWORD = "Adm1n-Passw0rd!"
SAMBA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "active-directory", "samba-ad.sh")
OTHER_HALF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "other_half.py")
SETTLED_SECONDS_MAX = 120
# The operations that this has succeed.
OPERATIONS = [
    "CreateConditionalForwarder", "CreateTrust", "DeleteConditionalForwarder", "DeleteTrust",
    "DescribeConditionalForwarders", "DescribeTrusts", "UpdateConditionalForwarder", "UpdateTrust", "VerifyTrust",
]



class Tickets:
    """Kerberos as a client has it that knows the controllers of several domains."""

    def __init__(self, domains):
        self.scratch = tempfile.TemporaryDirectory(prefix="vestibule-tickets-")
        realms = "".join(f"  {name.upper()} = {{\n    kdc = {address}:88\n  }}\n" for name, address in domains.items())
        names = "".join(f"  .{name} = {name.upper()}\n  {name} = {name.upper()}\n" for name in domains)
        text = (
            f"[libdefaults]\n  default_realm = {next(iter(domains)).upper()}\n  dns_lookup_kdc = false\n  rdns = false\n"
            "  dns_lookup_realm = false\n  dns_canonicalize_hostname = false\n"
            f"[realms]\n{realms}[domain_realm]\n{names}"
        )
        path = os.path.join(self.scratch.name, "krb5.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        cache = f"FILE:{self.scratch.name}/cache"
        self.said = ""
        self.environment = {"PATH": os.environ["PATH"], "KRB5_CONFIG": path, "KRB5CCNAME": cache, "LC_ALL": "C"}

    def are_given(self, user, password, service):
        """Whether the user is given a ticket for a service of another domain; what was said otherwise is kept."""
        run = {"env": self.environment, "capture_output": True, "text": True, "check": False}
        signed_in = subprocess.run(["kinit", user], input=password + "\n", **run)
        check(signed_in.returncode == 0, f"kinit {user}: {signed_in.stderr}")
        asked = subprocess.run(["kvno", service], **run)
        self.said = asked.stderr
        return asked.returncode == 0


def knows(server, name):
    """Whether a name server has a service record of that name."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">6H", random.randrange(1 << 16), 0x100, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, 33, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.sendto(query, (server, 53))
        answer = client.recv(4096)
    check(answer[:2] == query[:2], "another answer")
    outcome, records = answer[3] & 15, struct.unpack(">H", answer[6:8])[0]
    return outcome == 0 and records > 0


class Stranger:
    """A domain that the program knows nothing of."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="vestibule-stranger-")
        self.address = f"127.2.{random.randrange(250)}.{random.randrange(1, 250)}"
        self.host = f"dc7.{STRANGER}"

    def start(self):
        settings = {
            "AD_IP": self.address, "AD_REALM": STRANGER.upper(), "AD_NB": "STRANGER", "AD_HOST": "dc7", "AD_DNS": "1",
            "AD_PW": STRANGER_PASSWORD, "AD_SID": "S-1-5-21-3000000001-3000000002-3000000003",
        }
        self.control("start", settings)

    def control(self, what, settings=None):
        command = [SAMBA, what, self.scratch.name]
        done = subprocess.run(
            command, env={**os.environ, **(settings or {})}, capture_output=True, text=True, timeout=300, check=False
        )
        check(done.returncode == 0, f"{what}: {done.stderr}")

    def make_half(self, sid, direction, password):
        wanted = {
            "configuration": os.path.join(self.scratch.name, "etc/smb.conf"), "name": "corp.example.com",
            "short_name": "CORP", "sid": sid, "direction": direction, "password": password,
        }
        with open(shutil.which("samba-tool"), encoding="utf-8") as tool:
            interpreter = tool.readline().removeprefix("#!").split()[0]
        done = subprocess.run(
            [interpreter, OTHER_HALF], input=json.dumps(wanted) + "\n", capture_output=True, text=True, check=False
        )
        check(done.returncode == 0, f"the other half: {done.stderr}")


class Trusts:
    """Mixed into the day of an administrator."""

    def trusts(self):
        first = self.it["DirectoryId"]
        second = self.ds.create_microsoft_ad(
            Name=OTHER, ShortName="OTHER", Password="Adm1n-Passw0rd!", Edition="Standard",
            VpcSettings={"VpcId": "vpc-0a1b2c3d", "SubnetIds": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"]},
        )["DirectoryId"]
        self.wait_until_active(second)
        addresses = {id: self.directory(id)["DnsIpAddrs"][0] for id in (first, second)}
        self.between_our_own(first, second, addresses)
        self.ds.delete_directory(DirectoryId=second)
        eventually("the second directory is gone", 60, lambda: self.directory(second) is None)
        self.ds.reset_user_password(DirectoryId=first, UserName="ann", NewPassword="Second-Passw0rd")
        self.with_a_stranger(first, addresses[first])

    def trust(self, directory, remote, address, direction="Two-Way", password=PASSWORD, **more):
        return self.ds.create_trust(
            DirectoryId=directory, RemoteDomainName=remote, TrustPassword=password, TrustDirection=direction,
            ConditionalForwarderIpAddrs=[address], **more,
        )["TrustId"]

    def settled(self, trust, state, reason=""):
        """Waits until a trust is in a state, and nothing is being done with it."""

        def at_rest():
            found = self.ds.describe_trusts(TrustIds=[trust])["Trusts"][0]
            is_busy = found["TrustState"] in ("Creating", "Verifying", "Updating", "Updated")
            is_busy = is_busy or found["TrustState"] == "Created" and found["TrustDirection"] != "One-Way: Incoming"
            return None if is_busy else found

        found = eventually(f"the trust {trust} is {state}", SETTLED_SECONDS_MAX, at_rest)
        check(found["TrustState"] == state and reason in found.get("TrustStateReason", ""), found)

    def verify(self, trust, state, reason=""):
        self.ds.verify_trust(TrustId=trust)
        self.settled(trust, state, reason)

    def delete_trust(self, trust, with_forwarder=False):
        self.ds.delete_trust(TrustId=trust, DeleteAssociatedConditionalForwarder=with_forwarder)

        def is_gone():
            return all(each["TrustId"] != trust for each in self.ds.describe_trusts()["Trusts"])

        eventually("the trust is gone", SETTLED_SECONDS_MAX, is_gone)

    def between_our_own(self, first, second, addresses):
        ds = self.ds
        here = self.trust(first, OTHER, addresses[second])
        self.settled(here, "VerifyFailed", "create the other half")
        refused("EntityAlreadyExistsException", self.trust, directory=first, remote=OTHER, address=addresses[second])
        there = self.trust(second, "corp.example.com", addresses[first], password="Another-Passw0rd")
        self.settled(there, "VerifyFailed", "password")
        self.settled(here, "VerifyFailed", "password")
        self.delete_trust(there)
        there = self.trust(second, "corp.example.com", addresses[first])
        self.settled(there, "Verified")
        # The first half was told.
        self.settled(here, "Verified")
        tickets = Tickets({"corp.example.com": addresses[first], OTHER: addresses[second]})
        comes = (f"Admin@{OTHER.upper()}", "Adm1n-Passw0rd!", "ldap/dc1.corp.example.com@CORP.EXAMPLE.COM")
        goes = ("Admin@CORP.EXAMPLE.COM", "Adm1n-Passw0rd!", f"ldap/dc1.{OTHER}@{OTHER.upper()}")
        for way in (comes, goes):
            check(tickets.are_given(*way), f"{way[0]} is given no ticket: {tickets.said}")

        # The DNS of the domain forwards where it is told to, and nowhere else.
        check(knows(addresses[first], f"_kerberos._tcp.{OTHER}"), "the other domain's names")
        check(not knows(addresses[first], f"_ldap._tcp.nowhere.{OTHER}"), "a name that is not there")
        check(not knows(addresses[first], "_kerberos._tcp.third.example.org"), "a domain without a forwarder")

        ds.update_trust(TrustId=here, SelectiveAuth="Enabled")
        self.settled(here, "VerifyFailed", "selective authentication")
        check(not tickets.are_given(*comes), "a ticket in spite of selective authentication")
        ds.update_trust(TrustId=here, SelectiveAuth="Disabled")
        self.settled(here, "Verified")

        forwarder = {"DirectoryId": first, "RemoteDomainName": "third.example.org"}
        ds.create_conditional_forwarder(**forwarder, DnsIpAddrs=["10.0.0.1"])
        ds.update_conditional_forwarder(**forwarder, DnsIpAddrs=["10.0.0.2", "10.0.0.3"])
        found = ds.describe_conditional_forwarders(DirectoryId=first)["ConditionalForwarders"]
        found = {each["RemoteDomainName"]: each["DnsIpAddrs"] for each in found}
        check(found == {OTHER: [addresses[second]], "third.example.org": ["10.0.0.2", "10.0.0.3"]}, found)
        ds.delete_conditional_forwarder(**forwarder)

        self.delete_trust(there, with_forwarder=True)
        self.verify(here, "VerifyFailed", "create the other half")
        check(not tickets.are_given(*goes), "a ticket without a trust")
        self.delete_trust(here, with_forwarder=True)
        chosen = [{"AttributeKey": "EventName", "AttributeValue": "CreateTrust"}]
        events = self.client("cloudtrail").lookup_events(LookupAttributes=chosen)["Events"]
        check(len(events) >= 3 and PASSWORD not in json.dumps(events, default=str), "a password in the trail")
        check(ds.describe_conditional_forwarders(DirectoryId=first)["ConditionalForwarders"] == [], "no forwarder")
        check(not knows(addresses[first], f"_kerberos._tcp.{OTHER}"), "names without a forwarder")

    def with_a_stranger(self, directory, address):
        stranger = Stranger()
        stranger.start()
        try:
            self.outgoing(directory, address, stranger)
            self.incoming(directory, address, stranger)
        finally:
            stranger.control("stop")

    def own_sid(self):
        return self.data.describe_user(**self.it, SAMAccountName="ann")["SID"].rpartition("-")[0]

    def outgoing(self, directory, address, stranger):
        """The stranger's users may come here."""
        tickets = Tickets({"corp.example.com": address, STRANGER: stranger.address})
        comes = (f"Administrator@{STRANGER.upper()}", STRANGER_PASSWORD, "ldap/dc1.corp.example.com@CORP.EXAMPLE.COM")
        trust = self.trust(directory, STRANGER, stranger.address, "One-Way: Outgoing", TrustType="External")
        self.settled(trust, "VerifyFailed", "create the other half")
        stranger.make_half(self.own_sid(), "incoming", "Another-Passw0rd")
        self.verify(trust, "VerifyFailed", "password")
        check(not tickets.are_given(*comes), "a ticket for the wrong password")
        stranger.make_half(self.own_sid(), "incoming", PASSWORD)
        self.verify(trust, "Verified")
        check(tickets.are_given(*comes), f"the stranger is given no ticket: {tickets.said}")
        self.delete_trust(trust, with_forwarder=True)
        check(not tickets.are_given(*comes), "a ticket after the trust")

    def incoming(self, directory, address, stranger):
        """Our users may go to the stranger."""
        tickets = Tickets({"corp.example.com": address, STRANGER: stranger.address})
        goes = ("ann@CORP.EXAMPLE.COM", "Second-Passw0rd", f"ldap/{stranger.host}@{STRANGER.upper()}")
        trust = self.trust(directory, STRANGER + ".", stranger.address, "One-Way: Incoming")
        self.settled(trust, "Created")
        self.verify(trust, "VerifyFailed", "no Kerberos ticket")
        stranger.make_half(self.own_sid(), "outgoing", PASSWORD)
        self.verify(trust, "Verified")
        check(tickets.are_given(*goes), f"ann is given no ticket: {tickets.said}")
        stranger.control("stop")
        self.verify(trust, "VerifyFailed", "does not answer")
        self.delete_trust(trust, with_forwarder=True)
        stranger.start()

