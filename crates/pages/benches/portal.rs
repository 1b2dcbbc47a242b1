//! How long the portal of 500 accounts and 1,000 roles takes: to be written, and to be written and compressed.

#[path = "../tests/it/large.rs"]
mod large;

use flate2::Compression;
use flate2::write::GzEncoder;
use pages::frame::Frame;
use pages::portal::Portal;
use std::io::Write as _;
use std::time::Instant;

const ROUNDS: u32 = 200;

fn main() {
    let accounts = large::accounts();
    let render = || {
        let frame = Frame { request_id: "0f0e0d0c-0b0a-4908-8706-050403020100", user: Some("alice") };
        let csrf = "MUQ4NTU5QjE0RkE2N0U5OEY3QUE3Q0U5RkQ2RjE0NkQ";
        Portal { frame, accounts: &accounts, query: "", page: 1, banner: None, has_console: false, csrf }.render()
    };
    let started = Instant::now();
    let bytes: usize = (0..ROUNDS).map(|_| render().as_str().len()).sum();
    println!(
        "portal_written_us={} bytes={}",
        started.elapsed().as_micros() / u128::from(ROUNDS),
        bytes / ROUNDS as usize
    );
    let started = Instant::now();
    let bytes: usize = (0..ROUNDS)
        .map(|_| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(render().as_str().as_bytes()).expect("written to memory");
            encoder.finish().expect("written to memory").len()
        })
        .sum();
    println!(
        "portal_compressed_us={} bytes={}",
        started.elapsed().as_micros() / u128::from(ROUNDS),
        bytes / ROUNDS as usize
    );
}
