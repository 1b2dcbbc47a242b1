//! What transactions cost; prints, when asked for: `cargo test --release -p vestibule-kernel -- --ignored cost --nocapture`.

use crate::support::{Database, counter, with_counters};
use kernel::params;
use std::time::Instant;

const ROUNDS: u32 = 500;

#[test]
#[ignore = "measures"]
fn cost_of_transactions() {
    let databases = [("memory", Database::memory()), ("file", Database::file()), ("postgres", Database::postgres())];
    for (name, database) in databases {
        let Some(database) = database else { continue };
        let store = database.open();
        with_counters(&store, &["a"]);
        let started = Instant::now();
        for _ in 0..ROUNDS {
            counter(&store, "a");
        }
        let read = started.elapsed() / ROUNDS;
        let started = Instant::now();
        for _ in 0..ROUNDS {
            let sql = "update counter set value = value + 1 where name = 'a'";
            store.write(|tx| tx.exec_one(sql, params![]), |_| {}).expect("written");
        }
        println!("{name}: a point read {read:?}, a committed write {:?}", started.elapsed() / ROUNDS);
    }
}

#[test]
#[ignore = "measures"]
fn cost_of_an_image() {
    let store = Database::memory().expect("a database").open();
    let fill = |rows: i64| {
        store.write(
            |tx| {
                for row in 0..rows {
                    let name = format!("{row}-{}", "x".repeat(500));
                    tx.exec("insert into fact (name, value) values ($1, 'x') on conflict do nothing", params![name])?;
                }
                Ok(())
            },
            |_| {},
        )
    };
    for rows in [0, 2_000, 20_000] {
        fill(rows).expect("filled");
        let started = Instant::now();
        let image = store.image().expect("an image");
        let imaged = started.elapsed();
        let started = Instant::now();
        store.restore(&image).expect("restored");
        println!("{rows} rows of 1 kB: image {imaged:?}, restore {:?}", started.elapsed());
    }
}
