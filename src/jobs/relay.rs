//! Carries jobs out: at once for the one who wrote them down, and later for
//! those that a crash or an absent store left open.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use chatterbox_graph::{Graph, Timestamp};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, info, warn};

use super::{
    Backlog, Completion, DeadLetterStore, Effects, InTurn, Job, JobStore, Task, Turn,
    turns::{self, Held},
};
use crate::{
    ambient::Ambient,
    error::{Error, Result, chain},
    live::Bus,
    mail::Mailer,
    messaging::Entry,
    people::{DepartureStore, departure, friendships, groups, profile},
};

/// How often the relay looks for jobs that were left open. Nobody waits for
/// it: who writes a job down carries it out.
const PERIOD: Duration = Duration::from_millis(500);
const BATCH: usize = 100;
/// The pause after the first failure, in microseconds; it doubles with each.
const FIRST_DELAY: i64 = 500_000;
const LAST_DELAY: i64 = 60_000_000;
/// How often a job may fail before it is given up …
const MAX_ATTEMPTS: u32 = 10;
/// … but as long as it is only a store that is away, not before it is a day old.
const MAX_WAIT: i64 = 24 * 60 * 60 * 1_000_000;
const STRIPES: usize = 64;
/// How often the graph is asked again about a group that moved on meanwhile.
const MAX_STALE: usize = 16;

