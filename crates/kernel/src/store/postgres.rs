//! The shared engine: PostgreSQL, serializable writes, prepared statements per connection.

use super::{Param, Row, Visit};
use crate::error::{Error, Result};
use postgres::error::SqlState;
use postgres::types::{IsNull, ToSql, Type, private::BytesMut};
use postgres::{Client, Config, NoTls, Statement};
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

const CONNECT_SECONDS_MAX: u64 = 10;
/// Time after which a server that does not acknowledge is taken for gone: a node must not wait on, and trust its
/// caches, while it is cut off.
const SILENCE_SECONDS_MAX: u64 = 10;

pub(super) struct Postgres {
    pool: Arc<Pool>,
}

struct Pool {
    config: Config,
    state: Mutex<State>,
    returned: Condvar,
    connections_max: usize,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    open: usize,
}

/// A connection and what was prepared on it.
struct Session {
    client: Client,
    prepared: HashMap<&'static str, Statement>,
}

impl Postgres {
    pub(super) fn connect(url: &str, connections_max: usize) -> Result<Self> {
        let mut config: Config = url.parse().map_err(failure)?;
        let silence = Duration::from_secs(SILENCE_SECONDS_MAX);
        config
            .application_name("vestibule")
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
            .tcp_user_timeout(silence)
            .keepalives_idle(silence / 2)
            .keepalives_interval(silence / 4)
            .keepalives_retries(2);
        let pool = Pool { config, state: Mutex::default(), returned: Condvar::new(), connections_max };
        let postgres = Self { pool: Arc::new(pool) };
        drop(postgres.pool.take()?);
        Ok(postgres)
    }

    pub(super) fn begin(&self, write: bool) -> Result<Guard> {
        let mode = if write {
            "begin isolation level serializable read write"
        } else {
            "begin isolation level repeatable read read only"
        };
        let mut guard = self.pool.take()?;
        if guard.batch(mode).is_err() {
            // The connection was lost while idle: a fresh one either works or tells why.
            guard.reconnect()?;
            guard.batch(mode)?;
        }
        guard.is_open = true;
        Ok(guard)
    }
}

impl Pool {
    fn take(self: &Arc<Self>) -> Result<Guard> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(session) = state.idle.pop() {
                return Ok(self.guard(session));
            }
            if state.open < self.connections_max {
                state.open += 1;
                drop(state);
                return self.open();
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open(self: &Arc<Self>) -> Result<Guard> {
        let mut guard = Guard { session: None, pool: Arc::clone(self), is_open: false };
        guard.session = Some(self.session()?);
        Ok(guard)
    }

    fn session(&self) -> Result<Session> {
        let client = self.config.connect(NoTls).map_err(failure)?;
        Ok(Session { client, prepared: HashMap::new() })
    }

    fn guard(self: &Arc<Self>, session: Session) -> Guard {
        Guard { session: Some(session), pool: Arc::clone(self), is_open: false }
    }
}

/// A connection on loan, and its place in the pool.
pub(super) struct Guard {
    /// `None` only while a connection is made: a guard that is dropped then gives its place up.
    session: Option<Session>,
    pool: Arc<Pool>,
    is_open: bool,
}

impl Guard {
    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("a guard holds its connection until it is dropped")
    }

    /// Exchanges a lost connection for a fresh one, and drops those that idle: they are as old.
    fn reconnect(&mut self) -> Result<()> {
        self.session = None;
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = std::mem::take(&mut state.idle);
        state.open -= idle.len();
        drop(state);
        drop(idle);
        self.pool.returned.notify_all();
        self.session = Some(self.pool.session()?);
        Ok(())
    }

    fn prepared(&mut self, sql: &'static str) -> Result<Statement> {
        let session = self.session();
        if let Some(statement) = session.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = session.client.prepare(sql).map_err(|e| with_sql(e, sql))?;
        session.prepared.insert(sql, statement.clone());
        Ok(statement)
    }

