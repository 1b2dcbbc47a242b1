//! The Security Token Service: temporary credentials.
//!
//! Credentials are issued without a row: see [`session_token`]. What the operations that assume roles share is in
//! [`role_session`], what every session obeys in [`session`]. Operations that may burn a one-time code of a second
//! factor write; the others, above all those that strangers can call, only read.

mod access_key_info;
pub mod assume_role;
pub mod authorization_message;
mod caller_identity;
mod federation_token;
mod person;
mod proof;
mod role_session;
mod saml;
pub mod session;
pub mod session_token;
mod web_identity;

use kernel::route::{mostly_read, read};
use kernel::{Access, Cx, Result, Route};
use model::sts::ops;

pub use assume_role::assume_for_service;
pub use person::{PersonSession, assume_role_for_person};
pub use saml::offered_roles;
pub use session::may_call;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        mostly_read::<ops::AssumeRole>(
            assume_role::rule,
            assume_role::has_second_factor,
            assume_role::assume_role,
            assume_role::assume_role_with_code,
        )
        .recording_output(),
        read::<ops::AssumeRoleWithSAML>(open, saml::assume_role_with_saml).recording_output(),
        read::<ops::AssumeRoleWithWebIdentity>(open, web_identity::assume_role_with_web_identity).recording_output(),
        read::<ops::DecodeAuthorizationMessage>(authorization_message::rule, authorization_message::decode),
        read::<ops::GetAccessKeyInfo>(access_key_info::rule, access_key_info::get_access_key_info),
        read::<ops::GetCallerIdentity>(open, caller_identity::get_caller_identity),
        read::<ops::GetFederationToken>(federation_token::rule, federation_token::get_federation_token)
            .recording_output(),
        mostly_read::<ops::GetSessionToken>(
            session::get_session_token_rule,
            session::has_second_factor,
            session::get_session_token,
            session::get_session_token_with_code,
        )
        .recording_output(),
    ]
}

/// The rule of operations that any caller may call, or whose handler checks the proof in the request.
fn open<I>(_cx: &mut Cx<'_>, _input: &I) -> Result<Access> {
    Ok(Access::Open)
}
