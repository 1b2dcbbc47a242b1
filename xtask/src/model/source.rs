//! Reads the API models.

use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

/// One service's model.
pub struct Model {
    /// Key of the service (`sso-admin`).
    pub id: String,
    /// Name of its module (`sso_admin`).
    pub module: String,
    root: Value,
}

impl Model {
    /// The section of the model.
    pub fn section(&self, name: &str) -> Result<&Map<String, Value>, String> {
        self.root.get(name).and_then(Value::as_object).ok_or_else(|| format!("{}: no section {name}", self.id))
    }

    /// A text of the metadata; empty when absent.
    pub fn metadata(&self, key: &str) -> &str {
        text(&self.root["metadata"], key)
    }

    /// Whether the model offers `protocol`.
    pub fn speaks(&self, protocol: &str) -> bool {
        self.metadata("protocol") == protocol
            || self.root["metadata"]["protocols"].as_array().is_some_and(|list| list.iter().any(|p| p == protocol))
    }

    /// A shape of the model.
    pub fn shape(&self, name: &str) -> Result<&Value, String> {
        self.root["shapes"].get(name).ok_or_else(|| format!("{}: no shape {name}", self.id))
    }

    /// How an operation pages.
    pub fn paginator(&self, operation: &str) -> Option<&Value> {
        self.root["paginators"].get(operation)
    }
}

/// A text member; empty when absent.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A boolean member; false when absent.
pub fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// Reads every model of the directory, sorted by name.
pub fn load(directory: &Path) -> Result<Vec<Model>, String> {
    let entries = fs::read_dir(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Model, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let bytes = fs::read(path).map_err(|e| failed(&e))?;
    let root = serde_json::from_slice(&bytes).map_err(|e| failed(&e))?;
    let id = path.file_stem().and_then(|stem| stem.to_str()).ok_or_else(|| failed(&"no name"))?.to_owned();
    Ok(Model { module: id.replace('-', "_"), id, root })
}
