//! Runs statements: for as long as the server is there and within a time,
//! again where that can help, and writes to their end even where nobody waits
//! for them any more.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use neo4rs::{Config, DeError, Query, Row};
use serde::de::DeserializeOwned;
use tokio::{
    select,
    sync::Mutex,
    time::{sleep, timeout},
};
use tracing::Instrument;

use super::{
    failure::Failure,
    statement::{Bound, answers, in_order},
};
use crate::{Error, Result};

/// How long nothing may come of a statement before the server is asked whether
/// it is there, and how long it then has to answer. One that is there may be
/// slow: it has to plan what it has not run before.
const QUIET: Duration = Duration::from_secs(2);
const PROBE: Duration = Duration::from_secs(4);
/// How often one is asked that was not there.
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// For how long a statement is tried again that lost against another one, and
/// how often at least, however slow a machine is.
const RETRIES: Duration = Duration::from_secs(2);
const LEAST_RETRIES: u32 = 6;
/// How often one is read again that another one tore.
const TORN: u32 = 3;
/// The pause after the first loss; it doubles with each, up to the longest.
const PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Said where the server was asked whether it is there, and at once while it
/// is known not to be.
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
    /// How long a statement may take at a server that is there.
    patience: Duration,
    pool: RwLock<Arc<neo4rs::Graph>>,
    /// How many statements it has carried out.
    done: AtomicU64,
    /// When the server was last asked whether it is there, and whether it was.
    asked: Mutex<(Instant, bool)>,
    /// Whether somebody asks until it is.
    watched: AtomicBool,
    /// Whether it is not, so that nobody else has to wait for it.
    silent: AtomicBool,
}

impl Session {
    /// Connects only when first used.
    pub(super) fn new(config: Config, patience: Duration) -> Result<Self> {
        let pool = RwLock::new(Arc::new(open(&config)?));
        Ok(Self(Arc::new(Inner {
            config,
            patience,
            pool,
            done: AtomicU64::new(0),
            asked: Mutex::new((Instant::now(), true)),
            watched: AtomicBool::new(false),
            silent: AtomicBool::new(false),
        })))
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
        self.while_there(async {
            let mut stream = pool.execute_read(query).await?;
            let mut rows = Vec::new();
            while let Some(row) = stream.next().await? {
                rows.push(row);
            }
            Ok(rows)
        })
        .await
    }

    async fn transact(&self, pool: &neo4rs::Graph, query: Query) -> Result<Vec<Row>, Failure> {
        self.while_there(async {
            let mut transaction = pool.start_txn().await?;
            let mut stream = transaction.execute(query).await?;
            let mut rows = Vec::new();
            while let Some(row) = stream.next(&mut transaction).await? {
                rows.push(row);
            }
            transaction.commit().await.map_err(|error| Failure::from(error).of_commit())?;
            Ok(rows)
        })
        .await
    }

    /// Waits for as long as the server is there, and patience lasts.
    async fn while_there<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        // In a box: the driver's futures are nested as deep as the compiler follows them.
        let mut work = Box::pin(timeout(self.0.patience, work));
        loop {
            let quiet = async {
                sleep(QUIET).await;
                self.0.is_there().await
            };
            select! {
                outcome = &mut work => {
                    let answer = outcome??;
                    self.0.done.fetch_add(1, Ordering::Relaxed);
                    return Ok(answer);
                }
                is_there = quiet => if !is_there {
                    return Err(Failure::Unknown(Box::new(Silent)));
                }
            }
        }
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

    /// Whether the server answers on a new connection, since none of the pool
    /// may be free, or has meanwhile carried out another statement. Those who
    /// want to know it at the same time ask once.
    async fn is_there(&self) -> bool {
        let since = Instant::now();
        let mut asked = self.asked.lock().await;
        if asked.0 < since {
            let done = self.done.load(Ordering::Relaxed);
            let answers = matches!(timeout(PROBE, self.probe()).await, Ok(Ok(())));
            let works = self.done.load(Ordering::Relaxed) > done;
            *asked = (Instant::now(), answers || works);
        }
        asked.1
    }

    async fn probe(&self) -> Result<(), Failure> {
        let pool = neo4rs::Graph::connect(self.config.clone())?;
        pool.start_txn().await?.rollback().await?;
        Ok(())
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

/// Asks the server until it is there. It was only one slow statement if it is
/// the first time.
async fn watch(session: Weak<Inner>) {
    while let Some(session) = session.upgrade() {
        let is_there = session.is_there().await;
        session.silent.store(!is_there, Ordering::Release);
        if is_there {
            session.watched.store(false, Ordering::Release);
            return;
        }
        session.renew(&session.any_pool());
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
