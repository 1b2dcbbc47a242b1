//! Real shapes of the API models, found by their operation's name.

use smithy::schema::{Op, Operation, Shape};
use smithy::wire::WireRequest;

type New = fn() -> Box<dyn Shape>;
type Table = &'static [(&'static Op, New)];

const fn of<O: Operation>() -> (&'static Op, New) {
    (O::OP, || Box::new(O::In::default()))
}

macro_rules! table {
    ($($service:ident: $($operation:ident),+;)+) => { &[$($(of::<model::$service::ops::$operation>()),+),+] };
}

/// Lists of structures, nested lists, blobs, timestamps, patterns.
pub const QUERY: Table = table! {
    iam: CreateRole, CreateUser, TagRole, UntagUser, SimulateCustomPolicy, SimulatePrincipalPolicy, CreatePolicy,
        CreateOpenIDConnectProvider, CreateSAMLProvider, CreateServiceSpecificCredential, GenerateOrganizationsAccessReport,
        ListRoles, GetAccountAuthorizationDetails, UpdateAccountPasswordPolicy, EnableMFADevice, CreateVirtualMFADevice,
        GetContextKeysForCustomPolicy, UploadSSHPublicKey;
    sts: AssumeRole, AssumeRoleWithSAML, AssumeRoleWithWebIdentity, GetFederationToken, GetSessionToken,
        DecodeAuthorizationMessage;
};

/// Unions of structures, documents, maps.
pub const JSON: Table = table! {
    organizations: CreateAccount, CreateOrganization, CreatePolicy, InviteAccountToOrganization, TagResource,
        ListAccounts, ListHandshakesForAccount, DescribeEffectivePolicy, MoveAccount, UpdatePolicy, PutResourcePolicy,
        CreateOrganizationalUnit;
    sso_admin: CreateInstance, CreatePermissionSet, CreateAccountAssignment, PutInlinePolicyToPermissionSet,
        CreateApplication, PutApplicationGrant, PutApplicationAuthenticationMethod, CreateTrustedTokenIssuer,
        CreateInstanceAccessControlAttributeConfiguration, PutPermissionsBoundaryToPermissionSet, ListInstances,
        ListAccountAssignmentsForPrincipal;
    identitystore: CreateUser, UpdateUser, ListUsers, GetUserId;
    cloudtrail: LookupEvents;
};

/// Members in the path, in the query string, in headers and in the body.
pub const REST: Table = table! {
    sso: GetRoleCredentials, ListAccounts, ListAccountRoles, Logout;
    sso_oidc: CreateToken, CreateTokenWithIAM, RegisterClient, StartDeviceAuthorization;
    signin: CreateOAuth2Token;
};

/// A request that was read into its shape.
pub struct Decoded {
    /// Its operation.
    pub op: &'static Op,
    /// Its input.
    pub input: Box<dyn Shape>,
}

impl Decoded {
    /// Reads `request` as the operation called `name`; `None` when it is refused.
    pub fn of(table: Table, name: &str, request: &WireRequest<'_>) -> Option<Self> {
        let (op, new) = table.iter().find(|(op, _)| op.name == name)?;
        let mut input = new();
        match smithy::read_input(op, request, input.as_mut()) {
            Ok(violations) if violations.is_empty() => Some(Self { op, input }),
            Ok(violations) => {
                let answer = smithy::render::violations(op.service, &violations, "id");
                assert!((400..500).contains(&answer.status), "{} answers a broken request", answer.status);
                None
            }
            Err(error) => {
                let answer = smithy::render::common(op.service, &error.into(), "id");
                assert!((400..500).contains(&answer.status), "{} answers a broken request", answer.status);
                None
            }
        }
    }

    /// What was accepted is written as JSON, read again and written the same.
    pub fn check(&self) {
        let mut first = Vec::new();
        smithy::json::write(self.input.as_ref(), &mut first);
        assert!(smithy::json::is_well_formed(&first), "not JSON: {}", String::from_utf8_lossy(&first));
        let tables = [QUERY, JSON, REST];
        let (_, new) = tables.into_iter().flatten().find(|(op, _)| std::ptr::eq(*op, self.op)).expect("it has a shape");
        let mut again = new();
        let outcome = smithy::json::read(&first, again.as_mut());
        let text = || String::from_utf8_lossy(&first).into_owned();
        assert!(outcome.is_ok(), "written but not read: {:?} {}", outcome.err(), text());
        let mut second = Vec::new();
        smithy::json::write(again.as_ref(), &mut second);
        assert_eq!(String::from_utf8_lossy(&second), text(), "written, read and written differently");
        let _ = smithy::write_output(self.op, self.input.as_ref(), "id");
    }
}
