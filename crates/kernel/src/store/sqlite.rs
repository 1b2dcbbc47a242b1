//! The embedded engine: one writer, several readers, WAL.

use super::{Param, Row, Visit};
use crate::error::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

const READERS: usize = 8;
const STATEMENTS_CACHED: usize = 512;

pub(super) struct Sqlite {
    writer: Arc<Pool>,
    /// The same pool as `writer` when the database is in memory: it then has a single connection.
    readers: Arc<Pool>,
}

pub(super) struct Image(Mutex<Connection>);

struct Pool {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Pool {
    fn new(connections: Vec<Connection>) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::new(connections), returned: Condvar::new() })
    }

    fn take(&self) -> Connection {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = idle.pop() {
                return connection;
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn guard(self: &Arc<Self>) -> Guard {
        Guard { connection: None, pool: Arc::clone(self), is_open: false }
    }
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self> {
        keep_private(path).map_err(Error::internal)?;
        let writer = configured(Connection::open(path).map_err(failure)?)?;
        writer.pragma_update(None, "journal_mode", "wal").map_err(failure)?;
        writer.pragma_update(None, "synchronous", "full").map_err(failure)?;
        let readers = (0..READERS)
            .map(|_| {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                configured(Connection::open_with_flags(path, flags).map_err(failure)?)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { writer: Pool::new(vec![writer]), readers: Pool::new(readers) })
    }

    pub(super) fn memory() -> Result<Self> {
        let pool = Pool::new(vec![configured(Connection::open_in_memory().map_err(failure)?)?]);
        Ok(Self { writer: Arc::clone(&pool), readers: pool })
    }

    /// A database that nobody writes, through one connection that reads.
    pub(super) fn inspect(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let pool = Pool::new(vec![configured(Connection::open_with_flags(path, flags).map_err(failure)?)?]);
        Ok(Self { writer: Arc::clone(&pool), readers: pool })
    }

    /// A transaction that writes has its connection and its lock at once. One that reads gets a connection with its
    /// first statement, which is also when SQLite takes the snapshot: many calls are answered from caches.
    pub(super) fn begin(&self, write: bool) -> Result<Guard> {
        if !write {
            return Ok(self.readers.guard());
        }
        let mut guard = self.writer.guard();
        guard.open("begin immediate")?;
        Ok(guard)
    }

    pub(super) fn image(&self) -> Result<Image> {
        let source = self.memory_connection()?;
        let mut copy = Connection::open_in_memory().map_err(failure)?;
        copy_database(source.connection(), &mut copy)?;
        Ok(Image(Mutex::new(copy)))
    }

    pub(super) fn restore(&self, image: &Image) -> Result<()> {
        let mut target = self.memory_connection()?;
        let image = image.0.lock().unwrap_or_else(PoisonError::into_inner);
        target.connection().flush_prepared_statement_cache();
        match target.connection.as_mut() {
            Some(connection) => copy_database(&image, connection),
            None => Err(Error::internal("a connection is missing")),
        }
    }

    fn memory_connection(&self) -> Result<Guard> {
        if !Arc::ptr_eq(&self.writer, &self.readers) {
            return Err(Error::internal("the database is not in memory"));
        }
        let mut guard = self.writer.guard();
        guard.connection = Some(self.writer.take());
        Ok(guard)
    }
}

/// Writes the state of the database at `from` to the new file `to`, in one transaction that reads.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let target = to.to_str().ok_or_else(|| Error::internal("the path of a copy is no text"))?;
    // Not read-only: the first to open a database after a crash has its log to recover.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = configured(Connection::open_with_flags(from, flags).map_err(failure)?)?;
    source.execute("vacuum into $1", [target]).map_err(failure)?;
    let copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failure)?;
    let verdict: String = copy.query_row("pragma quick_check(1)", [], |row| row.get(0)).map_err(failure)?;
    if verdict == "ok" { Ok(()) } else { Err(Error::internal(format!("the database is damaged: {verdict}"))) }
}

fn copy_database(source: &Connection, target: &mut Connection) -> Result<()> {
    let backup = rusqlite::backup::Backup::new(source, target).map_err(failure)?;
    match backup.step(-1).map_err(failure)? {
        rusqlite::backup::StepResult::Done => Ok(()),
        other => Err(Error::internal(format!("a database could not be copied: {other:?}"))),
    }
}

/// Lets nobody but its owner read the database, whatever the directory that it lies in lets others do. SQLite makes its
/// other files with the mode of this one.
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    std::fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn configured(connection: Connection) -> Result<Connection> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(failure)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failure)?;
    connection.pragma_update(None, "cache_size", -4_000).map_err(failure)?;
    // Without it SQLite plans a statement anew at each execution, lest other parameters make another plan better.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failure)?;
    Ok(connection)
}

/// A connection on loan; goes back to its pool when dropped, its transaction undone unless it was ended.
pub(super) struct Guard {
    /// None until a read's first statement.
    connection: Option<Connection>,
    pool: Arc<Pool>,
    is_open: bool,
}

