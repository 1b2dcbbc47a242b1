//! OpenID Connect providers.

use crate::support::{ACCOUNT, account_id, permissions, refusal, setup};
use iam::oidc_provider;
use kernel::testing::{START, TestApp, code};
use kernel::{Caller, Result, job, params};
use model::iam::{
    AddClientIDToOpenIDConnectProviderRequest, CreateOpenIDConnectProviderRequest, DeleteOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderRequest, GetOpenIDConnectProviderResponse, ListOpenIDConnectProviderTagsRequest,
    ListOpenIDConnectProvidersRequest, RemoveClientIDFromOpenIDConnectProviderRequest, Tag,
    TagOpenIDConnectProviderRequest, UntagOpenIDConnectProviderRequest, UpdateOpenIDConnectProviderThumbprintRequest,
    ops,
};

const URL: &str = "https://token.example.com/issuer";

fn request(url: &str) -> CreateOpenIDConnectProviderRequest {
    CreateOpenIDConnectProviderRequest { url: url.to_owned(), ..Default::default() }
}

fn create(app: &TestApp, root: &Caller, input: CreateOpenIDConnectProviderRequest) -> Result<String> {
    let output = app.call::<ops::CreateOpenIDConnectProvider>(root, input)?;
    Ok(output.openid_connect_provider_arn.expect("shown"))
}

fn get(app: &TestApp, root: &Caller, arn: &str) -> Result<GetOpenIDConnectProviderResponse> {
    let input = GetOpenIDConnectProviderRequest { openid_connect_provider_arn: arn.to_owned() };
    app.call::<ops::GetOpenIDConnectProvider>(root, input)
}

#[test]
fn a_provider_is_named_by_its_url() {
    let (app, root) = setup();
    let input = CreateOpenIDConnectProviderRequest {
        client_id_list: Some(["a", "b", "a"].map(str::to_owned).to_vec()),
        thumbprint_list: Some(vec!["AB".repeat(20)]),
        tags: Some(vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }]),
        ..request(URL)
    };
    let asked = permissions::<ops::CreateOpenIDConnectProvider>(&app, &root, &input);
    let arn = create(&app, &root, input).expect("a new provider");
    assert_eq!(arn, format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com/issuer"));
    assert_eq!(asked.iter().map(|it| it.resource.as_str()).collect::<Vec<_>>(), [arn.as_str(), arn.as_str()]);
    let shown = get(&app, &root, &arn).expect("shown");
    assert_eq!((shown.url.as_deref(), shown.create_date), (Some("token.example.com/issuer"), Some(START)));
    assert_eq!(shown.client_id_list, Some(["a", "b"].map(str::to_owned).to_vec()));
    assert_eq!(shown.thumbprint_list, Some(vec!["ab".repeat(20)]));
    assert_eq!(shown.tags.map(|tags| tags.len()), Some(1));
    let taken = format!("EntityAlreadyExists: Provider with url {URL} already exists.");
    assert_eq!(refusal(create(&app, &root, request(URL))), taken);
    let list = app.call::<ops::ListOpenIDConnectProviders>(&root, ListOpenIDConnectProvidersRequest::default());
    let list = list.expect("listed").openid_connect_provider_list.expect("a list");
    assert_eq!(list.into_iter().filter_map(|entry| entry.arn).collect::<Vec<_>>(), [arn]);
}

#[test]
fn thumbprints_are_optional_and_bounded() {
    let (app, root) = setup();
    let with = |count: usize, text: &str| CreateOpenIDConnectProviderRequest {
        thumbprint_list: Some(vec![text.repeat(40); count]),
        ..request(URL)
    };
    assert_eq!(code(create(&app, &root, with(6, "a"))), "InvalidInput");
    assert_eq!(code(create(&app, &root, with(1, "z"))), "InvalidInput");
    assert_eq!(
        refusal(create(&app, &root, request("http://token.example.com"))),
        "ValidationError: Invalid Open ID Connect Provider URL"
    );
    let arn = create(&app, &root, request(URL)).expect("a new provider");
    assert_eq!(get(&app, &root, &arn).expect("shown").thumbprint_list, Some(Vec::new()));
    let update = |count: usize| UpdateOpenIDConnectProviderThumbprintRequest {
        openid_connect_provider_arn: arn.clone(),
        thumbprint_list: vec!["c".repeat(40); count],
    };
    assert_eq!(code(app.call::<ops::UpdateOpenIDConnectProviderThumbprint>(&root, update(6))), "InvalidInput");
    app.call::<ops::UpdateOpenIDConnectProviderThumbprint>(&root, update(1)).expect("updated");
    assert_eq!(get(&app, &root, &arn).expect("shown").thumbprint_list, Some(vec!["c".repeat(40)]));
}

