use crate::sts_support::{ACCOUNT, ROLE, Sts, account, message, values};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation::certificate::Certificate;
use federation::keys::SigningKey;
use federation::saml::sign::{self, IdentityProviderDescription, Signed, StatedAttribute, Statement};
use federation::saml::{AWS_AUDIENCE, BINDING_POST, FORMAT_PERSISTENT, claims};
use kernel::Caller;
use kernel::testing::{START, code};
use model::sts::{AssumeRoleWithSAMLRequest, ops};

const PROVIDER: &str = "arn:aws:iam::111122223333:saml-provider/idp";
const ISSUER: &str = "https://idp.example.com/saml";
const RECIPIENT: &str = "https://signin.aws.amazon.com/saml";
const PREFIX: &str = "https://aws.amazon.com/SAML/Attributes/";

struct IdentityProvider {
    key: SigningKey,
    certificate: Certificate,
}

impl IdentityProvider {
    fn new() -> Self {
        let key = SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("a key")).expect("a key");
        let until = START.plus_seconds(86_400);
        let certificate = Certificate::self_signed(&key, "idp", [1; 16], START, until).expect("a certificate");
        Self { key, certificate }
    }

    /// Registers the provider.
    fn register(&self, sts: &Sts) {
        let metadata = sign::identity_provider_metadata(&IdentityProviderDescription {
            entity_id: ISSUER,
            certificates: &[&self.certificate],
            single_sign_on: &[(BINDING_POST, "https://idp.example.com/sso")],
            single_logout: &[],
            name_id_formats: &[],
            valid_until: None,
        })
        .expect("metadata");
        sts.write(|cx| {
            cx.write().exec_one(
                "insert into iam_saml_provider (arn, account_id, name, uuid, metadata, sealed_private_keys, \
                 valid_until, created_at) values ($1, $2, 'idp', 'u', $3, '[]', 0, 0)",
                kernel::params![PROVIDER, account(), metadata],
            )
        });
    }

    fn assertion(&self, issued_at: Timestamp, attributes: &[(&str, &str)]) -> String {
        let names: Vec<String> = attributes.iter().map(|(name, _)| full_name(name)).collect();
        let values: Vec<[&str; 1]> = attributes.iter().map(|(_, value)| [*value]).collect();
        let attributes: Vec<StatedAttribute<'_>> =
            names.iter().zip(&values).map(|(name, values)| StatedAttribute { name, values }).collect();
        let statement = Statement {
            response_id: "_r1",
            assertion_id: "_a1",
            in_response_to: None,
            issuer: ISSUER,
            recipient: RECIPIENT,
            audience: AWS_AUDIENCE,
            name_id: "ann",
            name_id_format: FORMAT_PERSISTENT,
            session_index: "_s1",
            authenticated_at: issued_at,
            issued_at,
            not_before: issued_at,
            not_on_or_after: issued_at.plus_seconds(300),
            attributes: &attributes,
        };
        STANDARD.encode(sign::response(&statement, Signed::Assertion, &self.key, &self.certificate).expect("signed"))
    }
}

fn full_name(name: &str) -> String {
    if name.contains(':') && !name.starts_with("PrincipalTag:") { name.to_owned() } else { format!("{PREFIX}{name}") }
}

fn offer() -> String {
    format!("{ROLE},{PROVIDER}")
}

fn request(assertion: String) -> AssumeRoleWithSAMLRequest {
    AssumeRoleWithSAMLRequest {
        principal_arn: PROVIDER.to_owned(),
        role_arn: ROLE.to_owned(),
        saml_assertion: assertion,
        ..Default::default()
    }
}

fn set_up() -> (Sts, IdentityProvider) {
    let (sts, provider) = (Sts::new(), IdentityProvider::new());
    provider.register(&sts);
    (sts, provider)
}

#[test]
fn an_assertion_opens_a_session_of_the_role_that_it_offers() {
    let (sts, provider) = set_up();
    let assertion = provider.assertion(
        START,
        &[
            ("Role", &offer()),
            ("RoleSessionName", "ann@example.com"),
            ("SessionDuration", "7200"),
            ("PrincipalTag:Cost", "12"),
            ("TransitiveTagKeys", "Cost"),
            ("SourceIdentity", "ann"),
            ("urn:oid:2.5.4.42", "Ann"),
        ],
    );
    let answer = sts.call::<ops::AssumeRoleWithSAML>(&Caller::Anonymous, request(assertion)).expect("assumed");
    let qualifier = claims::name_qualifier(ISSUER, ACCOUNT, "idp");
    assert_eq!(
        answer.assumed_role_user.expect("a user").arn,
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/Reader/ann@example.com")
    );
    assert_eq!((answer.subject.as_deref(), answer.subject_type.as_deref()), (Some("ann"), Some("persistent")));
    assert_eq!((answer.issuer.as_deref(), answer.audience.as_deref()), (Some(ISSUER), Some(RECIPIENT)));
    assert_eq!((answer.name_qualifier.as_ref(), answer.source_identity.as_deref()), (Some(&qualifier), Some("ann")));
    let session = sts.open(answer.credentials.as_ref()).session.expect("a session");
    assert_eq!(session.expires_at, START.plus_seconds(7_200));
    assert_eq!(session.federated_provider.as_deref(), Some(PROVIDER));
    assert_eq!(session.context.get("saml:sub").map(String::as_str), Some("ann"));
    assert_eq!((session.tags.len(), session.transitive_tag_keys.as_slice()), (1, &["Cost".to_owned()][..]));
}

