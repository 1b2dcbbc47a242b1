//! Clients: the tools that registered. All are public (RFC 6749 §2.1): the secret tells registrations apart and proves
//! nothing about the program that holds it.

use super::redirect::Redirect;
use super::{joined, split};
use crate::{clean_up, instance, opaque};
use base::{InstanceId, Timestamp};
use kernel::{Result, Tx, WriteCx, params};
use model::sso_oidc::{
    InvalidClientException, InvalidClientMetadataException, InvalidRedirectUriException, InvalidRequestException,
    InvalidScopeException, RegisterClientRequest, RegisterClientResponse, SlowDownException,
    UnsupportedGrantTypeException,
};
use std::sync::Arc;

/// `grantType` of a code that came by redirection.
pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
/// `grantType` of a code that was approved on another device.
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// `grantType` of a refresh token.
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";

/// How long a registration is good (AWS: 90 days). Tools keep it that long and do not register again before.
const LIFE_SECONDS: i64 = 90 * 86_400;
/// Registrations from one address in [`PAUSE_SECONDS`]: each is a row for 90 days.
const PER_ADDRESS_MAX: i64 = 60;
/// See [`PER_ADDRESS_MAX`].
const PAUSE_SECONDS: i64 = 600;
/// Longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 255;
/// Most scopes, grant types and redirect addresses of a client, each.
const LIST_MAX: usize = 10;
/// What may be asked for: both mean the accounts and roles of the portal.
const SCOPES: &[&str] = &["sso:account:access", "sso-portal:*"];

/// A client.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) grant_types: Vec<String>,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) instance: Option<InstanceId>,
}

impl Client {
    /// Whether it may ask for codes by redirection.
    pub(crate) fn may_redirect(&self) -> bool {
        !self.redirect_uris.is_empty() && self.may_use(AUTHORIZATION_CODE)
    }

    /// Whether it gets refresh tokens: as in AWS, only clients that registered with scopes do.
    pub(crate) fn may_refresh(&self) -> bool {
        !self.scopes.is_empty() && self.may_use(REFRESH_TOKEN)
    }

    /// A client that named no grant types may use all that it can. The device grant is open to every client: the AWS
    /// CLI uses a registration for redirection with it, too.
    fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.is_empty() || self.grant_types.iter().any(|each| each == grant_type)
    }
}

