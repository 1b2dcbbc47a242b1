//! IAM and STS: accounts as IAM knows them, principals, policies, credentials, identity providers, sessions.
//!
//! One module per resource, each with its rows, its rules and its handlers. Start at [`routes`]: a line per operation.
//! Deliberately absent: the decision whether a call is allowed (the gate, in `server`, asks [`principal`] for what a
//! caller's policies are) and anything about organizations, which come to know of accounts through events.

mod access;
pub mod access_key;
pub mod account;
pub mod attachment;
pub mod boundary;
mod context_keys;
pub mod credential;
pub mod document;
pub mod entity;
pub mod group;
pub mod inline_policy;
pub mod instance_profile;
pub mod login_profile;
pub mod managed_policy;
pub mod messages;
pub mod mfa;
pub mod oidc_provider;
mod paging;
pub mod password_policy;
pub mod principal;
pub mod role;
pub mod saml_provider;
mod service_access;
pub mod service_linked_role;
pub mod simulate;
pub mod sts;
pub mod tag;
pub mod user;

use kernel::Route;

/// Every operation of IAM and STS that is served.
pub fn routes() -> Vec<Route> {
    [
        access_key::routes(),
        account::routes(),
        attachment::routes(),
        boundary::routes(),
        context_keys::routes(),
        group::routes(),
        inline_policy::routes(),
        instance_profile::routes(),
        login_profile::routes(),
        managed_policy::routes(),
        mfa::routes(),
        oidc_provider::routes(),
        password_policy::routes(),
        role::routes(),
        saml_provider::routes(),
        service_access::routes(),
        service_linked_role::routes(),
        simulate::routes(),
        tag::routes(),
        user::routes(),
        sts::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
