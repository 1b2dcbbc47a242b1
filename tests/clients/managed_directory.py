#!/usr/bin/env python3
"""A domain that the program runs, through boto3: made, filled with users and groups, trusted, shared, and ended.

    managed_directory.py <program>

Takes Samba's programs and the right to listen on ports below 1024. Every answer is compared with botocore's output
shapes. Fails when an operation of Directory Service Data, or of sharing, does not do what it says.
"""

import json
import sys

import botocore.session

from boto3_shapes import Recorder, Server
from expect import check, eventually, refused
from managed_trusts import OPERATIONS, Trusts

REALM = "corp.example.com"
PASSWORD = "Adm1n-Passw0rd!"
ACTIVE_SECONDS_MAX = 600
# The operations of Directory Service that only such a domain has.
OF_DIRECTORIES = [
    "AcceptSharedDirectory", "CreateMicrosoftAD", "CreateSnapshot", "DeleteSnapshot", "DescribeDirectoryDataAccess",
    "DescribeDomainControllers", "DescribeSharedDirectories", "DisableDirectoryDataAccess", "EnableDirectoryDataAccess",
    "GetSnapshotLimits", "RejectSharedDirectory", "ResetUserPassword", "RestoreFromSnapshot", "ShareDirectory",
    "UnshareDirectory", *OPERATIONS,
]