#[test]
fn clients_come_and_go() {
    let (app, root) = setup();
    let many = CreateOpenIDConnectProviderRequest {
        client_id_list: Some((0..101).map(|n| format!("client-{n}")).collect()),
        ..request(URL)
    };
    let full = "LimitExceeded: Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100";
    assert_eq!(refusal(create(&app, &root, many)), full);
    let input = CreateOpenIDConnectProviderRequest {
        client_id_list: Some((0..100).map(|n| format!("client-{n}")).collect()),
        ..request(URL)
    };
    let arn = create(&app, &root, input).expect("a new provider");
    let add = |id: &str| {
        let input = AddClientIDToOpenIDConnectProviderRequest {
            openid_connect_provider_arn: arn.clone(),
            client_id: id.to_owned(),
        };
        app.call::<ops::AddClientIDToOpenIDConnectProvider>(&root, input)
    };
    add("client-1").expect("there already");
    assert_eq!(refusal(add("another")), full);
    for _ in 0..2 {
        let input = RemoveClientIDFromOpenIDConnectProviderRequest {
            openid_connect_provider_arn: arn.clone(),
            client_id: "client-1".to_owned(),
        };
        app.call::<ops::RemoveClientIDFromOpenIDConnectProvider>(&root, input).expect("removed, or not there");
    }
    add("another").expect("added");
    let ids = get(&app, &root, &arn).expect("shown").client_id_list.expect("a list");
    assert_eq!((ids.len(), ids.contains(&"client-1".to_owned())), (100, false));
}

#[test]
fn unknown_and_ill_formed_arns_are_told_apart() {
    let (app, root) = setup();
    let unknown = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/none.example.com");
    assert_eq!(code(get(&app, &root, &unknown)), "NoSuchEntity");
    assert_eq!(code(get(&app, &root, "arn:aws:iam::111122223333:role/x")), "InvalidInput");
    let arn = create(&app, &root, request(URL)).expect("a new provider");
    let delete = || DeleteOpenIDConnectProviderRequest { openid_connect_provider_arn: arn.clone() };
    app.call::<ops::DeleteOpenIDConnectProvider>(&root, delete()).expect("deleted");
    assert_eq!(code(app.call::<ops::DeleteOpenIDConnectProvider>(&root, delete())), "NoSuchEntity");
}

#[test]
fn the_keys_of_new_providers_and_new_thumbprints_are_fetched() {
    let (app, root) = setup();
    let arn = create(&app, &root, request(URL)).expect("a new provider");
    let is_queued = || app.app.store.read(|tx| job::is_queued(tx, oidc_provider::keys::FETCH, &arn)).expect("readable");
    assert!(is_queued());
    let done = |tx: &mut kernel::WriteTx<'_>| tx.exec("delete from job", params![]);
    app.app.store.write(done, |_| {}).expect("deleted");
    assert!(!is_queued());
    let input = UpdateOpenIDConnectProviderThumbprintRequest {
        openid_connect_provider_arn: arn.clone(),
        thumbprint_list: vec!["ab".repeat(20)],
    };
    app.call::<ops::UpdateOpenIDConnectProviderThumbprint>(&root, input).expect("updated");
    assert!(is_queued());
}

#[test]
fn tags_and_keys_stay_with_the_provider() {
    let (app, root) = setup();
    let arn = create(&app, &root, request(URL)).expect("a new provider");
    let tags = vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }];
    let input = TagOpenIDConnectProviderRequest { openid_connect_provider_arn: arn.clone(), tags: tags.clone() };
    app.call::<ops::TagOpenIDConnectProvider>(&root, input).expect("tagged");
    let list =
        || ListOpenIDConnectProviderTagsRequest { openid_connect_provider_arn: arn.clone(), ..Default::default() };
    assert_eq!(app.call::<ops::ListOpenIDConnectProviderTags>(&root, list()).expect("listed").tags, tags);
    let input = UntagOpenIDConnectProviderRequest {
        openid_connect_provider_arn: arn.clone(),
        tag_keys: vec!["Team".to_owned()],
    };
    app.call::<ops::UntagOpenIDConnectProvider>(&root, input).expect("untagged");
    assert!(app.call::<ops::ListOpenIDConnectProviderTags>(&root, list()).expect("listed").tags.is_empty());
    let store = |cx: &mut kernel::WriteCx<'_>| oidc_provider::set_jwks(&mut cx.write(), &arn, "{}", START);
    app.app.write_as(&root, &app.request(), store).expect("stored");
    let found = |issuer: &str| {
        app.app
            .read_as(&root, &app.request(), |cx| oidc_provider::find_by_issuer(cx.tx, &account_id(), issuer))
            .expect("readable")
    };
    assert_eq!(found(URL).and_then(|provider| provider.jwks).as_deref(), Some("{}"));
    assert_eq!(found("http://token.example.com/issuer"), None);
}
