//! IAM Identity Center, through its operations.

mod application;
mod application_support;
mod application_token;
mod authorization;
mod device;
mod oidc;
mod session;
mod sign_in;
mod sign_in_support;
mod trusted_token_issuer;
