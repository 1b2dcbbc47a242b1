//! The migrations and what they result in.

use crate::support::{Database, on_every_engine};
use kernel::params;
use kernel::store::Store;
use std::collections::BTreeSet;

on_every_engine! {
    a_database_of_a_newer_version_is_refused_untouched;
    stores_that_open_at_once_migrate_once;
    text_sorts_by_its_bytes;
}

const HEAD: &str = "-- What the migrations result in, on SQLite. @generated; UPDATE_SCHEMA=1 renews it.\n\n";
const GOLDEN: &str = include_str!("../../migrations/schema.sql");

/// To renew the file after a change of a migration: `UPDATE_SCHEMA=1 cargo test -p vestibule-kernel schema`.
#[test]
fn the_migrations_result_in_the_schema_file() {
    let store = Store::open_memory().expect("a database");
    let statements = store.read(|tx| {
        let sql = "select sql from sqlite_master where sql is not null order by type desc, name";
        tx.all(sql, params![], |row| row.get::<String>(0))
    });
    let schema = HEAD.to_owned() + &statements.expect("read").join(";\n\n") + ";\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/schema.sql"), &schema).expect("written");
        return;
    }
    assert_eq!(schema, GOLDEN, "UPDATE_SCHEMA=1 renews the file");
}

/// Whoever has run a migration would never get what is added to it.
#[test]
fn migrations_that_people_have_run_stay_as_they_are() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let listed = std::fs::read_to_string(format!("{directory}/released.sha256")).expect("a list");
    for (line, (name, text)) in listed.lines().zip(kernel::store::MIGRATIONS) {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(line, format!("{hash}  {name}.sql"), "a new file does what is to be changed");
    }
    assert!(listed.lines().count() >= 15);
}

/// Tables with their columns, indexes and primary keys, in words that both engines share.
#[test]
fn postgres_has_the_same_tables_columns_and_indexes() {
    let Some(database) = Database::postgres() else { return };
    drop(database.open());
    let mut client = database.client();
    let mut on_postgres = BTreeSet::new();
    let columns = "select table_name::text, column_name::text, data_type::text, is_nullable::text \
                   from information_schema.columns where table_schema = 'public'";
    for row in client.query(columns, &[]).expect("columns") {
        let kind = match row.get::<_, String>(2).as_str() {
            "bigint" => "INTEGER".to_owned(),
            "bytea" => "BLOB".to_owned(),
            other => other.to_uppercase(),
        };
        let (table, column, null): (String, String, String) = (row.get(0), row.get(1), row.get(3));
        on_postgres.insert(format!("{table}.{column} {kind} {}", if null == "NO" { "not null" } else { "null" }));
    }
    let indexes = "select tablename::text, indexname::text from pg_indexes where schemaname = 'public' \
                   and indexname not in (select conname from pg_constraint)";
    for row in client.query(indexes, &[]).expect("indexes") {
        on_postgres.insert(format!("index {} {}", row.get::<_, String>(0), row.get::<_, String>(1)));
    }
    assert_eq!(on_sqlite(), on_postgres);
}

fn on_sqlite() -> BTreeSet<String> {
    let store = Store::open_memory().expect("a database");
    let columns = "select m.name, c.name, upper(c.type), c.\"notnull\" + c.pk from sqlite_master m \
                   join pragma_table_info(m.name) c where m.type = 'table'";
    let indexes = "select tbl_name, name from sqlite_master where type = 'index' and sql is not null";
    let words = store.read(|tx| {
        let mut words: BTreeSet<String> = BTreeSet::new();
        words.extend(tx.all(columns, params![], |row| {
            let (table, column, kind): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(format!("{table}.{column} {kind} {}", if row.get::<i64>(3)? > 0 { "not null" } else { "null" }))
        })?);
        words.extend(
            tx.all(indexes, params![], |row| Ok(format!("index {} {}", row.get::<String>(0)?, row.get::<String>(1)?)))?,
        );
        Ok(words)
    });
    words.expect("read")
}

mod check {
    use crate::support::{Database, with_counters};
    use kernel::{Error, params};

    pub fn a_database_of_a_newer_version_is_refused_untouched(database: &Database) {
        if !database.is_durable() {
            return;
        }
        let store = database.open();
        let known = kernel::store::MIGRATIONS.len() as i64;
        let future = "insert into migration (version, name) values ($1, 'future')";
        store.write(|tx| tx.exec_one(future, params![known + 7]), |_| {}).expect("written");
        let drop_table = "drop table fact";
        store.write(|tx| tx.exec(drop_table, params![]), |_| {}).expect("a change that the future made");
        drop(store);
        for _ in 0..2 {
            match database.try_open(2).map(|_| ()) {
                Err(Error::DatabaseTooNew { found, known: own }) => assert_eq!((found, own), (known + 7, known)),
                other => panic!("{other:?}"),
            }
        }
        let exists = match database {
            Database::File(folder) => {
                let raw = rusqlite::Connection::open(folder.join("test.db")).expect("opens");
                raw.query_row("select count(*) from sqlite_master where name = 'fact'", [], |row| row.get::<_, i64>(0))
                    .expect("counted")
            }
            _ => {
                let sql = "select count(*) from pg_tables where tablename = 'fact'";
                database.client().query_one(sql, &[]).expect("counted").get(0)
            }
        };
        assert_eq!(exists, 0, "the older program did not create what the newer one dropped");
    }

    pub fn stores_that_open_at_once_migrate_once(database: &Database) {
        let opened: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| database.try_open(1))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        for store in opened {
            let store = store.expect("opened");
            let count = store.read(|tx| tx.count("select count(*) from migration", params![])).expect("read");
            assert_eq!(count, kernel::store::MIGRATIONS.len() as i64);
        }
    }

    pub fn text_sorts_by_its_bytes(database: &Database) {
        let store = database.open();
        with_counters(&store, &[]);
        let names = ["Zeta", "_x", "alpha", "beta-1", "beta1", "é"];
        for name in names {
            let insert = "insert into fact (name, value) values ($1, '')";
            store.write(|tx| tx.exec_one(insert, params![name]), |_| {}).expect("written");
        }
        let sql = "select name from fact where name > 'A' order by name";
        let sorted = store.read(|tx| tx.all(sql, params![], |row| row.get::<String>(0))).expect("read");
        assert_eq!(sorted, names);
    }
}
