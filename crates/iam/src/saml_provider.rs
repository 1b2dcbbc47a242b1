//! SAML identity providers of accounts.

mod keys;

pub use keys::PrivateKey;

use crate::access::permission;
use crate::paging::page_request;
use crate::{messages, tag};
use base::random::ALPHABET_BASE32;
use base::{AccountId, Arn, Timestamp};
use federation::saml::metadata::Metadata;
use kernel::store::Row;
use kernel::{Access, Cx, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    CreateSAMLProviderRequest, CreateSAMLProviderResponse, DeleteSAMLProviderRequest, GetSAMLProviderRequest,
    GetSAMLProviderResponse, InvalidInputException, ListSAMLProviderTagsRequest, ListSAMLProviderTagsResponse,
    ListSAMLProvidersRequest, ListSAMLProvidersResponse, SAMLPrivateKey, SAMLProviderListEntry, TagSAMLProviderRequest,
    UntagSAMLProviderRequest, UpdateSAMLProviderRequest, UpdateSAMLProviderResponse, assertionEncryptionModeType, ops,
};
use smithy::schema::{Operation, Unit};

/// SAML providers that an account may have.
pub const SAML_PROVIDERS_QUOTA: i64 = 100;
/// Length of the unique id that `SAMLProviderUUID` shows.
const UUID_LENGTH: usize = 32;
/// How long metadata is good that does not say until when: a hundred years, in days.
const VALID_DAYS_DEFAULT: i64 = 36_525;

/// A SAML identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlProvider {
    /// ARN.
    pub arn: String,
    /// Account.
    pub account: AccountId,
    /// Name; unique in the account whatever its case.
    pub name: String,
    /// Unique id.
    pub uuid: String,
    /// Metadata of the identity provider, as it was given.
    pub metadata: String,
    /// Whether assertions may or must be encrypted; none: nobody said.
    pub encryption_mode: Option<assertionEncryptionModeType>,
    /// Keys that decrypt assertions, sealed; see [`PrivateKey::open`].
    pub private_keys: Vec<PrivateKey>,
    /// After this instant the metadata must not be used.
    pub valid_until: Timestamp,
    /// When the provider was created.
    pub created_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select arn, account_id, name, uuid, metadata, encryption_mode, sealed_private_keys, valid_until, \
             created_at from iam_saml_provider ",
            $rest
        )
    };
}

fn provider(row: &Row<'_>) -> Result<SamlProvider> {
    let mode: Option<String> = row.get(5)?;
    Ok(SamlProvider {
        arn: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        uuid: row.get(3)?,
        metadata: row.get(4)?,
        encryption_mode: mode.as_deref().and_then(assertionEncryptionModeType::parse),
        private_keys: row.parse(6, keys::parse)?,
        valid_until: row.get(7)?,
        created_at: row.get(8)?,
    })
}

/// The provider with that ARN.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, arn: &str) -> Result<Option<SamlProvider>> {
    tx.opt(select!("where arn = $1"), params![arn], provider)
}

/// The providers of an account, by ARN.
///
/// # Errors
/// When the database fails.
pub fn of_account(tx: &mut Tx, account: &AccountId) -> Result<Vec<SamlProvider>> {
    tx.all(select!("where account_id = $1 order by arn"), params![account], provider)
}

/// Adds a provider.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, provider: &SamlProvider) -> Result<()> {
    tx.exec_one(
        "insert into iam_saml_provider (arn, account_id, name, uuid, metadata, encryption_mode, sealed_private_keys, \
         valid_until, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![
            provider.arn,
            provider.account,
            provider.name,
            provider.uuid,
            provider.metadata,
            provider.encryption_mode.map(assertionEncryptionModeType::as_str),
            keys::print(&provider.private_keys),
            provider.valid_until,
            provider.created_at
        ],
    )
}

/// Reads metadata under the rules of `CreateSAMLProvider`; gives the end of its validity.
fn check_metadata(text: &str, now: Timestamp) -> Result<Timestamp> {
    let metadata = Metadata::parse_for_saml_provider(text)
        .map_err(|error| InvalidInputException::new(format!("Could not parse metadata: {error}")))?;
    let valid_until = metadata.valid_until().unwrap_or(now.plus_seconds(VALID_DAYS_DEFAULT * 86_400));
    if valid_until <= now {
        return Err(InvalidInputException::new("Could not parse metadata: the metadata document has expired").into());
    }
    Ok(valid_until)
}

