//! One stream of `SendMessagesGRPC`: what its caller sends, what that is
//! answered, and what others say meanwhile. Who does not read is not read from
//! either, and what is meant for them waits in the queue of their subscription,
//! until it is full.
//!
//! It runs in a task of its own: what has begun may hold what others wait for, and is carried
//! on with whether the caller reads or not.

use std::{collections::VecDeque, future::pending, pin::pin, sync::Arc};

use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, ReadyChunks},
};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code as StatusCode, Status, Streaming};
use tracing::Instrument;

use super::{
    GrpcParts,
    call::Call,
    errors::{Refusal, misread},
    generated::ChatMessage,
    wire,
};
use crate::{
    api::{codes::Code, http::running::Counted},
    error::{Error, Result as Outcome},
    ids::{MessageId, UserId},
    live::{Connected, Event, Subscription, SubscriptionEnd, What},
    messaging::{Change, Entry, MessageNews, Place},
};

/// How many messages of a stream are sent without waiting for an answer.
const BURST: usize = 64;
/// How many messages wait for a caller that does not read, besides those in the buffers of its
/// connection.
const ROOM: usize = 16;

/// What came in together.
type Burst = Vec<Result<ChatMessage, Status>>;

/// A stream that is open.
pub(super) struct Exchange {
    parts: Arc<GrpcParts>,
    user: UserId,
    /// Returns when the stream has to end.
    over: BoxFuture<'static, Refusal>,
    inbound: ReadyChunks<Streaming<ChatMessage>>,
    /// The messages that are being sent; nothing is read before all of them are answered.
    sending: Option<BoxFuture<'static, Vec<ChatMessage>>>,
    /// What is still to be answered.
    answers: VecDeque<ChatMessage>,
    /// Why nothing more can be read.
    broken: Option<Status>,
    subscription: Subscription,
    _present: Connected,
    _counted: Counted,
}

/// What happens next on a stream.
enum Turn {
    /// What was sent is answered.
    Answered(Vec<ChatMessage>),
    /// The caller has sent messages, or no more of them.
    Received(Option<Burst>),
    /// Something happened to the caller, or their subscription has ended.
    Happened(Outcome<Result<Arc<Event>, SubscriptionEnd>>),
}

impl Exchange {
    /// One on which nothing was said yet.
    pub(super) fn new(
        parts: Arc<GrpcParts>,
        user: UserId,
        over: BoxFuture<'static, Refusal>,
        inbound: Streaming<ChatMessage>,
        subscription: Subscription,
    ) -> Self {
        let _present = parts.online.open(user);
        let _counted = Counted::new("chatterbox_grpc_streams");
        Self {
            parts,
            user,
            over,
            inbound: inbound.ready_chunks(BURST),
            sending: None,
            answers: VecDeque::new(),
            broken: None,
            subscription,
            _present,
            _counted,
        }
    }

    /// All that is to be said to the caller, as it comes; ends the call.
    pub(super) fn into_stream(self, call: Call) -> BoxStream<'static, Result<ChatMessage, Status>> {
        let (sender, said) = mpsc::channel(ROOM);
        let running = tokio::spawn(self.run(sender).instrument(call.span.clone()));
        let state = Some((said, AbortOnDropHandle::new(running), call));
        let said = stream::unfold(state, |state| async move {
            let (mut said, running, mut call) = state?;
            if let Some(message) = said.recv().await {
                return Some((Ok(message), Some((said, running, call))));
            }
            let panicked = |_| Err(Error::internal("a stream panicked").into());
            match running.await.unwrap_or_else(panicked) {
                Ok(()) => {
                    call.end(StatusCode::Ok);
                    None
                }
                Err(refusal) => Some((Err(call.refuse(refusal)), None)),
            }
        });
        said.boxed()
    }

    async fn run(mut self, sender: mpsc::Sender<ChatMessage>) -> Result<(), Refusal> {
        while let Some(message) = self.next().await? {
            let mut sent = pin!(sender.send(message));
            loop {
                tokio::select! {
                    biased;
                    refusal = &mut self.over => return Err(refusal),
                    sent = &mut sent => match sent {
                        Ok(()) => break,
                        Err(_gone) => return Ok(()),
                    },
                    answers = answered(&mut self.sending) => self.answers = answers.into(),
                }
            }
        }
        Ok(())
    }

    /// What is to be said next; nothing once all that the caller sent is answered and they send
    /// no more.
    async fn next(&mut self) -> Result<Option<ChatMessage>, Refusal> {
        loop {
            if let Some(answer) = self.answers.pop_front() {
                return Ok(Some(answer));
            }
            match self.turn().await? {
                Turn::Answered(answers) => self.answers = answers.into(),
                Turn::Received(Some(burst)) => self.send(burst),
                Turn::Received(None) => return Ok(None),
                Turn::Happened(happened) => {
                    let event = happened?.map_err(|SubscriptionEnd::Resume| too_slow())?;
                    if let Some(message) = told(&self.parts, self.user, &event).await? {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    async fn turn(&mut self) -> Result<Turn, Refusal> {
        let Self { over, inbound, sending, broken, subscription, .. } = self;
        let idle = sending.is_none();
        if let Some(status) = broken.take_if(|_| idle) {
            return Err(Refusal::Told(misread(&status)));
        }
        let turn = async {
            tokio::select! {
                answers = answered(sending) => Turn::Answered(answers),
                received = inbound.next(), if idle => Turn::Received(received),
                happened = subscription.next() => Turn::Happened(happened),
            }
        };
        tokio::select! {
            biased;
            refusal = over => Err(refusal),
            turn = turn => Ok(turn),
        }
    }

    fn send(&mut self, burst: Burst) {
        let mut messages = Vec::with_capacity(burst.len());
        for received in burst {
            match received {
                Ok(message) => messages.push(message),
                Err(status) => self.broken = Some(status),
            }
        }
        let (parts, user) = (self.parts.clone(), self.user);
        self.sending = Some(async move { parts.send_burst(user, messages).await }.boxed());
    }
}

/// The event as it is told to this user; nothing where it is no message that was sent.
async fn told(parts: &GrpcParts, user: UserId, event: &Event) -> Outcome<Option<ChatMessage>> {
    let What::Logged(entry) = &event.what else { return Ok(None) };
    let Change::MessageSent(news) = &entry.change else { return Ok(None) };
    let reply_to = visible_reply(parts, user, entry, news).await?;
    Ok(Some(wire::event(news.message.clone(), &news.place, reply_to, entry.pos)))
}

/// What the message replies to, as far as this user may read that: they may have joined later.
async fn visible_reply(
    parts: &GrpcParts,
    user: UserId,
    entry: &Entry,
    news: &MessageNews,
) -> Outcome<Option<MessageId>> {
    let Some(id) = news.message.reply_to else { return Ok(None) };
    let visible = match (&news.place, &news.replied) {
        (Place::Direct, _) => true,
        (Place::Group(_), Some(replied)) => entry.shows(user, replied),
        (Place::Group(_), None) => parts.history.readable(user, &[id]).await?.contains_key(&id),
    };
    Ok(visible.then_some(id))
}

/// The answers to the messages that are being sent, which none are then.
async fn answered(sending: &mut Option<BoxFuture<'static, Vec<ChatMessage>>>) -> Vec<ChatMessage> {
    match sending {
        Some(running) => {
            let answers = running.await;
            *sending = None;
            answers
        }
        None => pending().await,
    }
}

fn too_slow() -> Refusal {
    Refusal::new(Code::SlowConsumer, "too slow: come back with the last cursor")
}
