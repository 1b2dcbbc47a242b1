//! IAM Identity Center, through its operations.

mod application;
mod application_support;
mod trusted_token_issuer;
