//! IAM Identity Center, through its operations.
