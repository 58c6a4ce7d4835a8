//! What happens to the viewer, as it happens.

use std::sync::Arc;

use async_graphql::{Context, ErrorExtensions, ID, Interface, Result, SimpleObject, Subscription};
use chatterbox_graph::Group as Face;
use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;

use super::{
    asked::Start,
    conversations::Conversation,
    feeds::{Turn, Turns, subscribe},
    groups::{Group, GroupRole},
    messages::Message,
    reading::ReadMarker,
    scalars::DateTime,
    scope::{Asker, Scope, Services},
    users::User,
};
use crate::{
    api::http::SLOW_CONSUMER,
    error::Error,
    ids::{ConversationId, UserId},
    live::{Cursor, Event as Live, Passing, Signal, What},
    messaging::{
        Change, Conversation as Talk, ConversationKind, Entry, Message as Text, MessageNews, Place,
        Position,
    },
};

/// A message was sent.
#[derive(SimpleObject)]
pub struct MessageSent {
    cursor: String,
    at: DateTime,
    message: Message,
}

/// A message has another body.
#[derive(SimpleObject)]
pub struct MessageEdited {
    cursor: String,
    at: DateTime,
    message: Message,
}

/// A message was deleted.
#[derive(SimpleObject)]
pub struct MessageDeleted {
    cursor: String,
    at: DateTime,
    message: Message,
}

/// Somebody reacted to a message, or took a reaction back.
#[derive(SimpleObject)]
pub struct ReactionsChanged {
    cursor: String,
    at: DateTime,
    message: Message,
}

/// A member has read further.
#[derive(SimpleObject)]
pub struct ReadMarkerMoved {
    cursor: String,
    at: DateTime,
    conversation: Conversation,
    marker: ReadMarker,
}

/// The viewer muted the conversation, or unmuted it.
#[derive(SimpleObject)]
pub struct MuteChanged {
    cursor: String,
    at: DateTime,
    conversation: Conversation,
}

/// Somebody began to type, or stopped. Not replayed.
#[derive(SimpleObject)]
pub struct TypingChanged {
    cursor: String,
    at: DateTime,
    conversation: Conversation,
    user: User,
    typing: bool,
}

/// Somebody came online or went offline, or lets others see it. Not replayed.
#[derive(SimpleObject)]
pub struct PresenceChanged {
    cursor: String,
    at: DateTime,
    user: User,
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
    /// A message has another body.
    MessageEdited(MessageEdited),
    /// A message was deleted.
    MessageDeleted(MessageDeleted),
    /// The reactions to a message changed.
    ReactionsChanged(ReactionsChanged),
    /// A member has read further.
    ReadMarkerMoved(ReadMarkerMoved),
    /// The viewer muted a conversation, or unmuted it.
    MuteChanged(MuteChanged),
    /// A group changed.
    GroupChanged(GroupChanged),
    /// Somebody joined or left a group, or has another role.
    MembershipChanged(MembershipChanged),
    /// A friendship, request or block changed.
    FriendshipChanged(FriendshipChanged),
    /// Somebody began to type, or stopped.
    TypingChanged(TypingChanged),
    /// Somebody came online or went offline.
    PresenceChanged(PresenceChanged),
}

/// The live events.
#[derive(Default)]
pub struct EventSubscription;

#[Subscription]
impl EventSubscription {
    /// What happens to the viewer, as it happens. Keep the `cursor` of the last event you handled; after a break pass it as
    /// `after`, and the stream goes on from there: in order, nothing lost, nothing twice. Without `after` it starts now.
    /// A cursor that is too old answers CURSOR_EXPIRED: refetch and start anew. Typing and presence are not replayed.
    /// All devices of everyone concerned hear an event, those of its author included (typing: only the others'). Who is made a
    /// member, a group's founding members too, gets MembershipChanged before anything else of that group.
    async fn events(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        conversation_id: Option<ID>,
    ) -> Result<BoxStream<'static, Result<Event>>> {
        let scope = Scope::of(ctx)?;
        let services = scope.services().clone();
        if let Some(turns) = ctx.data_opt::<Turns>().and_then(Turns::take) {
            return Ok(in_turn(services, turns).boxed());
        }
        let viewer = scope.viewer();
        let start = Start { after, conversation: conversation_id.map(|id| id.0) };
        let subscription = subscribe(&services, viewer, start).await?;
        let events = stream::unfold(Some((subscription, services)), move |state| async move {
            let (mut subscription, services) = state?;
            match subscription.next().await {
                Ok(Ok(live)) => {
                    let event = told_to(&services, Asker::new(viewer), &live).await;
                    Some((event, Some((subscription, services))))
                }
                Ok(Err(_resume)) => Some((Err(resume()), None)),
                Err(error) => Some((Err(error.into()), None)),
            }
        });
        Ok(events.boxed())
    }
}

/// The events of these turns, one by one.
fn in_turn(
    services: Arc<Services>,
    mut turns: mpsc::UnboundedReceiver<Turn>,
) -> impl Stream<Item = Result<Event>> {
    stream::poll_fn(move |cx| turns.poll_recv(cx)).then(move |turn| {
        let services = services.clone();
        async move {
            let (live, asker) = turn?;
            told_to(&services, asker, &live).await
        }
    })
}

async fn told_to(services: &Arc<Services>, asker: Asker, live: &Live) -> Result<Event> {
    let scope = Scope::asked_by(services.clone(), asker);
    match &live.what {
        What::Logged(entry) => event(scope, entry).await,
        What::Passing { signal, after } => passing(scope, signal, *after).await,
    }
}

