//! The relational store: one [`Tx`] over SQLite or PostgreSQL, one SQL text for both.
//!
//! SQL is `&'static str` with `$n` parameters in the portable subset that docs/decisions describes. Reads see a
//! snapshot. Writes are serializable: on PostgreSQL a serialization failure runs the closure again, so a closure
//! has no effect outside its transaction.

mod copy;
mod migrate;
mod postgres;
mod sqlite;
mod turn;
mod value;

pub use migrate::MIGRATIONS;
pub use value::{Column, IntoParam, Param, Row};

use crate::error::{Error, Result};
use crate::event::Event;
use crate::scope::Scope;
use base::limits::TRANSACTION_ATTEMPTS_MAX;
use std::path::Path;

/// A database of either engine, with its connections.
pub struct Store {
    engine: Engine,
    turns: turn::Turns,
}

enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// Builds the parameter list of a statement.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::store::IntoParam::param(&$value)),*] };
}

impl Store {
    /// Opens (and creates when absent) a SQLite database in WAL mode with `synchronous=FULL`, and migrates it.
    ///
    /// # Errors
    /// When the file cannot be opened or was written by a newer version of the product.
    pub fn open_sqlite(path: &Path) -> Result<Self> {
        let sqlite = sqlite::Sqlite::open(path)?;
        Self::new(Engine::Sqlite(sqlite))
    }

    /// A database that lives in memory and ends with the process.
    ///
    /// # Errors
    /// When memory cannot be had.
    pub fn open_memory() -> Result<Self> {
        Self::new(Engine::Sqlite(sqlite::Sqlite::memory()?))
    }

    /// Connects to PostgreSQL with at most `connections` connections, and migrates the database.
    ///
    /// # Errors
    /// When the server cannot be reached or the database was written by a newer version of the product.
    pub fn open_postgres(url: &str, connections: usize) -> Result<Self> {
        let postgres = postgres::Postgres::connect(url, connections)?;
        Self::new(Engine::Postgres(postgres))
    }

    fn new(engine: Engine) -> Result<Self> {
        let store = Self { engine, turns: turn::Turns::default() };
        migrate::migrate(&store)?;
        Ok(store)
    }

    /// Whether a read is short enough to run on the caller's thread: true for the embedded engine.
    pub fn reads_inline(&self) -> bool {
        matches!(self.engine, Engine::Sqlite(_))
    }

    /// Whether other processes may write to the database.
    pub fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// Runs `work` on one snapshot of the data.
    ///
    /// # Errors
    /// Those of `work`, [`Error::Busy`] when the database is shutting down or locked, and [`Error::Internal`] when
    /// it fails.
    pub fn read<T>(&self, work: impl FnOnce(&mut Tx) -> Result<T>) -> Result<T> {
        let mut tx = self.begin(false).map_err(busy)?;
        let value = work(&mut tx).map_err(busy)?;
        tx.end(false).map_err(busy)?;
        Ok(value)
    }

    /// Runs `work` in a serializable transaction and commits it when it succeeds; `committed` is called after the
    /// commit with what the transaction touched. `work` must not begin another transaction: it would wait for itself.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Busy`] when the transaction lost against others too often.
    pub fn write<T>(
        &self,
        mut work: impl FnMut(&mut WriteTx<'_>) -> Result<T>,
        committed: impl FnOnce(&Touched),
    ) -> Result<T> {
        let mut turn = self.turns.begin();
        for _ in 0..TRANSACTION_ATTEMPTS_MAX {
            let mut tx = self.begin(true).map_err(busy)?;
            let outcome = work(&mut WriteTx(&mut tx)).and_then(|value| Ok((value, tx.end(true)?)));
            match outcome {
                Ok((value, touched)) => {
                    committed(&touched);
                    return Ok(value);
                }
                Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
            turn.again();
        }
        Err(Error::Busy)
    }

    /// Puts a memory database back to the state that `image` holds, and returns nothing else.
    ///
    /// # Errors
    /// When the store is not in memory.
    pub fn restore(&self, image: &Image) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.restore(&image.0),
            Engine::Postgres(_) => Err(Error::internal("only a database in memory can be restored")),
        }
    }

