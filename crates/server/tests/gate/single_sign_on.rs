//! An organization with IAM Identity Center enabled, people in its identity store, and permission sets for them.

use crate::support::{World, account};
use aws_lc_rs::digest::{SHA256, digest};
use base::{AccessKeyId, AccountId, IdentityUserId};
use kernel::caller::Caller;
use kernel::{Result, params};
use model::identitystore::{self as people, ops as people_ops};
use model::sso::{self as portal_shapes, ops as portal_ops};
use model::sso_admin::{self as shapes, PrincipalType, StatusValues, TargetType, ops};
use sso::instance::Instance;
use sso::session::PortalSession;

pub struct Center {
    pub world: World,
    pub instance: Instance,
}

/// How a request ended.
pub type Ending = (StatusValues, Option<String>);

impl std::ops::Deref for Center {
    type Target = World;
    fn deref(&self) -> &World {
        &self.world
    }
}

impl Center {
    pub fn new() -> Self {
        let world = World::new();
        let (app, request) = (&world.app.app, world.app.request());
        let instance = app.write_as(&world.management(), &request, |cx| sso::instance::enable(cx, None));
        let instance = instance.expect("Identity Center is enabled");
        world.app.run_jobs();
        Self { world, instance }
    }

    pub fn user_called(&self, name: &str) -> String {
        let input = people::CreateUserRequest {
            identity_store_id: self.instance.store.to_string(),
            user_name: Some(name.to_owned()),
            display_name: Some(name.to_owned()),
            name: Some(people::Name {
                given_name: Some("Given".to_owned()),
                family_name: Some("Family".to_owned()),
                ..Default::default()
            }),
            title: Some("engineer".to_owned()),
            ..Default::default()
        };
        self.call::<people_ops::CreateUser>(&self.management(), input).user_id
    }

    pub fn delete_user(&self, id: &str) {
        let input = people::DeleteUserRequest {
            identity_store_id: self.instance.store.to_string(),
            user_id: id.to_owned(),
            ..Default::default()
        };
        self.call::<people_ops::DeleteUser>(&self.management(), input);
    }

    /// A new group with one member.
    pub fn group_of(&self, name: &str, member: &str) -> String {
        let store = self.instance.store.to_string();
        let input = people::CreateGroupRequest {
            identity_store_id: store.clone(),
            display_name: Some(name.to_owned()),
            ..Default::default()
        };
        let group_id = self.call::<people_ops::CreateGroup>(&self.management(), input).group_id;
        let input = people::CreateGroupMembershipRequest {
            identity_store_id: store,
            group_id: group_id.clone(),
            member_id: people::MemberId { user_id: Some(member.to_owned()) },
        };
        self.call::<people_ops::CreateGroupMembership>(&self.management(), input);
        group_id
    }

    /// A new permission set; its ARN.
    pub fn set(&self, name: &str) -> String {
        let input = shapes::CreatePermissionSetRequest {
            instance_arn: self.instance.arn(),
            name: name.to_owned(),
            description: Some(format!("for {name}")),
            session_duration: Some("PT2H".to_owned()),
            ..Default::default()
        };
        let set = self.call::<ops::CreatePermissionSet>(&self.management(), input).permission_set;
        set.and_then(|set| set.permission_set_arn).expect("an ARN")
    }

    pub fn attach_managed(&self, set: &str, arn: &str) {
        let input = shapes::AttachManagedPolicyToPermissionSetRequest {
            instance_arn: self.instance.arn(),
            permission_set_arn: set.to_owned(),
            managed_policy_arn: arn.to_owned(),
        };
        self.call::<ops::AttachManagedPolicyToPermissionSet>(&self.management(), input);
    }

    pub fn put_inline(&self, set: &str, document: &str) {
        let input = shapes::PutInlinePolicyToPermissionSetRequest {
            instance_arn: self.instance.arn(),
            permission_set_arn: set.to_owned(),
            inline_policy: document.to_owned(),
        };
        self.call::<ops::PutInlinePolicyToPermissionSet>(&self.management(), input);
    }

    pub fn creation(
        &self,
        set: &str,
        who: (PrincipalType, &str),
        target: &AccountId,
    ) -> shapes::CreateAccountAssignmentRequest {
        shapes::CreateAccountAssignmentRequest {
            instance_arn: self.instance.arn(),
            permission_set_arn: set.to_owned(),
            principal_id: who.1.to_owned(),
            principal_type: who.0,
            target_id: target.to_string(),
            target_type: TargetType::AwsAccount,
        }
    }