/// What tells a subscriber to come back with its cursor.
pub(super) fn resume() -> async_graphql::Error {
    async_graphql::Error::new("come back with the last cursor")
        .extend_with(|_, extensions| extensions.set("code", SLOW_CONSUMER))
}

/// The event of an entry. Takes all that it can from the entry itself, so
/// that a delivery reads no store.
async fn event(scope: Scope, entry: &Arc<Entry>) -> Result<Event> {
    let (cursor, at) = (Cursor(entry.pos).to_string(), DateTime(entry.at));
    Ok(match &entry.change {
        Change::MessageSent(news) => {
            prime_conversation(&scope, news, entry).await;
            let message = told(scope, news, entry).await;
            Event::MessageSent(MessageSent { cursor, at, message })
        }
        Change::MessageEdited(news) => {
            let message = told(scope, news, entry).await;
            Event::MessageEdited(MessageEdited { cursor, at, message })
        }
        Change::MessageDeleted(news) => {
            let message = told(scope, news, entry).await;
            Event::MessageDeleted(MessageDeleted { cursor, at, message })
        }
        Change::ReactionsChanged(news) => {
            let message = told(scope, news, entry).await;
            Event::ReactionsChanged(ReactionsChanged { cursor, at, message })
        }
        Change::ReadMarkerMoved { conversation, marker, person, place } => {
            scope.know(person.clone());
            let conversation = talk(&scope, *conversation, place).await?;
            let marker = ReadMarker { scope, marker: *marker };
            Event::ReadMarkerMoved(ReadMarkerMoved { cursor, at, conversation, marker })
        }
        Change::MuteChanged { conversation, place } => {
            let conversation = talk(&scope, *conversation, place).await?;
            Event::MuteChanged(MuteChanged { cursor, at, conversation })
        }
        Change::GroupChanged { group } => {
            let group = known_group(&scope, group);
            Event::GroupChanged(GroupChanged { cursor, at, group })
        }
        Change::MembershipChanged { group, user, role, person } => {
            scope.know(person.clone());
            let group = known_group(&scope, group);
            let user = User::get(&scope, *user).await?;
            let role = role.map(Into::into);
            Event::MembershipChanged(MembershipChanged { cursor, at, group, user, role })
        }
        Change::FriendshipChanged { other, now } => {
            if let Some((person, friendship)) = now {
                scope.know(vec![person.clone()]);
                scope.loaders().friendships.prime(*other, Ok(Some(*friendship))).await;
            }
            let user = User::get(&scope, *other).await?;
            Event::FriendshipChanged(FriendshipChanged { cursor, at, user })
        }
        Change::SessionEnded { .. } | Change::PersonChanged => Err(not_an_event())?,
    })
}

/// The event of what passes.
async fn passing(scope: Scope, signal: &Signal, after: Position) -> Result<Event> {
    let (cursor, at) = (Cursor(after).to_string(), DateTime(signal.at));
    Ok(match &signal.what {
        Passing::Typing { conversation, place, user, person, typing } => {
            scope.know(person.clone());
            let conversation = talk(&scope, *conversation, place).await?;
            let (user, typing) = (User::get(&scope, *user).await?, *typing);
            Event::TypingChanged(TypingChanged { cursor, at, conversation, user, typing })
        }
        Passing::Presence { user, person, presence } => {
            scope.know(person.clone());
            scope.loaders().presence.prime(*user, Ok(Some(*presence))).await;
            let user = User::get(&scope, *user).await?;
            Event::PresenceChanged(PresenceChanged { cursor, at, user })
        }
    })
}

/// The message, with what is known about it taken in.
async fn told(scope: Scope, news: &MessageNews, entry: &Entry) -> Message {
    if let Some(replied) = &news.replied {
        scope.know_replied(entry, replied).await;
    }
    Message::told(scope, news).await
}

/// The conversation that an event is about.
async fn talk(scope: &Scope, id: ConversationId, place: &Place) -> Result<Conversation> {
    if let Place::Group(face) = place {
        face.iter().cloned().for_each(|face| scope.know_face(face));
        return Ok(Group { scope: scope.clone(), id: id.group() }.into());
    }
    let found = scope.loaders().conversations.load(id).await?;
    Ok(Conversation::new(scope, found.ok_or(Error::NotFound("conversation"))?))
}

fn not_an_event() -> Error {
    Error::internal("an entry of the log that is no event was handed to a subscriber")
}

fn known_group(scope: &Scope, face: &Face) -> Group {
    scope.know_face(face.clone());
    Group { scope: scope.clone(), id: face.id }
}

/// Takes in what a message that was sent tells of its conversation.
async fn prime_conversation(
    scope: &Scope,
    MessageNews { message, place, .. }: &MessageNews,
    entry: &Entry,
) {
    let loaders = scope.loaders();
    if *place == Place::Direct {
        let mut two = entry.recipients();
        if let (Some(one), Some(other)) = (two.next(), two.next()) {
            let conversation = left_by(message, [one.min(other), one.max(other)]);
            loaders.conversations.prime(conversation.id, Ok(Some(conversation))).await;
        }
    }
    loaders.last_messages.prime(message.conversation, Ok(Some(message.clone()))).await;
}

/// The conversation of two as the message left it.
fn left_by(message: &Text, members: [UserId; 2]) -> Talk {
    Talk {
        id: message.conversation,
        // Whether they wrote matters only for who may write.
        kind: ConversationKind::Direct { members, wrote: [true; 2] },
        first_seq: 1,
        last_seq: message.seq,
        last_pos: message.pos,
        last_at: Some(message.sent_at),
    }
}
