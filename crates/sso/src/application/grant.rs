//! Grants: the ways in which an application gets tokens (RFC 6749, RFC 7523, RFC 8693).

use super::{Application, on_application, required, restored, stored, touch, writable};
use crate::instance::Instance;
use crate::trusted_token_issuer::{self, TrustedTokenIssuer};
use crate::{messages, page};
use base::ApplicationId;
use kernel::{Cx, Result, Route, Tx, WriteCx, params, route};
use model::sso_admin::{
    AuthorizationCodeGrant, DeleteApplicationGrantRequest, GetApplicationGrantRequest, GetApplicationGrantResponse,
    Grant, GrantItem, GrantType, JwtBearerGrant, ListApplicationGrantsRequest, ListApplicationGrantsResponse,
    PutApplicationGrantRequest, ops,
};
use smithy::schema::Unit;
use std::collections::BTreeMap;

/// Longest redirect URI, in bytes. The model has no limit.
const REDIRECT_URI_BYTES_MAX: usize = 2_048;

/// The grants of an application, by type.
///
/// # Errors
/// When the database fails.
pub fn grants(tx: &mut Tx, application: &Application) -> Result<Vec<GrantItem>> {
    let sql = "select type, configuration from sso_application_grant where application_id = $1 order by type";
    tx.all(sql, params![application.id], |row| {
        Ok(GrantItem { grant_type: row.parse(0, GrantType::parse)?, grant: row.parse(1, restored)? })
    })
}

/// The grant of that type, when the application has it.
///
/// # Errors
/// When the database fails.
pub fn grant(tx: &mut Tx, application: &Application, grant_type: GrantType) -> Result<Option<Grant>> {
    let sql = "select configuration from sso_application_grant where application_id = $1 and type = $2";
    tx.opt(sql, params![application.id, grant_type.as_str()], |row| row.parse(0, restored))
}

/// The type of the one member that a grant has; `None` when it has none or several.
fn member(grant: &Grant) -> Option<GrantType> {
    let members = [
        grant.authorization_code.is_some().then_some(GrantType::AuthorizationCode),
        grant.refresh_token.is_some().then_some(GrantType::RefreshToken),
        grant.jwt_bearer.is_some().then_some(GrantType::UrnIetfParamsOauthGrantTypeJwtBearer),
        grant.token_exchange.is_some().then_some(GrantType::UrnIetfParamsOauthGrantTypeTokenExchange),
    ];
    let mut members = members.into_iter().flatten();
    members.next().filter(|_| members.next().is_none())
}

/// Where codes may be sent: at least one absolute URI without a fragment (RFC 6749 §3.1.2).
fn check_authorization_code(grant: &AuthorizationCodeGrant) -> Result<()> {
    let uris = grant.redirect_uris.as_deref().unwrap_or_default();
    if uris.is_empty() {
        return Err(messages::validation("AuthorizationCode must name at least one of RedirectUris"));
    }
    match uris.iter().find(|uri| !is_redirect_uri(uri)) {
        Some(bad) => {
            let shown: String = bad.chars().take(256).collect();
            Err(messages::validation(format!("The redirect URI {shown} is not an absolute URI without a fragment")))
        }
        None => Ok(()),
    }
}

fn is_redirect_uri(uri: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    uri.len() <= REDIRECT_URI_BYTES_MAX
        && uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte))
        && uri.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
}

/// The issuers that the grant names, each once, all of the instance, and each with an audience.
fn issuers(cx: &mut Cx<'_>, instance: &Instance, grant: &JwtBearerGrant) -> Result<Vec<TrustedTokenIssuer>> {
    let named = grant.authorized_token_issuers.as_deref().unwrap_or_default();
    if named.is_empty() {
        return Err(messages::validation("JwtBearer must name at least one of AuthorizedTokenIssuers"));
    }
    let mut found: BTreeMap<String, TrustedTokenIssuer> = BTreeMap::new();
    for authorized in named {
        let Some(arn) = &authorized.trusted_token_issuer_arn else {
            return Err(messages::validation("Each of AuthorizedTokenIssuers must have a TrustedTokenIssuerArn"));
        };
        if authorized.authorized_audiences.as_ref().is_none_or(Vec::is_empty) {
            return Err(messages::validation("Each of AuthorizedTokenIssuers must have AuthorizedAudiences"));
        }
        let issuer = trusted_token_issuer::get(cx.tx, arn)?.filter(|issuer| issuer.instance == instance.id);
        let issuer = issuer.ok_or_else(|| trusted_token_issuer::missing(arn))?;
        if found.insert(arn.clone(), issuer).is_some() {
            return Err(messages::validation(format!("The trusted token issuer {arn} is named more than once")));
        }
    }
    Ok(found.into_values().collect())
}

