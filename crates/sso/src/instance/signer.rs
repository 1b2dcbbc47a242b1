//! The key with which an instance vouches for its users, and its description as an identity provider.

use super::Instance;
use base::{AccountId, InstanceId, Random, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation::certificate::Certificate;
use federation::keys::SigningKey;
use federation::saml::sign::{IdentityProviderDescription, identity_provider_metadata};
use federation::saml::{BINDING_POST, BINDING_REDIRECT, FORMAT_PERSISTENT};
use kernel::seal::Purpose;
use kernel::{App, Error, Result, Tx, params};

/// Life of an instance's certificate, in seconds: a hundred years, so that no account ever loses its provider.
const CERTIFICATE_SECONDS: i64 = 100 * 365 * 86_400;

/// What an instance signs with.
#[derive(Debug)]
pub struct Signer {
    /// The key.
    pub key: SigningKey,
    /// The certificate that service providers know.
    pub certificate: Certificate,
}

/// A new key and its certificate as they are stored: sealed PKCS #8, and DER in base64.
pub(super) fn generate(app: &App, id: &InstanceId, now: Timestamp, random: &mut Random) -> Result<(Vec<u8>, String)> {
    let pkcs8 = SigningKey::generate_rsa_2048().map_err(Error::internal)?;
    let key = SigningKey::from_pkcs8(&pkcs8).map_err(Error::internal)?;
    let until = now.plus_seconds(CERTIFICATE_SECONDS);
    let certificate =
        Certificate::self_signed(&key, id.as_str(), random.bytes(), now, until).map_err(Error::internal)?;
    let sealed = app.seal.seal(Purpose::SigningKey, id.as_str(), &pkcs8, random)?;
    Ok((sealed, certificate.base64()))
}

/// The instance's key and certificate.
///
/// # Errors
/// When the database fails, or the master key that sealed the key is gone.
pub fn signing_key(app: &App, tx: &mut Tx, instance: &Instance) -> Result<Signer> {
    let sql = "select private_key, certificate from sso_instance where id = $1";
    let (sealed, certificate): (Vec<u8>, String) =
        tx.one(sql, params![instance.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let pkcs8 = app
        .seal
        .open(Purpose::SigningKey, instance.id.as_str(), &sealed)
        .ok_or_else(|| Error::internal("the signing key of an instance does not open with any master key"))?;
    Ok(Signer {
        key: SigningKey::from_pkcs8(&pkcs8).map_err(Error::internal)?,
        certificate: Certificate::from_base64(&certificate).map_err(Error::internal)?,
    })
}

/// Names the instance as the identity provider of an account.
fn provider_id(instance: &Instance, account: &AccountId) -> String {
    let digits = instance.id.as_str().trim_start_matches("sso");
    STANDARD.encode(format!("{account}_{digits}"))
}

fn portal_url(instance: &Instance, account: &AccountId, what: &str) -> String {
    format!("https://portal.sso.{}.amazonaws.com/saml/{what}/{}", instance.region, provider_id(instance, account))
}

/// The issuer of the instance's assertions for an account.
pub fn entity_id(instance: &Instance, account: &AccountId) -> String {
    portal_url(instance, account, "assertion")
}

/// The instance's certificate.
///
/// # Errors
/// When the database fails.
pub fn certificate(tx: &mut Tx, instance: &Instance) -> Result<Certificate> {
    let sql = "select certificate from sso_instance where id = $1";
    let certificate: String = tx.one(sql, params![instance.id], |row| row.get(0))?;
    Certificate::from_base64(&certificate).map_err(Error::internal)
}

/// The metadata of the SAML provider that stands for the instance in an account.
///
/// # Errors
/// When the document cannot be written.
pub fn saml_metadata(certificate: &Certificate, instance: &Instance, account: &AccountId) -> Result<String> {
    let entity_id = entity_id(instance, account);
    let logout = portal_url(instance, account, "logout");
    identity_provider_metadata(&IdentityProviderDescription {
        entity_id: &entity_id,
        certificates: &[certificate],
        single_sign_on: &[(BINDING_POST, &entity_id), (BINDING_REDIRECT, &entity_id)],
        single_logout: &[(BINDING_POST, &logout), (BINDING_REDIRECT, &logout)],
        name_id_formats: &[FORMAT_PERSISTENT],
        valid_until: None,
    })
    .map_err(Error::internal)
}
