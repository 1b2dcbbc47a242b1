//! The pages that people see when they sign in: HTML from values, complete without JavaScript.
//!
//! Start at [`frame::Frame`], which is around every page. Every value is escaped where it is written; there is no inline
//! script or style, so the strictest Content-Security-Policy holds.
//! Deliberately absent: requests, cookies, storage. The server decides what a page shows.

pub mod assets;
pub mod consent;
pub mod console;
pub mod credentials;
pub mod device;
pub mod error;
pub mod format;
pub mod frame;
pub mod password;
pub mod portal;
pub mod profile;
pub mod recovery;
pub mod scope;
pub mod sessions;
pub mod sign_in;
pub mod sign_out;
mod text;

/// A whole HTML document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// The document's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document's text.
    pub fn into_string(self) -> String {
        self.0
    }
}
