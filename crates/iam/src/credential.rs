//! From an access key to the caller behind it.
