//! Opens the stores: how many connections there are, and how each begins.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use chatterbox_graph::sqlite::Readers;
use sqlx::{
    ConnectOptions, Connection, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
};

use super::{Dialect, Sql, availability::Availability, members::MemberCache};
use crate::error::{Error, Result};

/// How many connections a node opens at most.
const MYSQL_CONNECTIONS: u32 = 32;
const SQLITE_READERS: u32 = 8;
/// How many more who writes alone: one is in use while the other is given back.
const APART: u32 = 2;
/// How many statements each keeps prepared: all that there are, see [`super::shapes`].
/// A server takes 16,382 of all its clients, if it is not told otherwise.
const STATEMENTS: &str = "statement-cache-capacity";
const MYSQL_STATEMENTS: &str = "448";
/// How long one waits for a connection when all are in use.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may lie idle before it is not used again.
const IDLE: Duration = Duration::from_secs(45);
/// A server ends what it hears nothing of for a minute, on MariaDB in the middle of a transaction for
/// 10 seconds: a node that vanished, as by a cut wire, would hold the log's head until TCP gives it up,
/// and nobody else could write.
const PARTING: &str = "SET SESSION wait_timeout = 60 /*M!, idle_transaction_timeout = 10 */";

impl Sql {
    /// Opens the store behind `url`: `sqlite:path` or `mysql://…`. Connects
    /// when first used, so that a store which is away can come later.
    ///
    /// # Errors
    ///
    /// For a URL that can't be understood.
    pub fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let options = |url: &str| {
            let options: AnyConnectOptions = url.parse().map_err(Error::internal)?;
            Ok::<_, Error>(options.disable_statement_logging())
        };
        if url.starts_with("sqlite:") {
            return Ok(Self::sqlite(&options(url)?));
        }
        let mut url: url::Url = url.parse().map_err(Error::internal)?;
        if !url.query_pairs().any(|(name, _)| name == STATEMENTS) {
            url.query_pairs_mut().append_pair(STATEMENTS, MYSQL_STATEMENTS);
        }
        Ok(Self::mysql(options(url.as_str())?))
    }

    /// The URL of the SQLite file at `path`.
    #[must_use]
    pub fn sqlite_url(path: &Path) -> String {
        format!("sqlite:{}?mode=rwc", path.display())
    }

    fn sqlite(options: &AnyConnectOptions) -> Self {
        // One connection writes: SQLite has one write lock, and waiting for it
        // in a queue is fair where its own retries are not.
        let pool = |connections: u32| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .test_before_acquire(false)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
                // SQLite ends a transaction by itself where the disk is full,
                // which the driver does not notice: on such a connection nothing more
                // would be committed.
                .before_acquire(|connection, _| {
                    let clean = !connection.is_in_transaction();
                    Box::pin(async move { Ok(clean) })
                })
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        connection
                            .execute(
                                "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                                 PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                                 PRAGMA secure_delete = ON; PRAGMA cache_size = -65536; \
                                 PRAGMA wal_autocheckpoint = 8192; PRAGMA temp_store = MEMORY;",
                            )
                            .await?;
                        Ok(())
                    })
                })
                .connect_lazy_with(options.clone())
        };
        Self {
            dialect: Dialect::Sqlite,
            write: pool(1),
            read: Readers::kept(pool(SQLITE_READERS)),
            availability: Availability::always(),
            members: MemberCache::default(),
        }
    }

    fn mysql(options: AnyConnectOptions) -> Self {
        let availability = Availability::watch(options.clone());
        let (fresh, watched) = (availability.clone(), availability.clone());
        let pool = AnyPoolOptions::new()
            .max_connections(MYSQL_CONNECTIONS)
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(IDLE)
            .before_acquire(move |_, connection| {
                let opened = Instant::now().checked_sub(connection.age);
                let keep = fresh.outlived(opened) && connection.idle_for < IDLE;
                Box::pin(async move { Ok(keep) })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection
                        .execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                        .await?;
                    connection.execute("SET SESSION innodb_lock_wait_timeout = 5").await?;
                    connection.execute(PARTING).await?;
                    Ok(())
                })
            })
            .after_release(move |_, _| {
                // The pool would wait for a sign of life, and for a server that hangs for ever.
                let keep = !watched.is_away();
                Box::pin(async move { Ok(keep) })
            })
            .connect_lazy_with(options);
        let (write, members) = (pool.clone(), MemberCache::default());
        let read = Readers::pooled(pool);
        Self { dialect: Dialect::Mysql, write, read, availability, members }
    }

    /// The same store with connections of its own, for a runtime of its own: a
    /// connection wakes by the runtime that made it. `None` on SQLite, where one connection writes.
    #[must_use]
    pub fn apart(&self) -> Option<Self> {
        if self.dialect == Dialect::Sqlite {
            return None;
        }
        let connections = self.write.options().clone().max_connections(APART);
        let pool =
            connections.connect_lazy_with(AnyConnectOptions::clone(&self.write.connect_options()));
        Some(Self { write: pool.clone(), read: Readers::pooled(pool), ..self.clone() })
    }
}
