//! OpenID Connect identity providers of accounts.

pub mod keys;

use crate::access::permission;
use crate::paging::page_request;
use crate::{messages, tag};
use base::{AccountId, Arn, Timestamp};
use kernel::store::Row;
use kernel::{Access, Cx, Error, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    AddClientIDToOpenIDConnectProviderRequest, CreateOpenIDConnectProviderRequest, CreateOpenIDConnectProviderResponse,
    DeleteOpenIDConnectProviderRequest, GetOpenIDConnectProviderRequest, GetOpenIDConnectProviderResponse,
    InvalidInputException, ListOpenIDConnectProviderTagsRequest, ListOpenIDConnectProviderTagsResponse,
    ListOpenIDConnectProvidersRequest, ListOpenIDConnectProvidersResponse, OpenIDConnectProviderListEntry,
    RemoveClientIDFromOpenIDConnectProviderRequest, TagOpenIDConnectProviderRequest, UntagOpenIDConnectProviderRequest,
    UpdateOpenIDConnectProviderThumbprintRequest, ops,
};
use smithy::schema::{Operation, Unit};

/// OpenID Connect providers that an account may have.
pub const OIDC_PROVIDERS_QUOTA: i64 = 100;
/// Client ids of a provider.
const CLIENT_IDS_MAX: usize = 100;
/// Thumbprints of a provider.
const THUMBPRINTS_MAX: usize = 5;

/// An OpenID Connect identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcProvider {
    /// ARN.
    pub arn: String,
    /// Account.
    pub account: AccountId,
    /// The issuer's URL without `https://`, as answers, ARNs and condition keys have it.
    pub url: String,
    /// Audiences that may use the provider.
    pub client_ids: Vec<String>,
    /// SHA-1 thumbprints of certificates, in lower-case hexadecimal.
    pub thumbprints: Vec<String>,
    /// The provider's signing keys (RFC 7517), as last fetched; `None` until they could be fetched.
    pub jwks: Option<String>,
    /// When that fetch began.
    pub jwks_fetched_at: Option<Timestamp>,
    /// When the provider was created.
    pub created_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select arn, account_id, url, client_ids, thumbprints, jwks, jwks_fetched_at, created_at \
             from iam_oidc_provider ",
            $rest
        )
    };
}

fn provider(row: &Row<'_>) -> Result<OidcProvider> {
    let texts = |text: &str| serde_json::from_str::<Vec<String>>(text).ok();
    Ok(OidcProvider {
        arn: row.get(0)?,
        account: row.get(1)?,
        url: row.get(2)?,
        client_ids: row.parse(3, texts)?,
        thumbprints: row.parse(4, texts)?,
        jwks: row.get(5)?,
        jwks_fetched_at: row.get(6)?,
        created_at: row.get(7)?,
    })
}

fn json(texts: &[String]) -> String {
    serde_json::json!(texts).to_string()
}

/// The provider with that ARN.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, arn: &str) -> Result<Option<OidcProvider>> {
    tx.opt(select!("where arn = $1"), params![arn], provider)
}

/// The account's provider for the issuer of a token (`https://…`).
///
/// # Errors
/// When the database fails.
pub fn find_by_issuer(tx: &mut Tx, account: &AccountId, issuer: &str) -> Result<Option<OidcProvider>> {
    match issuer.strip_prefix("https://") {
        Some(url) => find(tx, &arn_of(account, url)),
        None => Ok(None),
    }
}

/// Stores the signing keys of a provider as they were fetched; `fetched_at` is when the fetch began.
///
/// # Errors
/// When the database fails.
pub fn set_jwks(tx: &mut WriteTx<'_>, arn: &str, jwks: &str, fetched_at: Timestamp) -> Result<()> {
    let sql = "update iam_oidc_provider set jwks = $2, jwks_fetched_at = $3 where arn = $1";
    tx.exec_one(sql, params![arn, jwks, fetched_at])
}

fn arn_of(account: &AccountId, url: &str) -> String {
    format!("arn:aws:iam::{account}:oidc-provider/{url}")
}

