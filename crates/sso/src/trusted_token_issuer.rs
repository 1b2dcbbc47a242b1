//! Issuers whose tokens applications may exchange: OpenID Connect providers outside of Identity Center.

use crate::instance::touch;
use crate::{access, client_token, messages, page, tag};
use base::{AccountId, IdentityStoreId, InstanceId, Random, Timestamp};
use kernel::job::{self, JobKind};
use kernel::store::Row;
use kernel::{Access, Cx, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::sso_admin::{
    CreateTrustedTokenIssuerRequest, CreateTrustedTokenIssuerResponse, DeleteTrustedTokenIssuerRequest,
    DeleteTrustedTokenIssuerResponse, DescribeTrustedTokenIssuerRequest, DescribeTrustedTokenIssuerResponse,
    JwksRetrievalOption, ListTrustedTokenIssuersRequest, ListTrustedTokenIssuersResponse, OidcJwtConfiguration,
    TrustedTokenIssuerConfiguration, TrustedTokenIssuerMetadata, TrustedTokenIssuerType,
    UpdateTrustedTokenIssuerRequest, UpdateTrustedTokenIssuerResponse, ops,
};
use serde_json::{Map, Value};
use smithy::schema::Operation;
use std::fmt;

/// Fetches the signing keys of the issuer whose ARN is the key.
pub const FETCH_KEYS: JobKind = JobKind("sso.fetch_issuer_keys");
/// Age from which signing keys are fetched anew when they are next used.
const KEYS_AGE_SECONDS_MAX: i64 = 86_400;
/// Age below which signing keys are not fetched anew, whatever tokens name.
const KEYS_AGE_SECONDS_MIN: i64 = 60;
/// Issuers that an instance may have.
const ISSUERS_QUOTA: i64 = 10;

/// Id of a trusted token issuer: `tti-` and a UUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustedTokenIssuerId(String);

impl TrustedTokenIssuerId {
    /// The id in `text`.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = text.strip_prefix("tti-")?;
        let mut parts = uuid.split('-');
        let is_hexadecimal = |part: &str, length| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let is_uuid = [8, 4, 4, 4, 12].into_iter().all(|n| parts.next().is_some_and(|part| is_hexadecimal(part, n)));
        (is_uuid && parts.next().is_none()).then(|| Self(text.to_owned()))
    }

    /// A new id.
    pub fn random(random: &mut Random) -> Self {
        Self(format!("tti-{}", random.uuid()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustedTokenIssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A trusted token issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedTokenIssuer {
    /// Id.
    pub id: TrustedTokenIssuerId,
    /// The instance whose applications may trust it.
    pub instance: InstanceId,
    /// The account that registered it.
    pub account: AccountId,
    /// Name.
    pub name: String,
    /// The `iss` claim of its tokens, and where its configuration is found; for good.
    pub issuer_url: String,
    /// The claim that says whom a token is about.
    pub claim_attribute_path: String,
    /// The attribute of users in the identity store that has the value of the claim.
    pub identity_store_attribute_path: String,
    /// How its signing keys are found.
    pub jwks_retrieval_option: JwksRetrievalOption,
    /// Its signing keys (RFC 7517), as last fetched; `None` until they could be fetched.
    pub jwks: Option<String>,
    /// When that fetch began.
    pub jwks_fetched_at: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl TrustedTokenIssuer {
    /// The issuer's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:sso::{}:trustedTokenIssuer/{}/{}", self.account, self.instance, self.id)
    }

    /// What the claims of a token of this issuer say on whom it is about: the text at `claim_attribute_path`, whose dots
    /// lead into objects unless a claim has the whole path for its name.
    pub fn subject<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a str> {
        let path = self.claim_attribute_path.as_str();
        if let Some(value) = claims.get(path) {
            return value.as_str();
        }
        let mut names = path.split('.');
        let first = claims.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))?.as_str()
    }

    fn configuration(&self) -> TrustedTokenIssuerConfiguration {
        TrustedTokenIssuerConfiguration {
            oidc_jwt_configuration: Some(OidcJwtConfiguration {
                claim_attribute_path: self.claim_attribute_path.clone(),
                identity_store_attribute_path: self.identity_store_attribute_path.clone(),
                issuer_url: self.issuer_url.clone(),
                jwks_retrieval_option: self.jwks_retrieval_option,
            }),
        }
    }
}

/// The columns of [`issuer`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, instance_id, account_id, name, issuer_url, claim_attribute_path, \
             identity_store_attribute_path, jwks_retrieval_option, jwks, jwks_fetched_at, created_at \
             from sso_trusted_token_issuer ",
            $rest
        )
    };
}

