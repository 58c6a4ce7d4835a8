//! Runs statements: each within a time, again where that can help, and writes
//! to their end even where nobody waits for them any more.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use neo4rs::{Config, Query, Row};
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::{failure::Failure, statement::Bound};
use crate::{Error, Result};

/// How long it may take to get a connection, signed in and in a transaction.
const CONNECT: Duration = Duration::from_secs(4);
/// For how long a statement is tried again that lost against another one.
const RETRIES: Duration = Duration::from_secs(2);
/// The pause after the first loss; it doubles with each, up to the longest.
const PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// How long a server has to answer that is asked whether it is there, and how
/// often it is asked.
const PROBE: Duration = Duration::from_secs(1);
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// Said at once while the server is known to be silent.
#[derive(Debug, thiserror::Error)]
#[error("Neo4j accepts connections but does not answer")]
struct Silent;

/// What was tried already to carry a statement out.
struct Tries {
    since: Instant,
    /// How often it lost against another one.
    losses: u32,
    /// Whether it began anew on another connection.
    reconnected: bool,
}

impl Tries {
    fn begin() -> Self {
        Self { since: Instant::now(), losses: 0, reconnected: false }
    }
}

/// The driver, and what it needs to begin anew.
#[derive(Clone)]
pub(super) struct Session(Arc<Inner>);

struct Inner {
    config: Config,
    /// How long a statement may take.
    patience: Duration,
    pool: RwLock<Arc<neo4rs::Graph>>,
    /// Whether somebody asks the server if it is there.
    watched: AtomicBool,
    /// Whether it did not answer that, so that nobody else has to wait for it.
    silent: AtomicBool,
}

impl Session {
    /// Connects only when first used.
    pub(super) fn new(config: Config, patience: Duration) -> Result<Self> {
        let pool = RwLock::new(Arc::new(open(&config)?));
        let (watched, silent) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { config, patience, pool, watched, silent })))
    }

    /// Runs a statement that only reads, in a transaction of its own.
    pub(super) async fn read(&self, statement: Bound) -> Result<Vec<Row>> {
        let Bound { name, query, questions } = statement;
        named(name, questions, self.read_until_done(query)).await
    }

    /// Runs a statement that writes, and commits. In a task, so that no
    /// transaction is left open, with its locks, where the caller goes away.
    pub(super) async fn write(&self, statement: Bound) -> Result<Vec<Row>> {
        let session = self.clone();
        let Bound { name, query, questions } = statement;
        let task = async move { named(name, questions, session.write_until_done(query)).await };
        let task = tokio::spawn(task.in_current_span());
        task.await.map_err(|error| Error::Internal(Box::new(error)))?
    }

    async fn read_until_done(&self, query: Query) -> Result<Vec<Row>> {
        let mut tries = Tries::begin();
        loop {
            let pool = self.0.pool()?;
            match self.fetch(&pool, query.clone()).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => self.mend(failure, &pool, &mut tries).await?,
            }
        }
    }

    async fn write_until_done(&self, query: Query) -> Result<Vec<Row>> {
        let mut tries = Tries::begin();
        loop {
            let pool = self.0.pool()?;
            match self.transact(&pool, query.clone()).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => self.mend(failure, &pool, &mut tries).await?,
            }
        }
    }

    async fn fetch(&self, pool: &neo4rs::Graph, query: Query) -> Result<Vec<Row>, Failure> {
        timeout(CONNECT.max(self.0.patience), async {
            let mut stream = pool.execute_read(query).await?;
            let mut rows = Vec::new();
            while let Some(row) = stream.next().await? {
                rows.push(row);
            }
            Ok(rows)
        })
        .await?
    }

    async fn transact(&self, pool: &neo4rs::Graph, query: Query) -> Result<Vec<Row>, Failure> {
        let mut transaction = timeout(CONNECT, pool.start_txn()).await??;
        let rows = timeout(self.0.patience, async {
            let mut stream = transaction.execute(query).await?;
            let mut rows = Vec::new();
            while let Some(row) = stream.next(&mut transaction).await? {
                rows.push(row);
            }
            Ok::<_, Failure>(rows)
        });
        let rows = rows.await??;
        let commit = timeout(self.0.patience, transaction.commit()).await?;
        commit.map_err(|error| Failure::from(error).of_commit())?;
        Ok(rows)
    }

    /// Does what lets the next try succeed, or gives up where nothing can.
    async fn mend(
        &self,
        failure: Failure,
        pool: &Arc<neo4rs::Graph>,
        tries: &mut Tries,
    ) -> Result<()> {
        match failure {
            Failure::Transient(_) if tries.since.elapsed() < RETRIES => {
                sleep(pause(tries.losses)).await;
                tries.losses += 1;
                Ok(())
            }
            Failure::Broken(_) if !tries.reconnected => {
                self.0.renew(pool);
                tries.reconnected = true;
                Ok(())
            }
            Failure::Broken(_) => {
                self.0.renew(pool);
                Err(failure.into())
            }
            Failure::Unknown(_) => {
                self.0.renew(pool);
                if !self.0.watched.swap(true, Ordering::AcqRel) {
                    tokio::spawn(watch(Arc::downgrade(&self.0)));
                }
                Err(failure.into())
            }
            failure => Err(failure.into()),
        }
    }
}

