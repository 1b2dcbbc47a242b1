//! `vestibule policy …`: decisions and checks of policy documents, offline.

use anyhow::{Context as _, Result};
use clap::{Subcommand, ValueEnum};
use policy::{PolicyKind, validate};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Largest document that is looked at.
const DOCUMENT_BYTES_MAX: u64 = 16 << 20;

/// The subcommands.
#[derive(Subcommand)]
pub enum Policy {
    /// Decide every case of a JSON-lines file and compare with what it expects
    Evaluate {
        /// One case per line
        #[arg(long, value_name = "FILE")]
        cases: PathBuf,
        /// Say for every case which policies and statements decided
        #[arg(long)]
        explain: bool,
    },
    /// List what is wrong with a policy document, and where
    Validate {
        /// What the document is for
        #[arg(long)]
        kind: Kind,
        /// The document
        file: PathBuf,
    },
}

/// Kinds of documents.
#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    /// What a user, group or role may do
    Identity,
    /// Who may assume a role
    Trust,
    /// Who may use a resource
    Resource,
    /// A service control policy
    Scp,
    /// A resource control policy
    Rcp,
    /// What a session may do at most
    Session,
}

impl From<Kind> for PolicyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Identity => Self::Identity,
            Kind::Trust => Self::Trust,
            Kind::Resource => Self::Resource,
            Kind::Scp => Self::ServiceControl,
            Kind::Rcp => Self::ResourceControl,
            Kind::Session => Self::Session,
        }
    }
}

/// Runs a subcommand; the exit code is 1 when a case differs or a document is refused.
///
/// # Errors
/// When a file cannot be read.
pub fn run(command: Policy) -> Result<ExitCode> {
    let is_right = match command {
        Policy::Evaluate { cases, explain } => evaluate(&cases, explain)?,
        Policy::Validate { kind, file } => validate_file(kind.into(), &file)?,
    };
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn evaluate(path: &PathBuf, explain: bool) -> Result<bool> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let summary = policy::cases::run(BufReader::new(file), explain, &mut out)?;
    writeln!(out, "{summary}")?;
    out.flush()?;
    Ok(summary.differing == 0)
}

fn validate_file(kind: PolicyKind, path: &PathBuf) -> Result<bool> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut text = Vec::new();
    file.take(DOCUMENT_BYTES_MAX).read_to_end(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
    let findings = validate::validate(kind, &text);
    for finding in &findings {
        println!("{}: {finding}", path.display());
    }
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    println!("{} findings, {errors} errors", findings.len());
    Ok(errors == 0)
}
