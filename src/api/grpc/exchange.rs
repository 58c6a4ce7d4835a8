//! One stream of `SendMessagesGRPC`: what its caller sends, what that is
//! answered, and what others say meanwhile. All of it runs in the task that
//! writes the stream: who does not read is not read from either, and what is
//! meant for them waits in the queue of their subscription, until it is full.

use std::{future::pending, sync::Arc};

use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tonic::{Code as StatusCode, Status, Streaming};
use tracing::Instrument;

use super::{
    GrpcParts,
    call::Call,
    errors::{self, Refusal, misread},
    generated::ChatMessage,
    wire,
};
use crate::{
    api::{codes::Code, http::running::Counted},
    error::Result as Outcome,
    ids::{MessageId, UserId},
    live::{Connected, Event, Subscription, SubscriptionEnd, What},
    messaging::{Change, Entry, MessageNews, Place},
};

/// A stream that is open.
pub(super) struct Exchange {
    parts: Arc<GrpcParts>,
    user: UserId,
    /// Returns when the stream has to end.
    over: BoxFuture<'static, Refusal>,
    inbound: Streaming<ChatMessage>,
    /// The message that is being sent; the next one is not read before it is answered.
    sending: Option<BoxFuture<'static, ChatMessage>>,
    subscription: Subscription,
    _present: Connected,
    _counted: Counted,
}

/// What happens next on a stream.
enum Turn {
    /// A message is answered.
    Answered(ChatMessage),
    /// The caller has sent a message, or no more of them.
    Received(Result<Option<ChatMessage>, Status>),
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
        Self { parts, user, over, inbound, sending: None, subscription, _present, _counted }
    }

    /// All that is to be said to the caller, as it comes; ends the call.
    pub(super) fn into_stream(self, call: Call) -> BoxStream<'static, Result<ChatMessage, Status>> {
        let state = Some((Box::new(self), call));
        let said = stream::unfold(state, |state| async move {
            let (mut exchange, mut call) = state?;
            let span = call.span.clone();
            match exchange.next().instrument(span).await {
                Ok(Some(said)) => Some((Ok(said), Some((exchange, call)))),
                Ok(None) => {
                    call.end(StatusCode::Ok);
                    None
                }
                Err(refusal) => Some((Err(call.refuse(refusal)), None)),
            }
        });
        said.boxed()
    }

    /// What is to be said next; nothing once all that the caller sent is answered and they send
    /// no more.
    async fn next(&mut self) -> Result<Option<ChatMessage>, Refusal> {
        loop {
            match self.turn().await? {
                Turn::Answered(message) => return Ok(Some(message)),
                Turn::Received(Ok(Some(message))) => self.sending = Some(self.send(message)),
                Turn::Received(Ok(None)) => return Ok(None),
                Turn::Received(Err(status)) => {
                    return Err(Refusal::Told(misread(&status)));
                }
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
        let Self { over, inbound, sending, subscription, .. } = self;
        let idle = sending.is_none();
        let turn = async {
            tokio::select! {
                message = answered(sending) => Turn::Answered(message),
                received = inbound.message(), if idle => Turn::Received(received),
                happened = subscription.next() => Turn::Happened(happened),
            }
        };
        tokio::select! {
            biased;
            refusal = over => Err(refusal),
            turn = turn => Ok(turn),
        }
    }

    fn send(&self, message: ChatMessage) -> BoxFuture<'static, ChatMessage> {
        let (parts, user) = (self.parts.clone(), self.user);
        let (to, key) = (message.to.clone(), message.key.clone());
        let sent = async move {
            parts.send_next(user, message).await.unwrap_or_else(|error| {
                let failure = Some(errors::told(&error).into());
                ChatMessage { to, key, failure, ..ChatMessage::default() }
            })
        };
        sent.boxed()
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

/// The answer to the message that is being sent, which none is then.
async fn answered(sending: &mut Option<BoxFuture<'static, ChatMessage>>) -> ChatMessage {
    match sending {
        Some(running) => {
            let message = running.await;
            *sending = None;
            message
        }
        None => pending().await,
    }
}

fn too_slow() -> Refusal {
    Refusal::new(Code::SlowConsumer, "too slow: come back with the last cursor")
}
