//! IAM's operations on the path of every call.

mod access_key;
mod account;
mod attachment;
mod boundary;
mod document;
mod group;
mod inline_policy;
mod login_profile;
mod managed_policy;
mod mfa;
mod password_policy;
mod support;
mod tag;
mod user;
