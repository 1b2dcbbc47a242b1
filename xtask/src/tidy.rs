//! House rules that neither the compiler nor clippy knows.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Longest source file.
const LINES_MAX: usize = 800;

/// The crates and what each may depend on; a direction that is not here is a mistake of design.
const EDGES: [(&str, &[&str]); 17] = [
    ("base", &[]),
    ("policy", &["base"]),
    ("catalog", &["base"]),
    ("federation", &["base"]),
    ("smithy", &["base"]),
    ("model", &["base", "smithy"]),
    ("kernel", &["base", "smithy"]),
    ("iam", &["base", "smithy", "model", "policy", "catalog", "federation", "kernel"]),
    ("org", &["base", "smithy", "model", "policy", "catalog", "kernel", "iam"]),
    ("identity", &["base", "smithy", "model", "catalog", "kernel", "iam", "org"]),
    ("directory", &["base", "smithy", "model", "catalog", "kernel", "iam", "org", "identity"]),
    (
        "sso",
        &[
            "base",
            "smithy",
            "model",
            "policy",
            "catalog",
            "federation",
            "kernel",
            "iam",
            "org",
            "identity",
            "directory",
        ],
    ),
    ("signin", &["base", "smithy", "model", "catalog", "federation", "kernel", "iam", "identity", "sso"]),
    ("pages", &["base"]),
    ("trail", &["base", "smithy", "model", "kernel"]),
    (
        "server",
        &[
            "base",
            "smithy",
            "model",
            "policy",
            "catalog",
            "federation",
            "kernel",
            "iam",
            "org",
            "identity",
            "directory",
            "sso",
            "signin",
            "pages",
            "trail",
        ],
    ),
    ("bench", &["base", "smithy", "model", "policy", "catalog", "kernel", "iam", "org", "sso", "server"]),
];

/// Which crate owns the tables whose names begin so.
const TABLES: [(&str, &str); 7] = [
    ("iam_", "iam"),
    ("org_", "org"),
    ("ids_", "identity"),
    ("dir_", "directory"),
    ("sso_", "sso"),
    ("signin_", "signin"),
    ("trail_", "trail"),
];
/// Tables without a prefix, all of the kernel.
const KERNEL_TABLES: [&str; 5] = ["audit", "change", "fact", "job", "mail_message"];
/// Exceptions from the ownership of tables: `file table` a line. The list only ever shrinks.
const FOREIGN_TABLES: &str = "tests/ratchets/foreign-tables.txt";

/// What no file of the repository may contain, cut so that this file does not.
const PRIVATE: [(&str, &str); 4] = [("/wo", "rk/"), ("/tm", "p/wt"), ("..", "/shared"), ("/ro", "ot/")];

/// Checks every file that git knows.
///
/// # Errors
/// A line for each broken rule.
pub fn check() -> Result<(), String> {
    let mut broken = Vec::new();
    let mut foreign = BTreeSet::new();
    for path in tracked()? {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        words(&path, &text, &mut broken);
        if is_source(&path) && !is_generated(&text) {
            length(&path, &text, &mut broken);
        }
        if let Some(name) = crate_of(&path) {
            if path.ends_with(".rs") && path.contains("/src/") {
                asynchrony(&path, name, &text, &mut broken);
                foreign.extend(foreign_tables(name, &text).map(|table| format!("{path} {table}")));
            }
            if path.ends_with("/Cargo.toml") {
                edges(&path, name, &text, &mut broken);
            }
        }
    }
    ratchet(&foreign, &mut broken)?;
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}

fn tracked() -> Result<Vec<String>, String> {
    let output = Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).output();
    let output = output.map_err(|error| format!("git: {error}"))?;
    if !output.status.success() {
        return Err("git ls-files failed: run this inside the repository".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn crate_of(path: &str) -> Option<&str> {
    path.strip_prefix("crates/")?.split('/').next()
}

fn is_source(path: &str) -> bool {
    let is_script = path.starts_with("tools/") && Path::new(path).extension().is_none();
    is_script || [".rs", ".py", ".sh", ".sql"].iter().any(|end| path.ends_with(end))
}

fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| line.contains(concat!("@", "generated")))
}

fn length(path: &str, text: &str, broken: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        broken.push(format!("{path}: {lines} lines, {LINES_MAX} at most; split it"));
    }
}

fn words(path: &str, text: &str, broken: &mut Vec<String>) {
    let private: Vec<String> = PRIVATE.iter().map(|(first, second)| format!("{first}{second}")).collect();
    for (number, line) in (1..).zip(text.lines()) {
        for word in private.iter().filter(|word| has_path(line, word)) {
            broken.push(format!("{path}:{number}: {word} is a path of one machine"));
        }
        for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")] {
            let mut rest = line;
            while let Some(at) = rest.find(word) {
                rest = &rest[at + word.len()..];
                let is_numbered =
                    rest.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
                if is_source(path) && !is_numbered {
                    broken.push(format!("{path}:{number}: {word} names no issue: write {word}(#12)"));
                }
            }
        }
    }
}

