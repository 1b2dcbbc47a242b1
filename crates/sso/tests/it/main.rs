//! IAM Identity Center, through its operations.

mod authorization;
mod device;
mod oidc;
mod session;
mod sign_in;
mod sign_in_support;
