//! The key that signs ID tokens. It is made when the first token is.

use base::Timestamp;
use federation::jwt;
use federation::keys::SigningKey;
use kernel::seal::Purpose;
use kernel::{Error, Result, WriteCx, params};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The row.
const ID: &str = "id-token";

fn signing_key(cx: &mut WriteCx<'_>) -> Result<SigningKey> {
    let app = Arc::clone(cx.app);
    let sql = "select private_key from signin_key where id = $1";
    let sealed: Option<Vec<u8>> = cx.tx.opt(sql, params![ID], |row| row.get(0))?;
    let pkcs8 = match sealed {
        Some(sealed) => app
            .seal
            .open(Purpose::SigningKey, ID, &sealed)
            .ok_or_else(|| Error::internal("the key of ID tokens does not open with any master key"))?,
        None => {
            let pkcs8 = SigningKey::generate_p256().map_err(Error::internal)?;
            let sealed = app.seal.seal(Purpose::SigningKey, ID, &pkcs8, &mut cx.random)?;
            let now = cx.now;
            let sql = "insert into signin_key (id, private_key, created_at) values ($1, $2, $3)";
            cx.write().exec_one(sql, params![ID, sealed, now])?;
            pkcs8
        }
    };
    SigningKey::from_pkcs8(&pkcs8).map_err(Error::internal)
}

/// An ID token that says who `subject` (an ARN) is to the client of that id.
pub(super) fn id_token(cx: &mut WriteCx<'_>, client_id: &str, subject: &str, until: Timestamp) -> Result<String> {
    let key = signing_key(cx)?;
    let claims = json!({
        "iss": cx.app.settings.base_url,
        "sub": subject,
        "aud": client_id,
        "iat": cx.now.seconds(),
        "exp": until.seconds(),
    });
    let claims: Map<String, Value> = claims.as_object().cloned().unwrap_or_default();
    let id = jwt::thumbprint(&key).map_err(Error::internal)?;
    jwt::sign(&claims, &id, &key).map_err(Error::internal)
}
