//! Runs a target for some seconds without libFuzzer: seeds, changed at random. For machines without a nightly
//! compiler; finds less, since nothing leads it to new code.
//!
//! `plain TARGET SECONDS [SEED]` runs; `plain TARGET FILE` runs one input; `plain --list` names the targets.

use base::{Clock as _, Random, SystemClock};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Longest input.
const INPUT_BYTES_MAX: usize = 8 << 10;
/// Texts that codecs care about.
const TOKENS: &[&[u8]] = &[
    b"&", b"=", b".member.1", b".entry.1.key=", b"%", b"%00", b"%ff", b"+", b"\"", b"\\u0000", b"\\ud800", b"{}", b"[]",
    b"null", b"true", b"-1", b"1e400", b"9223372036854775808", b"\n", b"\r", b";", b",", b"/", b"../", b"\xc3\xa9",
    b"\xf0\x9f\x92\xa9", b"\xff", b"\0", b"[[[[[[[[", b"{\"a\":",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let target = |name: &str| vestibule_fuzz::TARGETS.iter().find(|(each, _)| *each == name);
    match words.as_slice() {
        ["--list"] => {
            vestibule_fuzz::TARGETS.iter().for_each(|(name, _)| println!("{name}"));
            ExitCode::SUCCESS
        }
        [name, rest @ ..] if target(name).is_some() && !rest.is_empty() => {
            let (name, run) = target(name).expect("looked up just before");
            match (rest[0].parse(), rest.get(1).map_or(Ok(SystemClock.now().micros() as u64), |seed| seed.parse())) {
                (Ok(seconds), Ok(seed)) => fuzz(name, *run, Duration::from_secs(seconds), seed),
                _ => {
                    run(&std::fs::read(rest[0]).expect("a readable file"));
                    ExitCode::SUCCESS
                }
            }
        }
        _ => {
            eprintln!("plain TARGET SECONDS [SEED] | plain TARGET FILE | plain --list");
            ExitCode::from(2)
        }
    }
}

fn fuzz(name: &str, run: fn(&[u8]), time: Duration, seed: u64) -> ExitCode {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(directory.join("seeds").join(name)).expect("a target has seeds");
    let mut seeds: Vec<_> = entries.map(|entry| entry.expect("a readable directory").path()).collect();
    seeds.sort();
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|path| std::fs::read(path).expect("a readable seed")).collect();
    let mut random = Random::from_seed(seed);
    let (started, mut count) = (Instant::now(), 0_u64);
    while started.elapsed() < time {
        for _ in 0..64 {
            let input = changed(&seeds, &mut random);
            if std::panic::catch_unwind(|| run(&input)).is_err() {
                let path = directory.join("artifacts").join(name).join(format!("plain-{seed}-{count}"));
                std::fs::create_dir_all(path.parent().expect("has one")).expect("a directory for what was found");
                std::fs::write(&path, &input).expect("a place for what was found");
                eprintln!("{name}: failed on {}", path.display());
                return ExitCode::FAILURE;
            }
            count += 1;
        }
    }
    println!("{name}: {count} inputs in {} s, seed {seed}", time.as_secs());
    ExitCode::SUCCESS
}

fn changed(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut at = |bound: usize| random.below(u32::try_from(bound.max(1)).unwrap_or(u32::MAX)) as usize;
    let mut input = seeds[at(seeds.len())].clone();
    for _ in 0..at(6) {
        let place = at(input.len() + 1);
        match at(6) {
            0 if place < input.len() => input[place] ^= 1 << at(8),
            1 if place < input.len() => input[place] = at(256) as u8,
            2 => drop(input.drain(place..input.len().min(place + 1 + at(16)))),
            3 => {
                let token = TOKENS[at(TOKENS.len())];
                drop(input.splice(place..place, token.iter().copied()));
            }
            4 => {
                let other = &seeds[at(seeds.len())];
                let from = at(other.len());
                input.truncate(place);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let part = input[place..input.len().min(place + 1 + at(64))].to_vec();
                drop(input.splice(place..place, part));
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}