    pub(super) fn each(&mut self, sql: &'static str, params: &[Param<'_>], visit: Visit<'_>) -> Result<()> {
        let statement = self.prepared(sql)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        let rows = self.session().client.query(&statement, &params).map_err(|e| with_sql(e, sql))?;
        let _ = rows.iter().all(|row| visit(&Row::Postgres(row)));
        Ok(())
    }

    pub(super) fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        let statement = self.prepared(sql)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        self.session().client.execute(&statement, &params).map_err(|e| with_sql(e, sql))
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<()> {
        self.session().client.batch_execute(sql).map_err(failure)
    }

    pub(super) fn end(&mut self, commit: bool) -> Result<()> {
        let outcome = self.session().client.batch_execute(if commit { "commit" } else { "rollback" });
        self.is_open = outcome.is_err();
        outcome.map_err(|error| {
            // Whether a commit was done whose answer is missing cannot be known, so it is not run again.
            let is_known = error.code().is_some_and(|code| CONFLICTS.contains(&code));
            if is_known { Error::Conflict } else { Error::Internal(anyhow::Error::new(error)) }
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let is_open = self.is_open;
        let session = self.session.take().and_then(|mut session| {
            let is_clean = !is_open || session.client.batch_execute("rollback").is_ok();
            (is_clean && !session.client.is_closed()).then_some(session)
        });
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        match session {
            Some(session) => state.idle.push(session),
            None => state.open -= 1,
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Param::Text(text) => text.to_sql(kind, out),
            Param::Int(value) if *kind == Type::INT4 => i32::try_from(*value)?.to_sql(kind, out),
            Param::Int(value) => value.to_sql(kind, out),
            Param::Bytes(bytes) => bytes.to_sql(kind, out),
            Param::Null => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

/// The value of a column, through one constructor per kind.
pub(super) fn raw<'a, T>(
    row: &'a postgres::Row,
    index: usize,
    text: impl FnOnce(&'a str) -> T,
    int: impl FnOnce(i64) -> T,
    bytes: impl FnOnce(&'a [u8]) -> T,
    null: T,
) -> Result<T> {
    let column = row.columns().get(index).ok_or_else(|| Error::internal(format!("there is no column {index}")))?;
    let value = match *column.type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(index).map_err(failure)?.map(int),
        Type::INT4 => row.try_get::<_, Option<i32>>(index).map_err(failure)?.map(|v| int(i64::from(v))),
        Type::BOOL => row.try_get::<_, Option<bool>>(index).map_err(failure)?.map(|v| int(i64::from(v))),
        Type::BYTEA => row.try_get::<_, Option<&[u8]>>(index).map_err(failure)?.map(bytes),
        _ => row.try_get::<_, Option<&str>>(index).map_err(failure)?.map(text),
    };
    Ok(value.unwrap_or(null))
}

/// What is certain to have been undone and may work when it is run again.
const CONFLICTS: [&SqlState; 6] = [
    &SqlState::T_R_SERIALIZATION_FAILURE,
    &SqlState::T_R_DEADLOCK_DETECTED,
    // Another transaction wrote the row after this one looked for it.
    &SqlState::UNIQUE_VIOLATION,
    // Two nodes that create the same table at the same moment, whatever `if not exists` says.
    &SqlState::DUPLICATE_OBJECT,
    &SqlState::DUPLICATE_TABLE,
    &SqlState::READ_ONLY_SQL_TRANSACTION,
];
/// The server goes away; what was not committed is undone.
const GOING_AWAY: [&SqlState; 3] =
    [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN, &SqlState::CANNOT_CONNECT_NOW];

/// The error of a statement other than `commit`.
fn failure(error: postgres::Error) -> Error {
    let is_known = error.code().is_some_and(|code| CONFLICTS.contains(&code) || GOING_AWAY.contains(&code));
    if is_known || error.is_closed() { Error::Conflict } else { Error::Internal(anyhow::Error::new(error)) }
}

fn with_sql(error: postgres::Error, sql: &'static str) -> Error {
    match failure(error) {
        Error::Internal(cause) => Error::Internal(cause.context(sql)),
        other => other,
    }
}
