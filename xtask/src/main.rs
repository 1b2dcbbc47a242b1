//! Chores of the repository: `cargo xtask <chore>`.

mod licences;
mod model;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask model [--check]   write crates/model from models/*.json, or report drift
       cargo xtask tidy              house rules: lengths, directions of dependencies, owners of tables
       cargo xtask licences          licences of the dependencies";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["model"] => model::write(),
        ["model", "--check"] => model::check(),
        ["tidy"] => tidy::check(),
        ["licences"] => licences::check(),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