/// The caller's provider with that ARN.
fn required(cx: &mut Cx<'_>, arn: &str) -> Result<SamlProvider> {
    let account = cx.account()?;
    let is_form = Arn::parse(arn).is_some_and(|arn| {
        arn.service() == "iam" && arn.resource().strip_prefix("saml-provider/").is_some_and(|name| !name.is_empty())
    });
    if !is_form {
        return Err(InvalidInputException::new(format!("Invalid ARN: {arn}")).into());
    }
    let found = find(cx.tx, arn)?.filter(|provider| provider.account == account);
    found.ok_or_else(|| messages::no_saml_provider(arn).into())
}

fn on_provider<O: Operation>(cx: &mut Cx<'_>, arn: &str) -> Result<Permission> {
    tag::with_resource_tags(permission::<O>(arn), cx.tx, arn)
}

fn may_create(cx: &mut Cx<'_>, input: &CreateSAMLProviderRequest) -> Result<Access> {
    let account = cx.account()?;
    let arn = format!("arn:aws:iam::{account}:saml-provider/{}", input.name);
    let create = tag::with_request_tags(permission::<ops::CreateSAMLProvider>(&arn), input.tags.as_deref());
    let mut permissions = vec![create];
    if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        permissions.push(tag::with_request_tags(permission::<ops::TagSAMLProvider>(arn), input.tags.as_deref()));
    }
    Ok(Access::Permissions(permissions))
}

fn create(cx: &mut WriteCx<'_>, input: &CreateSAMLProviderRequest) -> Result<CreateSAMLProviderResponse> {
    let account = cx.account()?;
    let others = of_account(cx.tx, &account)?;
    if others.iter().any(|other| other.name.to_lowercase() == input.name.to_lowercase()) {
        return Err(messages::provider_exists(&format!("name {}", input.name)).into());
    }
    if others.len() as i64 >= SAML_PROVIDERS_QUOTA {
        return Err(messages::over_quota("SAMLProvidersPerAccount", SAML_PROVIDERS_QUOTA).into());
    }
    let arn = format!("arn:aws:iam::{account}:saml-provider/{}", input.name);
    let mut provider = SamlProvider {
        arn,
        account,
        name: input.name.clone(),
        uuid: cx.random.text(ALPHABET_BASE32, UUID_LENGTH),
        metadata: input.saml_metadata_document.clone(),
        encryption_mode: input.assertion_encryption_mode,
        private_keys: Vec::new(),
        valid_until: check_metadata(&input.saml_metadata_document, cx.now)?,
        created_at: cx.now,
    };
    if let Some(pem) = input.add_private_key.as_deref() {
        keys::add(cx, &mut provider, pem)?;
    }
    insert(&mut cx.write(), &provider)?;
    tag::add(&mut cx.write(), &provider.arn, input.tags.as_deref().unwrap_or_default())?;
    let tags = tag::shown(cx.tx, &provider.arn)?;
    Ok(CreateSAMLProviderResponse { saml_provider_arn: Some(provider.arn), tags })
}

fn get(cx: &mut Cx<'_>, input: &GetSAMLProviderRequest) -> Result<GetSAMLProviderResponse> {
    let provider = required(cx, &input.saml_provider_arn)?;
    let keys = provider
        .private_keys
        .iter()
        .map(|key| SAMLPrivateKey { key_id: Some(key.id.clone()), timestamp: Some(key.added_at) });
    Ok(GetSAMLProviderResponse {
        assertion_encryption_mode: provider.encryption_mode,
        create_date: Some(provider.created_at),
        private_key_list: (!provider.private_keys.is_empty()).then(|| keys.collect()),
        saml_metadata_document: Some(provider.metadata.clone()),
        saml_provider_uuid: Some(provider.uuid.clone()),
        tags: tag::shown(cx.tx, &provider.arn)?,
        valid_until: Some(provider.valid_until),
    })
}

