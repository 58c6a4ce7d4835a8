//! Carries jobs out: at once for the one who wrote them down, and later for
//! those that a crash or an absent store left open.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use chatterbox_graph::{Graph, Timestamp};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Job, JobStore, Task};
use crate::{
    ambient::Ambient,
    error::{Result, chain},
    live::Bus,
    mail::Mailer,
    people,
};

/// How often the relay looks for jobs that were left open. Nobody waits for
/// it: who writes a job down carries it out.
const PERIOD: Duration = Duration::from_millis(500);
const BATCH: usize = 100;
const FIRST_DELAY: i64 = 500_000;
const LAST_DELAY: i64 = 60_000_000;
const STRIPES: usize = 64;

/// Carries jobs out.
pub struct Relay {
    store: Arc<dyn JobStore>,
    graph: Arc<dyn Graph>,
    mailer: Arc<dyn Mailer>,
    bus: Arc<dyn Bus>,
    ambient: Ambient,
    subjects: [Mutex<()>; STRIPES],
    hasher: RandomState,
}

impl Relay {
    /// Puts the parts together.
    pub fn new(
        store: Arc<dyn JobStore>,
        graph: Arc<dyn Graph>,
        mailer: Arc<dyn Mailer>,
        bus: Arc<dyn Bus>,
        ambient: Ambient,
    ) -> Self {
        Self {
            store,
            graph,
            mailer,
            bus,
            ambient,
            subjects: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::new(),
        }
    }

    /// Writes the task down and carries it out, after whatever older jobs of
    /// the same subject are still open.
    ///
    /// # Errors
    ///
    /// What the task's own rules refuse, in which case nothing was changed;
    /// or the failure of a store, in which case the relay goes on trying.
    pub async fn submit(&self, task: Task) -> Result<()> {
        let job = Job::new(&self.ambient, task);
        let _turn = self.turn(&job).await;
        for older in self.store.insert(&job).await? {
            // What an older job is refused concerns whoever wrote it down.
            let _refused = self.perform(&older, true).await?;
        }
        self.perform(&job, false).await?
    }

    /// Carries out a job that was written down with other changes. A failure
    /// is left to the relay.
    pub async fn attempt(&self, job: &Job) {
        let _turn = self.turn(job).await;
        self.attempt_in_turn(job).await;
    }

    /// Looks for jobs left open, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.sweep().await {
                debug!(error = chain(&error), "could not look for open jobs");
            }
        }
    }

    /// Carries out what is due now.
    ///
    /// # Errors
    ///
    /// Where the jobs can't be read.
    pub async fn sweep(&self) -> Result<()> {
        for job in self.store.due(self.ambient.now(), BATCH).await? {
            self.attempt(&job).await;
        }
        metrics::gauge!("chatterbox_jobs_pending").set(count(self.store.pending().await?));
        Ok(())
    }

    async fn attempt_in_turn(&self, job: &Job) {
        let name = job.task.name();
        match self.perform(job, true).await {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => {
                info!(job = %job.id, task = name, reason = %refused, "a job was refused");
            }
            Err(error) => self.postpone(job, &chain(&error)).await,
        }
    }

    async fn postpone(&self, job: &Job, error: &str) {
        let name = job.task.name();
        warn!(job = %job.id, task = name, attempts = job.attempts + 1, error, "a job failed");
        metrics::counter!("chatterbox_job_failures_total", "task" => name).increment(1);
        let delay = (FIRST_DELAY << job.attempts.min(20)).min(LAST_DELAY);
        let run_at = Timestamp(self.ambient.now().0 + delay);
        if let Err(error) = self.store.postpone(job.id, run_at, error).await {
            debug!(job = %job.id, error = chain(&error), "could not postpone a job");
        }
    }

    /// The outer result is the stores', the inner one the rules'.
    async fn perform(&self, job: &Job, again: bool) -> Result<Result<()>> {
        let (entries, outcome) = match &job.task {
            Task::AddPerson(person) => {
                self.graph.add_person(person).await?;
                (Vec::new(), Ok(()))
            }
            Task::SendMail(mail) => {
                self.mailer.send(mail).await?;
                (Vec::new(), Ok(()))
            }
            Task::ChangeFriendship(change) => {
                people::carry_out(&*self.graph, change, again).await?
            }
        };
        let done = self.store.complete(job.id, self.ambient.now(), entries).await?;
        if !done.is_empty() {
            self.bus.publish(done.into_iter().map(Arc::new).collect());
        }
        metrics::counter!("chatterbox_jobs_total", "task" => job.task.name()).increment(1);
        Ok(outcome)
    }

    async fn turn(&self, job: &Job) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(job.task.subject());
        let stripe = usize::try_from(hash % STRIPES as u64).unwrap_or_default();
        self.subjects[stripe].lock().await
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn count(n: u64) -> f64 {
    n as f64
}
