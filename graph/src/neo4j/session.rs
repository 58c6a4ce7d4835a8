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

use neo4rs::{Config, DeError, Query, Row};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::{
    failure::Failure,
    statement::{Bound, answers, in_order},
};
use crate::{Error, Result};

/// How long it may take to get a connection, signed in and in a transaction.
const CONNECT: Duration = Duration::from_secs(4);
/// For how long a statement is tried again that lost against another one, and
/// how often at least, however slow a machine is.
const RETRIES: Duration = Duration::from_secs(2);
const LEAST_RETRIES: u32 = 6;
/// How often one is read again that another one tore.
const TORN: u32 = 3;
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
    /// How often what it read was gone in part.
    torn: u32,
    /// Whether it began anew on another connection.
    reconnected: bool,
}

impl Tries {
    fn begin() -> Self {
        Self { since: Instant::now(), losses: 0, torn: 0, reconnected: false }
    }

    /// Whether what lost against another one is tried again.
    fn are_worth_another(&self) -> bool {
        self.losses < LEAST_RETRIES || self.since.elapsed() < RETRIES
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

    /// What a statement that only reads answers, in a transaction of its own.
    pub(super) async fn answers<T: DeserializeOwned>(&self, statement: Bound) -> Result<Vec<T>> {
        self.read(statement, |rows| answers(rows)).await
    }

    /// The same, of one that has one row or none.
    pub(super) async fn answer<T: DeserializeOwned>(&self, statement: Bound) -> Result<Option<T>> {
        Ok(self.answers(statement).await?.pop())
    }

    /// The same, of one that was asked many questions: an answer for each, in
    /// their order, `None` for those that have no row.
    pub(super) async fn answer_each<T: DeserializeOwned>(
        &self,
        statement: Bound,
    ) -> Result<Vec<Option<T>>> {
        let questions = statement.questions;
        self.read(statement, |rows| in_order(rows, questions)).await
    }

    /// Runs a statement that writes, and commits.
    pub(super) async fn write(&self, statement: Bound) -> Result<()> {
        self.commit(statement).await?;
        Ok(())
    }

    /// The same, of one that answers with one row or none.
    pub(super) async fn write_answer<T: DeserializeOwned>(
        &self,
        statement: Bound,
    ) -> Result<Option<T>> {
        let answers = answers(&self.commit(statement).await?);
        Ok(answers.map_err(|error| Error::Internal(Box::new(error)))?.pop())
    }

    async fn read<T>(
        &self,
        statement: Bound,
        decode: impl Fn(&[Row]) -> Result<T, DeError>,
    ) -> Result<T> {
        let Bound { name, query, questions } = statement;
        named(name, questions, self.read_until_done(query, decode)).await
    }

    /// In a task, so that no transaction is left open, with its locks, where
    /// the caller goes away.
    async fn commit(&self, statement: Bound) -> Result<Vec<Row>> {
        let session = self.clone();
        let Bound { name, query, questions } = statement;
        let task = async move { named(name, questions, session.write_until_done(query)).await };
        let task = tokio::spawn(task.in_current_span());
        task.await.map_err(|error| Error::Internal(Box::new(error)))?
    }

    async fn read_until_done<T>(
        &self,
        query: Query,
        decode: impl Fn(&[Row]) -> Result<T, DeError>,
    ) -> Result<T> {
        let mut tries = Tries::begin();
        loop {
            let pool = self.0.pool()?;
            let rows = self.fetch(&pool, query.clone()).await;
            match rows.and_then(|rows| decode(&rows).map_err(Failure::Torn)) {
                Ok(answer) => return Ok(answer),
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
            Failure::Transient(_) if tries.are_worth_another() => {
                sleep(pause(tries.losses)).await;
                tries.losses += 1;
                Ok(())
            }
            Failure::Torn(_) if tries.torn < TORN => {
                tries.torn += 1;
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
    result.inspect_err(|error| error.count(name))
}