/// The client of that id, while its registration is good.
pub(crate) fn find(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Option<Client>> {
    Ok(load(tx, id, now)?.map(|(client, _)| client))
}

/// The client of that id and secret.
pub(crate) fn authenticate(cx: &mut WriteCx<'_>, id: &str, secret: &str) -> Result<Client> {
    let now = cx.now;
    match load(cx.tx, id, now)? {
        Some((client, hash)) if opaque::fits(secret, &hash) => Ok(client),
        _ => Err(InvalidClientException::new("The client is not registered, or its registration has expired.").into()),
    }
}

fn load(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Option<(Client, Vec<u8>)>> {
    let sql = "select id, name, scopes, grant_types, redirect_uris, instance_id, secret_hash from sso_client \
               where id = $1 and expires_at > $2";
    tx.opt(sql, params![id, now], |row| {
        let client = Client {
            id: row.get(0)?,
            name: row.get(1)?,
            scopes: split(&row.get::<String>(2)?),
            grant_types: split(&row.get::<String>(3)?),
            redirect_uris: split(&row.get::<String>(4)?),
            instance: row.get(5)?,
        };
        Ok((client, row.get(6)?))
    })
}

/// `RegisterClient`.
pub(super) fn register(cx: &mut WriteCx<'_>, input: &RegisterClientRequest) -> Result<RegisterClientResponse> {
    check(input)?;
    let instance = issuer(cx, input)?;
    throttle(cx)?;
    let request = Arc::clone(&cx.request);
    let id = opaque::new("", 16, &mut cx.random);
    let secret = opaque::new("", 24, &mut cx.random);
    let (issued_at, expires_at) = (cx.now, cx.now.plus_seconds(LIFE_SECONDS));
    let list = |words: &Option<Vec<String>>| joined(words.as_deref().unwrap_or_default());
    cx.write().exec_one(
        "insert into sso_client (id, secret_hash, name, scopes, grant_types, redirect_uris, instance_id, source_ip, \
           created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            id.expose(),
            opaque::hash(secret.expose()),
            input.client_name,
            list(&input.scopes),
            list(&input.grant_types),
            list(&input.redirect_uris),
            instance,
            request.source_ip,
            issued_at,
            expires_at
        ],
    )?;
    clean_up::schedule(cx)?;
    Ok(RegisterClientResponse {
        client_id: Some(id.expose().to_owned()),
        client_secret: Some(secret.expose().to_owned()),
        client_id_issued_at: Some(issued_at.seconds()),
        client_secret_expires_at: Some(expires_at.seconds()),
        // Tools derive both from the address that they call, as with AWS.
        authorization_endpoint: None,
        token_endpoint: None,
    })
}

fn check(input: &RegisterClientRequest) -> Result<()> {
    if input.client_type != "public" {
        return Err(InvalidClientMetadataException::new("clientType must be public").into());
    }
    let length = input.client_name.chars().count();
    if !(1..=NAME_CHARACTERS_MAX).contains(&length) || input.client_name.chars().any(char::is_control) {
        return Err(InvalidClientMetadataException::new("clientName must have 1 to 255 printable characters").into());
    }
    if input.entitled_application_arn.is_some() {
        return Err(InvalidRequestException::new("entitledApplicationArn is not supported").into());
    }
    let scopes = input.scopes.as_deref().unwrap_or_default();
    if scopes.len() > LIST_MAX || scopes.iter().any(|scope| !SCOPES.contains(&scope.as_str())) {
        return Err(
            InvalidScopeException::new("A scope is not known; known are sso:account:access and sso-portal:*").into()
        );
    }
    let grant_types = input.grant_types.as_deref().unwrap_or_default();
    let known = [AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN];
    if grant_types.len() > LIST_MAX || grant_types.iter().any(|each| !known.contains(&each.as_str())) {
        return Err(UnsupportedGrantTypeException::new("A grant type is not supported for public clients").into());
    }
    let redirect_uris = input.redirect_uris.as_deref().unwrap_or_default();
    let needs_address = grant_types.iter().any(|each| each == AUTHORIZATION_CODE);
    if redirect_uris.len() > LIST_MAX || (needs_address && redirect_uris.is_empty()) {
        return Err(InvalidRedirectUriException::new("1 to 10 redirectUris are needed for authorization_code").into());
    }
    if redirect_uris.iter().any(|uri| Redirect::parse(uri).is_none()) {
        let message = "redirectUris must lead to the tool's own machine: http://127.0.0.1, http://[::1] or \
                       http://localhost, with any port and path";
        return Err(InvalidRedirectUriException::new(message).into());
    }
    Ok(())
}

fn issuer(cx: &mut WriteCx<'_>, input: &RegisterClientRequest) -> Result<Option<InstanceId>> {
    let Some(url) = &input.issuer_url else { return Ok(None) };
    let app = Arc::clone(cx.app);
    match instance::of_start_url(cx.tx, &app.settings, url)? {
        Some(instance) => Ok(Some(instance.id)),
        None => Err(InvalidRequestException::new("issuerUrl is not the start URL of an instance").into()),
    }
}

fn throttle(cx: &mut WriteCx<'_>) -> Result<()> {
    let (address, since) = (cx.request.source_ip.clone(), cx.now.plus_seconds(-PAUSE_SECONDS));
    let sql = "select count(*) from sso_client where source_ip = $1 and created_at > $2";
    if cx.tx.count(sql, params![address, since])? >= PER_ADDRESS_MAX {
        return Err(SlowDownException::new("Too many clients were registered from this address").into());
    }
    Ok(())
}