    /// A copy of a memory database's present state.
    ///
    /// # Errors
    /// When the store is not in memory.
    pub fn image(&self) -> Result<Image> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.image().map(Image),
            Engine::Postgres(_) => Err(Error::internal("only a database in memory can be copied")),
        }
    }

    fn begin(&self, write: bool) -> Result<Tx> {
        let conn = match &self.engine {
            Engine::Sqlite(sqlite) => Conn::Sqlite(sqlite.begin(write)?),
            Engine::Postgres(postgres) => Conn::Postgres(postgres.begin(write)?),
        };
        Ok(Tx { conn, touched: Touched::default(), is_write: write, failure: None })
    }
}

/// [`Error::Conflict`] as those outside the store see it.
fn busy(error: Error) -> Error {
    match error {
        Error::Conflict => Error::Busy,
        other => other,
    }
}

/// The state of a database in memory.
pub struct Image(sqlite::Image);

/// What a transaction changed beyond its rows.
#[derive(Debug, Default)]
pub struct Touched {
    /// Scopes whose cached views are out of date once this commits.
    pub scopes: Vec<Scope>,
    /// Whether jobs were enqueued.
    pub has_jobs: bool,
    pub(crate) events: Vec<Event>,
}

#[expect(clippy::large_enum_variant, reason = "one lives for each open transaction, on the stack")]
enum Conn {
    Sqlite(sqlite::Guard),
    Postgres(postgres::Guard),
}

/// A transaction, as far as it reads.
pub struct Tx {
    conn: Conn,
    pub(crate) touched: Touched,
    is_write: bool,
    failure: Option<Failure>,
}

/// Why a transaction cannot go on, whatever its code makes of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// It must be run again.
    Conflict,
    /// A statement failed: PostgreSQL goes on only from a savepoint before it.
    Statement,
}