class Day(Trusts):
    """What an administrator of a domain does with it."""

    def __init__(self, recorder, bootstrap):
        self.recorder = recorder
        admin = bootstrap["admin"]
        self.account = bootstrap["management_account_id"]
        self.key = (admin["access_key_id"], admin["secret_access_key"])
        self.ds = self.client("ds")
        self.data = self.client("ds-data")
        self.it = {}

    def client(self, service, key=None):
        return self.recorder.client(service, *(key or self.key))

    def run(self):
        self.make()
        self.users()
        self.groups()
        self.lists()
        self.permissions()
        self.trail()
        self.trusts()
        self.snapshots()
        self.share()
        self.end()

    def directory(self, directory, ds=None):
        found = (ds or self.ds).describe_directories()["DirectoryDescriptions"]
        return next((each for each in found if each["DirectoryId"] == directory), None)

    def make(self):
        vpc = {"VpcId": "vpc-0a1b2c3d", "SubnetIds": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"]}
        directory = self.ds.create_microsoft_ad(
            Name=REALM, ShortName="CORP", Password=PASSWORD, Edition="Standard", VpcSettings=vpc
        )
        self.it = {"DirectoryId": directory["DirectoryId"]}
        refused("AccessDeniedException", self.data.list_users, "DATA_DISABLED", **self.it)
        self.wait_until_active()
        self.ds.enable_directory_data_access(**self.it)
        check(self.ds.describe_directory_data_access(**self.it)["DataAccessStatus"] == "Enabled", "access to data")
        controllers = self.ds.describe_domain_controllers(**self.it)["DomainControllers"]
        check([each["Status"] for each in controllers] == ["Active"], controllers)

    def wait_until_active(self, directory=None):
        def is_active():
            found = self.directory(directory or self.it["DirectoryId"])
            check(found["Stage"] not in ("Failed", "RestoreFailed"), found.get("StageReason"))
            return found["Stage"] == "Active"

        eventually("the directory is Active", ACTIVE_SECONDS_MAX, is_active)

    def wait_until_answering(self):
        """While it is copied the domain stands still."""

        def answers():
            try:
                return self.data.list_groups(**self.it, MaxResults=1)
            except self.data.exceptions.DirectoryUnavailableException as error:
                check(error.response["Reason"] == "DIRECTORY_TIMEOUT", error)
                return None

        eventually("the domain answers", ACTIVE_SECONDS_MAX, answers)

    def snapshots(self):
        ds = self.ds
        taken = {"SnapshotId": ds.create_snapshot(**self.it, Name="before")["SnapshotId"]}

        def is_complete():
            return ds.describe_snapshots(**self.it)["Snapshots"][0]["Status"] == "Completed"

        eventually("the snapshot is complete", ACTIVE_SECONDS_MAX, is_complete)
        check(ds.get_snapshot_limits(**self.it)["SnapshotLimits"]["ManualSnapshotsCurrentCount"] == 1, "one snapshot")
        self.wait_until_answering()
        self.data.create_user(**self.it, SAMAccountName="late")
        ds.restore_from_snapshot(**taken)
        self.wait_until_active()
        self.wait_until_answering()
        refused("ResourceNotFoundException", self.data.describe_user, **self.it, SAMAccountName="late")
        self.data.describe_user(**self.it, SAMAccountName="ann")
        ds.delete_snapshot(**taken)

    def users(self):
        data, ann = self.data, {**self.it, "SAMAccountName": "ann"}
        made = data.create_user(
            **ann,
            GivenName="Zoë",
            Surname="O'Hara, (ext)",
            EmailAddress="ann@example.com",
            OtherAttributes={"department": {"S": "R&D"}, "countryCode": {"N": 276}, "otherMobile": {"SS": ["1", "2"]}},
        )
        check(made["SID"].startswith("S-1-5-21-"), made)
        refused("ConflictException", data.create_user, **ann)
        found = data.describe_user(**ann, OtherAttributes=["department", "CountryCode", "otherMobile", "objectGUID"])
        check(found["DistinguishedName"] == "CN=ann,OU=Users,OU=CORP,DC=corp,DC=example,DC=com", found)
        check(found["GivenName"] == "Zoë" and found["UserPrincipalName"] == f"ann@{REALM}", found)
        check(found["Enabled"] is False and found["SID"] == made["SID"], found)
        others = found["OtherAttributes"]
        check(others["department"] == {"S": "R&D"} and others["countryCode"] == {"N": 276}, others)
        self.ds.reset_user_password(**self.it, UserName="ann", NewPassword="First-Passw0rd")
        check(data.describe_user(**ann)["Enabled"] is True, "a password enables a user")
        data.update_user(**ann, UpdateType="REPLACE", GivenName="Ann", OtherAttributes={"title": {"S": "Dr."}})
        data.update_user(**ann, UpdateType="REMOVE", OtherAttributes={"department": {"S": "any"}})
        refused("ValidationException", data.update_user, "ATTRIBUTE_EXISTS", **ann, UpdateType="ADD", GivenName="A")
        found = data.describe_user(**ann, OtherAttributes=["*"])
        check(found["GivenName"] == "Ann" and found["OtherAttributes"]["title"] == {"S": "Dr."}, found)
        check("department" not in found["OtherAttributes"], found)
        data.disable_user(**ann)
        check(data.describe_user(**ann)["Enabled"] is False, "disabled")

        twice = {**self.it, "SAMAccountName": "bob", "ClientToken": "token-of-bob"}
        check(data.create_user(**twice)["SID"] == data.create_user(**twice)["SID"], "once for one token")
        refused("ConflictException", data.create_user, **{**twice, "SAMAccountName": "carol"})
        for own in ["Administrator", "vestibule-service", "krbtgt"]:
            refused("AccessDeniedException", data.delete_user, "DIRECTORY_AUTH", **self.it, SAMAccountName=own)
        refused("ResourceNotFoundException", data.describe_user, **self.it, SAMAccountName="nobody")
        refused("ValidationException", data.describe_user, "INVALID_REALM", **ann, Realm="other.example.com")

    def groups(self):
        data, group = self.data, {**self.it, "SAMAccountName": "R&D #1 (Zoë)"}
        data.create_group(**group, GroupScope="Universal", GroupType="Distribution")
        data.create_group(**self.it, SAMAccountName="inner")
        data.update_group(
            **group, UpdateType="REPLACE", GroupType="Security", OtherAttributes={"description": {"S": "research"}}
        )
        found = data.describe_group(**group, OtherAttributes=["description"])
        check((found["GroupScope"], found["GroupType"]) == ("Universal", "Security"), found)
        check(found["OtherAttributes"] == {"description": {"S": "research"}}, found)
        name = {**self.it, "GroupName": group["SAMAccountName"]}
        data.add_group_member(**name, MemberName="ann")
        data.add_group_member(**name, MemberName="inner", MemberRealm=REALM)
        refused("ConflictException", data.add_group_member, **name, MemberName="ann")
        members = data.list_group_members(**group)["Members"]
        check([(m["SAMAccountName"], m["MemberType"]) for m in members] == [("ann", "USER"), ("inner", "GROUP")], members)
        of_ann = data.list_groups_for_member(**self.it, SAMAccountName="ann")["Groups"]
        names = {each["SAMAccountName"] for each in of_ann}
        check({group["SAMAccountName"], "Domain Users"} <= names, of_ann)
        data.remove_group_member(**name, MemberName="ann")
        refused("ResourceNotFoundException", data.remove_group_member, **name, MemberName="ann")
        admins = {**self.it, "GroupName": "Domain Admins"}
        refused("AccessDeniedException", data.add_group_member, "DIRECTORY_AUTH", **admins, MemberName="ann")

    def lists(self):
        data = self.data
        for index in range(5):
            data.create_user(**self.it, SAMAccountName=f"page{index}")
        pages = list(data.get_paginator("list_users").paginate(**self.it, PaginationConfig={"PageSize": 2}))
        names = [user["SAMAccountName"] for page in pages for user in page["Users"]]
        check(len(pages) > 3 and len(names) == len(set(names)) and {"ann", "bob", "page0", "page4"} <= set(names), names)
        check(any(group["SAMAccountName"] == "inner" for group in data.list_groups(**self.it)["Groups"]), "a group")
        found = data.search_users(**self.it, SearchAttributes=["title", "GivenName"], SearchString="dr.")["Users"]
        check([user["SAMAccountName"] for user in found] == ["ann"], found)
        hostile = data.search_users(**self.it, SearchAttributes=["SAMAccountName"], SearchString="x)(cn=a")["Users"]
        check(hostile == [], hostile)
        found = data.search_groups(**self.it, SearchAttributes=["SAMAccountName"], SearchString="INNER")["Groups"]
        check(len(found) == 1 and found[0]["SID"].startswith("S-1-5-21-"), found)

    def permissions(self):
        iam = self.client("iam")
        iam.create_user(UserName="help-desk")
        key = iam.create_access_key(UserName="help-desk")["AccessKey"]
        data = self.client("ds-data", (key["AccessKeyId"], key["SecretAccessKey"]))
        arn = f"arn:aws:ds:us-east-1:{self.account}:directory/{self.it['DirectoryId']}"

        def allow(*statements):
            policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName="help-desk", PolicyName="data", PolicyDocument=policy)

        own = {
            "Effect": "Allow",
            "Action": ["ds-data:DescribeUser", "ds-data:DisableUser"],
            "Resource": arn,
            "Condition": {"StringEqualsIgnoreCase": {"ds-data:SAMAccountName": ["ann"], "ds-data:Realm": REALM}},
        }
        allow(own)
        refused("AccessDeniedException", data.describe_user, **self.it, SAMAccountName="ann")
        allow(own, {"Effect": "Allow", "Action": "ds:AccessDSData", "Resource": arn})
        data.describe_user(**self.it, SAMAccountName="Ann")
        refused("AccessDeniedException", data.describe_user, **self.it, SAMAccountName="bob")
        refused("AccessDeniedException", data.delete_user, **self.it, SAMAccountName="ann")

    def trail(self):
        chosen = [{"AttributeKey": "EventName", "AttributeValue": "DisableUser"}]
        events = self.client("cloudtrail").lookup_events(LookupAttributes=chosen)["Events"]
        event = json.loads(events[0]["CloudTrailEvent"])
        check(event["eventSource"] == "ds-data.amazonaws.com" and not event["readOnly"], event)
        check("First-Passw0rd" not in json.dumps(events, default=str), "a password in the trail")

    def share(self):
        ds, organizations = self.ds, self.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        status = organizations.create_account(Email="member@example.com", AccountName="Member")["CreateAccountStatus"]

        def account():
            found = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])
            return found["CreateAccountStatus"].get("AccountId")

        member = eventually("the account is made", 30, account)
        role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
        given = self.client("sts").assume_role(RoleArn=role, RoleSessionName="day")["Credentials"]
        there = self.client("ds", (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))
        target = {"Id": member, "Type": "ACCOUNT"}
        own = {**self.it, "ShareTarget": target}
        refused("OrganizationsException", ds.share_directory, **own, ShareMethod="ORGANIZATIONS")
        organizations.enable_aws_service_access(ServicePrincipal="ds.amazonaws.com")
        shared = ds.share_directory(**own, ShareMethod="ORGANIZATIONS")["SharedDirectoryId"]
        seen = self.directory(shared, there)
        check((seen["Type"], seen["ShareStatus"]) == ("SharedMicrosoftAD", "Shared"), seen)
        check(seen["OwnerDirectoryDescription"]["DirectoryId"] == self.it["DirectoryId"], seen)
        check(ds.unshare_directory(**self.it, UnshareTarget=target)["SharedDirectoryId"] == shared, "the same")
        check(self.directory(shared, there) is None, "gone")
        offered = ds.share_directory(**own, ShareMethod="HANDSHAKE", ShareNotes="please")["SharedDirectoryId"]
        there.reject_shared_directory(SharedDirectoryId=offered)
        offered = ds.share_directory(**own, ShareMethod="HANDSHAKE")["SharedDirectoryId"]
        there.accept_shared_directory(SharedDirectoryId=offered)
        listed = ds.describe_shared_directories(OwnerDirectoryId=self.it["DirectoryId"])["SharedDirectories"]
        check([each["ShareStatus"] for each in listed] == ["Shared"], listed)

    def end(self):
        for name in ["ann", "bob"]:
            self.data.delete_user(**self.it, SAMAccountName=name)
        self.data.delete_group(**self.it, SAMAccountName="inner")
        refused("ResourceNotFoundException", self.data.delete_user, **self.it, SAMAccountName="ann")
        self.ds.disable_directory_data_access(**self.it)
        refused("AccessDeniedException", self.data.list_groups, "DATA_DISABLED", **self.it)
        self.ds.delete_directory(**self.it)
        eventually("the directory is gone", 60, lambda: self.directory(self.it["DirectoryId"]) is None)


def main(program):
    # A domain needs data on disk.
    server = Server(program, ())
    try:
        bootstrap = server.wait_until_ready()
        recorder = Recorder(server.endpoint)
        Day(recorder, bootstrap).run()
    finally:
        status = server.stop()
    model = botocore.session.get_session().get_service_model("ds-data")
    expected = {f"ds-data:{name}" for name in model.operation_names} | {f"ds:{name}" for name in OF_DIRECTORIES}
    failures = [f"misfit: {misfit}" for misfit in dict.fromkeys(recorder.misfits)]
    failures += [f"never succeeded: {name}" for name in sorted(expected - recorder.succeeded)]
    if status != 0:
        failures.append(f"the server ended with {status}")
    for failure in failures:
        print(failure)
    print(f"managed_directory: {recorder.calls} calls, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
