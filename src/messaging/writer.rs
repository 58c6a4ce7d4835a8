//! The writer: takes what is waiting, across senders and conversations, and
//! commits it in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use chatterbox_graph::{Person, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Change, Entry, Message, MessageBody, MessageKey, MessageNews, Place, Position, Recipients,
    Scope,
    group_commit::{Commit, Entrance, GroupCommit},
};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{ConversationId, MessageId, UserId},
    live::Bus,
};

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The id it gets, if it is the first with its key.
    pub id: MessageId,
    /// Where it goes.
    pub conversation: ConversationId,
    /// Who sends it.
    pub sender: UserId,
    /// What it says.
    pub body: MessageBody,
    /// The sender's own key for it.
    pub key: Option<MessageKey>,
    /// The message that it replies to, of the same conversation.
    pub replied: Option<Arc<Message>>,
    /// The members whom it names, in that order; nobody twice.
    pub mentions: Vec<UserId>,
    /// Those it concerns, as far as they are known: at least the sender.
    pub people: Arc<[Person]>,
    /// In which kind of conversation; the store refuses one of another kind.
    pub place: Place,
    /// Of two, the position up to which it is known that the sender may write here; `None`
    /// where that need not be looked at.
    pub known_at: Option<Position>,
}

/// Something about one of the two changed behind what is known of them, at this position at
/// the latest. It has to be asked anew whether the sender may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outdated(pub Position);

/// What became of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log, for these people.
    Sent(Message, Recipients),
    /// A message with its key was there already: this one.
    Repeated(Message),
    /// Its key was used for another text or another conversation.
    KeyConflict,
    /// There is no such conversation of that kind, or the sender is not in it.
    NotMember,
    /// It may be that the sender may not write any more.
    Outdated(Outdated),
}

/// Writes messages.
#[async_trait]
pub trait MessageStore: Send + Sync + 'static {
    /// Commits the drafts in one transaction, in order, and answers each. Who
    /// is in a conversation is what was committed before; what the log says of people by then
    /// is behind no draft that is written.
    ///
    /// # Errors
    ///
    /// The store's failure: then none of them was written, or (where the
    /// connection broke during the commit) nothing is known of it.
    async fn write(&self, at: Timestamp, drafts: &[Draft]) -> Result<Vec<Outcome>>;
}

/// Where messages are handed in.
#[derive(Clone)]
pub struct WriterHandle(Entrance<Drafts>);

impl WriterHandle {
    /// Hands a message in, at once, behind those that were handed in before; what it returns waits
    /// until it is durable. The outer result is the stores', the inner one says what has to be asked anew.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for a key that was used for something else,
    /// [`Error::NotFound`] for a conversation that the sender is not in, and
    /// [`StoreError::Unavailable`] where the store is away, too slow for what
    /// comes in, or the service is stopping. The message may be written
    /// nevertheless: who sends it again with its key learns of it.
    ///
    /// [`StoreError::Unavailable`]: crate::error::StoreError::Unavailable
    pub fn send(
        &self,
        draft: Draft,
    ) -> impl Future<Output = Result<Result<Message, Outdated>>> + Send + use<> {
        self.0.submit(draft)
    }

    /// Sets the gauges of the messages that wait.
    pub fn measure(&self) {
        self.0.measure();
    }
}

/// The task that commits messages.
pub struct Writer(GroupCommit<Drafts>);

impl Writer {
    /// A writer, and the handle by which it gets its work.
    pub fn new(
        store: Arc<dyn MessageStore>,
        bus: Arc<dyn Bus>,
        ambient: Ambient,
    ) -> (Self, WriterHandle) {
        let (task, entrance) = GroupCommit::new(Drafts { store, bus, ambient });
        (Self(task), WriterHandle(entrance))
    }

    /// Commits what is handed in, until `stop`; then takes nothing new and
    /// commits what waits.
    pub async fn run(self, stop: CancellationToken) {
        self.0.run(stop).await;
    }
}

/// Commits messages, and tells of them.
struct Drafts {
    store: Arc<dyn MessageStore>,
    bus: Arc<dyn Bus>,
    ambient: Ambient,
}

#[async_trait]
impl Commit for Drafts {
    type Item = Draft;
    type Done = Result<Message, Outdated>;

    const ITEMS: &'static str = "messages";
    const BATCH_SIZE: &'static str = "chatterbox_message_batch_size";

    async fn commit(&self, drafts: Vec<Draft>) -> Result<Vec<Result<Self::Done>>> {
        let (started, at) = (Instant::now(), self.ambient.now());
        let outcomes = self.store.write(at, &drafts).await;
        metrics::histogram!("chatterbox_message_commit_duration_seconds").record(started.elapsed());
        metrics::counter!("chatterbox_message_commits_total").increment(1);
        Ok(self.tell(at, drafts, outcomes?))
    }
}

impl Drafts {
    fn tell(
        &self,
        at: Timestamp,
        drafts: Vec<Draft>,
        outcomes: Vec<Outcome>,
    ) -> Vec<Result<Result<Message, Outdated>>> {
        let mut entries = Vec::with_capacity(drafts.len());
        let mut results = Vec::with_capacity(drafts.len());
        for (draft, outcome) in drafts.into_iter().zip(outcomes) {
            results.push(match outcome {
                Outcome::Sent(message, to) => {
                    entries.push(Arc::new(entry(at, message.clone(), to, draft)));
                    Ok(Ok(message))
                }
                Outcome::Repeated(message) => Ok(Ok(message)),
                Outcome::Outdated(outdated) => Ok(Err(outdated)),
                Outcome::KeyConflict => {
                    Err(Error::Conflict { field: "key", reason: "was used for another message" })
                }
                Outcome::NotMember => Err(Error::NotFound("conversation")),
            });
        }
        metrics::counter!("chatterbox_messages_total").increment(entries.len() as u64);
        if !entries.is_empty() {
            self.bus.publish(entries.into());
        }
        results
    }
}

fn entry(at: Timestamp, message: Message, to: Recipients, draft: Draft) -> Entry {
    Entry {
        pos: message.pos,
        at,
        scope: Scope::Conversation(message.conversation),
        to,
        change: Change::MessageSent(MessageNews {
            message,
            reactions: Some(Arc::new([])),
            replied: draft.replied,
            people: draft.people,
            place: draft.place,
        }),
    }
}