#[test]
fn the_gate_is_asked_for_the_provider() {
    let (sts, provider) = set_up();
    let attributes = [
        ("Role", &*offer()),
        ("RoleSessionName", "ann"),
        ("PrincipalTag:Cost", "12"),
        ("SourceIdentity", "ann"),
        ("urn:oid:2.5.4.42", "Ann"),
    ];
    let input = request(provider.assertion(START, &attributes));
    sts.call::<ops::AssumeRoleWithSAML>(&Caller::Anonymous, input.clone()).expect("assumed");
    let asked = sts.asked();
    let actions: Vec<_> = asked.iter().map(|asked| asked.permission.action.as_str()).collect();
    assert_eq!(actions, ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]);
    let Caller::Federated { provider, context } = &asked[0].caller else { panic!("the provider asks") };
    assert_eq!(provider, PROVIDER);
    for (key, value) in
        [("saml:sub", "ann"), ("saml:aud", RECIPIENT), ("saml:iss", ISSUER), ("saml:doc", "111122223333/idp")]
    {
        assert_eq!(context.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(values(&asked[0].permission, "saml:givenName"), Some(vec!["Ann"]));
    assert_eq!(
        (asked[0].permission.resource.as_str(), &asked[0].permission.resource_account),
        (ROLE, &Some(account()))
    );
}

#[test]
fn a_trust_policy_that_refuses_says_no_more_than_that() {
    for action in ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"] {
        let (sts, provider) = set_up();
        sts.deny(action);
        let attributes =
            [("Role", &*offer()), ("RoleSessionName", "ann"), ("PrincipalTag:Cost", "12"), ("SourceIdentity", "ann")];
        let input = request(provider.assertion(START, &attributes));
        let refused = sts.call::<ops::AssumeRoleWithSAML>(&Caller::Anonymous, input);
        assert_eq!(message(refused), "Not authorized to perform sts:AssumeRoleWithSAML", "{action}");
    }
}

#[test]
fn an_offered_role_that_does_not_exist_is_refused_like_a_forbidden_one() {
    let (sts, provider) = set_up();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/Nobody");
    let assertion = provider.assertion(START, &[("Role", &format!("{PROVIDER},{role}")), ("RoleSessionName", "ann")]);
    let input = AssumeRoleWithSAMLRequest { role_arn: role, ..request(assertion) };
    let refused = sts.call::<ops::AssumeRoleWithSAML>(&Caller::Anonymous, input);
    assert_eq!(message(refused), "Not authorized to perform sts:AssumeRoleWithSAML");
}

#[test]
fn proofs_that_do_not_hold_are_refused_with_the_service_s_codes() {
    let (sts, provider) = set_up();
    let good = [("Role", &*offer()), ("RoleSessionName", "ann")];
    let call = |input| sts.call::<ops::AssumeRoleWithSAML>(&Caller::Anonymous, input);
    let of_stranger = IdentityProvider::new().assertion(START, &good);
    assert_eq!(message(call(request(of_stranger.clone()))), "Response signature invalid");
    assert_eq!(code(call(request(of_stranger))), "InvalidIdentityToken");
    let late = provider.assertion(START.plus_seconds(-3_600), &good);
    assert_eq!(code(call(request(late))), "ExpiredTokenException");
    let other_role = provider.assertion(START, &[("Role", "arn:aws:iam::111122223333:role/Writer,x"), good[1]]);
    assert_eq!(code(call(request(other_role))), "InvalidIdentityToken");
    assert_eq!(code(call(request("!!!!".to_owned()))), "InvalidIdentityToken");
    let assertion = provider.assertion(START, &good);
    for arn in ["arn:aws:iam::111122223333:saml-provider/other", "arn:aws:iam::999999999999:saml-provider/idp", "x"] {
        let input = AssumeRoleWithSAMLRequest { principal_arn: arn.to_owned(), ..request(assertion.clone()) };
        assert_eq!(message(call(input)), "Specified provider doesn't exist", "{arn}");
    }
    assert!(sts.asked().is_empty());
    let long = AssumeRoleWithSAMLRequest { duration_seconds: Some(7_201), ..request(assertion) };
    assert_eq!(code(call(long)), "ValidationError");
}

#[test]
fn the_audit_trail_names_the_user_of_the_identity_provider() {
    let (sts, provider) = set_up();
    let input = request(provider.assertion(START, &[("Role", &*offer()), ("RoleSessionName", "ann")]));
    sts.call::<ops::AssumeRoleWithSAML>(&Caller::Anonymous, input).expect("assumed");
    let records = sts.audit_records();
    let qualifier = claims::name_qualifier(ISSUER, ACCOUNT, "idp");
    let identity = format!(
        "\"userIdentity\":{{\"type\":\"SAMLUser\",\"principalId\":\"{qualifier}:ann\",\"userName\":\"ann\",\
         \"identityProvider\":\"{qualifier}\"}}"
    );
    assert!(records.iter().any(|record| record.contains(&identity)), "{records:?}");
}
