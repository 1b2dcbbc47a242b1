//! `CreateOAuth2Token`: credentials for a tool, for a code or a refresh token.

use super::grant::{self, Grant};
use super::{Client, key, proof};
use crate::session::ConsoleSession;
use aws_lc_rs::constant_time;
use base::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Caller, Error, Result, WriteCx};
use model::signin::{
    AccessDeniedException, AccessToken, CreateOAuth2TokenRequest, CreateOAuth2TokenRequestBody,
    CreateOAuth2TokenResponse, CreateOAuth2TokenResponseBody, OAuth2ErrorCode, ValidationException,
};
use sso::refresh_token::is_copied;
use std::sync::Arc;

/// How long the credentials are good, in seconds; AWS's client expects no more.
const CREDENTIALS_SECONDS: i64 = 900;
const TOKEN_TYPE: &str = "aws_sigv4";

pub(super) fn create(cx: &mut WriteCx<'_>, input: &CreateOAuth2TokenRequest) -> Result<CreateOAuth2TokenResponse> {
    let body = &input.token_input;
    let client = Client::of(&body.client_id).ok_or_else(|| invalid("The client is not known"))?;
    let thumbprint = proof::thumbprint(cx)?;
    match body.grant_type.as_str() {
        "authorization_code" => redeem(cx, client, body, &thumbprint),
        "refresh_token" => refresh(cx, client, body, &thumbprint),
        _ => Err(invalid("The grant type is not supported")),
    }
}

fn invalid(message: &str) -> Error {
    ValidationException { error: OAuth2ErrorCode::InvalidRequest, message: message.to_owned() }.into()
}

fn denied(error: OAuth2ErrorCode, message: &str) -> AccessDeniedException {
    AccessDeniedException { error, message: message.to_owned() }
}

fn code_expired() -> AccessDeniedException {
    denied(OAuth2ErrorCode::AuthcodeExpired, "The authorization code is not valid or has expired")
}

fn token_expired() -> AccessDeniedException {
    denied(OAuth2ErrorCode::TokenExpired, "The refresh token is not valid or has expired")
}

/// Exchanges a code. One that comes twice was stolen, before or after its use: what it was exchanged for ends
/// (RFC 6749 §4.1.2).
fn redeem(
    cx: &mut WriteCx<'_>,
    client: Client,
    body: &CreateOAuth2TokenRequestBody,
    thumbprint: &str,
) -> Result<CreateOAuth2TokenResponse> {
    let (Some(code), Some(verifier)) = (&body.code, &body.code_verifier) else {
        return Err(invalid("code and codeVerifier are needed"));
    };
    let found = grant::of_code(cx.tx, code)?.filter(|grant| grant.client == client);
    let Some(grant) = found else { return Err(code_expired().into()) };
    if grant.is_code_used {
        grant::delete(cx, &grant)?;
        return cx.refuse(code_expired());
    }
    if cx.now >= grant.code_expires_at {
        return Err(code_expired().into());
    }
    // The tool elsewhere may leave out the address, which is a page of ours.
    let is_address = match &body.redirect_uri {
        Some(uri) => *uri == grant.redirect_uri,
        None => client == Client::CrossDevice,
    };
    let expected = URL_SAFE_NO_PAD.encode(grant::hash(verifier));
    let is_verifier =
        constant_time::verify_slices_are_equal(expected.as_bytes(), grant.code_challenge.as_bytes()).is_ok();
    if !is_address || !is_verifier {
        return Err(invalid("redirectUri or codeVerifier do not fit the authorization code"));
    }
    let session = living(cx, &grant)?;
    let token = grant::begin(cx, &grant, thumbprint)?;
    let id_token = key::id_token(cx, client.id(), &session.caller.arn(), grant.expires_at)?;
    respond(cx, &grant, &session, &token, Some(id_token))
}

/// Renews credentials. A tool whose refresh token was copied is out; a copy is of no use without the tool's key.
fn refresh(
    cx: &mut WriteCx<'_>,
    client: Client,
    body: &CreateOAuth2TokenRequestBody,
    thumbprint: &str,
) -> Result<CreateOAuth2TokenResponse> {
    let Some(token) = &body.refresh_token else { return Err(invalid("refreshToken is needed")) };
    let fits = |grant: &Grant| grant.client == client && grant.thumbprint.as_deref() == Some(thumbprint);
    let found = grant::of_refresh_token(cx.tx, token)?.filter(|(grant, _)| fits(grant));
    let Some((grant, used_at)) = found else { return Err(token_expired().into()) };
    if is_copied(used_at, cx.now) {
        grant::delete(cx, &grant)?;
        return cx.refuse(token_expired());
    }
    let session = living(cx, &grant)?;
    let next = grant::rotate(cx, &grant, token)?;
    respond(cx, &grant, &session, &next, None)
}

/// The session behind a grant, if it goes on and its principal may use tools. The call is the principal's from here on.
fn living(cx: &mut WriteCx<'_>, grant: &Grant) -> Result<ConsoleSession> {
    let app = Arc::clone(cx.app);
    if grant.expires_at <= cx.now {
        return Err(token_expired().into());
    }
    let session = grant.session(&app.seal).ok_or_else(token_expired)?;
    if !session.is_alive(cx.tx)? {
        let text = "The user's credentials have changed, or whoever was let in no longer exists";
        return Err(denied(OAuth2ErrorCode::UserCredentialsChanged, text).into());
    }
    cx.caller = Caller::Principal(session.caller.clone());
    let permission = grant.client.permission(cx, "CreateOAuth2Token", &grant.redirect_uri)?;
    cx.require(&permission).map_err(|error| match error {
        Error::Denied(denial) => denied(OAuth2ErrorCode::InsufficientPermissions, &denial.message).into(),
        other => other,
    })?;
    Ok(session)
}

fn respond(
    cx: &mut WriteCx<'_>,
    grant: &Grant,
    session: &ConsoleSession,
    refresh_token: &Secret,
    id_token: Option<String>,
) -> Result<CreateOAuth2TokenResponse> {
    let app = Arc::clone(cx.app);
    let until = cx.now.plus_seconds(CREDENTIALS_SECONDS).min(grant.expires_at);
    let issued = session.credentials_until(until, &app.seal, &mut cx.random)?;
    let expires_in = i32::try_from(until.seconds() - cx.now.seconds()).unwrap_or(i32::MAX);
    Ok(CreateOAuth2TokenResponse {
        token_output: CreateOAuth2TokenResponseBody {
            access_token: AccessToken {
                access_key_id: issued.access_key_id.to_string(),
                secret_access_key: issued.secret.expose().to_owned(),
                session_token: issued.token,
            },
            expires_in,
            id_token,
            refresh_token: refresh_token.expose().to_owned(),
            token_type: TOKEN_TYPE.to_owned(),
        },
    })
}
