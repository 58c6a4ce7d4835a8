//! The writer: takes what is waiting, across senders and conversations, and
//! commits it in one transaction. While one batch commits the next fills, so
//! there is no timer and no added wait when idle.

use std::sync::Arc;

use async_trait::async_trait;
use chatterbox_graph::{Person, Timestamp};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, warn};

use super::{Change, Entry, Message, MessageBody, MessageKey, Place, Recipients, Scope};
use crate::{
    ambient::Ambient,
    error::{Error, Result, StoreError, chain},
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
    /// Those it concerns, as far as they are known: at least the sender.
    pub people: Arc<[Person]>,
    /// In which kind of conversation; the store refuses one of another kind.
    pub place: Place,
}

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
}

/// Writes messages.
#[async_trait]
pub trait MessageStore: Send + Sync + 'static {
    /// Commits the drafts in one transaction, in order, and answers each. Who
    /// is in a conversation is what was committed before.
    ///
    /// # Errors
    ///
    /// The store's failure: then none of them was written, or (where the
    /// connection broke during the commit) nothing is known of it.
    async fn write(&self, at: Timestamp, drafts: &[Draft]) -> Result<Vec<Outcome>>;
}

/// How many messages are committed together at most.
const BATCH: usize = 256;
/// How many wait at most; more are refused.
const QUEUE: usize = 4_096;

type Answer = oneshot::Sender<Result<Message>>;

/// Where messages are handed in.
#[derive(Clone)]
pub struct WriterHandle {
    queue: mpsc::Sender<(Draft, Answer)>,
}

impl WriterHandle {
    /// Hands a message in and waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for a key that was used for something else,
    /// [`Error::NotFound`] for a conversation that the sender is not in, and
    /// [`StoreError::Unavailable`] where the store is away, too slow for what
    /// comes in, or the service is stopping.
    pub async fn send(&self, draft: Draft) -> Result<Message> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send((draft, answer)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::unavailable("too many messages wait"),
            mpsc::error::TrySendError::Closed(_) => Error::unavailable("the service is stopping"),
        })?;
        answered.await.map_err(|_| Error::unavailable("the service is stopping"))?
    }
}

/// The task that commits messages.
pub struct Writer {
    queue: mpsc::Receiver<(Draft, Answer)>,
    store: Arc<dyn MessageStore>,
    bus: Arc<dyn Bus>,
    ambient: Ambient,
}

impl Writer {
    /// A writer, and the handle by which it gets its work.
    pub fn new(
        store: Arc<dyn MessageStore>,
        bus: Arc<dyn Bus>,
        ambient: Ambient,
    ) -> (Self, WriterHandle) {
        let (sender, queue) = mpsc::channel(QUEUE);
        (Self { queue, store, bus, ambient }, WriterHandle { queue: sender })
    }

    /// Commits what is handed in, until `stop`; then takes nothing new and
    /// commits what waits.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            let taken = stop.run_until_cancelled(self.queue.recv_many(&mut waiting, BATCH)).await;
            match taken {
                Some(0) => break,
                Some(_) => {}
                None if self.queue.is_closed() && self.queue.is_empty() => break,
                None => {
                    self.queue.close();
                    if self.queue.recv_many(&mut waiting, BATCH).await == 0 {
                        break;
                    }
                }
            }
            let (drafts, answers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
            self.commit(drafts, answers).instrument(tracing::debug_span!("write messages")).await;
        }
    }

    async fn commit(&self, drafts: Vec<Draft>, answers: Vec<Answer>) {
        let started = Instant::now();
        let at = self.ambient.now();
        let result = self.store.write(at, &drafts).await;
        metrics::histogram!("chatterbox_message_commit_duration_seconds").record(started.elapsed());
        metrics::counter!("chatterbox_message_commits_total").increment(1);
        match result {
            Ok(outcomes) => self.answer(at, drafts, outcomes, answers),
            Err(error) => refuse(answers, &error),
        }
    }

    fn answer(
        &self,
        at: Timestamp,
        drafts: Vec<Draft>,
        outcomes: Vec<Outcome>,
        answers: Vec<Answer>,
    ) {
        let mut entries = Vec::with_capacity(drafts.len());
        let mut results = Vec::with_capacity(drafts.len());
        for (draft, outcome) in drafts.into_iter().zip(outcomes) {
            results.push(match outcome {
                Outcome::Sent(message, to) => {
                    entries.push(Arc::new(entry(at, message.clone(), to, draft)));
                    Ok(message)
                }
                Outcome::Repeated(message) => Ok(message),
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
        for (answer, result) in answers.into_iter().zip(results) {
            // Who gave up waiting finds the message by its key.
            let _gone = answer.send(result);
        }
    }
}

fn entry(at: Timestamp, message: Message, to: Recipients, draft: Draft) -> Entry {
    Entry {
        pos: message.pos,
        at,
        scope: Scope::Conversation(message.conversation),
        to,
        change: Change::MessageSent { message, people: draft.people, place: draft.place },
    }
}

fn refuse(answers: Vec<Answer>, error: &Error) {
    warn!(error = chain(error), messages = answers.len(), "messages were not written");
    let transient = error.is_transient();
    for answer in answers {
        let source = "the batch that this message was in failed";
        let _gone = answer.send(Err(Error::Store(if transient {
            StoreError::Unavailable(source.into())
        } else {
            StoreError::Internal(source.into())
        })));
    }
}
