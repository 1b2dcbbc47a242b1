//! IAM Identity Center, through its operations.

mod administration;
mod application;
mod application_support;
mod application_token;
mod attribute;
mod authorization;
mod device;
mod domain_password;
mod identity_source;
mod instance;
mod mail_link;
mod oidc;
mod permission_set;
mod region;
mod session;
mod sign_in;
mod sign_in_support;
mod support;
mod tag;
mod trusted_token_issuer;
