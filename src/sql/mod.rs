//! The SQL stores, on SQLite and on MySQL/MariaDB through `sqlx::Any`.
//!
//! What means the same on both is written once: ids are 16 bytes, times
//! BIGINT microseconds. The few differences stand beside [`Dialect`].

mod accounts;
mod attempts;
mod availability;
mod closing;
mod codes;
mod conversations;
mod dead_letters;
mod departures;
mod each;
mod email_change;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod groups;
mod jobs;
mod last_seen;
mod log;
mod members;
mod messages;
mod migrations;
mod opening;
mod payload;
mod reactions;
mod reading;
mod records;
mod revisions;
mod rooms;
mod search;
mod sessions;
mod shapes;
mod stale;
mod tries;
mod trimming;
mod turns;

use std::time::{Duration, Instant};

use chatterbox_graph::sqlite::{Reader, Readers};
use sqlx::{
    Any, AnyPool, Connection, QueryBuilder, Row, Transaction,
    any::{AnyConnectOptions, AnyRow},
    mysql::MySqlDatabaseError,
};
use tracing::Instrument;
use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

use self::{availability::Availability, members::MemberCache, shapes::padded, tries::retried};
use crate::{
    error::{Error, Result, StoreError},
    ids::{ConversationId, UserId},
};

/// Which SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The embedded default.
    Sqlite,
    /// MySQL 8.4 or MariaDB 10.11.
    Mysql,
}

/// The SQL stores.
#[derive(Clone)]
pub struct Sql {
    dialect: Dialect,
    write: AnyPool,
    read: Readers,
    availability: Availability,
    members: MemberCache,
}

/// How long a statement may take: longer than one waits for a lock, and
/// shorter than anybody has patience with a server that hangs.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

impl Sql {
    /// The connection that writes, and those that read, for the embedded graph in the
    /// same file.
    #[must_use]
    pub fn connections(&self) -> (AnyPool, Readers) {
        (self.write.clone(), self.read.clone())
    }

    /// Asks the store for an answer and returns its name and version.
    ///
    /// # Errors
    ///
    /// Where it does not answer.
    pub async fn version(&self) -> Result<String> {
        let mut connection = self.read().await?;
        let (name, statement) = match self.dialect {
            Dialect::Sqlite => ("SQLite", "SELECT sqlite_version()"),
            Dialect::Mysql => ("MySQL", "SELECT version()"),
        };
        let version: String =
            timed("version", sqlx::query_scalar(statement).fetch_one(&mut *connection)).await?;
        Ok(format!("{name}/{version}"))
    }

    /// Whether nobody but `known` has an account.
    ///
    /// # Errors
    ///
    /// Where the store does not answer.
    pub async fn has_only(&self, known: &[UserId]) -> Result<bool> {
        let mut query = QueryBuilder::<Any>::new("SELECT id FROM accounts WHERE id NOT");
        push_ids(&mut query, known.iter().copied());
        query.push(" LIMIT 1");
        let mut connection = self.read().await?;
        let other = query.build().fetch_optional(&mut *connection);
        Ok(timed("accounts.any_other", other).await?.is_none())
    }

    /// Sets the gauges of the connections.
    pub fn measure(&self) {
        let write = (self.write.size(), self.write.num_idle());
        let read = (self.read.size(), self.read.num_idle());
        let pools: &[_] = match self.dialect {
            Dialect::Sqlite => &[("write", write), ("read", read)],
            Dialect::Mysql => &[("all", write)],
        };
        for (pool, (size, idle)) in pools {
            let idle = u32::try_from(*idle).unwrap_or_default();
            let used = size.saturating_sub(idle);
            for (state, number) in [("idle", idle), ("used", used)] {
                metrics::gauge!("chatterbox_sql_connections", "pool" => *pool, "state" => state)
                    .set(number);
            }
        }
    }

    /// Closes all connections once their work is done.
    pub async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }

    /// A connection to read with.
    async fn read(&self) -> Result<Reader> {
        self.availability.unless_away(self.read.acquire()).await
    }

    /// A transaction to write in. On SQLite its first statement has to be a
    /// write, so that it takes the write lock before it reads.
    async fn begin(&self) -> Result<Transaction<'static, Any>> {
        // That a connection broke while nobody used it shows with its first statement,
        // before anything was done; no more than all can have.
        for _ in 0..self.write.options().get_max_connections() {
            match self.begin_once().await {
                Err(error) if cause(&error).is_some_and(is_broken) => {}
                outcome => return outcome,
            }
        }
        self.begin_once().await
    }

    async fn begin_once(&self) -> Result<Transaction<'static, Any>> {
        let connection = self.availability.unless_away(self.write.acquire()).await?;
        timed("begin", Transaction::begin(connection, None)).await
    }
}

/// Runs a statement under its static name: a span, a metric, a bound on its
/// time, and the store's failure in the words of the domain. Of one that takes too long nothing is
/// known, as of a commit whose connection broke.
async fn timed<T>(
    name: &'static str,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T> {
    timed_within(STATEMENT_TIMEOUT, name, statement).await
}

/// The same, with a bound of its own.
async fn timed_within<T>(
    limit: Duration,
    name: &'static str,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T> {
    let started = Instant::now();
    let statement = statement.instrument(tracing::debug_span!("sql", statement = name));
    let result = tokio::time::timeout(limit, statement).await;
    metrics::histogram!("chatterbox_sql_statement_duration_seconds", "statement" => name)
        .record(started.elapsed());
    match result {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            count_error(name, kind(&error));
            Err(failure(error))
        }
        Err(_elapsed) => {
            count_error(name, "timeout");
            Err(Error::unavailable(format!("{name} takes too long")))
        }
    }
}

