//! The examples of docs/policy.md run as they stand there.

use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../../../docs/policy.md");

/// What stands between the fences after `marker`, and the rest of the marker's line.
fn marked(marker: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in PAGE.split(&format!("<!-- {marker}: ")).skip(1) {
        let (argument, rest) = part.split_once(" -->").expect("a closed comment");
        let block = rest.split("```").nth(1).expect("a block");
        let (_language, text) = block.split_once('\n').expect("a language");
        found.push((argument.to_owned(), text.to_owned()));
    }
    found
}

fn run(folder: &Path, line: &str, expected: i32) {
    let mut words = line.split_whitespace();
    assert_eq!(words.next(), Some("vestibule"));
    let output = Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .args(words)
        .current_dir(folder)
        .output()
        .expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(expected), "{line}: {text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.is_empty(), "{line}");
}

#[test]
fn the_examples_of_the_page_run() {
    let folder = std::env::temp_dir().join(format!("policy-page-{}", base::Random::from_system().uuid()));
    std::fs::create_dir(&folder).expect("a folder");
    for (name, text) in marked("file") {
        std::fs::write(folder.join(name), text).expect("written");
    }
    let commands = marked("run");
    assert_eq!(commands.len(), 3);
    for (code, text) in commands {
        run(&folder, text.trim(), code.parse().expect("an exit code"));
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}
