//! The log: each durable event, at a position of its own.
//!
//! Positions come from a head row that is updated first in the transaction
//! which makes the change. The row's lock orders the commits of all nodes, so
//! positions have no gap, and who has read up to one has read everything
//! before it.

use std::sync::Arc;

use async_trait::async_trait;
use chatterbox_graph::{Friendship, Group, GroupRole, Person, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Message, Reaction, ReadMarker, Recipients};
use crate::{
    error::Result,
    ids::{ConversationId, SessionId, UserId},
};

/// A place in the log: 1, 2, 3 … without a gap; 0 is before the first entry.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub i64);

impl Position {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A message was sent.
    MessageSent(MessageNews),
    /// A message has another body.
    MessageEdited(MessageNews),
    /// A message was deleted.
    MessageDeleted(MessageNews),
    /// Somebody reacted to a message, or took a reaction back.
    ReactionsChanged(MessageNews),
    /// Somebody has read further. For a conversation's members; where the
    /// reader does not share that, for the reader's own devices.
    ReadMarkerMoved {
        /// Where.
        conversation: ConversationId,
        /// Whose marker, and where it is now.
        marker: ReadMarker,
        /// The reader's profile; not kept in SQL.
        person: Option<Person>,
        /// In which kind of conversation.
        place: Place,
    },
    /// The entry's user muted a conversation, or unmuted it.
    MuteChanged {
        /// Which.
        conversation: ConversationId,
        /// In which kind of conversation.
        place: Place,
    },
    /// What stands between the entry's user and `other` changed.
    FriendshipChanged {
        /// The other side.
        other: UserId,
        /// Their profile and what the user sees now; not kept in SQL, where
        /// an event that is read later tells what is then.
        now: Option<(Person, Friendship)>,
    },
    /// A group has another name, description or visibility.
    GroupChanged {
        /// As it is now.
        group: Group,
    },
    /// Somebody became a member of a group, has another role in it, or is a
    /// member no more.
    MembershipChanged {
        /// The group as it was then: who is no member can't look it up.
        group: Group,
        /// Who.
        user: UserId,
        /// `None` for who left, was removed, or whose group was deleted.
        role: Option<GroupRole>,
        /// The profile of the user; not kept in SQL.
        person: Option<Person>,
    },
    /// The profile or the settings of the entry's user changed, or they are
    /// gone. No event for clients: it is for what is kept in memory.
    PersonChanged,
    /// A session of the entry's user ended.
    SessionEnded {
        /// Which.
        session: SessionId,
    },
}

/// A message, and what is known with it: spares every delivery a look-up. In
/// SQL only which message it is about is kept; who reads that later is told how the message is then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageNews {
    /// The message as it is now.
    pub message: Message,
    /// Its reactions; `None` where they have to be looked up.
    pub reactions: Option<Arc<[Reaction]>>,
    /// The message that it replies to; `None` where it has to be looked up.
    pub replied: Option<Arc<Message>>,
    /// Those it concerns, as far as the node knew them that it happened on.
    pub people: Arc<[Person]>,
    /// In which kind of conversation.
    pub place: Place,
}

impl MessageNews {
    /// Nothing but the message is known.
    #[must_use]
    pub fn bare(message: Message, place: Place) -> Self {
        Self { message, reactions: None, replied: None, people: Arc::new([]), place }
    }
}

/// In which kind of conversation something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// That of two people.
    Direct,
    /// That of a group, and how it presents itself, as far as the sender's
    /// node knew it; not kept in SQL.
    Group(Option<Group>),
}

/// Whom an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// The members of a conversation.
    Conversation(ConversationId),
    /// One person.
    User(UserId),
}

/// What is to be appended.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// Whose devices hear of it.
    pub user: UserId,
    /// What happened.
    pub change: Change,
}

/// What stands in the log. Carried over the bus as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub pos: Position,
    /// When it was committed.
    pub at: Timestamp,
    /// Whom it is for.
    pub scope: Scope,
    /// The people whose devices hear of it, see [`Entry::recipients`].
    pub to: Recipients,
    /// What happened.
    pub change: Change,
}

impl Entry {
    /// Whom it is for, if it is for one person.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match self.scope {
            Scope::User(user) => Some(user),
            Scope::Conversation(_) => None,
        }
    }

    /// Those whose ties, profile or settings it tells of.
    #[must_use]
    pub fn people_changed(&self) -> Vec<UserId> {
        match &self.change {
            Change::FriendshipChanged { other, .. } => {
                self.user().into_iter().chain([*other]).collect()
            }
            Change::PersonChanged => self.user().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The conversation that it is about, also where only one person hears of it.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        match (&self.change, self.scope) {
            (_, Scope::Conversation(id)) => Some(id),
            (Change::MembershipChanged { group, .. }, _) => Some(group.id.into()),
            (
                Change::ReadMarkerMoved { conversation, .. }
                | Change::MuteChanged { conversation, .. },
                _,
            ) => Some(*conversation),
            _ => None,
        }
    }

    /// The people whose devices hear of it.
    pub fn recipients(&self) -> impl Iterator<Item = UserId> {
        self.to.from_to(self.since(), self.pos)
    }

    /// Whether this person's devices hear of it. Cost: the logarithm of the
    /// number of recipients.
    #[must_use]
    pub fn is_for(&self, user: UserId) -> bool {
        self.to.include(user, self.since(), self.pos)
    }

    /// Whether this person, who hears of it, may read that message of the same
    /// conversation too.
    #[must_use]
    pub fn shows(&self, user: UserId, message: &Message) -> bool {
        self.to.include(user, message.pos, self.pos)
    }

    /// The position from which on one has to be there to hear of it: who can't
    /// read a message does not hear what becomes of it.
    fn since(&self) -> Position {
        match &self.change {
            Change::MessageEdited(news)
            | Change::MessageDeleted(news)
            | Change::ReactionsChanged(news) => news.message.pos,
            _ => self.pos,
        }
    }
}

/// Reads the log.
#[async_trait]
pub trait LogStore: Send + Sync + 'static {
    /// The last position that was committed.
    ///
    /// # Errors
    ///
    /// A store's failure, as everywhere in this trait.
    async fn head(&self) -> Result<Position>;

    /// Everything after `after`, up to and with `until`, in order, at most
    /// `limit` entries. Cost: the rows returned.
    async fn read(&self, after: Position, until: Position, limit: usize)
    -> Result<Vec<Arc<Entry>>>;

    /// What concerns `user` after `after`, up to and with `until`, in order,
    /// at most `limit` entries; of a group what happened while they were a member, to messages that they can read. Reads only the conversations in which
    /// something happened after `after`. Cost: the user's conversations, and the rows returned.
    ///
    /// # Errors
    ///
    /// [`CursorExpired`](crate::error::Error::CursorExpired) where entries behind `after` were trimmed.
    async fn read_for(
        &self,
        user: UserId,
        after: Position,
        until: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>>;

    /// How far the projection `name` has come; 0 for one that never ran.
    async fn projected(&self, name: &'static str) -> Result<Position>;

    /// Notes how far the projection `name` has come.
    async fn set_projected(&self, name: &'static str, pos: Position) -> Result<()>;
}
