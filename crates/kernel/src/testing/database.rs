//! Databases of tests on a PostgreSQL server: one for each test, copied from one that has been migrated once.

use crate::store::{MIGRATIONS, Store};
use aws_lc_rs::digest::{SHA256, digest};
use base::Random;
use postgres::{Client, NoTls};
use std::sync::OnceLock;

/// Names the server on which applications for tests keep their data; without it they keep it in memory.
const SERVER: &str = "TEST_APP_DATABASE_URL";
/// The lock that whoever makes the template holds; any number that nobody else on a server for tests uses.
const LOCK: &str = "select pg_advisory_lock(8216341)";
/// Connections of an application.
const CONNECTIONS: usize = 6;

/// A database of one test, dropped with it.
pub(super) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A new one, where the environment names a server.
    ///
    /// # Panics
    /// When the server cannot be used.
    pub(super) fn from_environment() -> Option<Self> {
        static TEMPLATE: OnceLock<String> = OnceLock::new();
        let server = std::env::var(SERVER).ok().filter(|server| !server.is_empty())?;
        let template = TEMPLATE.get_or_init(|| template(&server));
        let name = format!("test_{}", Random::from_system().uuid().replace('-', ""));
        execute(&mut connect(&server), &format!("create database {name} template {template}"));
        Some(Self { server, name })
    }

    /// Opens it.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub(super) fn open(&self) -> Store {
        Store::open_postgres(&url(&self.server, &self.name), CONNECTIONS).expect("the database of a test opens")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that is gone took the database along.
        if let Ok(mut client) = Client::connect(&self.server, NoTls) {
            let _ = client.batch_execute(&format!("drop database if exists {} with (force)", self.name));
        }
    }
}

/// The URL of another database on the same server.
fn url(server: &str, name: &str) -> String {
    let (scheme, rest) = server.split_once("://").expect("the server is given as a URL");
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    format!("{scheme}://{authority}/{name}")
}

fn connect(server: &str) -> Client {
    Client::connect(server, NoTls).expect("the server for tests answers")
}

fn execute(client: &mut Client, sql: &str) {
    client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The name of a database that is migrated and empty. Programs that begin at once make it once.
fn template(server: &str) -> String {
    let texts: String = MIGRATIONS.iter().map(|(name, text)| format!("{name}\n{text}\n")).collect();
    let hash = digest(&SHA256, texts.as_bytes());
    let hex: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let (name, unfinished) = (format!("template_{hex}"), format!("unfinished_{hex}"));
    let mut client = connect(server);
    execute(&mut client, LOCK);
    let found = client.query_opt("select 1 from pg_database where datname = $1", &[&name]);
    if found.expect("the server's databases can be listed").is_none() {
        execute(&mut client, &format!("drop database if exists {unfinished} with (force)"));
        execute(&mut client, &format!("create database {unfinished}"));
        drop(Store::open_postgres(&url(server, &unfinished), 1).expect("the migrations work"));
        execute(&mut client, &format!("alter database {unfinished} rename to {name}"));
    }
    name
}