impl Inner {
    fn pool(&self) -> Result<Arc<neo4rs::Graph>> {
        if self.silent.load(Ordering::Acquire) {
            return Err(Error::Unavailable(Box::new(Silent)));
        }
        Ok(self.any_pool())
    }

    fn any_pool(&self) -> Arc<neo4rs::Graph> {
        Arc::clone(&self.pool.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Leaves all connections behind once one is broken or silent: the others
    /// are probably too. Those in use end with their statement, the rest at
    /// once, and with them the transactions they may still hold open.
    fn renew(&self, broken: &Arc<neo4rs::Graph>) {
        let mut pool = self.pool.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&pool, broken)
            && let Ok(fresh) = open(&self.config)
        {
            *pool = Arc::new(fresh);
        }
    }
}

/// Asks the server until it answers. It was only one slow statement if it
/// does so the first time.
async fn watch(session: Weak<Inner>) {
    while let Some(session) = session.upgrade() {
        let pool = session.any_pool();
        let answers = match timeout(PROBE, pool.start_txn()).await {
            Ok(Ok(transaction)) => {
                matches!(timeout(PROBE, transaction.rollback()).await, Ok(Ok(())))
            }
            _ => false,
        };
        session.silent.store(!answers, Ordering::Release);
        if answers {
            session.watched.store(false, Ordering::Release);
            return;
        }
        session.renew(&pool);
        drop(session);
        sleep(PROBE_PAUSE).await;
    }
}

fn open(config: &Config) -> Result<neo4rs::Graph> {
    neo4rs::Graph::connect(config.clone()).map_err(|error| Error::Internal(Box::new(error)))
}

/// Longer with each loss, and never the same for two that lost together.
fn pause(losses: u32) -> Duration {
    let most = PAUSE.saturating_mul(2_u32.saturating_pow(losses)).min(LONGEST_PAUSE);
    let share = RandomState::new().hash_one(losses) % 1_000;
    most.mul_f64(0.5 + share as f64 / 1_000.0)
}

/// Runs a statement under its name.
async fn named<T>(
    name: &'static str,
    questions: u64,
    statement: impl Future<Output = Result<T>>,
) -> Result<T> {
    metrics::counter!("chatterbox_graph_questions_total", "statement" => name).increment(questions);
    let started = Instant::now();
    let result = statement.instrument(tracing::debug_span!("graph", statement = name)).await;
    metrics::histogram!("chatterbox_graph_statement_duration_seconds", "statement" => name)
        .record(started.elapsed());
    result
}
