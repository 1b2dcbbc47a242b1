//! Licences of every dependency, for machines without `cargo deny`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// Holds the list of permitted licences, as `cargo deny` reads it.
const LIST: &str = "deny.toml";

/// Checks that each package of the lock file has a permitted licence.
///
/// # Errors
/// A line for each package that has not.
pub fn check() -> Result<(), String> {
    let list = std::fs::read_to_string(LIST).map_err(|error| format!("{LIST}: {error}"))?;
    let allowed = allowed(&list);
    let metadata = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !metadata.status.success() {
        return Err(String::from_utf8_lossy(&metadata.stderr).into_owned());
    }
    let metadata: Value =
        serde_json::from_slice(&metadata.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(|licence| is_permitted(licence, &allowed)))
        .map(|package| {
            format!("{} {}: licence {} is not permitted", package["name"], package["version"], package["license"])
        })
        .collect();
    if refused.is_empty() { Ok(()) } else { Err(refused.join("\n")) }
}

fn allowed(list: &str) -> BTreeSet<&str> {
    let section = list.split("[licenses]").nth(1).and_then(|rest| rest.split("allow = [").nth(1));
    let entries = section.and_then(|rest| rest.split(']').next()).unwrap_or_default();
    entries.split('"').skip(1).step_by(2).collect()
}

/// Whether an SPDX expression can be met with `allowed` licences.
fn is_permitted(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut position = 0;
    let met = any(&tokens, &mut position, allowed);
    met && position == tokens.len()
}

fn any(tokens: &[&str], position: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut met = all(tokens, position, allowed);
    while tokens.get(*position) == Some(&"OR") {
        *position += 1;
        met |= all(tokens, position, allowed);
    }
    met
}

fn all(tokens: &[&str], position: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut met = one(tokens, position, allowed);
    while tokens.get(*position) == Some(&"AND") {
        *position += 1;
        met &= one(tokens, position, allowed);
    }
    met
}

fn one(tokens: &[&str], position: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let Some(token) = tokens.get(*position) else { return false };
    *position += 1;
    if *token == "(" {
        let met = any(tokens, position, allowed);
        let is_closed = tokens.get(*position) == Some(&")");
        *position += 1;
        return met && is_closed;
    }
    if tokens.get(*position) == Some(&"WITH") {
        let exception = tokens.get(*position + 1).copied().unwrap_or_default();
        *position += 2;
        return allowed.contains(format!("{token} WITH {exception}").as_str());
    }
    allowed.contains(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx_defines_them() {
        let list =
            allowed("[licenses]\nallow = [\n \"MIT\", \"ISC\",\n \"Apache-2.0\", \"Apache-2.0 WITH LLVM-exception\"]");
        for good in
            ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-2.0", "(MIT OR GPL-2.0) AND ISC", "Apache-2.0 WITH LLVM-exception"]
        {
            assert!(is_permitted(good, &list), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR GPL-2.0) AND OpenSSL", "MIT WITH Something", "", "MIT)"] {
            assert!(!is_permitted(bad, &list), "{bad}");
        }
    }
}
