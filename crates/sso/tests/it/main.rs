//! IAM Identity Center, through its operations.

mod attribute;
mod instance;
mod permission_set;
mod region;
mod support;
mod tag;
