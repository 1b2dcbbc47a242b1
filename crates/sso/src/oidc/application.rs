//! `CreateTokenWithIAM`: tokens for applications, which prove with the signature of an IAM principal who they are.
//!
//! The principal needs the permission and a place in the application's actor policy, the application a grant of the
//! type, and the person an assignment to the application. The tokens are for the application's own use: the portal does
//! not take them, and there is no identity context, because STS here takes none.

use super::code::{self, Exchange, Presented};
use super::token::{self, Refreshed, require_scopes};
use super::{actor, joined, split};
use crate::application::{self, Application};
use crate::instance::{self, Instance, signer};
use crate::opaque;
use crate::session::{self, PortalSession, Tool};
use crate::trusted_token_issuer::{self, TrustedTokenIssuer};
use base::{IdentityUserId, Timestamp};
use federation::jwt::{self, KeySet, TokenError};
use kernel::{Access, Cx, Error, Permission, Result, WriteCx, params};
use model::sso_admin::{Grant, GrantType};
use model::sso_oidc::{
    AccessDeniedException, CreateTokenWithIAMRequest, CreateTokenWithIAMResponse, InvalidClientException,
    InvalidGrantException, InvalidRequestException, UnauthorizedClientException, UnsupportedGrantTypeException,
};
use serde_json::{Map, Value, json};

const ACTION: &str = "sso-oauth:CreateTokenWithIAM";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";
/// Longest life of an application's access token (AWS: an hour).
const ACCESS_SECONDS_MAX: i64 = 3_600;
/// How much the clocks of issuers may differ.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// The permission, on the application.
pub(super) fn may_create_token(_cx: &mut Cx<'_>, input: &CreateTokenWithIAMRequest) -> Result<Access> {
    Ok(Permission::new(ACTION, input.client_id.as_str()).into())
}

/// The application that asks, in its instance.
struct Asking {
    application: Application,
    instance: Instance,
    grant: Grant,
}

/// The person for whom it asks.
struct Granted {
    user: IdentityUserId,
    /// The session that ends the application's.
    parent: Option<String>,
    /// What was granted, when something was.
    scopes: Option<Vec<String>>,
    expires_at: Timestamp,
}

/// `CreateTokenWithIAM`.
pub(super) fn create_token(
    cx: &mut WriteCx<'_>,
    input: &CreateTokenWithIAMRequest,
) -> Result<CreateTokenWithIAMResponse> {
    let asking = asking(cx, input)?;
    if !matches!(input.requested_token_type.as_deref(), None | Some(ACCESS_TOKEN | REFRESH_TOKEN)) {
        return Err(InvalidRequestException::new("requestedTokenType is not known").into());
    }
    match grant_type(input)? {
        GrantType::AuthorizationCode => with_code(cx, &asking, input),
        GrantType::RefreshToken => with_refresh_token(cx, &asking, input),
        GrantType::UrnIetfParamsOauthGrantTypeJwtBearer => with_assertion(cx, &asking, input),
        GrantType::UrnIetfParamsOauthGrantTypeTokenExchange => with_token(cx, &asking, input),
    }
}

fn grant_type(input: &CreateTokenWithIAMRequest) -> Result<GrantType> {
    GrantType::parse(&input.grant_type)
        .ok_or_else(|| UnsupportedGrantTypeException::new("The grant type is not supported").into())
}

fn asking(cx: &mut WriteCx<'_>, input: &CreateTokenWithIAMRequest) -> Result<Asking> {
    let unknown = || Error::from(InvalidClientException::new("clientId is not the ARN of an application"));
    let application = application::find(cx.tx, &input.client_id)?.ok_or_else(unknown)?;
    let instance = instance::get(cx.tx, &application.instance)?.ok_or_else(unknown)?;
    let caller = cx.principal()?.clone();
    if !actor::is_actor(cx, &application, &caller, ACTION)? {
        let message = format!("{} may not speak for the application", caller.arn());
        return Err(AccessDeniedException::new(message).into());
    }
    if !application.is_enabled() {
        return Err(UnauthorizedClientException::new("The application is disabled").into());
    }
    let Some(grant) = application::grant(cx.tx, &application, grant_type(input)?)? else {
        return Err(UnauthorizedClientException::new("The application does not have that grant").into());
    };
    Ok(Asking { application, instance, grant })
}

fn missing(members: &str) -> Error {
    InvalidRequestException::new(format!("{members} must be given for this grant type")).into()
}

fn with_code(
    cx: &mut WriteCx<'_>,
    asking: &Asking,
    input: &CreateTokenWithIAMRequest,
) -> Result<CreateTokenWithIAMResponse> {
    let (Some(code), Some(redirect_uri)) = (&input.code, &input.redirect_uri) else {
        return Err(missing("code and redirectUri"));
    };
    let presented =
        Presented { client_id: &input.client_id, code, redirect_uri, verifier: input.code_verifier.as_deref() };
    let Exchange::Granted { parent, scopes, hash } = code::present(cx, &presented)? else {
        return cx.refuse(code::invalid());
    };
    let granted = Granted {
        user: parent.user,
        parent: Some(parent.id),
        scopes: Some(split(&scopes)),
        expires_at: parent.expires_at,
    };
    let (session, response) = begin(cx, asking, &granted, input)?;
    code::mark_used(cx, &hash, &session.id)?;
    Ok(response)
}

