//! Authorization codes: given to a browser, exchanged by the tool that the browser was sent back to.

use super::client::Client;
use super::joined;
use super::token::{self, Granted};
use crate::session::{self, PortalSession};
use crate::{clean_up, opaque};
use aws_lc_rs::{constant_time, digest};
use base::{Secret, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Result, WriteCx, params};
use model::sso_oidc::{
    CreateTokenRequest, CreateTokenResponse, InvalidGrantException, InvalidRequestException,
    UnauthorizedClientException,
};

/// How long a code is good: the tool is called at once, and RFC 6749 §4.1.2 recommends ten minutes at most.
const LIFE_SECONDS: i64 = 300;
/// Random bytes of a code.
const CODE_BYTES: usize = 24;

/// What a new code stands for.
pub(crate) struct NewCode<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) session: &'a PortalSession,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) code_challenge: &'a str,
}

struct Code {
    client_id: String,
    session: String,
    redirect_uri: String,
    scopes: String,
    code_challenge: String,
    expires_at: Timestamp,
    tool_session: Option<String>,
}

/// Gives out a code.
pub(crate) fn create(cx: &mut WriteCx<'_>, new: &NewCode<'_>) -> Result<Secret> {
    let code = opaque::new("", CODE_BYTES, &mut cx.random);
    let expires_at = cx.now.plus_seconds(LIFE_SECONDS);
    cx.write().exec_one(
        "insert into sso_authorization_code (code_hash, client_id, session_id, redirect_uri, scopes, code_challenge, \
           expires_at) values ($1, $2, $3, $4, $5, $6, $7)",
        params![
            opaque::hash(code.expose()),
            new.client_id,
            new.session.id,
            new.redirect_uri,
            joined(new.scopes),
            new.code_challenge,
            expires_at
        ],
    )?;
    clean_up::schedule(cx)?;
    Ok(code)
}

/// Whether `text` may be a challenge of the method S256 (RFC 7636 §4.2).
pub(crate) fn is_challenge(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == digest::SHA256_OUTPUT_LEN)
}

fn fits(verifier: &str, challenge: &str) -> bool {
    let is_verifier = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'));
    let expected = URL_SAFE_NO_PAD.encode(opaque::hash(verifier));
    is_verifier && constant_time::verify_slices_are_equal(expected.as_bytes(), challenge.as_bytes()).is_ok()
}

/// What came of a code.
pub(super) enum Exchange {
    /// It is good.
    Granted {
        /// The browser's session in which the person agreed.
        parent: PortalSession,
        /// Separated by spaces.
        scopes: String,
        /// By which [`mark_used`] knows the code.
        hash: Vec<u8>,
    },
    /// It had been used: what it was exchanged for has ended.
    Stolen,
}

/// What comes with a code.
pub(super) struct Presented<'a> {
    pub(super) client_id: &'a str,
    pub(super) code: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) verifier: Option<&'a str>,
}

pub(super) fn invalid() -> InvalidGrantException {
    InvalidGrantException::new("The code is not valid")
}

/// Checks a code. One that comes twice was stolen, before or after its use: what it was exchanged for ends (RFC 6749
/// §4.1.2).
pub(super) fn present(cx: &mut WriteCx<'_>, presented: &Presented<'_>) -> Result<Exchange> {
    let hash = opaque::hash(presented.code);
    let found = find(cx, &hash)?.filter(|code| code.client_id == presented.client_id);
    let Some(code) = found else { return Err(invalid().into()) };
    let now = cx.now;
    let Some(parent) = session::get(cx.tx, &code.session, now)? else { return Err(invalid().into()) };
    if let Some(tool_session) = &code.tool_session {
        session::end_of_user(cx, &parent.user, tool_session)?;
        return Ok(Exchange::Stolen);
    }
    // Only applications, which prove who they are, may go without a challenge.
    let is_proved = match presented.verifier {
        Some(verifier) => fits(verifier, &code.code_challenge),
        None => code.code_challenge.is_empty(),
    };
    if now >= code.expires_at || presented.redirect_uri != code.redirect_uri || !is_proved {
        return Err(invalid().into());
    }
    Ok(Exchange::Granted { parent, scopes: code.scopes, hash })
}

/// Notes for which session a code was exchanged.
pub(super) fn mark_used(cx: &mut WriteCx<'_>, hash: &[u8], tool_session: &str) -> Result<()> {
    cx.write().exec_one(
        "update sso_authorization_code set tool_session_id = $2 where code_hash = $1",
        params![hash, tool_session],
    )
}

/// `CreateToken` with an authorization code.
pub(super) fn redeem(cx: &mut WriteCx<'_>, client: &Client, input: &CreateTokenRequest) -> Result<CreateTokenResponse> {
    let (Some(code), Some(redirect_uri), Some(verifier)) = (&input.code, &input.redirect_uri, &input.code_verifier)
    else {
        return Err(InvalidRequestException::new("code, redirectUri and codeVerifier are needed").into());
    };
    if !client.may_redirect() {
        return Err(UnauthorizedClientException::new("The client is not registered for authorization_code").into());
    }
    let presented = Presented { client_id: &client.id, code, redirect_uri, verifier: Some(verifier) };
    let Exchange::Granted { parent, scopes, hash } = present(cx, &presented)? else { return cx.refuse(invalid()) };
    let granted = Granted {
        instance: &parent.instance,
        user: &parent.user,
        parent: Some(&parent.id),
        scopes: &scopes,
        expires_at: parent.expires_at,
    };
    let (tool, response) = token::begin(cx, client, &granted)?;
    mark_used(cx, &hash, &tool.id)?;
    Ok(response)
}

fn find(cx: &mut WriteCx<'_>, hash: &[u8]) -> Result<Option<Code>> {
    let sql = "select client_id, session_id, redirect_uri, scopes, code_challenge, expires_at, tool_session_id \
               from sso_authorization_code where code_hash = $1";
    cx.tx.opt(sql, params![hash], |row| {
        Ok(Code {
            client_id: row.get(0)?,
            session: row.get(1)?,
            redirect_uri: row.get(2)?,
            scopes: row.get(3)?,
            code_challenge: row.get(4)?,
            expires_at: row.get(5)?,
            tool_session: row.get(6)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_fits_its_challenge_and_no_other() {
        // RFC 7636, appendix B.
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_challenge(challenge) && fits(verifier, challenge));
        assert!(!fits(verifier, verifier) && !fits("short", challenge) && !fits("", challenge));
        assert!(!is_challenge("") && !is_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw") && !is_challenge("==="));
    }
}