impl Tx {
    /// The one row that `sql` finds, or `None`.
    ///
    /// # Errors
    /// When the statement fails, finds several rows, or a column does not parse.
    pub fn opt<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        let mut count = 0;
        self.each(sql, params, &mut |row| {
            count += 1;
            found = Some(read(row)?);
            Ok(())
        })?;
        if count > 1 {
            return Err(Error::internal(format!("a statement for one row found {count}: {sql}")));
        }
        Ok(found)
    }

    /// The one row that must exist.
    ///
    /// # Errors
    /// As [`Tx::opt`], and when there is no row.
    pub fn one<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.opt(sql, params, read)?.ok_or_else(|| Error::internal(format!("a row is missing: {sql}")))
    }

    /// All rows that `sql` finds.
    ///
    /// # Errors
    /// When the statement fails or a column does not parse.
    pub fn all<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each(sql, params, &mut |row| {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Whether `sql` finds a row.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn exists(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<bool> {
        let mut found = false;
        self.each(sql, params, &mut |_| {
            found = true;
            Ok(())
        })?;
        Ok(found)
    }

    /// The number in the first column of the one row that `sql` finds (`select count(*) …`).
    ///
    /// # Errors
    /// As [`Tx::one`].
    pub fn count(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<i64> {
        self.one(sql, params, |row| row.get(0))
    }

    /// Whether the transaction can write.
    pub fn is_write(&self) -> bool {
        self.is_write
    }

    /// Whether the transaction has already changed something that caches depend on, so that they must neither
    /// answer nor learn from it.
    pub fn has_touched_scopes(&self) -> bool {
        !self.touched.scopes.is_empty()
    }

    fn each(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        visit: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        self.check(params)?;
        let mut visited = Ok(());
        let ran = {
            let mut visit_until_error = |row: &Row<'_>| {
                visited = visit(row);
                visited.is_ok()
            };
            match &mut self.conn {
                Conn::Sqlite(guard) => guard.each(sql, params, &mut visit_until_error),
                Conn::Postgres(guard) => guard.each(sql, params, &mut visit_until_error),
            }
        };
        self.noted(ran)?;
        visited
    }

    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        self.check(params)?;
        let ran = match &mut self.conn {
            Conn::Sqlite(guard) => guard.execute(sql, params),
            Conn::Postgres(guard) => guard.execute(sql, params),
        };
        self.noted(ran)
    }

    fn batch(&mut self, sql: &str) -> Result<()> {
        let ran = match &mut self.conn {
            Conn::Sqlite(guard) => guard.batch(sql),
            Conn::Postgres(guard) => guard.batch(sql),
        };
        self.noted(ran)
    }

    /// Refuses what cannot work: a transaction that has lost, and text that PostgreSQL cannot hold.
    fn check(&self, params: &[Param<'_>]) -> Result<()> {
        if self.failure == Some(Failure::Conflict) {
            return Err(Error::Conflict);
        }
        if params.iter().any(|param| matches!(param, Param::Text(text) if text.contains('\0'))) {
            return Err(Error::Validation("Text must not contain the character U+0000.".to_owned()));
        }
        Ok(())
    }

    fn noted<T>(&mut self, ran: Result<T>) -> Result<T> {
        match &ran {
            Ok(_) => {}
            Err(Error::Conflict) => self.failure = Some(Failure::Conflict),
            Err(_) => self.failure = self.failure.or(Some(Failure::Statement)),
        }
        ran
    }

    /// Commits (or rolls back) and gives the connection back.
    fn end(mut self, commit: bool) -> Result<Touched> {
        match self.failure {
            Some(Failure::Conflict) if commit => return Err(Error::Conflict),
            // PostgreSQL would roll back and call it a success.
            Some(Failure::Statement) if commit => {
                return Err(Error::internal("a transaction in which a statement failed cannot be committed"));
            }
            _ => {}
        }
        match &mut self.conn {
            Conn::Sqlite(guard) => guard.end(commit)?,
            Conn::Postgres(guard) => guard.end(commit)?,
        }
        Ok(std::mem::take(&mut self.touched))
    }
}

/// Looks at a row and says whether it wants more.
type Visit<'a> = &'a mut dyn FnMut(&Row<'_>) -> bool;

/// A transaction that may write.
pub struct WriteTx<'t>(&'t mut Tx);

impl std::ops::Deref for WriteTx<'_> {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        self.0
    }
}

impl std::ops::DerefMut for WriteTx<'_> {
    fn deref_mut(&mut self) -> &mut Tx {
        self.0
    }
}

impl<'t> WriteTx<'t> {
    /// The write side of `tx`.
    ///
    /// # Panics
    /// When `tx` was opened for reading: a write context is only made from a write transaction.
    pub(crate) fn of(tx: &'t mut Tx) -> Self {
        assert!(tx.is_write, "a write context holds a write transaction");
        Self(tx)
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the transaction must be run again; [`Error::Internal`] otherwise.
    pub fn exec(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        self.0.execute(sql, params)
    }

    /// Runs a statement that must change exactly one row.
    ///
    /// # Errors
    /// As [`WriteTx::exec`], and when it changed none or several.
    pub fn exec_one(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<()> {
        match self.exec(sql, params)? {
            1 => Ok(()),
            count => Err(Error::internal(format!("a statement for one row changed {count}: {sql}"))),
        }
    }

    /// Marks the cached views of `scope` as out of date once this commits.
    pub fn touch(&mut self, scope: Scope) {
        if !self.0.touched.scopes.contains(&scope) {
            self.0.touched.scopes.push(scope);
        }
    }

    /// Starts a part of the transaction that can be undone by itself.
    pub(crate) fn begin_savepoint(&mut self) -> Result<()> {
        self.0.batch("savepoint inner_call")
    }

    /// Ends the innermost part: keeps what it wrote, or undoes it.
    pub(crate) fn end_savepoint(&mut self, keep: bool) -> Result<()> {
        if self.0.failure == Some(Failure::Conflict) {
            return Err(Error::Conflict);
        }
        if !keep {
            self.0.batch("rollback to savepoint inner_call")?;
            self.0.failure = None;
        }
        self.0.batch("release savepoint inner_call")
    }
}
