//! The load test of the whole: the release binary against a bare handler of the same HTTP framework, in the same run,
//! on the same machine, with the same signed requests; and the figures of a start, of an idle server, of long lists,
//! of changes, of roles for permission sets, and of the
//! synchronization with a directory.
//!
//! Ratios are what counts: they hold on a slow and on a busy machine. Nothing here fails because of a time.

mod bare;
mod domain;
mod figures;
mod instance;
mod portal;
mod provision;
mod request;
mod sync;
mod throughput;
mod wire;

use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};

/// Where the tool's databases lie while it runs; gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("vestibule-load-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    fn directory(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bare", body, content_type] => bare::serve(Path::new(body), content_type),
        [] => run(&["throughput", "start", "lists", "changes", "portal", "sign-ins", "provision", "sync"]),
        sections => run(sections),
    }
}

fn run(sections: &[&str]) -> Result<()> {
    let program = std::env::current_exe()?.with_file_name("vestibule");
    if !program.exists() {
        bail!("{} is missing: cargo build --release -p vestibule", program.display());
    }
    let scratch = Scratch::new()?;
    for section in sections {
        match *section {
            "throughput" => throughput::run(&program, &scratch.directory("throughput"))?,
            "start" => figures::starts(&program, &scratch.directory("start"))?,
            "lists" => figures::lists(&program, &scratch.directory("lists"))?,
            "changes" => figures::changes(&program, &scratch.directory("changes"))?,
            "portal" => portal::run(&program, &scratch.directory("portal"))?,
            "sign-ins" => portal::sign_ins(&program, &scratch.directory("sign-ins"))?,
            "provision" => provision::run(&scratch.directory("provision"))?,
            "sync" => sync::run(&program, &scratch.directory("sync"))?,
            other => bail!(
                "{other}: the sections are throughput, start, lists, changes, portal, sign-ins, provision and sync"
            ),
        }
    }
    Ok(())
}