fn issuer(row: &Row<'_>) -> Result<TrustedTokenIssuer> {
    Ok(TrustedTokenIssuer {
        id: row.parse(0, TrustedTokenIssuerId::parse)?,
        instance: row.get(1)?,
        account: row.get(2)?,
        name: row.get(3)?,
        issuer_url: row.get(4)?,
        claim_attribute_path: row.get(5)?,
        identity_store_attribute_path: row.get(6)?,
        jwks_retrieval_option: row.parse(7, JwksRetrievalOption::parse)?,
        jwks: row.get(8)?,
        jwks_fetched_at: row.get(9)?,
        created_at: row.get(10)?,
    })
}

/// The parts of an issuer's ARN.
fn parts(arn: &str) -> Option<(AccountId, InstanceId, TrustedTokenIssuerId)> {
    let (account, rest) = arn.strip_prefix("arn:aws:sso::")?.split_once(":trustedTokenIssuer/")?;
    let (instance, id) = rest.split_once('/')?;
    Some((AccountId::parse(account)?, InstanceId::parse(instance)?, TrustedTokenIssuerId::parse(id)?))
}

/// The issuer of that ARN.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, arn: &str) -> Result<Option<TrustedTokenIssuer>> {
    let Some((account, instance, id)) = parts(arn) else { return Ok(None) };
    let sql = select!("where id = $1 and instance_id = $2 and account_id = $3");
    tx.opt(sql, params![id.as_str(), instance, account], issuer)
}

/// Whether there is an issuer of that ARN.
///
/// # Errors
/// When the database fails.
pub fn exists(tx: &mut Tx, arn: &str) -> Result<bool> {
    Ok(get(tx, arn)?.is_some())
}

/// The user of `store` whose attribute has the value that a token of the issuer gave: `userName` or `emails.value`, the
/// attributes of which there is at most one owner. `None` for other attributes.
///
/// # Errors
/// When the database fails.
pub fn find_user(
    tx: &mut Tx,
    store: &IdentityStoreId,
    issuer: &TrustedTokenIssuer,
    value: &str,
) -> Result<Option<identity::user::User>> {
    match issuer.identity_store_attribute_path.as_str() {
        "userName" => identity::user::find_by_name(tx, store, value),
        "emails.value" => identity::user::find_by_email(tx, store, value),
        _ => Ok(None),
    }
}

/// Stores the signing keys of an issuer as they were fetched; `fetched_at` is when the fetch began. False when there is
/// no such issuer any more.
///
/// # Errors
/// When the database fails.
pub fn set_jwks(tx: &mut WriteTx<'_>, arn: &str, jwks: &str, fetched_at: Timestamp) -> Result<bool> {
    let Some((account, instance, id)) = parts(arn) else { return Ok(false) };
    let updated = tx.exec(
        "update sso_trusted_token_issuer set jwks = $4, jwks_fetched_at = $5 \
         where id = $1 and instance_id = $2 and account_id = $3",
        params![id.as_str(), instance, account, jwks, fetched_at],
    )?;
    Ok(updated == 1)
}

/// Has the signing keys of an issuer fetched anew when they are a day old; when a token names a key that is not among
/// them (`is_key_missing`), from an age of a minute on. A fetch that failed keeps its pause.
///
/// # Errors
/// When the database fails.
pub fn refresh_keys(cx: &mut WriteCx<'_>, issuer: &TrustedTokenIssuer, is_key_missing: bool) -> Result<()> {
    let age_max = if is_key_missing { KEYS_AGE_SECONDS_MIN } else { KEYS_AGE_SECONDS_MAX };
    let (arn, now) = (issuer.arn(), cx.now);
    let is_due = issuer.jwks_fetched_at.is_none_or(|at| at.plus_seconds(age_max) <= now);
    // Keys are trusted over `https` alone.
    if !is_due || !issuer.issuer_url.starts_with("https://") || job::is_queued(cx.tx, FETCH_KEYS, &arn)? {
        return Ok(());
    }
    cx.enqueue(FETCH_KEYS, &arn, now)
}

