//! A database of each engine for a test, gone when the test ends.

use base::{AccountId, Random};
use kernel::caller::Caller;
use kernel::store::Store;
use kernel::testing::{Setup, TestApp};
use postgres::{Client, NoTls};
use std::path::PathBuf;

/// A database of its own for one test.
pub enum Database {
    Memory,
    File(PathBuf),
    Postgres { server: String, name: String },
}

impl Database {
    pub fn memory() -> Option<Self> {
        Some(Self::Memory)
    }

    pub fn file() -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("kernel-{}", Random::from_system().uuid()));
        std::fs::create_dir(&folder).expect("a folder");
        Some(Self::File(folder))
    }

    /// `None` when no server is given.
    pub fn postgres() -> Option<Self> {
        let server = std::env::var("TEST_DATABASE_URL").ok()?;
        let name = format!("kernel_{}", Random::from_system().uuid().replace('-', ""));
        let mut client = Client::connect(&server, NoTls).expect("the server of TEST_DATABASE_URL");
        client.batch_execute(&format!("create database {name}")).expect("a database");
        Some(Self::Postgres { server, name })
    }

    pub fn open(&self) -> Store {
        self.open_with(8)
    }

    pub fn open_with(&self, connections: usize) -> Store {
        self.try_open(connections).expect("the database opens")
    }

    pub fn try_open(&self, connections: usize) -> kernel::Result<Store> {
        match self {
            Self::Memory => Store::open_memory(),
            Self::File(folder) => Store::open_sqlite(&folder.join("test.db")),
            Self::Postgres { .. } => Store::open_postgres(&self.url(), connections),
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// Whether a second store sees what the first one wrote.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    fn url(&self) -> String {
        let Self::Postgres { server, name } = self else { panic!("only PostgreSQL has a URL") };
        let (start, rest) = server.split_once("://").expect("a URL");
        let authority = rest.split(['/', '?']).next().expect("an authority");
        format!("{start}://{authority}/{name}")
    }

    /// A connection beside the store's.
    pub fn client(&self) -> Client {
        Client::connect(&self.url(), NoTls).expect("a connection")
    }

    /// A connection to the server, not to this database.
    pub fn server_client(&self) -> Client {
        let Self::Postgres { server, .. } = self else { panic!("only PostgreSQL has a server") };
        Client::connect(server, NoTls).expect("a connection")
    }

    /// Ends every connection of the store.
    pub fn terminate_connections(&self) {
        let Self::Postgres { name, .. } = self else { panic!("only PostgreSQL has connections") };
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
        self.server_client().query(sql, &[name]).expect("terminated");
    }

    pub fn app(&self) -> TestApp {
        self.app_with(Setup::default())
    }

    pub fn app_with(&self, setup: Setup) -> TestApp {
        TestApp::new(Setup { store: Some(self.open()), ..setup })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match self {
            Self::Memory => {}
            Self::File(folder) => {
                let _ = std::fs::remove_dir_all(folder);
            }
            Self::Postgres { name, .. } => {
                let name = name.clone();
                let _ = self.server_client().batch_execute(&format!("drop database if exists {name} with (force)"));
            }
        }
    }
}

/// Runs each test on every engine.
macro_rules! on_every_engine {
    ($($name:ident;)*) => {
        $(mod $name {
            use crate::support::Database;
            #[test]
            fn memory() {
                if let Some(database) = Database::memory() { super::check::$name(&database); }
            }
            #[test]
            fn file() {
                if let Some(database) = Database::file() { super::check::$name(&database); }
            }
            #[test]
            fn postgres() {
                if let Some(database) = Database::postgres() { super::check::$name(&database); }
            }
        })*
    };
}
pub(crate) use on_every_engine;

pub fn account(number: u64) -> AccountId {
    AccountId::parse(&format!("{number:012}")).expect("an account id")
}

pub fn root(number: u64) -> Caller {
    kernel::testing::root(&account(number))
}

/// A table of counters.
pub fn with_counters(store: &Store, names: &[&str]) {
    store
        .write(
            |tx| {
                tx.exec("create table counter (name text primary key, value bigint not null)", &[])?;
                for name in names {
                    tx.exec_one("insert into counter (name, value) values ($1, 0)", kernel::params![*name])?;
                }
                Ok(())
            },
            |_| {},
        )
        .expect("counters");
}

pub fn counter(store: &Store, name: &str) -> i64 {
    store.read(|tx| tx.count("select value from counter where name = $1", kernel::params![name])).expect("the counter")
}