fn with_refresh_token(
    cx: &mut WriteCx<'_>,
    asking: &Asking,
    input: &CreateTokenWithIAMRequest,
) -> Result<CreateTokenWithIAMResponse> {
    let Some(token) = &input.refresh_token else { return Err(missing("refreshToken")) };
    match token::renew(cx, &input.client_id, token, input.scope.as_deref())? {
        Refreshed::Granted { session, scopes } => {
            require_assignment(cx, asking, &session.user)?;
            let scopes = input.scope.clone().unwrap_or_else(|| split(&scopes));
            respond(cx, asking, &session, scopes)
        }
        Refreshed::Stolen => cx.refuse(token::invalid_refresh_token()),
    }
}

/// A token of an issuer that the application trusts (RFC 7523).
fn with_assertion(
    cx: &mut WriteCx<'_>,
    asking: &Asking,
    input: &CreateTokenWithIAMRequest,
) -> Result<CreateTokenWithIAMResponse> {
    let Some(assertion) = &input.assertion else { return Err(missing("assertion")) };
    let Some((issuer, audiences)) = issuer_of(cx, asking, assertion)? else {
        return Err(InvalidGrantException::new("The application does not trust the assertion's issuer").into());
    };
    let keys = issuer.jwks.as_deref().and_then(|text| KeySet::parse(text).ok());
    let audiences: Vec<&str> = audiences.iter().map(String::as_str).collect();
    let expected = jwt::Expectations {
        issuer: &issuer.issuer_url,
        audiences: &audiences,
        now: cx.now,
        clock_skew_seconds: CLOCK_SKEW_SECONDS,
    };
    let verified = keys.map_or(Err(TokenError::NoKey), |keys| jwt::verify(assertion, &keys, &expected));
    trusted_token_issuer::refresh_keys(cx, &issuer, matches!(verified, Err(TokenError::NoKey)))?;
    let verified = match verified {
        Ok(verified) => verified,
        // What was refused may be good once the keys that were just asked for have come.
        Err(error) => return cx.refuse(InvalidGrantException::new(format!("The assertion is refused: {error}"))),
    };
    let Some(user) = user_of(cx, asking, &issuer, &verified.claims)? else {
        return Err(InvalidGrantException::new("The assertion does not name a user of the instance").into());
    };
    let expires_at = cx.now.plus_seconds(asking.instance.session_seconds);
    let granted = Granted { user, parent: None, scopes: None, expires_at };
    Ok(begin(cx, asking, &granted, input)?.1)
}

/// The issuer that the assertion names, when the application's grant names it, too, with the audiences that it accepts.
fn issuer_of(
    cx: &mut WriteCx<'_>,
    asking: &Asking,
    assertion: &str,
) -> Result<Option<(TrustedTokenIssuer, Vec<String>)>> {
    let Ok(url) = jwt::unverified_issuer(assertion) else { return Ok(None) };
    let named = asking.grant.jwt_bearer.as_ref().and_then(|grant| grant.authorized_token_issuers.as_ref());
    for each in named.into_iter().flatten() {
        let Some(arn) = &each.trusted_token_issuer_arn else { continue };
        let found = trusted_token_issuer::get(cx.tx, arn)?;
        if let Some(issuer) = found.filter(|issuer| issuer.issuer_url == url) {
            return Ok(Some((issuer, each.authorized_audiences.clone().unwrap_or_default())));
        }
    }
    Ok(None)
}

/// The one user whose attribute has the value of the issuer's claim.
fn user_of(
    cx: &mut WriteCx<'_>,
    asking: &Asking,
    issuer: &TrustedTokenIssuer,
    claims: &Map<String, Value>,
) -> Result<Option<IdentityUserId>> {
    let Some(value) = claim(claims, &issuer.claim_attribute_path) else { return Ok(None) };
    let store = &asking.instance.store;
    let user = match issuer.identity_store_attribute_path.as_str() {
        "userName" => identity::user::find_by_name(cx.tx, store, value)?,
        "emails.value" => identity::user::find_by_email(cx.tx, store, value)?,
        _ => None,
    };
    Ok(user.map(|user| user.id))
}

/// The text at a path of names with dots between them.
fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a str> {
    if let Some(value) = claims.get(path) {
        return value.as_str();
    }
    let (first, rest) = path.split_once('.')?;
    claim(claims.get(first)?.as_object()?, rest)
}