/// The issuer's URL without its scheme, the host in lower case; `None` when it is not an `https` URL of host and path
/// alone.
fn issuer_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let is_label = |label: &str| {
        let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        is_edge(bytes.first()) && is_edge(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    let is_path = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\\"<>{}|^`*".contains(&byte));
    (host.split('.').all(is_label) && is_path).then(|| format!("{}{path}", host.to_ascii_lowercase()))
}

fn check_thumbprints(thumbprints: &[String]) -> Result<Vec<String>> {
    if thumbprints.len() > THUMBPRINTS_MAX {
        return Err(InvalidInputException::new("Thumbprint list must contain fewer than 5 entries.").into());
    }
    if let Some(bad) = thumbprints.iter().find(|text| !text.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(InvalidInputException::new(format!("Thumbprint {bad} is not hexadecimal.")).into());
    }
    Ok(thumbprints.iter().map(|text| text.to_ascii_lowercase()).collect())
}

fn refuse_too_many_clients(count: usize) -> Result<()> {
    if count > CLIENT_IDS_MAX {
        return Err(messages::over_quota("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS_MAX as i64).into());
    }
    Ok(())
}

/// The caller's provider with that ARN.
fn required(cx: &mut Cx<'_>, arn: &str) -> Result<OidcProvider> {
    let account = cx.account()?;
    let is_form = Arn::parse(arn).is_some_and(|arn| {
        arn.service() == "iam" && arn.resource().strip_prefix("oidc-provider/").is_some_and(|url| !url.is_empty())
    });
    if !is_form {
        return Err(InvalidInputException::new(format!("Invalid ARN: {arn}")).into());
    }
    let found = find(cx.tx, arn)?.filter(|provider| provider.account == account);
    found.ok_or_else(|| messages::no_oidc_provider(arn).into())
}

fn on_provider<O: Operation>(cx: &mut Cx<'_>, arn: &str) -> Result<Permission> {
    tag::with_resource_tags(permission::<O>(arn), cx.tx, arn)
}

fn may_create(cx: &mut Cx<'_>, input: &CreateOpenIDConnectProviderRequest) -> Result<Access> {
    let account = cx.account()?;
    let url = issuer_of(&input.url);
    let arn = arn_of(&account, url.as_deref().unwrap_or_else(|| input.url.trim_start_matches("https://")));
    let create = tag::with_request_tags(permission::<ops::CreateOpenIDConnectProvider>(&arn), input.tags.as_deref());
    let mut permissions = vec![create];
    if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        let tagging = permission::<ops::TagOpenIDConnectProvider>(arn);
        permissions.push(tag::with_request_tags(tagging, input.tags.as_deref()));
    }
    Ok(Access::Permissions(permissions))
}

fn create(
    cx: &mut WriteCx<'_>,
    input: &CreateOpenIDConnectProviderRequest,
) -> Result<CreateOpenIDConnectProviderResponse> {
    let account = cx.account()?;
    let url =
        issuer_of(&input.url).ok_or_else(|| Error::Validation("Invalid Open ID Connect Provider URL".to_owned()))?;
    let arn = arn_of(&account, &url);
    if find(cx.tx, &arn)?.is_some() {
        return Err(messages::provider_exists(&format!("url https://{url}")).into());
    }
    let count = cx.tx.count("select count(*) from iam_oidc_provider where account_id = $1", params![account])?;
    if count >= OIDC_PROVIDERS_QUOTA {
        return Err(messages::over_quota("OpenIdConnectProvidersPerAccount", OIDC_PROVIDERS_QUOTA).into());
    }
    let mut client_ids: Vec<String> = Vec::new();
    for id in input.client_id_list.as_deref().unwrap_or_default() {
        if !client_ids.contains(id) {
            client_ids.push(id.clone());
        }
        refuse_too_many_clients(client_ids.len())?;
    }
    let thumbprints = check_thumbprints(input.thumbprint_list.as_deref().unwrap_or_default())?;
    let now = cx.now;
    cx.write().exec_one(
        "insert into iam_oidc_provider (arn, account_id, url, client_ids, thumbprints, created_at) \
         values ($1, $2, $3, $4, $5, $6)",
        params![arn, account, url, json(&client_ids), json(&thumbprints), now],
    )?;
    cx.enqueue(keys::FETCH, &arn, now)?;
    tag::add(&mut cx.write(), &arn, input.tags.as_deref().unwrap_or_default())?;
    let tags = tag::shown(cx.tx, &arn)?;
    Ok(CreateOpenIDConnectProviderResponse { openid_connect_provider_arn: Some(arn), tags })
}

fn get(cx: &mut Cx<'_>, input: &GetOpenIDConnectProviderRequest) -> Result<GetOpenIDConnectProviderResponse> {
    let provider = required(cx, &input.openid_connect_provider_arn)?;
    Ok(GetOpenIDConnectProviderResponse {
        client_id_list: Some(provider.client_ids),
        create_date: Some(provider.created_at),
        tags: tag::shown(cx.tx, &provider.arn)?,
        thumbprint_list: Some(provider.thumbprints),
        url: Some(provider.url),
    })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteOpenIDConnectProviderRequest) -> Result<Unit> {
    let provider = required(cx, &input.openid_connect_provider_arn)?;
    tag::clear(&mut cx.write(), &provider.arn)?;
    cx.write().exec_one("delete from iam_oidc_provider where arn = $1", params![provider.arn])?;
    Ok(Unit)
}

fn may_list(cx: &mut Cx<'_>, _input: &ListOpenIDConnectProvidersRequest) -> Result<Access> {
    let account = cx.account()?;
    Ok(permission::<ops::ListOpenIDConnectProviders>(arn_of(&account, "*")).into())
}

fn list(cx: &mut Cx<'_>, _input: &ListOpenIDConnectProvidersRequest) -> Result<ListOpenIDConnectProvidersResponse> {
    let account = cx.account()?;
    let sql = "select arn from iam_oidc_provider where account_id = $1 order by arn";
    let entries = cx.tx.all(sql, params![account], |row| Ok(OpenIDConnectProviderListEntry { arn: row.get(0)? }))?;
    Ok(ListOpenIDConnectProvidersResponse { openid_connect_provider_list: Some(entries) })
}

fn add_client(cx: &mut WriteCx<'_>, input: &AddClientIDToOpenIDConnectProviderRequest) -> Result<Unit> {
    let mut provider = required(cx, &input.openid_connect_provider_arn)?;
    if !provider.client_ids.contains(&input.client_id) {
        provider.client_ids.push(input.client_id.clone());
        refuse_too_many_clients(provider.client_ids.len())?;
    }
    set_clients(cx, &provider)
}

fn remove_client(cx: &mut WriteCx<'_>, input: &RemoveClientIDFromOpenIDConnectProviderRequest) -> Result<Unit> {
    let mut provider = required(cx, &input.openid_connect_provider_arn)?;
    provider.client_ids.retain(|id| *id != input.client_id);
    set_clients(cx, &provider)
}

fn set_clients(cx: &mut WriteCx<'_>, provider: &OidcProvider) -> Result<Unit> {
    let sql = "update iam_oidc_provider set client_ids = $2 where arn = $1";
    cx.write().exec_one(sql, params![provider.arn, json(&provider.client_ids)])?;
    Ok(Unit)
}

fn update_thumbprints(cx: &mut WriteCx<'_>, input: &UpdateOpenIDConnectProviderThumbprintRequest) -> Result<Unit> {
    let provider = required(cx, &input.openid_connect_provider_arn)?;
    let thumbprints = check_thumbprints(&input.thumbprint_list)?;
    let sql = "update iam_oidc_provider set thumbprints = $2 where arn = $1";
    cx.write().exec_one(sql, params![provider.arn, json(&thumbprints)])?;
    let now = cx.now;
    cx.enqueue(keys::FETCH, &provider.arn, now)?;
    Ok(Unit)
}

fn may_tag(cx: &mut Cx<'_>, input: &TagOpenIDConnectProviderRequest) -> Result<Access> {
    let permission = on_provider::<ops::TagOpenIDConnectProvider>(cx, &input.openid_connect_provider_arn)?;
    Ok(tag::with_request_tags(permission, Some(&input.tags)).into())
}

fn tag_provider(cx: &mut WriteCx<'_>, input: &TagOpenIDConnectProviderRequest) -> Result<Unit> {
    let provider = required(cx, &input.openid_connect_provider_arn)?;
    tag::add(&mut cx.write(), &provider.arn, &input.tags)?;
    Ok(Unit)
}

fn may_untag(cx: &mut Cx<'_>, input: &UntagOpenIDConnectProviderRequest) -> Result<Access> {
    let permission = on_provider::<ops::UntagOpenIDConnectProvider>(cx, &input.openid_connect_provider_arn)?;
    Ok(tag::with_tag_keys(permission, &input.tag_keys).into())
}

fn untag_provider(cx: &mut WriteCx<'_>, input: &UntagOpenIDConnectProviderRequest) -> Result<Unit> {
    let provider = required(cx, &input.openid_connect_provider_arn)?;
    tag::remove(&mut cx.write(), &provider.arn, &input.tag_keys)?;
    Ok(Unit)
}

fn list_tags(
    cx: &mut Cx<'_>,
    input: &ListOpenIDConnectProviderTagsRequest,
) -> Result<ListOpenIDConnectProviderTagsResponse> {
    let provider = required(cx, &input.openid_connect_provider_arn)?;
    let page = tag::page(cx, "ListOpenIDConnectProviderTags", &provider.arn, page_request!(input))?;
    Ok(ListOpenIDConnectProviderTagsResponse {
        is_truncated: page.is_truncated(),
        marker: page.marker,
        tags: page.rows,
    })
}

/// The rule of an operation whose input names the provider by its ARN.
macro_rules! on_named {
    ($op:ident) => {
        |cx, i| on_provider::<ops::$op>(cx, &i.openid_connect_provider_arn).map(Access::from)
    };
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateOpenIDConnectProvider>(may_create, create),
        route::read::<ops::GetOpenIDConnectProvider>(on_named!(GetOpenIDConnectProvider), get),
        route::write::<ops::DeleteOpenIDConnectProvider>(on_named!(DeleteOpenIDConnectProvider), delete),
        route::read::<ops::ListOpenIDConnectProviders>(may_list, list),
        route::write::<ops::AddClientIDToOpenIDConnectProvider>(
            on_named!(AddClientIDToOpenIDConnectProvider),
            add_client,
        ),
        route::write::<ops::RemoveClientIDFromOpenIDConnectProvider>(
            on_named!(RemoveClientIDFromOpenIDConnectProvider),
            remove_client,
        ),
        route::write::<ops::UpdateOpenIDConnectProviderThumbprint>(
            on_named!(UpdateOpenIDConnectProviderThumbprint),
            update_thumbprints,
        ),
        route::write::<ops::TagOpenIDConnectProvider>(may_tag, tag_provider),
        route::write::<ops::UntagOpenIDConnectProvider>(may_untag, untag_provider),
        route::read::<ops::ListOpenIDConnectProviderTags>(on_named!(ListOpenIDConnectProviderTags), list_tags),
    ]
}

#[cfg(test)]
mod tests {
    use super::issuer_of;

    #[test]
    fn issuers_are_https_urls_of_host_and_path() {
        assert_eq!(issuer_of("https://Token.Example.com/A/b").as_deref(), Some("token.example.com/A/b"));
        assert_eq!(issuer_of("https://example.auth0.com/").as_deref(), Some("example.auth0.com/"));
        for url in [
            "http://example.com",
            "https://",
            "https:///path",
            "https://example.com:8443",
            "https://user@example.com",
            "https://example.com/?a=b",
            "https://example.com/#a",
            "https://exa mple.com",
            "https://example.com/a b",
            "https://-example.com",
            "https://example..com",
            "example.com",
        ] {
            assert_eq!(issuer_of(url), None, "{url}");
        }
    }
}