/// Replaces what the request gives; a key is removed before one is added, so that two can be rotated.
fn update(cx: &mut WriteCx<'_>, input: &UpdateSAMLProviderRequest) -> Result<UpdateSAMLProviderResponse> {
    let mut provider = required(cx, &input.saml_provider_arn)?;
    if let Some(text) = &input.saml_metadata_document {
        provider.valid_until = check_metadata(text, cx.now)?;
        provider.metadata.clone_from(text);
    }
    if input.assertion_encryption_mode.is_some() {
        provider.encryption_mode = input.assertion_encryption_mode;
    }
    if let Some(id) = input.remove_private_key.as_deref() {
        keys::remove(&mut provider, id)?;
    }
    if let Some(pem) = input.add_private_key.as_deref() {
        keys::add(cx, &mut provider, pem)?;
    }
    cx.write().exec_one(
        "update iam_saml_provider set metadata = $2, encryption_mode = $3, sealed_private_keys = $4, \
         valid_until = $5 where arn = $1",
        params![
            provider.arn,
            provider.metadata,
            provider.encryption_mode.map(assertionEncryptionModeType::as_str),
            keys::print(&provider.private_keys),
            provider.valid_until
        ],
    )?;
    Ok(UpdateSAMLProviderResponse { saml_provider_arn: Some(provider.arn) })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteSAMLProviderRequest) -> Result<Unit> {
    let provider = required(cx, &input.saml_provider_arn)?;
    tag::clear(&mut cx.write(), &provider.arn)?;
    cx.write().exec_one("delete from iam_saml_provider where arn = $1", params![provider.arn])?;
    Ok(Unit)
}

fn may_list(cx: &mut Cx<'_>, _input: &ListSAMLProvidersRequest) -> Result<Access> {
    let account = cx.account()?;
    Ok(permission::<ops::ListSAMLProviders>(format!("arn:aws:iam::{account}:saml-provider/*")).into())
}

fn list(cx: &mut Cx<'_>, _input: &ListSAMLProvidersRequest) -> Result<ListSAMLProvidersResponse> {
    let account = cx.account()?;
    let entries = of_account(cx.tx, &account)?.into_iter().map(|provider| SAMLProviderListEntry {
        arn: Some(provider.arn),
        create_date: Some(provider.created_at),
        valid_until: Some(provider.valid_until),
    });
    Ok(ListSAMLProvidersResponse { saml_provider_list: Some(entries.collect()) })
}

fn may_tag(cx: &mut Cx<'_>, input: &TagSAMLProviderRequest) -> Result<Access> {
    let permission = on_provider::<ops::TagSAMLProvider>(cx, &input.saml_provider_arn)?;
    Ok(tag::with_request_tags(permission, Some(&input.tags)).into())
}

fn tag_provider(cx: &mut WriteCx<'_>, input: &TagSAMLProviderRequest) -> Result<Unit> {
    let provider = required(cx, &input.saml_provider_arn)?;
    tag::add(&mut cx.write(), &provider.arn, &input.tags)?;
    Ok(Unit)
}

fn may_untag(cx: &mut Cx<'_>, input: &UntagSAMLProviderRequest) -> Result<Access> {
    let permission = on_provider::<ops::UntagSAMLProvider>(cx, &input.saml_provider_arn)?;
    Ok(tag::with_tag_keys(permission, &input.tag_keys).into())
}

fn untag_provider(cx: &mut WriteCx<'_>, input: &UntagSAMLProviderRequest) -> Result<Unit> {
    let provider = required(cx, &input.saml_provider_arn)?;
    tag::remove(&mut cx.write(), &provider.arn, &input.tag_keys)?;
    Ok(Unit)
}

fn list_tags(cx: &mut Cx<'_>, input: &ListSAMLProviderTagsRequest) -> Result<ListSAMLProviderTagsResponse> {
    let provider = required(cx, &input.saml_provider_arn)?;
    let page = tag::page(cx, "ListSAMLProviderTags", &provider.arn, page_request!(input))?;
    Ok(ListSAMLProviderTagsResponse { is_truncated: page.is_truncated(), marker: page.marker, tags: page.rows })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateSAMLProvider>(may_create, create),
        route::read::<ops::GetSAMLProvider>(
            |cx, i| on_provider::<ops::GetSAMLProvider>(cx, &i.saml_provider_arn).map(Access::from),
            get,
        ),
        route::write::<ops::UpdateSAMLProvider>(
            |cx, i| on_provider::<ops::UpdateSAMLProvider>(cx, &i.saml_provider_arn).map(Access::from),
            update,
        ),
        route::write::<ops::DeleteSAMLProvider>(
            |cx, i| on_provider::<ops::DeleteSAMLProvider>(cx, &i.saml_provider_arn).map(Access::from),
            delete,
        ),
        route::read::<ops::ListSAMLProviders>(may_list, list),
        route::write::<ops::TagSAMLProvider>(may_tag, tag_provider),
        route::write::<ops::UntagSAMLProvider>(may_untag, untag_provider),
        route::read::<ops::ListSAMLProviderTags>(
            |cx, i| on_provider::<ops::ListSAMLProviderTags>(cx, &i.saml_provider_arn).map(Access::from),
            list_tags,
        ),
    ]
}
