//! Writes the crate `model` from the API models.

mod emit;
mod names;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

fn output_directory() -> PathBuf {
    root().join("crates/model/src")
}

/// Every generated file: its name and its text.
fn generate() -> Result<Vec<(String, String)>, String> {
    let models = source::load(&root().join("models"))?;
    let mut files = vec![("lib.rs".to_owned(), emit::library(&models))];
    for model in &models {
        files.push((format!("{}.rs", model.module), emit::service(model)?));
    }
    Ok(files)
}

/// Writes all files and removes those of services that are gone.
pub fn write() -> Result<(), String> {
    let files = generate()?;
    let directory = output_directory();
    for stale in existing()?.iter().filter(|name| !files.iter().any(|(file, _)| file == *name)) {
        fs::remove_file(directory.join(stale)).map_err(|e| format!("{stale}: {e}"))?;
    }
    for (name, text) in &files {
        let path = directory.join(name);
        if fs::read_to_string(&path).ok().as_deref() != Some(text) {
            fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
    Ok(())
}

/// Fails with the names of the files that differ from what [`write`] would leave.
pub fn check() -> Result<(), String> {
    let files = generate()?;
    let directory = output_directory();
    let mut drifted: Vec<String> = files
        .iter()
        .filter(|(name, text)| fs::read_to_string(directory.join(name)).ok().as_deref() != Some(text))
        .map(|(name, _)| name.clone())
        .collect();
    drifted.extend(existing()?.into_iter().filter(|name| !files.iter().any(|(file, _)| file == name)));
    match drifted.as_slice() {
        [] => Ok(()),
        _ => Err(format!("crates/model/src differs from models/ (run `cargo xtask model`): {}", drifted.join(", "))),
    }
}

fn existing() -> Result<Vec<String>, String> {
    let directory = output_directory();
    let entries = fs::read_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".rs"))
        .collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checked_in_model_is_what_the_generator_writes() {
        assert_eq!(super::check(), Ok(()));
    }
}
