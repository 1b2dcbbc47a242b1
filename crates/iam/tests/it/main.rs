//! Operations of IAM and STS through the real dispatcher, on a database in memory.

mod sts_assume_role;
mod sts_saml;
mod sts_session;
mod sts_support;
mod sts_web_identity;
