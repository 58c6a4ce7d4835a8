//! What needs more than one store, or has to happen for certain: written down
//! in SQL first, carried out with idempotent steps, and marked done in the
//! transaction that appends its events to the log.

mod dead_letters;
mod relay;
mod turns;

use async_trait::async_trait;
use chatterbox_graph::{NewPerson, Timestamp};
use serde::{Deserialize, Serialize};

pub use dead_letters::{DeadLetter, DeadLetterStore};
pub use relay::Relay;
pub use turns::{InTurn, Turn};

use crate::{
    ambient::Ambient,
    error::Result,
    ids::{JobId, UserId},
    mail::Mail,
    messaging::{Entry, GroupSync, NewEntry},
    people::{Departure, FriendshipChange, GroupChange, PersonChange},
};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Task {
    /// Make a person's node in the graph.
    AddPerson(NewPerson),
    /// Send a mail.
    SendMail(Mail),
    /// Change what stands between two people.
    ChangeFriendship(FriendshipChange),
    /// Make, change or delete a group.
    ChangeGroup(GroupChange),
    /// Change a person's profile or settings.
    ChangePerson {
        /// Whose.
        user: UserId,
        /// What.
        change: PersonChange,
    },
    /// Take a person out of everything, whose account was closed.
    RemovePerson(Departure),
}

impl Task {
    /// A static name, for logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddPerson(_) => "add_person",
            Self::SendMail(_) => "send_mail",
            Self::ChangeFriendship(_) => "change_friendship",
            Self::ChangeGroup(_) => "change_group",
            Self::ChangePerson { .. } => "change_person",
            Self::RemovePerson(_) => "remove_person",
        }
    }

    /// Whether of all nodes only one at a time may change what it is about. Not where what was
    /// carried out tells an earlier change from a later one, as with groups, and neither where
    /// nobody is told what it came to.
    #[must_use]
    pub fn takes_turns(&self) -> bool {
        matches!(self, Self::ChangeFriendship(_))
    }

    /// What it is about: jobs with the same subject are carried out in the
    /// order in which they were written down. At most 128 characters.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::AddPerson(person) => person.id.to_string(),
            Self::SendMail(mail) => mail.to.chars().take(100).collect(),
            Self::ChangeFriendship(change) => {
                let (low, high) = change.pair();
                format!("{low} {high}")
            }
            Self::ChangeGroup(change) => change.group.to_string(),
            Self::ChangePerson { user, .. } => user.to_string(),
            Self::RemovePerson(departure) => departure.user.to_string(),
        }
    }
}

/// What is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// How many jobs.
    pub jobs: u64,
    /// When the oldest of them was written down.
    pub oldest: Option<Timestamp>,
}

/// What a job that was carried out brings about in SQL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// What is to be appended to the log.
    pub entries: Vec<NewEntry>,
    /// Groups whose conversations have to follow; for each the log gets an entry
    /// for each member that differs from before, and one where the group itself changed.
    pub groups: Vec<GroupSync>,
    /// Who lets others see no more how far they have read.
    pub receipts_off: Option<UserId>,
    /// In whose turn it was carried out.
    pub turn: InTurn,
}

impl Effects {
    /// Whether nothing is to be done but to mark the job done.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.entries.is_empty() && self.groups.is_empty() && self.receipts_off.is_none()
    }
}

/// How marking a job done ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Completion {
    /// It is done, and this was appended to the log.
    Done(Vec<Entry>),
    /// A group has moved on: its conversation follows a later version
    /// already. Nothing was done; the graph has to be asked again.
    Stale,
    /// The turn has run out, and another took it. Nothing was done: it is
    /// for them to tell what the job came to.
    OutOfTurn,
}

/// A task, written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id; ids grow with time.
    pub id: JobId,
    /// What is to be done.
    pub task: Task,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it is to be tried next, if the one who wrote it down does not
    /// carry it out at once.
    pub run_at: Timestamp,
    /// How often it failed.
    pub attempts: u32,
}

impl Job {
    /// How long the relay leaves a new job to the one who wrote it down, in
    /// microseconds.
    const GRACE: i64 = 5_000_000;

    /// A new job.
    #[must_use]
    pub fn new(ambient: &Ambient, task: Task) -> Self {
        let now = ambient.now();
        Self {
            id: ambient.id(),
            task,
            created_at: now,
            run_at: Timestamp(now.0 + Self::GRACE),
            attempts: 0,
        }
    }
}

/// Keeps jobs.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait JobStore: Send + Sync + 'static {
    /// Writes a job down, and returns the older ones of the same subject that
    /// are not done, oldest first.
    async fn insert(&self, job: &Job) -> Result<Vec<Job>>;

    /// The same in a turn that is taken with it; where another has the turn, nothing is written
    /// down, and `None` returned. One that ran out by `now` is free from the next try on.
    async fn insert_in_turn(
        &self,
        job: &Job,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<Option<Vec<Job>>>;

    /// Takes a turn, and returns whether nobody has it. One that ran out by `now` is free from
    /// the next try on.
    async fn take_turn(&self, turn: &Turn, now: Timestamp) -> Result<bool>;

    /// Gives a turn back. Nothing happens where it is another's meanwhile.
    async fn end_turn(&self, turn: &Turn) -> Result<()>;

    /// Those of this subject that are not done, oldest first.
    async fn open(&self, subject: &str) -> Result<Vec<Job>>;

    /// Jobs whose time has come, oldest first; of a subject only the oldest
    /// that is not done.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Job>>;

    /// What is not done.
    async fn backlog(&self) -> Result<Backlog>;

    /// How many are not done.
    async fn pending(&self) -> Result<u64> {
        Ok(self.backlog().await?.jobs)
    }

    /// Marks the job done, lets the conversations of groups follow and appends to the log, in one
    /// transaction. Where another marked it done already nothing is done,
    /// and nothing returned.
    async fn complete(&self, id: JobId, at: Timestamp, effects: Effects) -> Result<Completion>;

    /// Notes that the job failed, and when it is to be tried again.
    async fn postpone(&self, id: JobId, run_at: Timestamp, error: &str) -> Result<()>;
}
