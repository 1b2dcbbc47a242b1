//! Directories whose domains are run here: AWS Managed Microsoft AD.

/// The account by which the domain is read and written: not the customer's `Admin`, whose password may change or be
/// forgotten without anybody losing the way in.
pub const SERVICE_USER: &str = "vestibule-service";
