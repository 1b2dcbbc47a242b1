"""The walk's second day: single sign-on, from enabling it to a person's credentials."""

import json
import os
import subprocess

from walk import ADMINISTRATOR, READ_ONLY, SSO, TAGS, document

PASSWORD = "Correct-Horse-42-Battery"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


class SingleSignOn:
    """The parts of the walk that are about IAM Identity Center. `walk` is the day so far."""

    def __init__(self, walk, program, endpoint):
        self.walk = walk
        self.program = program
        self.endpoint = endpoint
        self.admin = walk.admin
        self.sso = walk.admin.of("sso-admin")
        self.store = walk.admin.identitystore

    def parts(self):
        return (
            self.organization,
            self.account_instance,
            self.enable,
            self.people,
            self.permission_sets,
            self.assignments,
            self.attributes_and_regions,
            self.applications,
            self.portal,
            self.directories,
            self.end,
        )

    def vestibule(self, *words, stdin=None):
        key, secret = self.walk.key
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "VESTIBULE_"))}
        environment |= {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
        }
        done = subprocess.run(
            [self.program, *words], env=environment, input=stdin, capture_output=True, text=True, timeout=60
        )
        if done.returncode != 0:
            self.walk.refusals.append(f"vestibule {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def organization(self):
        organizations = self.admin.organizations
        organizations.CreateOrganization(FeatureSet="ALL")
        self.one = self.account("one")
        self.two = self.account("two")

    def account(self, name):
        organizations = self.admin.organizations
        asked = organizations.CreateAccount(Email=f"sso-{name}@example.com", AccountName=name)
        request = asked["CreateAccountStatus"]["Id"]

        def made():
            status = organizations.DescribeCreateAccountStatus(CreateAccountRequestId=request)["CreateAccountStatus"]
            return status.get("AccountId") if status["State"] == "SUCCEEDED" else None

        return self.walk.eventually(f"account {name}", made)

    def member(self, account):
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        return self.walk.of_session(self.admin.sts.AssumeRole(RoleArn=role, RoleSessionName="me"))

    def account_instance(self):
        inside = self.member(self.two).of("sso-admin")
        made = inside.CreateInstance(Name="own", Tags=TAGS)
        arn = made["InstanceArn"]
        self.walk.eventually("an instance", lambda: inside.DescribeInstance(InstanceArn=arn).get("Status") == "ACTIVE")
        inside.UpdateInstance(InstanceArn=arn, Name="own2")
        inside.DeleteInstance(InstanceArn=arn)

    def enable(self):
        self.vestibule("identity-center", "enable")
        instance = self.sso.ListInstances()["Instances"][0]
        self.instance, self.store_id = instance["InstanceArn"], instance["IdentityStoreId"]
        self.sso.DescribeInstance(InstanceArn=self.instance)
        self.sso.UpdateInstance(InstanceArn=self.instance, Name="company")

    def people(self):
        store, in_store = self.store, {"IdentityStoreId": self.store_id}
        store.ListIdentityStores()
        store.DescribeIdentityStore(**in_store)
        addresses = {"VpceAccessRequired": False, "ApiAllowSourceIps": ["127.0.0.0/8"]}
        store.UpdateIdentityStore(**in_store, NetworkConfiguration=addresses)
        made = store.CreateUser(
            **in_store,
            UserName="alice",
            DisplayName="Alice Ä. <Example>",
            Name={"GivenName": "Alice", "FamilyName": "Example"},
            Emails=[{"Value": "alice@example.com", "Type": "work", "Primary": True}],
            Title="Engineer",
            Addresses=[{"Locality": "Paris", "Primary": True}],
            PhoneNumbers=[{"Value": "+1 555", "Type": "work"}],
        )
        self.alice = made["UserId"]
        store.DescribeUser(**in_store, UserId=self.alice)
        store.UpdateUser(
            **in_store,
            UserId=self.alice,
            Operations=[
                {"AttributePath": "nickName", "AttributeValue": "Al"},
                {"AttributePath": "name.familyName", "AttributeValue": "Sample"},
                {"AttributePath": "title", "AttributeValue": None},
            ],
        )
        by_name = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": "alice"}}
        store.GetUserId(**in_store, AlternateIdentifier=by_name)
        store.ListUsers(**in_store, MaxResults=1)
        self.group = store.CreateGroup(**in_store, DisplayName="engineers", Description="all")["GroupId"]
        store.DescribeGroup(**in_store, GroupId=self.group)
        store.UpdateGroup(
            **in_store, GroupId=self.group, Operations=[{"AttributePath": "description", "AttributeValue": "some"}]
        )
        by_name = {"UniqueAttribute": {"AttributePath": "displayName", "AttributeValue": "engineers"}}
        store.GetGroupId(**in_store, AlternateIdentifier=by_name)
        store.ListGroups(**in_store)
        member = {"UserId": self.alice}
        made = store.CreateGroupMembership(**in_store, GroupId=self.group, MemberId=member)
        store.DescribeGroupMembership(**in_store, MembershipId=made["MembershipId"])
        store.GetGroupMembershipId(**in_store, GroupId=self.group, MemberId=member)
        store.ListGroupMemberships(**in_store, GroupId=self.group)
        store.ListGroupMembershipsForMember(**in_store, MemberId=member)
        store.IsMemberInGroups(**in_store, MemberId=member, GroupIds=[self.group])
        self.vestibule("user", "set-password", "alice", "--password-stdin", stdin=PASSWORD)

    def permission_sets(self):
        sso, of = self.sso, {"InstanceArn": self.instance}
        made = sso.CreatePermissionSet(
            **of, Name="Reader", Description="reads", SessionDuration="PT2H", RelayState="https://example.com", Tags=TAGS
        )
        self.set = made["PermissionSet"]["PermissionSetArn"]
        it = {**of, "PermissionSetArn": self.set}
        sso.DescribePermissionSet(**it)
        sso.UpdatePermissionSet(**it, Description="reads all", SessionDuration="PT1H")
        sso.ListPermissionSets(**of)
        sso.AttachManagedPolicyToPermissionSet(**it, ManagedPolicyArn=READ_ONLY)
        sso.ListManagedPoliciesInPermissionSet(**it)
        sso.AttachManagedPolicyToPermissionSet(**it, ManagedPolicyArn=ADMINISTRATOR)
        sso.DetachManagedPolicyFromPermissionSet(**it, ManagedPolicyArn=ADMINISTRATOR)
        reference = {"Name": "local", "Path": "/"}
        sso.AttachCustomerManagedPolicyReferenceToPermissionSet(**it, CustomerManagedPolicyReference=reference)
        sso.ListCustomerManagedPolicyReferencesInPermissionSet(**it)
        sso.DetachCustomerManagedPolicyReferenceFromPermissionSet(**it, CustomerManagedPolicyReference=reference)
        sso.PutInlinePolicyToPermissionSet(**it, InlinePolicy=document("Allow", "s3:ListAllMyBuckets"))
        sso.GetInlinePolicyForPermissionSet(**it)
        sso.PutPermissionsBoundaryToPermissionSet(**it, PermissionsBoundary={"ManagedPolicyArn": READ_ONLY})
        sso.GetPermissionsBoundaryForPermissionSet(**it)
        sso.DeletePermissionsBoundaryFromPermissionSet(**it)
        sso.DeleteInlinePolicyFromPermissionSet(**it)
        sso.TagResource(**of, ResourceArn=self.set, Tags=[{"Key": "more", "Value": "yes"}])
        sso.ListTagsForResource(**of, ResourceArn=self.set)
        sso.UntagResource(**of, ResourceArn=self.set, TagKeys=["more"])

    def settled(self, what, describe, member, **request):
        def status():
            answer = describe(InstanceArn=self.instance, **request).get(member, {})
            return answer if answer.get("Status") in ("SUCCEEDED", "FAILED") else None

        found = self.walk.eventually(what, status) or {}
        if found.get("Status") != "SUCCEEDED":
            self.walk.refusals.append(f"{what}: {found.get('FailureReason')}")

    def assign(self, principal, kind):
        it = {"InstanceArn": self.instance, "PermissionSetArn": self.set}
        to = {"TargetId": self.one, "TargetType": "AWS_ACCOUNT", "PrincipalId": principal, "PrincipalType": kind}
        made = self.sso.CreateAccountAssignment(**it, **to)["AccountAssignmentCreationStatus"]
        describe = self.sso.DescribeAccountAssignmentCreationStatus
        self.settled(
            "an assignment", describe, "AccountAssignmentCreationStatus",
            AccountAssignmentCreationRequestId=made["RequestId"],
        )
        return {**it, **to}

    def assignments(self):
        sso, of = self.sso, {"InstanceArn": self.instance}
        it = {**of, "PermissionSetArn": self.set}
        self.assign(self.group, "GROUP")
        own = self.assign(self.alice, "USER")
        sso.ListAccountAssignmentCreationStatus(**of)
        sso.ListAccountAssignments(**it, AccountId=self.one)
        sso.ListAccountAssignmentsForPrincipal(**of, PrincipalId=self.alice, PrincipalType="USER")
        sso.ListAccountsForProvisionedPermissionSet(**it)
        sso.ListPermissionSetsProvisionedToAccount(**of, AccountId=self.one)
        made = sso.ProvisionPermissionSet(**it, TargetType="ALL_PROVISIONED_ACCOUNTS")["PermissionSetProvisioningStatus"]
        self.settled(
            "a provisioning", sso.DescribePermissionSetProvisioningStatus, "PermissionSetProvisioningStatus",
            ProvisionPermissionSetRequestId=made["RequestId"],
        )
        sso.ListPermissionSetProvisioningStatus(**of)
        made = sso.DeleteAccountAssignment(**own)["AccountAssignmentDeletionStatus"]
        self.settled(
            "the end of an assignment", sso.DescribeAccountAssignmentDeletionStatus, "AccountAssignmentDeletionStatus",
            AccountAssignmentDeletionRequestId=made["RequestId"],
        )
        sso.ListAccountAssignmentDeletionStatus(**of)

    def attributes_and_regions(self):
        sso, of = self.sso, {"InstanceArn": self.instance}

        def configuration(source):
            attributes = [{"Key": "name", "Value": {"Source": [source]}}]
            return {"InstanceAccessControlAttributeConfiguration": {"AccessControlAttributes": attributes}}

        sso.CreateInstanceAccessControlAttributeConfiguration(**of, **configuration("${path:userName}"))
        sso.UpdateInstanceAccessControlAttributeConfiguration(**of, **configuration("${path:displayName}"))
        sso.DescribeInstanceAccessControlAttributeConfiguration(**of)
        sso.DeleteInstanceAccessControlAttributeConfiguration(**of)
        sso.ListRegions(**of)
        sso.DescribeRegion(**of, RegionName="us-east-1")
        sso.AddRegion(**of, RegionName="eu-west-1")
        sso.RemoveRegion(**of, RegionName="eu-west-1")

    def applications(self):
        sso, of = self.sso, {"InstanceArn": self.instance}
        custom = "arn:aws:sso::aws:applicationProvider/custom"
        sso.ListApplicationProviders()
        sso.DescribeApplicationProvider(ApplicationProviderArn=custom)
        made = sso.CreateApplication(**of, ApplicationProviderArn=custom, Name="app", Description="d", Tags=TAGS)
        app = {"ApplicationArn": made["ApplicationArn"]}
        sso.DescribeApplication(**app)
        options = {"SignInOptions": {"Origin": "APPLICATION", "ApplicationUrl": "https://a.example"}}
        sso.UpdateApplication(**app, Name="app2", PortalOptions=options)
        sso.ListApplications(**of)
        principal = {"PrincipalId": self.alice, "PrincipalType": "USER"}
        sso.CreateApplicationAssignment(**app, **principal)
        sso.DescribeApplicationAssignment(**app, **principal)
        sso.ListApplicationAssignments(**app)
        sso.ListApplicationAssignmentsForPrincipal(**of, **principal)
        sso.DeleteApplicationAssignment(**app, **principal)
        sso.PutApplicationAssignmentConfiguration(**app, AssignmentRequired=False)
        sso.GetApplicationAssignmentConfiguration(**app)
        sso.PutApplicationSessionConfiguration(**app, UserBackgroundSessionApplicationStatus="ENABLED")
        sso.GetApplicationSessionConfiguration(**app)
        sso.PutApplicationAccessScope(**app, Scope="sso:account:access")
        sso.GetApplicationAccessScope(**app, Scope="sso:account:access")
        sso.ListApplicationAccessScopes(**app)
        sso.DeleteApplicationAccessScope(**app, Scope="sso:account:access")
        actor = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{self.walk.management}:root"},
                    "Action": "sso-oauth:CreateTokenWithIAM",
                    "Resource": "*",
                }
            ],
        }
        method = {"Iam": {"ActorPolicy": actor}}
        sso.PutApplicationAuthenticationMethod(**app, AuthenticationMethodType="IAM", AuthenticationMethod=method)
        sso.GetApplicationAuthenticationMethod(**app, AuthenticationMethodType="IAM")
        sso.ListApplicationAuthenticationMethods(**app)
        sso.DeleteApplicationAuthenticationMethod(**app, AuthenticationMethodType="IAM")
        grant = {"AuthorizationCode": {"RedirectUris": ["https://a.example/callback"]}}
        sso.PutApplicationGrant(**app, GrantType="authorization_code", Grant=grant)
        sso.GetApplicationGrant(**app, GrantType="authorization_code")
        sso.ListApplicationGrants(**app)
        sso.DeleteApplicationGrant(**app, GrantType="authorization_code")
        configuration = {
            "OidcJwtConfiguration": {
                "IssuerUrl": "https://issuer.example",
                "ClaimAttributePath": "email",
                "IdentityStoreAttributePath": "emails.value",
                "JwksRetrievalOption": "OPEN_ID_DISCOVERY",
            }
        }
        made = sso.CreateTrustedTokenIssuer(
            **of, Name="issuer", TrustedTokenIssuerType="OIDC_JWT", TrustedTokenIssuerConfiguration=configuration
        )
        issuer = {"TrustedTokenIssuerArn": made["TrustedTokenIssuerArn"]}
        sso.DescribeTrustedTokenIssuer(**issuer)
        sso.UpdateTrustedTokenIssuer(**issuer, Name="issuer2")
        sso.ListTrustedTokenIssuers(**of)
        sso.DeleteTrustedTokenIssuer(**issuer)
        sso.DeleteApplication(**app)

    def portal(self):
        oidc, portal = self.admin.of("sso-oidc"), self.admin.sso
        client = oidc.RegisterClient(clientName="walk", clientType="public", scopes=["sso:account:access"])
        of_client = {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}
        start_url = f"https://{self.store_id}.awsapps.com/start"
        device = oidc.StartDeviceAuthorization(**of_client, startUrl=start_url)
        self.vestibule("identity-center", "settings", "--device-approval", "allow")
        self.vestibule("device", "approve", device["userCode"], "--user", "alice")
        token = oidc.CreateToken(**of_client, grantType=DEVICE_CODE, deviceCode=device["deviceCode"])
        access = {"accessToken": token["accessToken"]}
        portal.ListAccounts(**access)
        portal.ListAccountRoles(**access, accountId=self.one)
        given = portal.GetRoleCredentials(**access, accountId=self.one, roleName="Reader")["roleCredentials"]
        person = self.walk.clients(given["accessKeyId"], given["secretAccessKey"], given["sessionToken"])
        identity = person.sts.GetCallerIdentity()
        if "assumed-role/AWSReservedSSO_Reader_" not in identity.get("Arn", ""):
            self.walk.refusals.append(f"the person is {json.dumps(identity.get('Arn'))}")
        portal.Logout(**access)

    def directories(self):
        ds = self.admin.ds
        settings = {
            "VpcId": "vpc-0a1b2c3d",
            "SubnetIds": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"],
            "CustomerDnsIps": ["127.0.0.1"],
            "CustomerUserName": "svc",
        }
        tags = [{"Key": "team", "Value": "blue"}]
        made = ds.ConnectDirectory(
            Name="corp.example.com", ShortName="CORP", Password=PASSWORD, Size="Small", ConnectSettings=settings, Tags=tags
        )
        it = {"DirectoryId": made["DirectoryId"]}
        ds.DescribeDirectories(DirectoryIds=[made["DirectoryId"]])
        with open(os.path.join(os.path.dirname(__file__), "data", "saml-signing.pem"), encoding="ascii") as file:
            certificate = file.read()
        certificate = certificate[certificate.index("-----BEGIN CERTIFICATE") :]
        registered = ds.RegisterCertificate(**it, CertificateData=certificate, Type="ClientLDAPS")
        ds.DescribeCertificate(**it, CertificateId=registered["CertificateId"])
        ds.ListCertificates(**it)
        ds.DeregisterCertificate(**it, CertificateId=registered["CertificateId"])
        ds.DescribeLDAPSSettings(**it)
        ds.AddTagsToResource(ResourceId=made["DirectoryId"], Tags=[{"Key": "more", "Value": "yes"}])
        ds.ListTagsForResource(ResourceId=made["DirectoryId"])
        ds.RemoveTagsFromResource(ResourceId=made["DirectoryId"], TagKeys=["more"])
        ds.GetDirectoryLimits()
        ds.DescribeTrusts()
        ds.DescribeSnapshots(**it)
        ds.ListLogSubscriptions(**it)
        ds.DescribeEventTopics(**it)
        ds.DeleteDirectory(**it)

    def end(self):
        sso, store = self.sso, self.store
        own = {
            "InstanceArn": self.instance, "PermissionSetArn": self.set, "TargetId": self.one,
            "TargetType": "AWS_ACCOUNT", "PrincipalId": self.group, "PrincipalType": "GROUP",
        }
        sso.DeleteAccountAssignment(**own)
        in_store = {"IdentityStoreId": self.store_id}
        of_member = store.ListGroupMembershipsForMember(**in_store, MemberId={"UserId": self.alice})
        store.DeleteGroupMembership(**in_store, MembershipId=of_member["GroupMemberships"][0]["MembershipId"])
        store.DeleteGroup(**in_store, GroupId=self.group)
        store.DeleteUser(**in_store, UserId=self.alice)

        def nothing_provisioned():
            listed = sso.ListAccountsForProvisionedPermissionSet(InstanceArn=self.instance, PermissionSetArn=self.set)
            return listed.get("AccountIds") == []

        self.walk.eventually("the end of the role", nothing_provisioned)
        sso.DeletePermissionSet(InstanceArn=self.instance, PermissionSetArn=self.set)
        self.admin.organizations.DisableAWSServiceAccess(ServicePrincipal=SSO)
