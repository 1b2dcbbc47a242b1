//! Operations of IAM and STS through the real dispatcher, on a database in memory.

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
mod simulate;
mod sts_assume_role;
mod sts_saml;
mod sts_session;
mod sts_support;
mod sts_web_identity;
mod support;
mod tag;
mod user;
