//! What only one of all nodes may change at a time.
//!
//! The graph and the log have no transaction in common. Were two nodes to
//! change the same at once, what one read of the graph could reach the log
//! behind what the other read later, and the log would end with a state that is
//! no more. So whoever changes it has the turn, from before the graph
//! is changed until its entry stands in the log.

use std::{sync::Arc, time::Duration};

use chatterbox_graph::Timestamp;

use super::{Job, JobStore};
use crate::{
    ambient::Ambient,
    error::{Error, Result, chain},
    ids::TurnId,
};

/// How long is waited for a turn that another node has: longer than it is left to
/// one that died.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often is looked for it at first, and how often at last.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LAST_PAUSE: Duration = Duration::from_millis(64);

/// The right to change what a subject is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Tells it from every other one.
    pub id: TurnId,
    /// What it is about.
    pub subject: String,
    /// From when on another may take it, whose holder may be dead.
    pub ends_at: Timestamp,
}

impl Turn {
    /// How long a turn is left to its holder, in microseconds; as long as a job
    /// is left to who wrote it down.
    const LEASE: i64 = Job::GRACE;

    /// A new one, for carrying out this job.
    #[must_use]
    pub fn of(job: &Job, ambient: &Ambient) -> Self {
        Self {
            id: ambient.id(),
            subject: job.task.subject(),
            ends_at: Timestamp(ambient.now().0 + Self::LEASE),
        }
    }

    /// As if it were taken only now.
    #[must_use]
    pub fn renewed(&self, ambient: &Ambient) -> Self {
        Self { ends_at: Timestamp(ambient.now().0 + Self::LEASE), ..self.clone() }
    }
}

/// What a job has to do with a turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum InTurn {
    /// It needs none.
    #[default]
    Free,
    /// It was carried out in this turn, which goes on.
    Within(Turn),
    /// It was carried out in this turn, which ends with it.
    Last(Turn),
}

/// A turn that was taken. It is given back where what it was taken for did
/// not end it, also where nobody waits for that any more.
pub(super) struct Held {
    pub(super) turn: Turn,
    store: Option<Arc<dyn JobStore>>,
}

impl Held {
    pub(super) fn new(turn: Turn, store: &Arc<dyn JobStore>) -> Self {
        Self { turn, store: Some(store.clone()) }
    }

    /// It was ended with the job.
    pub(super) fn ended(mut self) {
        self.store = None;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(store), Ok(runtime)) = (self.store.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let turn = self.turn.clone();
        runtime.spawn(async move {
            if let Err(error) = store.end_turn(&turn).await {
                tracing::debug!(error = chain(&error), "a turn is not given back: it runs out");
            }
        });
    }
}

/// Writes the job down as soon as it is its turn. Returns the other jobs of its
/// subject that are not done: whoever wrote them down had the turn before.
pub(super) async fn write_down(
    store: &Arc<dyn JobStore>,
    job: &Job,
    ambient: &Ambient,
) -> Result<(Held, Vec<Job>)> {
    let written = tokio::time::timeout(PATIENCE, when_free(store, job, ambient)).await;
    written.map_err(|_elapsed| Error::unavailable("the same is being changed by others"))?
}

async fn when_free(
    store: &Arc<dyn JobStore>,
    job: &Job,
    ambient: &Ambient,
) -> Result<(Held, Vec<Job>)> {
    let mut pause = FIRST_PAUSE;
    loop {
        let turn = Turn::of(job, ambient);
        if let Some(others) = store.insert_in_turn(job, &turn, ambient.now()).await? {
            return Ok((Held::new(turn, store), others));
        }
        tokio::time::sleep(pause).await;
        pause = LAST_PAUSE.min(pause * 2);
    }
}
