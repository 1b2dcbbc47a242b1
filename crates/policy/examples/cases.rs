//! Decides a file of cases: `cargo run --example cases -- [--explain] FILE.jsonl`.

use std::io::{BufReader, BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut explain = false;
    let mut file = None;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--explain" => explain = true,
            _ => file = Some(argument),
        }
    }
    let Some(file) = file else {
        eprintln!("usage: cases [--explain] FILE.jsonl");
        return ExitCode::from(2);
    };
    match run(&file, explain) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(file: &str, explain: bool) -> std::io::Result<usize> {
    let reader = BufReader::new(std::fs::File::open(file)?);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let summary = policy::cases::run(reader, explain, &mut out)?;
    writeln!(out, "{summary}")?;
    out.flush()?;
    Ok(summary.differing)
}
