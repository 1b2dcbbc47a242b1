//! The compiled engine against the naive one: `cargo fuzz run decision` (in `crates/policy`).
#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::cases::Case;
use policy::json::{self, Limits};

#[allow(dead_code)]
#[path = "../../tests/it/generate.rs"]
mod generate;
#[path = "../../tests/it/naive.rs"]
mod naive;

const LINE_LIMITS: Limits = Limits { bytes_max: 1_000_000, depth_max: 32 };

fuzz_target!(|seed: u64| {
    // One input is many cases, for most of the time goes into starting an input.
    for offset in 0..32 {
        let line = generate::case(&mut generate::Random::new(seed.wrapping_add(offset))).line();
        let node = json::parse(line.as_bytes(), LINE_LIMITS).expect("the generator writes JSON");
        let decision = Case::parse(line.as_bytes()).expect("the generator writes cases").decide();
        assert_eq!(decision.as_str(), naive::decide(&node), "{line}");
    }
});
