//! What the gate needs to know of an account's organization.
