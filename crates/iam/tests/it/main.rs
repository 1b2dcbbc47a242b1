//! IAM's operations on the path of every call.

mod access_key;
mod account;
mod attachment;
mod boundary;
mod document;
mod group;
mod inline_policy;
mod instance_profile;
mod login_profile;
mod managed_policy;
mod mfa;
mod oidc_provider;
mod password_policy;
mod role;
mod saml_provider;
mod service_linked_role;
mod support;
mod tag;
mod user;
