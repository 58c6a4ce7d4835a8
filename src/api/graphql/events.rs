//! What happens to the viewer, as it happens.

use std::sync::Arc;

use async_graphql::{Context, ErrorExtensions, ID, Interface, Result, SimpleObject, Subscription};
use futures::{Stream, stream};

use super::{
    messages::Message,
    scalars::DateTime,
    scope::{Scope, Services},
    users::User,
};
use crate::{
    accounts::Viewer,
    api::http::SLOW_CONSUMER,
    error::Error,
    ids,
    live::Cursor,
    messaging::{Change, Entry},
};

/// A message was sent.
#[derive(SimpleObject)]
pub struct MessageSent {
    cursor: String,
    at: DateTime,
    message: Message,
}

/// `user.friendship` says what it is now: a request came, was accepted, was withdrawn, or the friendship ended.
#[derive(SimpleObject)]
pub struct FriendshipChanged {
    cursor: String,
    at: DateTime,
    user: User,
}

/// Something that happened.
#[derive(Interface)]
#[graphql(field(name = "cursor", ty = "&String"), field(name = "at", ty = "&DateTime"))]
pub enum Event {
    /// A message was sent.
    MessageSent(MessageSent),
    /// A friendship, request or block changed.
    FriendshipChanged(FriendshipChanged),
}

/// The live events.
#[derive(Default)]
pub struct EventSubscription;

#[Subscription]
impl EventSubscription {
    /// What happens to the viewer, as it happens. Keep the `cursor` of the last event you handled; after a break pass it as
    /// `after`, and the stream goes on from there: in order, nothing lost, nothing twice. Without `after` it starts now.
    /// A cursor that is too old answers CURSOR_EXPIRED: refetch and start anew.
    /// All devices of everyone concerned hear an event, those of its author included.
    async fn events(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        conversation_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Event>> + use<>> {
        let scope = Scope::of(ctx)?;
        let services = scope.services().clone();
        let viewer = scope.viewer();
        let after = after.as_deref().map(Cursor::parse).transpose()?;
        let conversation = match conversation_id {
            Some(id) => {
                let id = ids::parse("conversationId", &id)?;
                Some(services.conversations.visible(viewer.user, id).await?.id)
            }
            None => None,
        };
        let subscription = services.hub.subscribe(viewer.user, after, conversation).await?;
        Ok(stream::unfold(Some((subscription, services)), move |state| async move {
            let (mut subscription, services) = state?;
            match subscription.next().await {
                Ok(Ok(entry)) => {
                    let event = event(&services, viewer, &entry).await;
                    Some((event, Some((subscription, services))))
                }
                Ok(Err(_resume)) => Some((Err(resume()), None)),
                Err(error) => Some((Err(error.into()), None)),
            }
        }))
    }
}

fn resume() -> async_graphql::Error {
    async_graphql::Error::new("come back with the last cursor")
        .extend_with(|_, extensions| extensions.set("code", SLOW_CONSUMER))
}

/// The event of an entry. Takes all that it can from the entry itself, so
/// that a delivery reads no store.
async fn event(services: &Services, viewer: Viewer, entry: &Arc<Entry>) -> Result<Event> {
    let scope = Scope::new(services.clone(), viewer);
    let (cursor, at) = (Cursor(entry.pos).to_string(), DateTime(entry.at));
    Ok(match &entry.change {
        Change::MessageSent { message, people } => {
            scope.know(people.clone()).await;
            if let Some(conversation) = conversation_of(message, entry) {
                let loaders = scope.loaders();
                loaders.conversations.prime(conversation.id, Ok(Some(conversation))).await;
                loaders.last_messages.prime(message.conversation, Ok(Some(message.clone()))).await;
            }
            Event::MessageSent(MessageSent {
                cursor,
                at,
                message: Message { scope, message: message.clone() },
            })
        }
        Change::FriendshipChanged { other, now } => {
            if let Some((person, friendship)) = now {
                scope.know(vec![person.clone()]).await;
                scope.loaders().friendships.prime(*other, Ok(Some(*friendship))).await;
            }
            let user = User::get(&scope, *other).await?;
            Event::FriendshipChanged(FriendshipChanged { cursor, at, user })
        }
        Change::SessionEnded { .. } => Err(not_an_event())?,
    })
}

fn not_an_event() -> Error {
    Error::internal("an entry of the log that is no event was handed to a subscriber")
}

/// The conversation as the message left it.
fn conversation_of(
    message: &crate::messaging::Message,
    entry: &Entry,
) -> Option<crate::messaging::Conversation> {
    let [one, other] = *entry.to else { return None };
    Some(crate::messaging::Conversation {
        id: message.conversation,
        members: [one.min(other), one.max(other)],
        last_seq: message.seq,
        last_pos: message.pos,
        last_at: Some(message.sent_at),
    })
}
