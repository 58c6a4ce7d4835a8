//! Jobs that were given up: kept until somebody replays or drops them.

use async_trait::async_trait;
use chatterbox_graph::Timestamp;

use super::Job;
use crate::{error::Result, ids::JobId};

/// A job that could not be carried out after all retries.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The job. Its `run_at` is when it was given up.
    pub job: Job,
    /// Why it failed last, for operators.
    pub last_error: String,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// Keeps dead letters.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait DeadLetterStore: Send + Sync + 'static {
    /// Gives a job up. Nothing happens where it is done meanwhile.
    async fn bury(&self, id: JobId, died_at: Timestamp, error: &str) -> Result<()>;

    /// The oldest ones.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>>;

    /// One of them.
    async fn dead_letter(&self, id: JobId) -> Result<Option<DeadLetter>>;

    /// How many there are.
    async fn count_dead_letters(&self) -> Result<u64>;

    /// Makes it a job again, to be tried at `run_at` as if for the first
    /// time. Returns whether it was there.
    async fn replay(&self, id: JobId, run_at: Timestamp) -> Result<bool>;

    /// Throws it away. Returns whether it was there.
    async fn drop_dead_letter(&self, id: JobId) -> Result<bool>;
}
