//! IAM's operations on the path of every call.

mod instance_profile;
mod oidc_provider;
mod role;
mod saml_provider;
mod service_linked_role;
mod support;