/// An access token of another application whose access scope names this one as a target (RFC 8693).
fn with_token(
    cx: &mut WriteCx<'_>,
    asking: &Asking,
    input: &CreateTokenWithIAMRequest,
) -> Result<CreateTokenWithIAMResponse> {
    let Some(subject) = &input.subject_token else { return Err(missing("subjectToken and subjectTokenType")) };
    if input.subject_token_type.as_deref() != Some(ACCESS_TOKEN) {
        return Err(InvalidRequestException::new("subjectTokenType must be that of access tokens").into());
    }
    let refused = || Error::from(InvalidGrantException::new("The subject token is not valid for this application"));
    let now = cx.now;
    let sql = "select s.id, s.client_id from sso_access_token t join sso_session s on s.id = t.session_id \
               where t.token_hash = $1 and t.expires_at > $2 and s.instance_id = $3 and s.application_id is not null";
    let found = cx.tx.opt(sql, params![opaque::hash(subject), now, asking.instance.id], |row| {
        Ok((row.get::<String>(0)?, row.get::<String>(1)?))
    })?;
    let (id, issued_to) = found.ok_or_else(refused)?;
    let subject = session::get(cx.tx, &id, now)?.ok_or_else(refused)?;
    let issued_to = application::find(cx.tx, &issued_to)?.filter(Application::is_enabled).ok_or_else(refused)?;
    let is_target = application::scopes(cx.tx, &issued_to)?
        .iter()
        .any(|scope| scope.authorized_targets.iter().flatten().any(|target| *target == input.client_id));
    if !is_target {
        return Err(refused());
    }
    let granted =
        Granted { user: subject.user, parent: Some(subject.id), scopes: None, expires_at: subject.expires_at };
    Ok(begin(cx, asking, &granted, input)?.1)
}

fn require_assignment(cx: &mut WriteCx<'_>, asking: &Asking, user: &IdentityUserId) -> Result<()> {
    let may_sign_in = session::may_sign_in(cx.tx, &asking.instance.id, user)?;
    let groups = identity::membership::groups_of(cx.tx, user)?;
    if may_sign_in && application::is_assigned(cx.tx, &asking.application, user, &groups)? {
        return Ok(());
    }
    Err(AccessDeniedException::new("The user may not use the application").into())
}

/// Begins the application's session for a person, with its first tokens.
fn begin(
    cx: &mut WriteCx<'_>,
    asking: &Asking,
    granted: &Granted,
    input: &CreateTokenWithIAMRequest,
) -> Result<(PortalSession, CreateTokenWithIAMResponse)> {
    require_assignment(cx, asking, &granted.user)?;
    let known = application::scopes(cx.tx, &asking.application)?.into_iter().map(|scope| scope.scope);
    let allowed = granted.scopes.clone().unwrap_or_else(|| known.collect());
    require_scopes(input.scope.as_deref(), &allowed)?;
    let scopes = input.scope.clone().unwrap_or(allowed);
    let session = session::begin_tool(
        cx,
        &Tool {
            instance: &asking.instance.id,
            user: &granted.user,
            parent: granted.parent.as_deref(),
            client_id: &input.client_id,
            client_name: &asking.application.name,
            application: Some(&asking.application.id),
            scopes: Some(&joined(&scopes)),
            expires_at: granted.expires_at,
        },
    )?;
    let response = respond(cx, asking, &session, scopes)?;
    Ok((session, response))
}

fn respond(
    cx: &mut WriteCx<'_>,
    asking: &Asking,
    session: &PortalSession,
    scopes: Vec<String>,
) -> Result<CreateTokenWithIAMResponse> {
    let may_refresh = application::grant(cx.tx, &asking.application, GrantType::RefreshToken)?.is_some();
    let issued = token::issue(cx, session, ACCESS_SECONDS_MAX, may_refresh)?;
    Ok(CreateTokenWithIAMResponse {
        access_token: Some(issued.access_token.expose().to_owned()),
        token_type: Some("Bearer".to_owned()),
        expires_in: Some(issued.expires_in),
        refresh_token: issued.refresh_token.map(|token| token.expose().to_owned()),
        id_token: Some(id_token(cx, asking, session, issued.expires_in)?),
        issued_token_type: Some(ACCESS_TOKEN.to_owned()),
        scope: Some(scopes),
        aws_additional_details: None,
    })
}

/// Says to the application who the person is, signed with the instance's key.
fn id_token(cx: &mut WriteCx<'_>, asking: &Asking, session: &PortalSession, expires_in: i32) -> Result<String> {
    let app = cx.app.clone();
    let signer = signer::signing_key(&app, cx.tx, &asking.instance)?;
    let claims = json!({
        "iss": format!("https://identitycenter.amazonaws.com/{}", asking.instance.id),
        "sub": session.user.as_str(),
        "aud": asking.application.arn(),
        "iat": cx.now.seconds(),
        "exp": cx.now.seconds() + i64::from(expires_in),
        "aws:identity_store_id": asking.instance.store.as_str(),
        "aws:identity_store_arn": asking.instance.store_arn(),
        "aws:instance_account": asking.instance.owner.as_str(),
        "aws:credential_id": session.id,
    });
    let key_id = jwt::thumbprint(&signer.key).map_err(Error::internal)?;
    let Value::Object(claims) = claims else { return Err(Error::internal("claims are an object")) };
    jwt::sign(&claims, &key_id, &signer.key).map_err(Error::internal)
}
