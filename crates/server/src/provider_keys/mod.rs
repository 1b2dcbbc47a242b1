//! The signing keys of OpenID Connect providers, fetched as OpenID Connect Discovery 1.0 says.
//!
//! A fetch calls the registered issuer and the `jwks_uri` that it names, by `https` alone. Which addresses these names
//! stand for is not looked at: whoever may register a provider (`iam:CreateOpenIDConnectProvider`) can have the server
//! send such GET requests to hosts of its own network, and learns from it whether they came to keys. Where that matters,
//! a proxy (`HTTPS_PROXY`) or the network must restrict what the server may call. See `docs/web-identity.md`.

mod client;
mod proxy;
mod trust;

pub use client::FetchError;
pub use proxy::Proxy;
pub use trust::AuthorityFile;
pub(crate) use trust::trusting;

use base::Timestamp;
use client::Client;
use federation::jwt::KeySet;
use iam::oidc_provider::{self, OidcProvider, keys};
use kernel::job::{JobHandler, Outcome};
use kernel::{App, Error, Result};
use serde_json::Value;
use sso::trusted_token_issuer;
use std::sync::Arc;
use std::time::Duration;

/// Longest time that a fetch may take: both documents with all their redirects.
const TOTAL: Duration = Duration::from_secs(10);

/// How providers are reached; an extension of the application.
#[derive(Debug, Default)]
pub struct Fetcher {
    /// Authorities that are trusted besides those of the system.
    pub authorities: Option<AuthorityFile>,
    /// The proxy of the environment.
    pub proxy: Proxy,
}

/// The jobs of this module.
pub fn jobs() -> Vec<JobHandler> {
    vec![
        JobHandler { kind: keys::FETCH, run: fetch_and_store },
        JobHandler { kind: trusted_token_issuer::FETCH_KEYS, run: fetch_and_store_for_issuer },
    ]
}

fn fetch_and_store(app: &Arc<App>, arn: &str) -> Result<Outcome> {
    let fetcher = app.extension::<Fetcher>().ok_or_else(|| Error::internal("no fetcher is set up"))?;
    let Some(provider) = app.store.read(|tx| oidc_provider::find(tx, arn))? else { return Ok(Outcome::Done) };
    let began_at = app.now();
    let jwks = fetcher.fetch(&provider).map_err(|error| {
        Error::internal(format!("the signing keys of https://{} cannot be fetched: {error}", provider.url))
    })?;
    let is_stored = app.store.write(|tx| store(tx, &provider, &jwks, began_at), |_| {})?;
    if is_stored {
        tracing::info!(provider = arn, "the provider's signing keys were fetched");
        return Ok(Outcome::Done);
    }
    Ok(Outcome::Again(app.now()))
}

/// The same for an issuer that applications of Identity Center trust, whose URL never changes.
fn fetch_and_store_for_issuer(app: &Arc<App>, arn: &str) -> Result<Outcome> {
    let fetcher = app.extension::<Fetcher>().ok_or_else(|| Error::internal("no fetcher is set up"))?;
    let Some(issuer) = app.store.read(|tx| trusted_token_issuer::get(tx, arn))? else { return Ok(Outcome::Done) };
    let began_at = app.now();
    let jwks = fetcher.fetch_of(&issuer.issuer_url, &[]).map_err(|error| {
        Error::internal(format!("the signing keys of {} cannot be fetched: {error}", issuer.issuer_url))
    })?;
    if app.store.write(|tx| trusted_token_issuer::set_jwks(tx, arn, &jwks, began_at), |_| {})? {
        tracing::info!(issuer = arn, "the issuer's signing keys were fetched");
    }
    Ok(Outcome::Done)
}

/// Stores the keys; false when the provider is no longer the one they were fetched for.
fn store(tx: &mut kernel::WriteTx<'_>, provider: &OidcProvider, jwks: &str, began_at: Timestamp) -> Result<bool> {
    let is_same = |now: &OidcProvider| now.thumbprints == provider.thumbprints && now.created_at == provider.created_at;
    if !oidc_provider::find(tx, &provider.arn)?.as_ref().is_some_and(is_same) {
        return Ok(false);
    }
    oidc_provider::set_jwks(tx, &provider.arn, jwks, began_at)?;
    Ok(true)
}

impl Fetcher {
    /// The JSON Web Key Set of `provider`, which has at least one key that can be used. Blocks for [`TOTAL`] at most.
    ///
    /// # Errors
    /// What went wrong, for the operator.
    pub fn fetch(&self, provider: &OidcProvider) -> Result<String, FetchError> {
        self.fetch_of(&format!("https://{}", provider.url), &provider.thumbprints)
    }

    /// The same for the issuer of that URL; `thumbprints` are those of certificates that are trusted besides.
    fn fetch_of(&self, issuer: &str, thumbprints: &[String]) -> Result<String, FetchError> {
        let tls = trust::client_config(self.authorities.as_ref(), thumbprints)?;
        let client = Client { tls: Arc::new(tls), proxy: &self.proxy };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(FetchError::Runtime)?;
        let fetched = runtime.block_on(async {
            let within = tokio::time::timeout(TOTAL, key_set(&client, issuer));
            within.await.unwrap_or(Err(FetchError::TooSlow))
        });
        // A name that is still being resolved is not waited for.
        runtime.shutdown_background();
        fetched
    }
}

async fn key_set(client: &Client<'_>, issuer: &str) -> Result<String, FetchError> {
    // OpenID Connect Discovery 1.0 §4: a slash that ends the issuer is left out.
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let text = client.get(&address).await?;
    let document: Value = serde_json::from_str(&text).map_err(|_| FetchError::Discovery("it is not JSON"))?;
    let member = |name: &str| document.get(name).and_then(Value::as_str);
    let named = member("issuer").ok_or(FetchError::Discovery("it names no issuer"))?;
    if named != issuer {
        return Err(FetchError::OtherIssuer(named.chars().take(256).collect()));
    }
    let address = member("jwks_uri").ok_or(FetchError::Discovery("it names no jwks_uri"))?;
    let jwks = client.get(address).await?;
    if KeySet::parse(&jwks)?.keys().is_empty() {
        return Err(FetchError::NoKeys);
    }
    Ok(jwks)
}