    /// Asks for an assignment; the request's id.
    pub fn begin(&self, caller: &Caller, set: &str, who: (PrincipalType, &str), target: &AccountId) -> Result<String> {
        let answer = self.app.call::<ops::CreateAccountAssignment>(caller, self.creation(set, who, target))?;
        let status = answer.account_assignment_creation_status.expect("a status");
        assert_eq!(status.status, Some(StatusValues::InProgress));
        Ok(status.request_id.expect("an id"))
    }

    pub fn creation_status(&self, id: &str) -> Ending {
        let input = shapes::DescribeAccountAssignmentCreationStatusRequest {
            instance_arn: self.instance.arn(),
            account_assignment_creation_request_id: id.to_owned(),
        };
        let answer = self.call::<ops::DescribeAccountAssignmentCreationStatus>(&self.management(), input);
        let status = answer.account_assignment_creation_status.expect("a status");
        (status.status.expect("a status"), status.failure_reason)
    }

    /// Asks for an assignment and has it made.
    pub fn assign(&self, set: &str, who: (PrincipalType, &str), target: &AccountId) -> Ending {
        let id = self.begin(&self.management(), set, who, target).expect("taken");
        self.app.run_jobs();
        self.creation_status(&id)
    }

    pub fn assign_user(&self, set: &str, user: &str, target: &AccountId) {
        assert_eq!(self.assign(set, (PrincipalType::User, user), target), (StatusValues::Succeeded, None));
    }

    pub fn unassign(&self, set: &str, who: (PrincipalType, &str), target: &AccountId) -> Ending {
        let shapes::CreateAccountAssignmentRequest {
            instance_arn,
            permission_set_arn,
            principal_id,
            principal_type,
            target_id,
            target_type,
        } = self.creation(set, who, target);
        let input = shapes::DeleteAccountAssignmentRequest {
            instance_arn,
            permission_set_arn,
            principal_id,
            principal_type,
            target_id,
            target_type,
        };
        let answer = self.call::<ops::DeleteAccountAssignment>(&self.management(), input);
        let status = answer.account_assignment_deletion_status.expect("a status");
        assert_eq!(status.status, Some(StatusValues::InProgress));
        self.app.run_jobs();
        let input = shapes::DescribeAccountAssignmentDeletionStatusRequest {
            instance_arn: self.instance.arn(),
            account_assignment_deletion_request_id: status.request_id.expect("an id"),
        };
        let answer = self.call::<ops::DescribeAccountAssignmentDeletionStatus>(&self.management(), input);
        let status = answer.account_assignment_deletion_status.expect("a status");
        (status.status.expect("a status"), status.failure_reason)
    }

    /// Has a permission set provisioned, in one account or everywhere.
    pub fn provision(&self, caller: &Caller, set: &str, target: Option<&AccountId>) -> Ending {
        use shapes::ProvisionTargetType::{AllProvisionedAccounts, AwsAccount};
        let input = shapes::ProvisionPermissionSetRequest {
            instance_arn: self.instance.arn(),
            permission_set_arn: set.to_owned(),
            target_id: target.map(ToString::to_string),
            target_type: if target.is_some() { AwsAccount } else { AllProvisionedAccounts },
        };
        let answer = self.call::<ops::ProvisionPermissionSet>(caller, input);
        let status = answer.permission_set_provisioning_status.expect("a status");
        assert_eq!(status.status, Some(StatusValues::InProgress));
        self.app.run_jobs();
        let input = shapes::DescribePermissionSetProvisioningStatusRequest {
            instance_arn: self.instance.arn(),
            provision_permission_set_request_id: status.request_id.expect("an id"),
        };
        let answer = self.call::<ops::DescribePermissionSetProvisioningStatus>(&self.management(), input);
        let status = answer.permission_set_provisioning_status.expect("a status");
        (status.status.expect("a status"), status.failure_reason)
    }

    /// The roles of Identity Center in an account, by name.
    pub fn roles(&self, account: &AccountId) -> Vec<iam::role::Role> {
        self.app
            .app
            .store
            .read(|tx| {
                let sql =
                    "select name from iam_role where account_id = $1 and path like '/aws-reserved/%' order by name";
                let names: Vec<String> = tx.all(sql, params![account], |row| row.get(0))?;
                names.iter().map(|name| iam::role::find(tx, account, name).map(|role| role.expect("a role"))).collect()
            })
            .expect("readable")
    }