fn put(cx: &mut WriteCx<'_>, input: &PutApplicationGrantRequest) -> Result<Unit> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    if member(&input.grant) != Some(input.grant_type) {
        return Err(messages::validation("Grant must have exactly one member, the one that GrantType names"));
    }
    if let Some(grant) = &input.grant.authorization_code {
        check_authorization_code(grant)?;
    }
    if let Some(grant) = &input.grant.jwt_bearer {
        let issuers = issuers(cx, &instance, grant)?;
        forget_issuers(cx, &application.id)?;
        for issuer in &issuers {
            let sql = "insert into sso_application_grant_issuer (application_id, issuer_id) values ($1, $2)";
            cx.write().exec_one(sql, params![application.id, issuer.id.as_str()])?;
        }
    }
    let configuration = stored(&input.grant)?;
    cx.write().exec_one(
        "insert into sso_application_grant (application_id, type, configuration) values ($1, $2, $3) \
         on conflict (application_id, type) do update set configuration = excluded.configuration",
        params![application.id, input.grant_type.as_str(), configuration],
    )?;
    touch(cx, &instance);
    Ok(Unit)
}

fn forget_issuers(cx: &mut WriteCx<'_>, application: &ApplicationId) -> Result<()> {
    let sql = "delete from sso_application_grant_issuer where application_id = $1";
    cx.write().exec(sql, params![application])?;
    Ok(())
}

fn no_grant(grant_type: GrantType) -> kernel::Error {
    messages::not_found("ApplicationGrant", grant_type)
}

fn get(cx: &mut Cx<'_>, input: &GetApplicationGrantRequest) -> Result<GetApplicationGrantResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    let found = grant(cx.tx, &application, input.grant_type)?;
    Ok(GetApplicationGrantResponse { grant: found.ok_or_else(|| no_grant(input.grant_type))? })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteApplicationGrantRequest) -> Result<Unit> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    let sql = "delete from sso_application_grant where application_id = $1 and type = $2";
    if cx.write().exec(sql, params![application.id, input.grant_type.as_str()])? == 0 {
        return Err(no_grant(input.grant_type));
    }
    if input.grant_type == GrantType::UrnIetfParamsOauthGrantTypeJwtBearer {
        forget_issuers(cx, &application.id)?;
    }
    touch(cx, &instance);
    Ok(Unit)
}

fn list(cx: &mut Cx<'_>, input: &ListApplicationGrantsRequest) -> Result<ListApplicationGrantsResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    let about = ["ListApplicationGrants", input.application_arn.as_str()];
    // There are fewer types of grants than a page has rows.
    page::open(cx, &about, input.next_token.as_deref(), None)?;
    Ok(ListApplicationGrantsResponse { grants: grants(cx.tx, &application)?, next_token: None })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::PutApplicationGrant>(
            |cx, input| on_application::<ops::PutApplicationGrant>(cx, &input.application_arn),
            put,
        ),
        route::read::<ops::GetApplicationGrant>(
            |cx, input| on_application::<ops::GetApplicationGrant>(cx, &input.application_arn),
            get,
        ),
        route::write::<ops::DeleteApplicationGrant>(
            |cx, input| on_application::<ops::DeleteApplicationGrant>(cx, &input.application_arn),
            delete,
        ),
        route::read::<ops::ListApplicationGrants>(
            |cx, input| on_application::<ops::ListApplicationGrants>(cx, &input.application_arn),
            list,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_are_absolute_and_without_fragment() {
        for good in ["http://127.0.0.1/oauth/callback", "https://app.example.com/cb?x=1", "com.example.app:/cb"] {
            assert!(is_redirect_uri(good), "{good}");
        }
        let long = format!("https://example.com/{}", "a".repeat(REDIRECT_URI_BYTES_MAX));
        for bad in ["", "/cb", "https:", "https://a/#b", "https://a/ b", "1http://a", "https://a/\u{e9}", &long] {
            assert!(!is_redirect_uri(bad), "{bad}");
        }
    }

    #[test]
    fn a_grant_is_of_one_type() {
        let refresh = Grant { refresh_token: Some(Default::default()), ..Default::default() };
        assert_eq!(member(&refresh), Some(GrantType::RefreshToken));
        let two = Grant { token_exchange: Some(Default::default()), ..refresh };
        assert_eq!(member(&two), None);
        assert_eq!(member(&Grant::default()), None);
    }
}
