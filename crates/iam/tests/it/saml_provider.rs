//! SAML providers.

use crate::support::{ACCOUNT, permissions, refusal, setup};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation::certificate::Certificate;
use federation::keys::SigningKey;
use federation::saml::sign::{IdentityProviderDescription, identity_provider_metadata};
use iam::saml_provider;
use kernel::testing::{START, TestApp, code};
use kernel::{Caller, Result};
use model::iam::{
    CreateSAMLProviderRequest, DeleteSAMLProviderRequest, GetSAMLProviderRequest, GetSAMLProviderResponse,
    ListSAMLProviderTagsRequest, ListSAMLProvidersRequest, Tag, TagSAMLProviderRequest, UntagSAMLProviderRequest,
    UpdateSAMLProviderRequest, assertionEncryptionModeType, ops,
};

/// Metadata of an identity provider, good until the given instant.
fn metadata(valid_until: Option<Timestamp>) -> String {
    let key = SigningKey::from_pkcs8(&SigningKey::generate_rsa_2048().expect("a key")).expect("usable");
    let certificate =
        Certificate::self_signed(&key, "idp", [1; 16], START, START.plus_seconds(86_400)).expect("a certificate");
    identity_provider_metadata(&IdentityProviderDescription {
        entity_id: "https://idp.example.com/metadata",
        certificates: &[&certificate],
        single_sign_on: &[("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "https://idp.example.com/sso")],
        single_logout: &[],
        name_id_formats: &[],
        valid_until,
    })
    .expect("metadata")
}

fn private_key() -> String {
    let der = SigningKey::generate_rsa_2048().expect("a key");
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&*der))
}

fn request(name: &str, metadata: String) -> CreateSAMLProviderRequest {
    CreateSAMLProviderRequest { name: name.to_owned(), saml_metadata_document: metadata, ..Default::default() }
}

fn create(app: &TestApp, root: &Caller, input: CreateSAMLProviderRequest) -> Result<String> {
    Ok(app.call::<ops::CreateSAMLProvider>(root, input)?.saml_provider_arn.expect("shown"))
}

fn get(app: &TestApp, root: &Caller, arn: &str) -> Result<GetSAMLProviderResponse> {
    app.call::<ops::GetSAMLProvider>(root, GetSAMLProviderRequest { saml_provider_arn: arn.to_owned() })
}

#[test]
fn a_provider_keeps_its_metadata() {
    let (app, root) = setup();
    let until = START.plus_seconds(1_000_000);
    let text = metadata(Some(until));
    let tags = vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }];
    let input = CreateSAMLProviderRequest { tags: Some(tags.clone()), ..request("Idp", text.clone()) };
    let asked = permissions::<ops::CreateSAMLProvider>(&app, &root, &input);
    let arn = create(&app, &root, input).expect("a new provider");
    assert_eq!(arn, format!("arn:aws:iam::{ACCOUNT}:saml-provider/Idp"));
    assert_eq!(asked[0].resource, arn);
    let shown = get(&app, &root, &arn).expect("shown");
    assert_eq!((shown.saml_metadata_document, shown.valid_until, shown.tags), (Some(text), Some(until), Some(tags)));
    assert_eq!((shown.create_date, shown.private_key_list), (Some(START), None));
    assert_eq!(
        refusal(create(&app, &root, request("IDP", metadata(None)))),
        "EntityAlreadyExists: Provider with name IDP already exists."
    );
    let list = app.call::<ops::ListSAMLProviders>(&root, ListSAMLProvidersRequest::default()).expect("listed");
    let entries = list.saml_provider_list.expect("a list");
    assert_eq!(
        (entries.len(), entries[0].arn.as_deref(), entries[0].valid_until),
        (1, Some(arn.as_str()), Some(until))
    );
    let delete = || DeleteSAMLProviderRequest { saml_provider_arn: arn.clone() };
    app.call::<ops::DeleteSAMLProvider>(&root, delete()).expect("deleted");
    assert_eq!(code(app.call::<ops::DeleteSAMLProvider>(&root, delete())), "NoSuchEntity");
    assert_eq!(code(get(&app, &root, "arn:aws:iam::111122223333:role/x")), "InvalidInput");
}