fn count_error(name: &'static str, kind: &'static str) {
    metrics::counter!("chatterbox_sql_errors_total", "statement" => name, "kind" => kind)
        .increment(1);
}

fn kind(error: &sqlx::Error) -> &'static str {
    match error {
        error if is_duplicate(error) => "duplicate",
        error if is_unavailable(error) => "unavailable",
        _ => "internal",
    }
}

/// Commits.
async fn commit(transaction: Transaction<'static, Any>) -> Result<()> {
    timed("commit", transaction.commit()).await
}

/// A driver's error in the words of the domain.
fn failure(error: sqlx::Error) -> Error {
    if is_unavailable(&error) { Error::unavailable(error) } else { Error::internal(error) }
}

fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => {
            if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
                match error.number() {
                    // Too many connections, shutting down, lock wait timeout, deadlock,
                    // read-only, killed, idle for too long.
                    1040 | 1053 | 1205 | 1213 | 1290 | 1317 | 1836 | 1927 | 4031 => true,
                    // A file can't be written, no room on the disk (by the server's layers),
                    // nor in the table.
                    3 | 20 | 1021 | 1026 | 1114 => true,
                    // The engine's own error: ENOSPC and EDQUOT.
                    1030 | 1180 => [28, 122]
                        .iter()
                        .any(|errno| error.message().starts_with(&format!("Got error {errno} "))),
                    _ => false,
                }
            } else {
                // SQLite's primary code is the low byte: busy, locked, read-only,
                // I/O error, full, can't open.
                let code = error.code().and_then(|code| code.parse::<i32>().ok());
                code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
            }
        }
        _ => false,
    }
}

/// Whether the connection is of no more use, however the server is.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // The server's last word: killed, or idle for too long.
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<MySqlDatabaseError>()
            .is_some_and(|error| matches!(error.number(), 1927 | 4031)),
        _ => false,
    }
}

/// The driver's error behind the failure of a store.
fn cause(error: &Error) -> Option<&sqlx::Error> {
    let Error::Store(StoreError::Unavailable(source) | StoreError::Internal(source)) = error else {
        return None;
    };
    source.downcast_ref()
}

/// Whether a unique index refused a row.
fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Opens one connection of its own, outside the pools.
async fn connect(options: &AnyConnectOptions) -> Result<sqlx::AnyConnection, sqlx::Error> {
    sqlx::AnyConnection::connect_with(options).await
}

/// What the store keeps as 16 bytes.
trait StoredId: Copy {
    fn from_uuid(id: Uuid) -> Self;
    fn uuid(self) -> Uuid;
}

impl<T: StaticType + Copy> StoredId for TypeSafeId<T> {
    fn from_uuid(id: Uuid) -> Self {
        Self::from_uuid(id)
    }

    fn uuid(self) -> Uuid {
        Self::uuid(&self)
    }
}

impl StoredId for ConversationId {
    fn from_uuid(id: Uuid) -> Self {
        Self::from_uuid(id)
    }

    fn uuid(self) -> Uuid {
        self.uuid()
    }
}

/// An id as the store keeps it.
fn bytes<T: StoredId>(id: T) -> Vec<u8> {
    id.uuid().as_bytes().to_vec()
}

/// `IN (…)` of ids; there has to be one.
fn push_ids<T: StoredId>(query: &mut QueryBuilder<Any>, ids: impl IntoIterator<Item = T>) {
    query.push(" IN (");
    let mut list = query.separated(", ");
    for id in padded(ids) {
        list.push_bind(bytes(id));
    }
    query.push(")");
}

/// `IN (…)` of names; there has to be one.
fn push_names(query: &mut QueryBuilder<Any>, names: impl IntoIterator<Item = String>) {
    query.push(" IN (");
    let mut list = query.separated(", ");
    for name in padded(names) {
        list.push_bind(name);
    }
    query.push(")");
}

/// `IN (…)` of numbers; there has to be one.
fn push_numbers(query: &mut QueryBuilder<Any>, numbers: impl IntoIterator<Item = i64>) {
    query.push(" IN (");
    let mut list = query.separated(", ");
    for number in padded(numbers) {
        list.push_bind(number);
    }
    query.push(")");
}

/// A column of a row.
fn get<'r, T>(row: &'r AnyRow, column: &'static str) -> Result<T>
where
    T: sqlx::Decode<'r, Any> + sqlx::Type<Any>,
{
    row.try_get(column).map_err(Error::internal)
}

/// What is kept as 0 or 1, since `sqlx::Any` knows no other.
fn get_flag(row: &AnyRow, column: &'static str) -> Result<bool> {
    Ok(get::<i64>(row, column)? != 0)
}

/// An id out of a column.
fn get_id<T: StoredId>(row: &AnyRow, column: &'static str) -> Result<T> {
    id(&get::<Vec<u8>>(row, column)?)
}

/// An id out of a column that may be NULL.
fn get_optional_id<T: StoredId>(row: &AnyRow, column: &'static str) -> Result<Option<T>> {
    get::<Option<Vec<u8>>>(row, column)?.as_deref().map(id).transpose()
}

fn id<T: StoredId>(bytes: &[u8]) -> Result<T> {
    Uuid::from_slice(bytes).map(T::from_uuid).map_err(Error::internal)
}

/// `LIMIT` and the like take signed numbers.
fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