/// Whether `line` has `path` at the beginning of a path, not inside a longer one.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        !line[..at].ends_with(|before: char| {
            before.is_ascii_alphanumeric() || matches!(before, '_' | '-' | '/' | '.' | '}' | '*')
        })
    })
}

fn code(line: &str) -> &str {
    let line = line.trim_start();
    if line.starts_with("//") { "" } else { line }
}

fn asynchrony(path: &str, name: &str, text: &str, broken: &mut Vec<String>) {
    if matches!(name, "server" | "bench") {
        return;
    }
    for (number, line) in (1..).zip(text.lines()) {
        let line = code(line);
        if line.contains("async fn")
            || line.contains("async move")
            || line.contains("async {")
            || line.contains(".await")
        {
            broken.push(format!("{path}:{number}: only the server crate is asynchronous"));
        }
    }
}

fn edges(path: &str, name: &str, manifest: &str, broken: &mut Vec<String>) {
    // Fuzz targets and comparisons are packages of their own outside the workspace; they depend on what they are about.
    if path.contains("/fuzz/") || path.contains("/comparison/") {
        return;
    }
    let Some((_, allowed)) = EDGES.iter().find(|(each, _)| *each == name) else {
        broken.push(format!("{path}: the crate {name} has no place in xtask/src/tidy.rs"));
        return;
    };
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.trim();
        } else if section == "[dependencies]" {
            let dependency = line.split([' ', '=', '.']).next().unwrap_or_default();
            if EDGES.iter().any(|(each, _)| *each == dependency) && !allowed.contains(&dependency) {
                broken.push(format!("{path}: {name} must not depend on {dependency}"));
            }
        }
    }
}

/// Tables of other crates that the SQL in `text` names.
fn foreign_tables<'a>(name: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    let words = text.lines().map(code).flat_map(|line| {
        line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
    });
    let mut previous = "";
    let mut found = BTreeSet::new();
    for word in words {
        if matches!(previous, "from" | "into" | "update" | "join") {
            let owner = TABLES.iter().find(|(prefix, _)| word.starts_with(prefix)).map(|(_, owner)| *owner);
            let owner = owner.or_else(|| KERNEL_TABLES.contains(&word).then_some("kernel"));
            let is_table = word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if is_table && owner.is_some_and(|owner| owner != name) {
                found.insert(word);
            }
        }
        previous = word;
    }
    found.into_iter()
}

fn ratchet(foreign: &BTreeSet<String>, broken: &mut Vec<String>) -> Result<(), String> {
    let text = std::fs::read_to_string(FOREIGN_TABLES).map_err(|error| format!("{FOREIGN_TABLES}: {error}"))?;
    let listed: BTreeSet<String> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect();
    for line in foreign.difference(&listed) {
        broken.push(format!("{line}: the table belongs to another crate: call its functions"));
    }
    for line in listed.difference(foreign) {
        broken.push(format!("{FOREIGN_TABLES}: {line} is true no more: remove the line"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(check: impl Fn(&mut Vec<String>)) -> Vec<String> {
        let mut broken = Vec::new();
        check(&mut broken);
        broken
    }

    #[test]
    fn a_table_of_another_crate_is_found_and_ones_own_is_not() {
        let text = "\"select 1 from iam_role join org_unit\"\n // from iam_user\n\"delete from fact\"";
        assert_eq!(foreign_tables("org", text).collect::<Vec<_>>(), ["fact", "iam_role"]);
        assert_eq!(foreign_tables("kernel", "update job set x").count(), 0);
    }

    #[test]
    fn an_edge_against_the_direction_is_refused() {
        let manifest = "[dependencies]\nbase = {}\norg = { workspace = true }\n[dev-dependencies]\nserver = {}\n";
        let broken = complaints(|broken| edges("crates/iam/Cargo.toml", "iam", manifest, broken));
        assert_eq!(broken, ["crates/iam/Cargo.toml: iam must not depend on org"]);
    }

    #[test]
    fn unnumbered_chores_and_private_paths_are_refused() {
        let chore = concat!("// TO", "DO: later\n// TO", "DO(#3): later");
        assert_eq!(complaints(|broken| words("a.rs", chore, broken)).len(), 1);
        let path = concat!("see /wo", "rk/x and net/wo", "rk/x");
        assert_eq!(complaints(|broken| words("a.md", path, broken)).len(), 1);
    }

    #[test]
    fn long_files_and_asynchrony_are_refused() {
        assert_eq!(complaints(|broken| length("a.rs", &"\n".repeat(801), broken)).len(), 1);
        assert_eq!(complaints(|broken| asynchrony("a.rs", "iam", "pub async fn x()", broken)).len(), 1);
        assert!(complaints(|broken| asynchrony("a.rs", "server", "pub async fn x()", broken)).is_empty());
    }
}