/// Carries jobs out.
pub struct Relay {
    store: Arc<dyn JobStore>,
    graveyard: Arc<dyn DeadLetterStore>,
    departures: Arc<dyn DepartureStore>,
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
        store: Arc<impl JobStore + DeadLetterStore + DepartureStore>,
        graph: Arc<dyn Graph>,
        mailer: Arc<dyn Mailer>,
        bus: Arc<dyn Bus>,
        ambient: Ambient,
    ) -> Self {
        Self {
            graveyard: store.clone(),
            departures: store.clone(),
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
        let _alone = self.alone(&job.task.subject()).await;
        if job.task.takes_turns() {
            return self.submit_in_turn(&job).await;
        }
        for older in self.store.insert(&job).await? {
            // What an older job is refused concerns whoever wrote it down.
            let _refused = self.perform(&older, true, InTurn::Free).await?;
        }
        self.perform(&job, false, InTurn::Free).await?
    }

    async fn submit_in_turn(&self, job: &Job) -> Result<()> {
        let (held, others) = turns::write_down(&self.store, job, &self.ambient).await?;
        for other in others {
            let within = InTurn::Within(held.turn.renewed(&self.ambient));
            let _refused = self.perform(&other, true, within).await?;
        }
        let outcome = self.perform(job, false, InTurn::Last(held.turn.clone())).await?;
        held.ended();
        outcome
    }

    /// Carries out a job that was written down with other changes. A failure
    /// is left to the relay, and so is a job before whose turn others come.
    pub async fn attempt(&self, job: &Job) {
        let _alone = self.alone(&job.task.subject()).await;
        let mut held = None;
        if job.task.takes_turns() {
            let turn = Turn::of(job, &self.ambient);
            if !matches!(self.store.take_turn(&turn, self.ambient.now()).await, Ok(true)) {
                return;
            }
            held = Some(Held::new(turn, &self.store));
        }
        // It may have been done since it was found.
        let open = self.store.open(&job.task.subject()).await.unwrap_or_default();
        if open.first().is_some_and(|first| first.id == job.id) {
            let in_turn = held.as_ref().map(|held| InTurn::Within(held.turn.clone()));
            self.attempt_now(job, in_turn.unwrap_or_default()).await;
        }
    }

    /// Whether sending a mail takes no longer than an answer may.
    #[must_use]
    pub fn mails_promptly(&self) -> bool {
        self.mailer.is_prompt()
    }

    /// Carries out what is open of a subject, and returns whether there was
    /// anything: what was found before may be different now.
    ///
    /// # Errors
    ///
    /// The failure of a store.
    pub async fn settle(&self, subject: &str) -> Result<bool> {
        let _alone = self.alone(subject).await;
        let open = self.store.open(subject).await?;
        for job in &open {
            let _refused = self.perform(job, true, InTurn::Free).await?;
        }
        Ok(!open.is_empty())
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
        let Backlog { jobs, oldest } = self.store.backlog().await?;
        let age = oldest.map_or(0, |oldest| (self.ambient.now().0 - oldest.0).unsigned_abs());
        metrics::gauge!("chatterbox_jobs_pending").set(count(jobs));
        metrics::gauge!("chatterbox_jobs_oldest_seconds").set(count(age) / 1e6);
        let dead = self.graveyard.count_dead_letters().await?;
        metrics::gauge!("chatterbox_dead_letters").set(count(dead));
        Ok(())
    }

    async fn attempt_now(&self, job: &Job, in_turn: InTurn) {
        let name = job.task.name();
        match self.perform(job, true, in_turn).await {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => {
                info!(job = %job.id, task = name, reason = %refused, "a job was refused");
            }
            Err(error) => self.failed(job, &error).await,
        }
    }

    async fn failed(&self, job: &Job, error: &Error) {
        let name = job.task.name();
        let (now, attempts, text) = (self.ambient.now(), job.attempts + 1, chain(error));
        warn!(job = %job.id, task = name, attempts, error = text, "a job failed");
        let patient = error.is_transient() && now.0 - job.created_at.0 < MAX_WAIT;
        let noted = if attempts >= MAX_ATTEMPTS && !patient {
            error!(job = %job.id, task = name, "a job is given up: it is a dead letter now");
            metrics::counter!("chatterbox_dead_letters_total", "task" => name).increment(1);
            self.graveyard.bury(job.id, now, &text).await
        } else {
            self.store.postpone(job.id, Timestamp(now.0 + self.delay(job.attempts)), &text).await
        };
        if let Err(error) = noted {
            debug!(job = %job.id, error = chain(&error), "could not note that a job failed");
        }
    }

    /// Between half of the pause and all of it, so that jobs which failed
    /// together do not come back together.
    fn delay(&self, attempts: u32) -> i64 {
        let pause = (FIRST_DELAY << attempts.min(20)).min(LAST_DELAY);
        let jitter = i64::from(u16::from_be_bytes(self.ambient.bytes()));
        pause / 2 + pause / 2 * jitter / i64::from(u16::MAX)
    }

    /// The outer result is the stores', the inner one the rules'.
    async fn perform(&self, job: &Job, again: bool, turn: InTurn) -> Result<Result<()>> {
        let (name, started) = (job.task.name(), Instant::now());
        let span = tracing::debug_span!("job", task = name, job = %job.id);
        let result = self.try_to_perform(job, again, turn).instrument(span).await;
        let outcome = match &result {
            Ok(Ok(())) => "done",
            Ok(Err(_)) => "refused",
            Err(_) => "failed",
        };
        metrics::counter!("chatterbox_job_attempts_total", "task" => name, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("chatterbox_job_duration_seconds", "task" => name)
            .record(started.elapsed());
        result
    }

    async fn try_to_perform(&self, job: &Job, again: bool, turn: InTurn) -> Result<Result<()>> {
        for _ in 0..MAX_STALE {
            let (effects, outcome) = self.carry_out(job, again).await?;
            let effects = Effects { turn: turn.clone(), ..effects };
            match self.store.complete(job.id, self.ambient.now(), effects).await? {
                Completion::Done(entries) => {
                    self.publish(entries);
                    return Ok(outcome);
                }
                // The graph is asked again, and answers with what is then.
                Completion::Stale => {}
                Completion::OutOfTurn => {
                    return Err(Error::unavailable("the change took longer than its turn"));
                }
            }
        }
        Err(Error::internal("the graph stays behind what was followed of it: is it an older copy?"))
    }

    async fn carry_out(&self, job: &Job, again: bool) -> Result<(Effects, Result<()>)> {
        let graph = &*self.graph;
        Ok(match &job.task {
            Task::AddPerson(person) => {
                graph.add_person(person).await?;
                (Effects::default(), Ok(()))
            }
            Task::SendMail(mail) => {
                self.mailer.send(mail).await?;
                (Effects::default(), Ok(()))
            }
            Task::ChangeFriendship(change) => friendships::carry_out(graph, change, again).await?,
            Task::ChangeGroup(change) => groups::carry_out(graph, change, job.id).await?,
            Task::ChangePerson { user, change } => profile::carry_out(graph, *user, change).await?,
            Task::RemovePerson(gone) => {
                let store = &*self.departures;
                (departure::carry_out(graph, store, gone, job.id).await?, Ok(()))
            }
        })
    }

    fn publish(&self, entries: Vec<Entry>) {
        if !entries.is_empty() {
            self.bus.publish(entries.into_iter().map(Arc::new).collect());
        }
    }

    /// Until the guard is dropped nobody else on this node changes the subject.
    async fn alone(&self, subject: &str) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(subject);
        let stripe = usize::try_from(hash % STRIPES as u64).unwrap_or_default();
        self.subjects[stripe].lock().await
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn count(n: u64) -> f64 {
    n as f64
}
