//! The token service (SSO OIDC): tools register, ask a person to let them in, and get tokens for the portal.
//!
//! Registration and tokens are RFC 7591 and RFC 6749 in AWS's shape. A tool is let in either from another device
//! (RFC 8628, [`crate::device`]) or by redirecting the browser (RFC 7636 and RFC 8252, [`crate::authorization`]).

mod actor;
mod application;
pub(crate) mod client;
pub(crate) mod code;
pub(crate) mod device_grant;
pub mod redirect;
mod token;

use kernel::{Access, Cx, Result, Route, route};
use model::sso_oidc::ops;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::RegisterClient>(open, client::register),
        route::write::<ops::StartDeviceAuthorization>(open, device_grant::start),
        route::write::<ops::CreateToken>(open, token::create),
        route::write::<ops::CreateTokenWithIAM>(application::may_create_token, application::create_token),
    ]
}

/// Whoever calls proves in the request what may be proved.
fn open<T>(_cx: &mut Cx<'_>, _input: &T) -> Result<Access> {
    Ok(Access::Open)
}

/// Scopes as they are stored.
pub(crate) fn joined(words: &[String]) -> String {
    words.join(" ")
}

/// Scopes as they were stored.
pub(crate) fn split(words: &str) -> Vec<String> {
    words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