#[test]
fn metadata_must_describe_an_identity_provider() {
    let (app, root) = setup();
    let refused = |text: String| refusal(create(&app, &root, request("Idp", text)));
    assert!(refused("x".repeat(1_500)).starts_with("InvalidInput: Could not parse metadata"));
    let other = metadata(None).replace("IDPSSODescriptor", "SPSSODescriptor");
    assert!(refused(other).starts_with("InvalidInput: Could not parse metadata"));
    assert!(refused(metadata(Some(START))).contains("expired"));
    let arn = create(&app, &root, request("Idp", metadata(None))).expect("a new provider");
    let century = START.plus_seconds(36_525 * 86_400);
    assert_eq!(get(&app, &root, &arn).expect("shown").valid_until, Some(century));
    let update = |text: String| UpdateSAMLProviderRequest {
        saml_provider_arn: arn.clone(),
        saml_metadata_document: Some(text),
        ..Default::default()
    };
    assert_eq!(code(app.call::<ops::UpdateSAMLProvider>(&root, update("x".repeat(1_500)))), "InvalidInput");
    let until = START.plus_seconds(5_000);
    app.call::<ops::UpdateSAMLProvider>(&root, update(metadata(Some(until)))).expect("updated");
    assert_eq!(get(&app, &root, &arn).expect("shown").valid_until, Some(until));
}

#[test]
fn private_keys_are_rotated_and_sealed() {
    let (app, root) = setup();
    let pem = private_key();
    let input = CreateSAMLProviderRequest {
        assertion_encryption_mode: Some(assertionEncryptionModeType::Required),
        add_private_key: Some(pem.clone()),
        ..request("Idp", metadata(None))
    };
    let arn = create(&app, &root, input).expect("a new provider");
    let update = |add: Option<String>, remove: Option<String>| {
        let input = UpdateSAMLProviderRequest {
            saml_provider_arn: arn.clone(),
            add_private_key: add,
            remove_private_key: remove,
            ..Default::default()
        };
        app.call::<ops::UpdateSAMLProvider>(&root, input)
    };
    assert_eq!(code(update(Some("no key".to_owned()), None)), "InvalidInput");
    update(Some(private_key()), None).expect("a second key");
    assert_eq!(code(update(Some(private_key()), None)), "LimitExceeded");
    let shown = get(&app, &root, &arn).expect("shown");
    assert_eq!(shown.assertion_encryption_mode, Some(assertionEncryptionModeType::Required));
    let keys = shown.private_key_list.expect("a list");
    let first = keys[0].key_id.clone().expect("an id");
    assert_eq!((keys.len(), keys[0].timestamp), (2, Some(START)));
    let stored = app
        .app
        .read_as(&root, &app.request(), |cx| saml_provider::find(cx.tx, &arn))
        .expect("readable")
        .expect("exists");
    let opened = stored.private_keys[0].open(&app.app.seal).expect("sealed by this application");
    assert_eq!(std::str::from_utf8(&opened).expect("text"), pem);
    update(Some(private_key()), Some(first.clone())).expect("rotated");
    assert_eq!(code(update(None, Some(first))), "NoSuchEntity");
}

#[test]
fn providers_carry_tags() {
    let (app, root) = setup();
    let arn = create(&app, &root, request("Idp", metadata(None))).expect("a new provider");
    let tags = vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }];
    let input = TagSAMLProviderRequest { saml_provider_arn: arn.clone(), tags: tags.clone() };
    app.call::<ops::TagSAMLProvider>(&root, input).expect("tagged");
    let list = || ListSAMLProviderTagsRequest { saml_provider_arn: arn.clone(), ..Default::default() };
    assert_eq!(app.call::<ops::ListSAMLProviderTags>(&root, list()).expect("listed").tags, tags);
    let input = UntagSAMLProviderRequest { saml_provider_arn: arn.clone(), tag_keys: vec!["team".to_owned()] };
    app.call::<ops::UntagSAMLProvider>(&root, input).expect("untagged");
    assert!(app.call::<ops::ListSAMLProviderTags>(&root, list()).expect("listed").tags.is_empty());
}