/// There is no issuer of that ARN that the caller may know of.
pub(crate) fn missing(arn: &str) -> kernel::Error {
    messages::not_found("TrustedTokenIssuer", arn.rsplit('/').next().unwrap_or_default())
}

/// Removes the issuers of an instance that goes. Its applications must be gone.
///
/// # Errors
/// When the database fails.
pub fn on_instance_deleted(cx: &mut WriteCx<'_>, instance: &InstanceId) -> Result<()> {
    let issuers = cx.tx.all(select!("where instance_id = $1 order by id"), params![instance], issuer)?;
    issuers.iter().try_for_each(|issuer| remove(cx, issuer))
}

fn remove(cx: &mut WriteCx<'_>, issuer: &TrustedTokenIssuer) -> Result<()> {
    tag::clear(&mut cx.write(), &issuer.arn())?;
    cx.write().exec_one("delete from sso_trusted_token_issuer where id = $1", params![issuer.id.as_str()])
}

fn instance_arn(arn: &str) -> String {
    let instance = parts(arn).map(|(_, instance, _)| instance.to_string()).unwrap_or_default();
    format!("arn:aws:sso:::instance/{instance}")
}

/// The issuer of that ARN, when the caller's account administers its instance.
fn required(cx: &mut Cx<'_>, arn: &str) -> Result<TrustedTokenIssuer> {
    if parts(arn).is_none() {
        return Err(missing(arn));
    }
    access::required_instance(cx, &instance_arn(arn))?;
    get(cx.tx, arn)?.ok_or_else(|| missing(arn))
}

fn create(cx: &mut WriteCx<'_>, input: &CreateTrustedTokenIssuerRequest) -> Result<CreateTrustedTokenIssuerResponse> {
    let instance = access::writable_instance(cx, &input.instance_arn)?;
    if !instance.is_active() {
        return Err(messages::instance_not_active(&instance.id));
    }
    let Some(configuration) = &input.trusted_token_issuer_configuration.oidc_jwt_configuration else {
        return Err(no_configuration());
    };
    let account = cx.account()?;
    let asked = CreateTrustedTokenIssuerRequest { client_token: None, ..input.clone() };
    let fingerprint = client_token::fingerprint(&asked);
    let token = input.client_token.as_deref();
    if let Some(made) = made_before(cx, &account, token, &fingerprint)? {
        return Ok(CreateTrustedTokenIssuerResponse { trusted_token_issuer_arn: Some(made.arn()) });
    }
    let sql = "select count(*) from sso_trusted_token_issuer where instance_id = $1";
    if cx.tx.count(sql, params![instance.id])? >= ISSUERS_QUOTA {
        return Err(messages::quota_exceeded("TrustedTokenIssuer", ISSUERS_QUOTA, &instance.id));
    }
    let made = TrustedTokenIssuer {
        id: TrustedTokenIssuerId::random(&mut cx.random),
        instance: instance.id.clone(),
        account,
        name: input.name.clone(),
        issuer_url: configuration.issuer_url.clone(),
        claim_attribute_path: configuration.claim_attribute_path.clone(),
        identity_store_attribute_path: configuration.identity_store_attribute_path.clone(),
        jwks_retrieval_option: configuration.jwks_retrieval_option,
        jwks: None,
        jwks_fetched_at: None,
        created_at: cx.now,
    };
    insert(cx, &made, token, &fingerprint)?;
    tag::add(&mut cx.write(), &made.arn(), input.tags.as_deref().unwrap_or_default())?;
    refresh_keys(cx, &made, false)?;
    touch(cx, &instance);
    Ok(CreateTrustedTokenIssuerResponse { trusted_token_issuer_arn: Some(made.arn()) })
}

