//! What happens to the viewer, as it happens.

use std::sync::Arc;

use async_graphql::{Context, ErrorExtensions, ID, Interface, Result, SimpleObject, Subscription};
use chatterbox_graph::Group as Face;
use futures::{Stream, stream};

use super::{
    conversations,
    groups::{Group, GroupRole},
    messages::Message,
    scalars::DateTime,
    scope::{Scope, Services},
    users::User,
};
use crate::{
    accounts::Viewer,
    api::http::SLOW_CONSUMER,
    error::Error,
    ids::UserId,
    live::Cursor,
    messaging::{Change, Conversation, ConversationKind, Entry, Message as Text, Place},
};

/// A message was sent.
#[derive(SimpleObject)]
pub struct MessageSent {
    cursor: String,
    at: DateTime,
    message: Message,
}

/// A group has another name, description or visibility.
#[derive(SimpleObject)]
pub struct GroupChanged {
    cursor: String,
    at: DateTime,
    group: Group,
}

/// `role` is null where the member left or was removed.
#[derive(SimpleObject)]
pub struct MembershipChanged {
    cursor: String,
    at: DateTime,
    group: Group,
    user: User,
    role: Option<GroupRole>,
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
    /// A group changed.
    GroupChanged(GroupChanged),
    /// Somebody joined or left a group, or has another role.
    MembershipChanged(MembershipChanged),
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
    /// All devices of everyone concerned hear an event, those of its author included. Who is made a member, a group's
    /// founding members too, gets MembershipChanged before anything else of that group.
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
            Some(id) => Some(conversations::visible(&scope, "conversationId", &id).await?.id),
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
        Change::MessageSent { message, people, place } => {
            scope.know(people.to_vec()).await;
            prime_conversation(&scope, message, place, entry).await;
            let message = Message { scope, message: message.clone() };
            Event::MessageSent(MessageSent { cursor, at, message })
        }
        Change::GroupChanged { group } => {
            let group = known_group(&scope, group);
            Event::GroupChanged(GroupChanged { cursor, at, group })
        }
        Change::MembershipChanged { group, user, role, person } => {
            scope.know(person.iter().cloned().collect()).await;
            let group = known_group(&scope, group);
            let user = User::get(&scope, *user).await?;
            let role = role.map(Into::into);
            Event::MembershipChanged(MembershipChanged { cursor, at, group, user, role })
        }
        Change::FriendshipChanged { other, now } => {
            if let Some((person, friendship)) = now {
                scope.know(vec![person.clone()]).await;
                scope.loaders().friendships.prime(*other, Ok(Some(*friendship))).await;
            }
            let user = User::get(&scope, *other).await?;
            Event::FriendshipChanged(FriendshipChanged { cursor, at, user })
        }
        Change::SessionEnded { .. } | Change::PersonChanged => Err(not_an_event())?,
    })
}

fn not_an_event() -> Error {
    Error::internal("an entry of the log that is no event was handed to a subscriber")
}

fn known_group(scope: &Scope, face: &Face) -> Group {
    scope.know_face(face.clone());
    Group { scope: scope.clone(), id: face.id }
}

/// Takes in what the message tells of its conversation.
async fn prime_conversation(scope: &Scope, message: &Text, place: &Place, entry: &Entry) {
    let loaders = scope.loaders();
    match place {
        Place::Group(face) => face.iter().cloned().for_each(|face| scope.know_face(face)),
        Place::Direct => {
            let mut two = entry.recipients();
            if let (Some(one), Some(other)) = (two.next(), two.next()) {
                let conversation = left_by(message, [one.min(other), one.max(other)]);
                loaders.conversations.prime(conversation.id, Ok(Some(conversation))).await;
            }
        }
    }
    loaders.last_messages.prime(message.conversation, Ok(Some(message.clone()))).await;
}

/// The conversation of two as the message left it.
fn left_by(message: &Text, members: [UserId; 2]) -> Conversation {
    Conversation {
        id: message.conversation,
        // Whether they wrote matters only for who may write.
        kind: ConversationKind::Direct { members, wrote: [true; 2] },
        first_seq: 1,
        last_seq: message.seq,
        last_pos: message.pos,
        last_at: Some(message.sent_at),
    }
}
