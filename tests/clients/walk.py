"""The walk: an administrator's long day that touches every operation."""

import base64
import hashlib
import hmac
import json
import os
import struct
import time

import botocore.exceptions

SSO = "sso.amazonaws.com"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
TAGS = [{"Key": "team", "Value": "blue / green@home"}, {"Key": "empty", "Value": ""}]
WAIT_SECONDS_MAX = 60


def document(effect="Allow", action="*", resource="*"):
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def saml_metadata(entity):
    with open(os.path.join(os.path.dirname(__file__), "data", "saml-signing.pem"), encoding="ascii") as file:
        certificate = "".join(line.strip() for line in file if "CERTIFICATE" not in line)
    return (
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}">'
        '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
        '<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        f"<ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
        f'Location="{entity}/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>'
    )


def one_time_password(seed, counter):
    """RFC 4226 with six digits."""
    mac = hmac.new(base64.b32decode(seed), struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Clients:
    """The services as one caller sees them."""

    def __init__(self, walk, key, secret, token=None):
        self.walk = walk
        self.credentials = (key, secret, token)

    def of(self, service):
        return Calls(self.walk, self.walk.recorder.client(service, *self.credentials))

    def __getattr__(self, service):
        calls = self.of(service)
        setattr(self, service, calls)
        return calls


class Calls:
    """Calls of one service; a refusal is noted and the walk goes on."""

    def __init__(self, walk, client):
        self.walk = walk
        self.client = client
        self.names = {name: method for method, name in client.meta.method_to_api_mapping.items()}

    def __getattr__(self, operation):
        def call(**arguments):
            try:
                return getattr(self.client, self.names[operation])(**arguments)
            except botocore.exceptions.ClientError as error:
                self.walk.refusals.append(f"{self.client.meta.service_model.service_name}: {error}")
                return {}

        return call


class Walk:
    """Everything once, and what was refused on the way."""

    def __init__(self, recorder, bootstrap, reset):
        self.recorder = recorder
        self.refusals = []
        self.reset = reset
        self.management = bootstrap["management_account_id"]
        admin = bootstrap["admin"]
        self.key = (admin["access_key_id"], admin["secret_access_key"])
        self.admin = Clients(self, *self.key)

    def run(self):
        self.parts(
            self.users,
            self.groups,
            self.managed_policies,
            self.roles,
            self.instance_profiles,
            self.devices,
            self.providers,
            self.account,
            self.simulations,
            self.sessions,
            self.organization,
            self.organization_policies,
            self.end_of_an_organization,
        )

    def parts(self, *parts):
        for part in parts:
            try:
                part()
            except (AttributeError, IndexError, KeyError, TypeError) as error:
                self.refusals.append(f"{part.__name__} stopped for want of {error}")

    def clients(self, key, secret, token):
        return Clients(self, key, secret, token)

    def of_session(self, answer):
        session = answer["Credentials"]
        return Clients(self, session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])

    def eventually(self, what, condition):
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.02)
        self.refusals.append(f"not in time: {what}")
        return None

    def users(self):
        iam = self.admin.iam
        iam.CreateUser(UserName="ann", Path="/people/", Tags=TAGS, PermissionsBoundary=ADMINISTRATOR)
        iam.GetUser(UserName="ann")
        iam.GetUser()
        iam.TagUser(UserName="ann", Tags=[{"Key": "more", "Value": "yes"}])
        iam.ListUserTags(UserName="ann", MaxItems=1)
        iam.UntagUser(UserName="ann", TagKeys=["more"])
        iam.DeleteUserPermissionsBoundary(UserName="ann")
        iam.PutUserPermissionsBoundary(UserName="ann", PermissionsBoundary=ADMINISTRATOR)
        iam.PutUserPolicy(UserName="ann", PolicyName="inline", PolicyDocument=document())
        iam.GetUserPolicy(UserName="ann", PolicyName="inline")
        iam.ListUserPolicies(UserName="ann")
        iam.AttachUserPolicy(UserName="ann", PolicyArn=READ_ONLY)
        iam.ListAttachedUserPolicies(UserName="ann")
        iam.ListUsers(MaxItems=1)
        key = iam.CreateAccessKey(UserName="ann")["AccessKey"]
        iam.ListAccessKeys(UserName="ann")
        iam.GetAccessKeyLastUsed(AccessKeyId=key["AccessKeyId"])
        iam.CreateLoginProfile(UserName="ann", Password="Correct-Horse-42-Battery")
        iam.GetLoginProfile(UserName="ann")
        ann = Clients(self, key["AccessKeyId"], key["SecretAccessKey"])
        ann.sts.GetCallerIdentity()
        ann.iam.ChangePassword(OldPassword="Correct-Horse-42-Battery", NewPassword="Other-Horse-43-Battery")
        iam.UpdateLoginProfile(UserName="ann", Password="Third-Horse-44-Battery", PasswordResetRequired=True)
        iam.GetLoginProfile(UserName="ann")
        iam.GetAccountAuthorizationDetails()
        iam.DeleteLoginProfile(UserName="ann")
        iam.UpdateAccessKey(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        iam.DeleteAccessKey(UserName="ann", AccessKeyId=key["AccessKeyId"])
        for operation in ("ListSSHPublicKeys", "ListSigningCertificates", "ListServiceSpecificCredentials"):
            getattr(iam, operation)(UserName="ann")
        iam.ListServerCertificates()
        iam.DetachUserPolicy(UserName="ann", PolicyArn=READ_ONLY)
        iam.DeleteUserPolicy(UserName="ann", PolicyName="inline")
        iam.UpdateUser(UserName="ann", NewUserName="anna", NewPath="/")

    def groups(self):
        iam = self.admin.iam
        iam.CreateGroup(GroupName="staff", Path="/all/")
        iam.AddUserToGroup(GroupName="staff", UserName="anna")
        iam.GetGroup(GroupName="staff")
        iam.ListGroupsForUser(UserName="anna")
        iam.ListGroups()
        iam.PutGroupPolicy(GroupName="staff", PolicyName="inline", PolicyDocument=document())
        iam.GetGroupPolicy(GroupName="staff", PolicyName="inline")
        iam.ListGroupPolicies(GroupName="staff")
        iam.AttachGroupPolicy(GroupName="staff", PolicyArn=READ_ONLY)
        iam.ListAttachedGroupPolicies(GroupName="staff")
        iam.ListEntitiesForPolicy(PolicyArn=READ_ONLY)
        iam.GetAccountAuthorizationDetails(Filter=["Group", "User"])
        iam.UpdateGroup(GroupName="staff", NewGroupName="crew")
        iam.DetachGroupPolicy(GroupName="crew", PolicyArn=READ_ONLY)
        iam.DeleteGroupPolicy(GroupName="crew", PolicyName="inline")
        iam.RemoveUserFromGroup(GroupName="crew", UserName="anna")
        iam.DeleteGroup(GroupName="crew")
        iam.DeleteUserPermissionsBoundary(UserName="anna")
        iam.DeleteUser(UserName="anna")

    def managed_policies(self):
        iam = self.admin.iam
        made = iam.CreatePolicy(PolicyName="mine", Path="/own/", PolicyDocument=document(), Description="a < b & \"c\"", Tags=TAGS)
        arn = made["Policy"]["Arn"]
        version = iam.CreatePolicyVersion(PolicyArn=arn, PolicyDocument=document("Deny"))["PolicyVersion"]["VersionId"]
        iam.SetDefaultPolicyVersion(PolicyArn=arn, VersionId=version)
        iam.GetPolicy(PolicyArn=arn)
        iam.GetPolicy(PolicyArn=READ_ONLY)
        iam.GetPolicyVersion(PolicyArn=arn, VersionId="v1")
        iam.ListPolicyVersions(PolicyArn=arn)
        iam.ListPolicies(Scope="All", MaxItems=1000)
        iam.ListPolicies(Scope="Local", OnlyAttached=False)
        iam.TagPolicy(PolicyArn=arn, Tags=[{"Key": "more", "Value": "yes"}])
        iam.ListPolicyTags(PolicyArn=arn)
        iam.UntagPolicy(PolicyArn=arn, TagKeys=["more"])
        iam.ListEntitiesForPolicy(PolicyArn=arn)
        iam.GetAccountAuthorizationDetails(Filter=["LocalManagedPolicy"])
        iam.DeletePolicyVersion(PolicyArn=arn, VersionId="v1")
        iam.DeletePolicy(PolicyArn=arn)

    def roles(self):
        iam = self.admin.iam
        principal = {"AWS": self.management}
        iam.CreateRole(
            RoleName="operator",
            Path="/ops/",
            AssumeRolePolicyDocument=trust(principal),
            Description="runs <things> & more",
            MaxSessionDuration=7200,
            PermissionsBoundary=ADMINISTRATOR,
            Tags=TAGS,
        )
        iam.GetRole(RoleName="operator")
        iam.ListRoles(PathPrefix="/ops/")
        iam.UpdateRole(RoleName="operator", Description="runs other things", MaxSessionDuration=3600)
        iam.UpdateRoleDescription(RoleName="operator", Description="again")
        iam.UpdateAssumeRolePolicy(RoleName="operator", PolicyDocument=trust(principal))
        iam.DeleteRolePermissionsBoundary(RoleName="operator")
        iam.PutRolePermissionsBoundary(RoleName="operator", PermissionsBoundary=ADMINISTRATOR)
        iam.TagRole(RoleName="operator", Tags=[{"Key": "more", "Value": "yes"}])
        iam.ListRoleTags(RoleName="operator")
        iam.UntagRole(RoleName="operator", TagKeys=["more"])
        iam.PutRolePolicy(RoleName="operator", PolicyName="inline", PolicyDocument=document())
        iam.GetRolePolicy(RoleName="operator", PolicyName="inline")
        iam.ListRolePolicies(RoleName="operator")
        iam.AttachRolePolicy(RoleName="operator", PolicyArn=READ_ONLY)
        iam.ListAttachedRolePolicies(RoleName="operator")
        iam.GetAccountAuthorizationDetails(Filter=["Role", "AWSManagedPolicy"])
        made = iam.CreateServiceLinkedRole(AWSServiceName=SSO)["Role"]["RoleName"]
        task = iam.DeleteServiceLinkedRole(RoleName=made)["DeletionTaskId"]
        self.deletion(task)

    def deletion(self, task):
        def is_over():
            return self.admin.iam.GetServiceLinkedRoleDeletionStatus(DeletionTaskId=task).get("Status") in (
                "SUCCEEDED",
                "FAILED",
            )

        self.eventually("the deletion of a service-linked role ends", is_over)

    def instance_profiles(self):
        iam = self.admin.iam
        iam.CreateInstanceProfile(InstanceProfileName="box", Path="/ops/", Tags=TAGS)
        iam.AddRoleToInstanceProfile(InstanceProfileName="box", RoleName="operator")
        iam.GetInstanceProfile(InstanceProfileName="box")
        iam.ListInstanceProfiles()
        iam.ListInstanceProfilesForRole(RoleName="operator")
        iam.TagInstanceProfile(InstanceProfileName="box", Tags=[{"Key": "more", "Value": "yes"}])
        iam.ListInstanceProfileTags(InstanceProfileName="box")
        iam.UntagInstanceProfile(InstanceProfileName="box", TagKeys=["more"])
        iam.GetAccountAuthorizationDetails(Filter=["Role"])
        iam.RemoveRoleFromInstanceProfile(InstanceProfileName="box", RoleName="operator")
        iam.DeleteInstanceProfile(InstanceProfileName="box")

    def devices(self):
        iam = self.admin.iam
        iam.CreateUser(UserName="bob")
        made = iam.CreateVirtualMFADevice(VirtualMFADeviceName="phone", Tags=TAGS)["VirtualMFADevice"]
        serial, seed = made["SerialNumber"], made["Base32StringSeed"]
        iam.ListVirtualMFADevices()

        def codes(first):
            return {f"AuthenticationCode{n + 1}": one_time_password(seed, first + n) for n in range(2)}

        now = int(time.time()) // 30
        iam.EnableMFADevice(UserName="bob", SerialNumber=serial, **codes(now - 1))
        iam.ListMFADevices(UserName="bob")
        iam.ListVirtualMFADevices(AssignmentStatus="Assigned")
        iam.GetMFADevice(SerialNumber=serial)
        iam.ResyncMFADevice(UserName="bob", SerialNumber=serial, **codes(now + 1))
        iam.TagMFADevice(SerialNumber=serial, Tags=[{"Key": "more", "Value": "yes"}])
        iam.ListMFADeviceTags(SerialNumber=serial)
        iam.UntagMFADevice(SerialNumber=serial, TagKeys=["more"])
        iam.DeactivateMFADevice(UserName="bob", SerialNumber=serial)
        iam.DeleteVirtualMFADevice(SerialNumber=serial)
        iam.DeleteUser(UserName="bob")

    def providers(self):
        iam = self.admin.iam
        metadata = saml_metadata("https://idp.example.com")
        arn = iam.CreateSAMLProvider(Name="idp", SAMLMetadataDocument=metadata, Tags=TAGS)["SAMLProviderArn"]
        iam.GetSAMLProvider(SAMLProviderArn=arn)
        iam.ListSAMLProviders()
        iam.UpdateSAMLProvider(SAMLProviderArn=arn, SAMLMetadataDocument=saml_metadata("https://idp.example.com/new"))
        iam.TagSAMLProvider(SAMLProviderArn=arn, Tags=[{"Key": "more", "Value": "yes"}])
        iam.ListSAMLProviderTags(SAMLProviderArn=arn)
        iam.UntagSAMLProvider(SAMLProviderArn=arn, TagKeys=["more"])
        iam.DeleteSAMLProvider(SAMLProviderArn=arn)
        made = iam.CreateOpenIDConnectProvider(
            Url="https://localhost/x", ClientIDList=["one"], ThumbprintList=["a" * 40], Tags=TAGS
        )
        arn = made["OpenIDConnectProviderArn"]
        iam.AddClientIDToOpenIDConnectProvider(OpenIDConnectProviderArn=arn, ClientID="two")
        iam.RemoveClientIDFromOpenIDConnectProvider(OpenIDConnectProviderArn=arn, ClientID="one")
        iam.UpdateOpenIDConnectProviderThumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
        iam.GetOpenIDConnectProvider(OpenIDConnectProviderArn=arn)
        iam.ListOpenIDConnectProviders()
        iam.TagOpenIDConnectProvider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "more", "Value": "yes"}])
        iam.ListOpenIDConnectProviderTags(OpenIDConnectProviderArn=arn)
        iam.UntagOpenIDConnectProvider(OpenIDConnectProviderArn=arn, TagKeys=["more"])
        iam.DeleteOpenIDConnectProvider(OpenIDConnectProviderArn=arn)

    def account(self):
        iam = self.admin.iam
        iam.CreateAccountAlias(AccountAlias="a-vestibule")
        iam.ListAccountAliases()
        iam.DeleteAccountAlias(AccountAlias="a-vestibule")
        iam.UpdateAccountPasswordPolicy(MinimumPasswordLength=12, RequireNumbers=True, MaxPasswordAge=90)
        iam.GetAccountPasswordPolicy()
        iam.DeleteAccountPasswordPolicy()
        iam.GetAccountSummary()
        iam.SetSecurityTokenServicePreferences(GlobalEndpointTokenVersion="v2Token")

        def is_complete():
            return iam.GenerateCredentialReport().get("State") == "COMPLETE"

        self.eventually("the credential report is complete", is_complete)
        iam.GetCredentialReport()

    def simulations(self):
        iam = self.admin.iam
        admin = f"arn:aws:iam::{self.management}:user/admin"
        conditional = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        conditional["Condition"] = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [conditional]})
        iam.GetContextKeysForCustomPolicy(PolicyInputList=[policy])
        iam.GetContextKeysForPrincipalPolicy(PolicySourceArn=admin, PolicyInputList=[policy])
        iam.SimulateCustomPolicy(PolicyInputList=[policy], ActionNames=["s3:GetObject", "s3:PutObject"])
        iam.SimulatePrincipalPolicy(PolicySourceArn=admin, ActionNames=["iam:CreateUser"], ResourceArns=["*"])
        iam.ListPoliciesGrantingServiceAccess(Arn=admin, ServiceNamespaces=["iam", "s3"])

    def sessions(self):
        sts = self.admin.sts
        identity = sts.GetCallerIdentity()
        assert identity["Account"] == self.management, identity
        arn = f"arn:aws:iam::{self.management}:role/ops/operator"
        session = sts.AssumeRole(
            RoleArn=arn,
            RoleSessionName="me",
            Policy=document(action="iam:*"),
            PolicyArns=[{"arn": ADMINISTRATOR}],
            DurationSeconds=900,
        )
        operator = self.of_session(session)
        operator.sts.GetCallerIdentity()
        operator.iam.ListUsers()
        self.of_session(sts.GetSessionToken(DurationSeconds=900)).sts.GetCallerIdentity()
        federated = sts.GetFederationToken(Name="partner", Policy=document(), Tags=TAGS[:1])
        self.of_session(federated).sts.GetCallerIdentity()
        sts.GetAccessKeyInfo(AccessKeyId=session["Credentials"]["AccessKeyId"])
        iam = self.admin.iam
        iam.DeleteRolePolicy(RoleName="operator", PolicyName="inline")
        iam.DetachRolePolicy(RoleName="operator", PolicyArn=READ_ONLY)
        iam.DeleteRole(RoleName="operator")
        self.admin.cloudtrail.LookupEvents(MaxResults=50)
        named = [{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}]
        assert self.admin.cloudtrail.LookupEvents(LookupAttributes=named)["Events"], "CreateUser is not in the trail"

    def new_account(self, name):
        organizations = self.admin.organizations
        status = organizations.CreateAccount(Email=f"{name}@example.com", AccountName=name, Tags=TAGS)
        request = status["CreateAccountStatus"]["Id"]

        def is_created():
            status = organizations.DescribeCreateAccountStatus(CreateAccountRequestId=request)["CreateAccountStatus"]
            return status["State"] == "SUCCEEDED" and status["AccountId"]

        return self.eventually(f"the account {name} is created", is_created)

    def organization(self):
        organizations = self.admin.organizations
        organizations.CreateOrganization(FeatureSet="ALL")
        organizations.DescribeOrganization()
        self.root = organizations.ListRoots()["Roots"][0]["Id"]
        self.one, self.two, three = (self.new_account(name) for name in ("one", "two", "three"))
        organizations.ListCreateAccountStatus(States=["SUCCEEDED"])
        organizations.DescribeAccount(AccountId=self.one)
        organizations.ListAccounts()
        made = organizations.CreateOrganizationalUnit(ParentId=self.root, Name="unit", Tags=TAGS)
        self.unit = made["OrganizationalUnit"]["Id"]
        organizations.DescribeOrganizationalUnit(OrganizationalUnitId=self.unit)
        organizations.UpdateOrganizationalUnit(OrganizationalUnitId=self.unit, Name="renamed")
        organizations.ListOrganizationalUnitsForParent(ParentId=self.root)
        organizations.MoveAccount(AccountId=self.one, SourceParentId=self.root, DestinationParentId=self.unit)
        organizations.ListAccountsForParent(ParentId=self.unit)
        organizations.ListChildren(ParentId=self.root, ChildType="ACCOUNT")
        organizations.ListChildren(ParentId=self.root, ChildType="ORGANIZATIONAL_UNIT")
        organizations.ListParents(ChildId=self.one)
        organizations.TagResource(ResourceId=self.one, Tags=[{"Key": "more", "Value": "yes"}])
        organizations.ListTagsForResource(ResourceId=self.one)
        organizations.UntagResource(ResourceId=self.one, TagKeys=["more"])
        organizations.EnableAWSServiceAccess(ServicePrincipal=SSO)
        organizations.ListAWSServiceAccessForOrganization()
        organizations.RegisterDelegatedAdministrator(AccountId=self.one, ServicePrincipal=SSO)
        organizations.ListDelegatedAdministrators()
        organizations.ListDelegatedServicesForAccount(AccountId=self.one)
        organizations.DeregisterDelegatedAdministrator(AccountId=self.one, ServicePrincipal=SSO)
        organizations.DisableAWSServiceAccess(ServicePrincipal=SSO)
        member = f"arn:aws:iam::{three}:role/OrganizationAccountAccessRole"
        inside = self.of_session(self.admin.sts.AssumeRole(RoleArn=member, RoleSessionName="me"))
        inside.organizations.DescribeOrganization()
        inside.organizations.LeaveOrganization()
        organizations.RemoveAccountFromOrganization(AccountId=self.two)

    def organization_policies(self):
        organizations = self.admin.organizations
        kind = "SERVICE_CONTROL_POLICY"
        if "ENABLED" not in json.dumps(organizations.ListRoots()["Roots"][0]["PolicyTypes"]):
            organizations.EnablePolicyType(RootId=self.root, PolicyType=kind)
        made = organizations.CreatePolicy(
            Name="guard", Description="d", Type=kind, Content=document("Deny", "s3:*"), Tags=TAGS
        )
        policy = made["Policy"]["PolicySummary"]["Id"]
        organizations.DescribePolicy(PolicyId=policy)
        organizations.UpdatePolicy(PolicyId=policy, Name="guard2", Content=document("Deny", "ec2:*"))
        organizations.ListPolicies(Filter=kind)
        organizations.AttachPolicy(PolicyId=policy, TargetId=self.unit)
        organizations.ListPoliciesForTarget(TargetId=self.unit, Filter=kind)
        organizations.ListTargetsForPolicy(PolicyId=policy)
        organizations.DetachPolicy(PolicyId=policy, TargetId=self.unit)
        organizations.DeletePolicy(PolicyId=policy)
        organizations.EnablePolicyType(RootId=self.root, PolicyType="TAG_POLICY")
        content = {"tags": {"team": {"tag_key": {"@@assign": "team"}, "tag_value": {"@@assign": ["blue"]}}}}
        made = organizations.CreatePolicy(
            Name="tags", Description="", Type="TAG_POLICY", Content=json.dumps(content)
        )
        tags = made["Policy"]["PolicySummary"]["Id"]
        organizations.AttachPolicy(PolicyId=tags, TargetId=self.root)
        organizations.DescribeEffectivePolicy(PolicyType="TAG_POLICY", TargetId=self.one)
        organizations.ListAccountsWithInvalidEffectivePolicy(PolicyType="TAG_POLICY")
        organizations.ListEffectivePolicyValidationErrors(AccountId=self.one, PolicyType="TAG_POLICY")
        organizations.DetachPolicy(PolicyId=tags, TargetId=self.root)
        organizations.DisablePolicyType(RootId=self.root, PolicyType="TAG_POLICY")
        delegation = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Delegate",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{self.one}:root"},
                    "Action": ["organizations:DescribeOrganization", "organizations:ListRoots"],
                    "Resource": "*",
                }
            ],
        }
        organizations.PutResourcePolicy(Content=json.dumps(delegation), Tags=TAGS[:1])
        organizations.DescribeResourcePolicy()
        organizations.DeleteResourcePolicy()

    def end_of_an_organization(self):
        organizations = self.admin.organizations
        organizations.MoveAccount(AccountId=self.one, SourceParentId=self.unit, DestinationParentId=self.root)
        organizations.DeleteOrganizationalUnit(OrganizationalUnitId=self.unit)
        organizations.CloseAccount(AccountId=self.one)
        organizations.DescribeAccount(AccountId=self.one)
        self.reset()
        organizations.CreateOrganization(FeatureSet="CONSOLIDATED_BILLING")
        organizations.DescribeOrganization()
        organizations.DeleteOrganization()