impl Guard {
    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("whoever asks has taken the connection")
    }

    /// Takes a connection and begins its transaction.
    fn open(&mut self, begin: &'static str) -> Result<()> {
        self.connection = Some(self.pool.take());
        self.control(begin)?;
        self.is_open = true;
        Ok(())
    }

    fn ready(&mut self) -> Result<()> {
        if self.connection.is_none() { self.open("begin") } else { Ok(()) }
    }

    /// Runs a statement without parameters or rows, prepared once.
    fn control(&self, sql: &'static str) -> Result<()> {
        let mut statement = self.connection().prepare_cached(sql).map_err(failure)?;
        statement.raw_execute().map(|_| ()).map_err(failure)
    }

    pub(super) fn each(&mut self, sql: &'static str, params: &[Param<'_>], visit: Visit<'_>) -> Result<()> {
        self.ready()?;
        let mut statement = self.connection().prepare_cached(sql).map_err(|e| with_sql(e, sql))?;
        bind(&mut statement, params, sql)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|e| with_sql(e, sql))? {
            if !visit(&Row::Sqlite(row)) {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        self.ready()?;
        let mut statement = self.connection().prepare_cached(sql).map_err(|e| with_sql(e, sql))?;
        bind(&mut statement, params, sql)?;
        statement.raw_execute().map(|count| count as u64).map_err(|e| with_sql(e, sql))
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<()> {
        self.ready()?;
        self.connection().execute_batch(sql).map_err(failure)
    }

    pub(super) fn end(&mut self, commit: bool) -> Result<()> {
        if self.connection.is_none() {
            return Ok(());
        }
        let outcome = self.control(if commit { "commit" } else { "rollback" });
        self.is_open = outcome.is_err();
        outcome
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.is_open && !connection.is_autocommit() && connection.execute_batch("rollback").is_err() {
            tracing::error!("a transaction could not be rolled back");
        }
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        self.pool.returned.notify_one();
    }
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Param<'_>], sql: &'static str) -> Result<()> {
    const NAMES: [&str; 24] = [
        "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15", "$16", "$17",
        "$18", "$19", "$20", "$21", "$22", "$23", "$24",
    ];
    // SQLite takes a parameter that is not given for null; PostgreSQL refuses.
    if params.len() > NAMES.len() || params.len() != statement.parameter_count() {
        let (wanted, given) = (statement.parameter_count(), params.len());
        return Err(Error::internal(format!("a statement takes {wanted} parameters and was given {given}: {sql}")));
    }
    for (name, param) in NAMES.iter().zip(params) {
        // SQLite numbers `$n` by first appearance, so each is looked up by its name.
        match statement.parameter_index(name).map_err(failure)? {
            Some(index) => statement.raw_bind_parameter(index, param).map_err(failure)?,
            None => return Err(Error::internal(format!("a statement does not use its parameter {name}: {sql}"))),
        }
    }
    Ok(())
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        use rusqlite::types::ValueRef;
        Ok(ToSqlOutput::Borrowed(match self {
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Int(value) => ValueRef::Integer(*value),
            Param::Bytes(bytes) => ValueRef::Blob(bytes),
            Param::Null => ValueRef::Null,
        }))
    }
}

pub(super) fn failure(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Conflict,
        _ => Error::Internal(anyhow::Error::new(error)),
    }
}

fn with_sql(error: rusqlite::Error, sql: &'static str) -> Error {
    match failure(error) {
        Error::Internal(cause) => Error::Internal(cause.context(sql)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use crate::params;
    use crate::store::Store;

    #[test]
    fn a_read_sees_the_state_of_its_first_statement_until_it_ends() {
        let directory = std::env::temp_dir().join(format!("vestibule-snapshot-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let store = Store::open_sqlite(&directory.join("test.db")).expect("opened");
        let count = "select count(*) from fact";
        let add = |name: &str| {
            let sql = "insert into fact (name, value) values ($1, $2)";
            store.write(|tx| tx.exec_one(sql, params![name, "x"]), |_| {}).expect("written");
        };
        let seen = store.read(|tx| {
            add("before the first statement");
            let first = tx.count(count, params![])?;
            add("after the first statement");
            Ok((first, tx.count(count, params![])?))
        });
        assert_eq!(seen.expect("read"), (1, 1));
        assert_eq!(store.read(|tx| tx.count(count, params![])).expect("read"), 2);
        store.read(|_| Ok(())).expect("a read that asks nothing needs no connection");
        drop(store);
        std::fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn nobody_else_reads_a_database_also_one_that_was_made_for_all() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = std::env::temp_dir().join(format!("vestibule-private-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("test.db");
        std::fs::write(&path, "").expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("set");
        let store = Store::open_sqlite(&path).expect("opened");
        let modes: Vec<u32> = ["test.db", "test.db-wal", "test.db-shm"]
            .iter()
            .map(|name| std::fs::metadata(directory.join(name)).expect("a file").permissions().mode() & 0o777)
            .collect();
        drop(store);
        std::fs::remove_dir_all(&directory).expect("removed");
        assert_eq!(modes, [0o600; 3]);
    }

    #[test]
    fn parameters_are_bound_by_their_number() {
        let store = Store::open_memory().expect("opened");
        let found = store.read(|tx| {
            tx.one("select $2 || $1 || $2, $3", params!["a", "b", 7_i64], |row| {
                Ok((row.get::<String>(0)?, row.get::<i64>(1)?))
            })
        });
        assert_eq!(found.expect("read"), ("bab".to_owned(), 7));
        assert!(store.read(|tx| tx.count("select $2", params![1_i64])).is_err(), "a parameter is missing");
    }

    #[test]
    fn a_statement_is_parsed_once() {
        let sqlite = super::Sqlite::memory().expect("opened");
        let sql = "select name, sql from sqlite_schema where type = $1 and name > $2 order by name limit $3";
        for _ in 0..10 {
            let mut guard = sqlite.begin(false).expect("begun");
            guard.each(sql, params!["table", "a", 10_i64], &mut |_| true).expect("read");
            let statement = guard.connection().prepare_cached(sql).expect("prepared");
            assert_eq!(statement.reset_status(rusqlite::StatementStatus::RePrepare), 0);
            drop(statement);
            guard.end(false).expect("ended");
        }
    }
}
