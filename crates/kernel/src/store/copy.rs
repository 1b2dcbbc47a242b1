//! Databases as a backup meets them: copied while others write, and looked at without being changed.

use super::{Engine, Store, postgres, sqlite, turn};
use crate::error::{Error, Result};
use crate::params;
use std::path::Path;

impl Store {
    /// Writes the present state of the SQLite database `from` to `to`, where there must be no file: a snapshot, while
    /// other processes go on writing. It has nothing of what was deleted before.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the database is damaged.
    pub fn copy_sqlite(from: &Path, to: &Path) -> Result<()> {
        sqlite::copy(from, to)
    }

    /// Opens a SQLite database that nobody writes, to read it. It is not migrated.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn inspect_sqlite(path: &Path) -> Result<Self> {
        sqlite::Sqlite::inspect(path).map(Engine::Sqlite).map(Self::unmigrated)
    }

    /// Opens a SQLite database that another process may serve. It is not migrated: see [`Store::version`].
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn join_sqlite(path: &Path) -> Result<Self> {
        sqlite::Sqlite::open(path).map(Engine::Sqlite).map(Self::unmigrated)
    }

    /// As [`Store::join_sqlite`], on PostgreSQL with at most `connections` connections.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub fn join_postgres(url: &str, connections: usize) -> Result<Self> {
        postgres::Postgres::connect(url, connections).map(Engine::Postgres).map(Self::unmigrated)
    }

    fn unmigrated(engine: Engine) -> Self {
        Self { engine, turns: turn::Turns::default() }
    }

    /// The version of the database; that of this program is the number of [`super::MIGRATIONS`].
    ///
    /// # Errors
    /// When the database is not one of this product.
    pub fn version(&self) -> Result<i64> {
        self.read(|tx| tx.count("select coalesce(max(version), 0) from migration", params![]))
    }

    /// The version of databases that this program writes.
    pub fn newest_version() -> i64 {
        i64::try_from(super::MIGRATIONS.len()).unwrap_or(i64::MAX)
    }

    /// Refuses a database that this program cannot read.
    ///
    /// # Errors
    /// [`Error::DatabaseTooNew`].
    pub fn check_version(found: i64) -> Result<()> {
        let known = Self::newest_version();
        if found > known { Err(Error::DatabaseTooNew { found, known }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(store: &Store, name: &str) {
        let sql = "insert into fact (name, value) values ($1, $2)";
        store.write(|tx| tx.exec_one(sql, params![name, "x"]), |_| {}).expect("written");
    }

    #[test]
    fn a_copy_has_what_was_committed_and_is_not_touched_by_looking_at_it() {
        let directory = std::env::temp_dir().join(format!("vestibule-copy-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let (live, copy) = (directory.join("live.db"), directory.join("copy.db"));
        let store = Store::open_sqlite(&live).expect("opened");
        add(&store, "before");
        let copied = store.write(
            |tx| {
                tx.exec_one("insert into fact (name, value) values ('open', 'x')", params![])?;
                Store::copy_sqlite(&live, &copy)
            },
            |_| {},
        );
        copied.expect("copied beside a transaction that writes");
        let bytes = std::fs::read(&copy).expect("there");
        let found = Store::inspect_sqlite(&copy).expect("opened");
        let names = "select name from fact where name in ('before', 'open')";
        let names = found.read(|tx| tx.all(names, params![], |row| row.get::<String>(0))).expect("read");
        assert_eq!(names, ["before"]);
        assert_eq!(found.version().expect("a version"), Store::newest_version());
        let refused = found.write(|tx| tx.exec("delete from fact", params![]), |_| {});
        assert!(refused.is_err(), "it is only to be read");
        drop(found);
        assert_eq!(std::fs::read(&copy).expect("there"), bytes);
        let joined = Store::join_sqlite(&live).expect("opened");
        add(&joined, "joined");
        assert!(Store::copy_sqlite(&live, &copy).is_err(), "there is a file");
        assert!(Store::copy_sqlite(&directory.join("none.db"), &directory.join("new.db")).is_err());
        drop((store, joined));
        std::fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn a_damaged_database_is_not_copied() {
        let directory = std::env::temp_dir().join(format!("vestibule-damaged-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join("live.db");
        std::fs::write(&file, b"no database at all, but long enough to be looked at").expect("written");
        assert!(Store::copy_sqlite(&file, &directory.join("copy.db")).is_err());
        std::fs::remove_dir_all(&directory).expect("removed");
    }
}