fn no_configuration() -> kernel::Error {
    messages::validation("TrustedTokenIssuerConfiguration must have the member OidcJwtConfiguration")
}

/// The issuer that an earlier request with the same token registered.
fn made_before(
    cx: &mut Cx<'_>,
    account: &AccountId,
    token: Option<&str>,
    fingerprint: &[u8],
) -> Result<Option<TrustedTokenIssuer>> {
    let Some(token) = token else { return Ok(None) };
    let sql = "select client_fingerprint from sso_trusted_token_issuer where account_id = $1 and client_token = $2";
    let earlier: Option<Vec<u8>> = cx.tx.opt(sql, params![account, token], |row| row.get(0))?;
    client_token::compare(earlier.as_deref(), fingerprint)?;
    cx.tx.opt(select!("where account_id = $1 and client_token = $2"), params![account, token], issuer)
}

fn insert(cx: &mut WriteCx<'_>, made: &TrustedTokenIssuer, token: Option<&str>, fingerprint: &[u8]) -> Result<()> {
    cx.write().exec_one(
        "insert into sso_trusted_token_issuer (id, instance_id, account_id, name, issuer_url, claim_attribute_path, \
           identity_store_attribute_path, jwks_retrieval_option, created_at, client_token, client_fingerprint) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            made.id.as_str(),
            made.instance,
            made.account,
            made.name,
            made.issuer_url,
            made.claim_attribute_path,
            made.identity_store_attribute_path,
            made.jwks_retrieval_option.as_str(),
            made.created_at,
            token,
            token.map(|_| fingerprint)
        ],
    )
}

fn describe(cx: &mut Cx<'_>, input: &DescribeTrustedTokenIssuerRequest) -> Result<DescribeTrustedTokenIssuerResponse> {
    let found = required(cx, &input.trusted_token_issuer_arn)?;
    Ok(DescribeTrustedTokenIssuerResponse {
        trusted_token_issuer_arn: Some(found.arn()),
        trusted_token_issuer_configuration: Some(found.configuration()),
        trusted_token_issuer_type: Some(TrustedTokenIssuerType::OidcJwt),
        name: Some(found.name),
    })
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateTrustedTokenIssuerRequest) -> Result<UpdateTrustedTokenIssuerResponse> {
    let mut changed = required(cx, &input.trusted_token_issuer_arn)?;
    let instance = access::writable_instance(cx, &instance_arn(&input.trusted_token_issuer_arn))?;
    if let Some(name) = &input.name {
        changed.name.clone_from(name);
    }
    if let Some(configuration) = &input.trusted_token_issuer_configuration {
        let Some(configuration) = &configuration.oidc_jwt_configuration else { return Err(no_configuration()) };
        if let Some(path) = &configuration.claim_attribute_path {
            changed.claim_attribute_path.clone_from(path);
        }
        if let Some(path) = &configuration.identity_store_attribute_path {
            changed.identity_store_attribute_path.clone_from(path);
        }
        if let Some(option) = configuration.jwks_retrieval_option {
            changed.jwks_retrieval_option = option;
        }
    }
    cx.write().exec_one(
        "update sso_trusted_token_issuer set name = $2, claim_attribute_path = $3, \
           identity_store_attribute_path = $4, jwks_retrieval_option = $5 where id = $1",
        params![
            changed.id.as_str(),
            changed.name,
            changed.claim_attribute_path,
            changed.identity_store_attribute_path,
            changed.jwks_retrieval_option.as_str()
        ],
    )?;
    touch(cx, &instance);
    Ok(UpdateTrustedTokenIssuerResponse {})
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteTrustedTokenIssuerRequest) -> Result<DeleteTrustedTokenIssuerResponse> {
    let found = required(cx, &input.trusted_token_issuer_arn)?;
    let instance = access::writable_instance(cx, &instance_arn(&input.trusted_token_issuer_arn))?;
    let sql = "select 1 from sso_application_grant_issuer where issuer_id = $1 limit 1";
    if cx.tx.exists(sql, params![found.id.as_str()])? {
        let id = &found.id;
        return Err(messages::conflict(format!("Could not delete {id} because a grant of an application names it")));
    }
    remove(cx, &found)?;
    touch(cx, &instance);
    Ok(DeleteTrustedTokenIssuerResponse {})
}