    /// Names of the SAML providers of an account.
    pub fn providers(&self, account: &AccountId) -> Vec<String> {
        let providers = self.app.app.store.read(|tx| iam::saml_provider::of_account(tx, account)).expect("readable");
        providers.into_iter().map(|provider| provider.name).collect()
    }

    pub fn write(&self, sql: &'static str, parameters: &[kernel::store::Param<'_>]) -> u64 {
        self.app.app.store.write(|tx| tx.exec(sql, parameters), |_| {}).expect("written")
    }

    pub fn count(&self, sql: &'static str, parameters: &[kernel::store::Param<'_>]) -> i64 {
        self.app.app.store.read(|tx| tx.count(sql, parameters)).expect("readable")
    }

    pub fn trust(&self, is_on: bool) {
        use model::organizations::{self as org_shapes, ops as org_ops};
        let service_principal = "sso.amazonaws.com".to_owned();
        if is_on {
            let input = org_shapes::EnableAWSServiceAccessRequest { service_principal };
            self.call::<org_ops::EnableAWSServiceAccess>(&self.management(), input);
        } else {
            let input = org_shapes::DisableAWSServiceAccessRequest { service_principal };
            self.call::<org_ops::DisableAWSServiceAccess>(&self.management(), input);
        }
    }

    /// Signs a user in; the session, and the access token of a tool in it.
    pub fn sign_in(&self, user: &str) -> (PortalSession, String) {
        let hash = |text: &str| digest(&SHA256, text.as_bytes()).as_ref().to_vec();
        let now = self.app.app.now();
        let [id, token] = [(); 2].map(|()| self.app.app.with_random(base::Random::uuid));
        let session = PortalSession {
            id,
            instance: self.instance.id.clone(),
            user: IdentityUserId::parse(user).expect("valid"),
            created_at: now,
            expires_at: now.plus_seconds(28_800),
        };
        self.write(
            "insert into sso_session (id, instance_id, user_id, cookie_hash, created_at, last_seen_at, expires_at, \
             source_ip, user_agent, wrong_codes, wrong_codes_since) \
             values ($1, $2, $3, $4, $5, $5, $6, '192.0.2.1', 'Browser/1.0', 0, 0)",
            params![session.id, session.instance, session.user, hash(&session.id), now, session.expires_at],
        );
        self.write(
            "insert into sso_access_token (token_hash, session_id, expires_at) values ($1, $2, $3)",
            params![hash(&token), session.id, session.expires_at],
        );
        (session, token)
    }

    pub fn credentials(&self, token: &str, account: &AccountId, role: &str) -> Result<portal_shapes::RoleCredentials> {
        let input = portal_shapes::GetRoleCredentialsRequest {
            access_token: token.to_owned(),
            account_id: account.to_string(),
            role_name: role.to_owned(),
        };
        let answer = self.app.call::<portal_ops::GetRoleCredentials>(&Caller::Anonymous, input)?;
        Ok(answer.role_credentials.expect("credentials"))
    }

    /// The caller that credentials of the portal make.
    pub fn enter(&self, token: &str, account: &AccountId, role: &str) -> Result<Caller> {
        let credentials = self.credentials(token, account, role)?;
        let id = AccessKeyId::parse(credentials.access_key_id.as_deref().expect("an id")).expect("a key");
        let token = credentials.session_token.expect("a token");
        let opened = iam::sts::session_token::open(&self.app.app.seal, &id, &token);
        Ok(Caller::Principal(opened.expect("a token of this application").0))
    }

    /// Ids of the accounts in the portal.
    pub fn accounts(&self, token: &str) -> Vec<String> {
        let input = portal_shapes::ListAccountsRequest { access_token: token.to_owned(), ..Default::default() };
        let answer = self.call::<portal_ops::ListAccounts>(&Caller::Anonymous, input);
        answer.account_list.expect("a list").into_iter().filter_map(|account| account.account_id).collect()
    }

    /// Names of the roles in the portal.
    pub fn portal_roles(&self, token: &str, account: &AccountId) -> Result<Vec<String>> {
        let input = portal_shapes::ListAccountRolesRequest {
            access_token: token.to_owned(),
            account_id: account.to_string(),
            ..Default::default()
        };
        let answer = self.app.call::<portal_ops::ListAccountRoles>(&Caller::Anonymous, input)?;
        Ok(answer.role_list.expect("a list").into_iter().filter_map(|role| role.role_name).collect())
    }
}

pub fn management() -> AccountId {
    account(crate::support::MANAGEMENT)
}
