//! Keeps the index of the messages' words: behind the log, many messages at a
//! time, so that nobody who sends waits for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{Change, Entry, Position, lag::Lag};
use crate::{
    error::{Result, chain},
    live::Follower,
};

/// The name of the projection.
pub const SEARCH: &str = "search";
/// How many entries of the log are taken in at once.
const BATCH: usize = 200;
/// How long it is waited for more to come, before one message is taken in alone.
const GATHER: Duration = Duration::from_millis(200);
/// How much longer than a batch took it is rested before the next while
/// messages are sent, so that nearly all of the time is left to those who send.
const REST: u32 = 9;
/// How often the log is looked at, as a last resort.
const POLL: Duration = Duration::from_secs(5);

/// Keeps the index of words.
#[async_trait]
pub trait IndexStore: Send + Sync + 'static {
    /// Takes in the next entries of the log, at most `limit`: of each message
    /// that they tell of, the words that it has now. Returns how far the index
    /// has come. Where another node takes in the same, only one of them does.
    ///
    /// # Errors
    ///
    /// The failure of the store.
    async fn index(&self, limit: usize) -> Result<Indexed>;
}

/// How far the index has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// How many messages were taken in.
    pub messages: usize,
    /// Everything up to here is taken in.
    pub pos: Position,
    /// The head of the log.
    pub head: Position,
}

/// Follows the log and keeps the index of words.
pub struct Indexer {
    store: Arc<dyn IndexStore>,
    wake: Notify,
    lag: Lag,
}

impl Indexer {
    /// An indexer that has heard nothing yet.
    pub fn new(store: Arc<dyn IndexStore>) -> Self {
        Self { store, wake: Notify::new(), lag: Lag::of(SEARCH) }
    }

    /// Sets the gauges of how far the index is behind.
    pub fn measure(&self) {
        self.lag.measure();
    }

    /// Takes in what is logged, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let work = async {
            loop {
                self.catch_up().await;
                let woken = tokio::time::timeout(POLL, self.wake.notified()).await;
                if woken.is_ok() {
                    tokio::time::sleep(GATHER).await;
                }
            }
        };
        // A batch that is cut off is undone, and taken in after the next start.
        stop.run_until_cancelled(work).await;
    }

    async fn catch_up(&self) {
        let mut before = Position(0);
        loop {
            let started = Instant::now();
            match self.store.index(BATCH).await {
                Ok(Indexed { messages, pos, head }) => {
                    metrics::counter!("chatterbox_search_indexed_total").increment(messages as u64);
                    self.lag.done(pos);
                    if pos >= head {
                        return;
                    }
                    let rest = if head == before { 1 } else { REST };
                    before = head;
                    tokio::time::sleep(started.elapsed() * rest).await;
                }
                Err(error) => {
                    debug!(error = chain(&error), "the index of words has to wait");
                    return;
                }
            }
        }
    }
}

impl Follower for Indexer {
    fn follow(&self, entry: &Arc<Entry>) {
        self.lag.seen(entry.pos);
        let is_about_words = matches!(
            entry.change,
            Change::MessageSent(_) | Change::MessageEdited(_) | Change::MessageDeleted(_)
        );
        if is_about_words {
            self.wake.notify_one();
        }
    }
}