fn list(cx: &mut Cx<'_>, input: &ListTrustedTokenIssuersRequest) -> Result<ListTrustedTokenIssuersResponse> {
    let instance = access::required_instance(cx, &input.instance_arn)?;
    let about = ["ListTrustedTokenIssuers", input.instance_arn.as_str()];
    let cursor = page::open(cx, &about, input.next_token.as_deref(), input.max_results)?;
    let (at, id) = cursor.position();
    let rows = cx.tx.all(
        select!(
            "where instance_id = $1 and (created_at > $2 or (created_at = $2 and id > $3)) \
             order by created_at, id limit $4"
        ),
        params![instance.id, at, id, cursor.fetch],
        issuer,
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |last| page::key(last.created_at, last.id.as_str()))?;
    let shown = |row: TrustedTokenIssuer| TrustedTokenIssuerMetadata {
        trusted_token_issuer_arn: Some(row.arn()),
        trusted_token_issuer_type: Some(TrustedTokenIssuerType::OidcJwt),
        name: Some(row.name),
    };
    let issuers = rows.into_iter().map(shown).collect();
    Ok(ListTrustedTokenIssuersResponse { next_token, trusted_token_issuers: Some(issuers) })
}

/// Registering an issuer takes the permission for the instance and for the issuer to be.
fn create_access(cx: &mut Cx<'_>, input: &CreateTrustedTokenIssuerRequest) -> Result<Access> {
    let id = access::instance_id(&input.instance_arn).map_or_else(|| "*".to_owned(), |id| id.to_string());
    let account = cx.caller.account().map(ToString::to_string).unwrap_or_default();
    let arn = format!("arn:aws:sso::{account}:trustedTokenIssuer/{id}/*");
    let instance = access::permission(cx, "CreateTrustedTokenIssuer", &input.instance_arn, &input.instance_arn)?;
    let made = access::permission(cx, "CreateTrustedTokenIssuer", &arn, &input.instance_arn)?;
    let with_tags = |permission| tag::with_request_tags(permission, input.tags.as_deref());
    Ok(Access::Permissions(vec![with_tags(instance), with_tags(made)]))
}

/// The rule of an operation on an issuer.
fn on_issuer<O: Operation>(cx: &mut Cx<'_>, arn: &str) -> Result<Access> {
    let permission: Permission = access::permission(cx, O::OP.name, arn, &instance_arn(arn))?;
    Ok(permission.into())
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateTrustedTokenIssuer>(create_access, create),
        route::read::<ops::DescribeTrustedTokenIssuer>(
            |cx, input| on_issuer::<ops::DescribeTrustedTokenIssuer>(cx, &input.trusted_token_issuer_arn),
            describe,
        ),
        route::write::<ops::UpdateTrustedTokenIssuer>(
            |cx, input| on_issuer::<ops::UpdateTrustedTokenIssuer>(cx, &input.trusted_token_issuer_arn),
            update,
        ),
        route::write::<ops::DeleteTrustedTokenIssuer>(
            |cx, input| on_issuer::<ops::DeleteTrustedTokenIssuer>(cx, &input.trusted_token_issuer_arn),
            delete,
        ),
        route::read::<ops::ListTrustedTokenIssuers>(
            |cx, input| access::on_instance(cx, "ListTrustedTokenIssuers", &input.instance_arn),
            list,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_account_instance_and_issuer() {
        let arn = "arn:aws:sso::111122223333:trustedTokenIssuer/ssoins-0123456789abcdef/\
                   tti-01234567-89ab-cdef-0123-456789abcdef";
        assert!(parts(arn).is_some());
        for bad in
            [arn.trim_end_matches('f'), &arn.replace("tti-", "apl-"), &format!("{arn}/x"), &arn.replace("::1", ":::1")]
        {
            assert!(parts(bad).is_none(), "{bad}");
        }
    }
}
