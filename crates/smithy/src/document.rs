//! Values whose shape the model leaves open.

use crate::json;
use std::fmt;

/// A JSON value, kept as the JSON text in which it came; always well-formed.
#[derive(Clone, PartialEq, Eq)]
pub struct Document(String);

impl Document {
    /// Takes JSON text; `None` when it is not one well-formed value of bounded depth.
    pub fn parse(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        json::is_well_formed(text.as_bytes()).then_some(Self(text))
    }

    /// A document that holds a text.
    pub fn string(text: &str) -> Self {
        let mut json = Vec::with_capacity(text.len() + 2);
        json::write_string(text, &mut json);
        Self(String::from_utf8_lossy(&json).into_owned())
    }

    /// The JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The text, when the document holds one.
    pub fn as_string(&self) -> Option<String> {
        json::parse_string(self.0.as_bytes())
    }

    pub(crate) fn set_trusted(&mut self, text: &str) {
        text.clone_into(&mut self.0);
    }
}

impl Default for Document {
    fn default() -> Self {
        Self("null".to_owned())
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
