//! Conversations of two: who is in one, where its history stands, and what is
//! read of it.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use chatterbox_graph::{Graph, Person, Timestamp};

use super::{Draft, Message, MessageBody, MessageKey, Position, WriterHandle, contacts::Contacts};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{ConversationId, MessageId, UserId},
    people::Username,
};

/// A conversation of two people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id, for ever.
    pub id: ConversationId,
    /// The two, the lower id first.
    pub members: [UserId; 2],
    /// The `seq` of its last message; 0 before the first.
    pub last_seq: i64,
    /// The position of the last thing that happened in it.
    pub last_pos: Position,
    /// When the last message was sent.
    pub last_at: Option<Timestamp>,
}

impl Conversation {
    /// The other one; `None` for who is not in it.
    #[must_use]
    pub fn peer(&self, viewer: UserId) -> Option<UserId> {
        match self.members {
            [one, other] if one == viewer => Some(other),
            [one, other] if other == viewer => Some(one),
            _ => None,
        }
    }
}

/// A part of a conversation's history, by `seq`; both ends belong to it.
/// Empty where `from` is above `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HistoryRange {
    /// Which conversation.
    pub conversation: ConversationId,
    /// The oldest.
    pub from: i64,
    /// The newest.
    pub to: i64,
}

/// What part of a history is asked for: `count` messages between the two
/// ends (neither belongs to it), the oldest or the newest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// Only what comes after this `seq`.
    pub after: Option<i64>,
    /// Only what comes before this `seq`.
    pub before: Option<i64>,
    /// How many.
    pub count: i64,
    /// Whether the newest are meant, not the oldest.
    pub newest: bool,
}

impl HistoryPage {
    /// The page as a range, and whether there is more before and behind it.
    /// Because `seq` has no gap, no look at the store is needed.
    #[must_use]
    pub fn range(&self, conversation: &Conversation) -> (HistoryRange, bool, bool) {
        let (first, last) = (1, conversation.last_seq);
        let mut from = self.after.map_or(first, |seq| seq.saturating_add(1)).max(first);
        let mut to = self.before.map_or(last, |seq| seq.saturating_sub(1)).min(last);
        if self.newest {
            from = from.max(to.saturating_sub(self.count - 1));
        } else {
            to = to.min(from.saturating_add(self.count - 1));
        }
        let range = HistoryRange { conversation: conversation.id, from, to };
        (range, from > first && first <= last, to < last)
    }
}

/// A place in a list of conversations: the last position of the last one on
/// the page before.
pub type ListKey = Position;

/// Keeps conversations and reads their history.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait ConversationStore: Send + Sync + 'static {
    /// The conversations of `user` with each of `others`, made where they are
    /// missing, by the other's id. One statement where all exist.
    async fn open_direct(
        &self,
        ambient: &Ambient,
        user: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Conversation>>;

    /// The conversations with these ids; unknown ones are left out.
    async fn conversations(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Conversation>>;

    /// Conversations of `user` that have messages, most recently active
    /// first. Cost: the number of the user's conversations.
    async fn list(
        &self,
        user: UserId,
        limit: usize,
        after: Option<ListKey>,
    ) -> Result<Vec<Conversation>>;

    /// Messages, in order, for each range. Cost: the rows returned.
    async fn history(&self, ranges: &[HistoryRange])
    -> Result<HashMap<HistoryRange, Vec<Message>>>;

    /// The newest message of each conversation that has one.
    async fn last_messages(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Message>>;

    /// The messages with these ids; unknown ones are left out.
    async fn messages(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Message>>;
}

/// Where a message is to go.
#[derive(Clone, Debug)]
pub enum Target {
    /// A conversation that the sender is in.
    Conversation(ConversationId),
    /// The conversation with this person.
    User(UserId),
    /// The conversation with the person of this name.
    Username(Username),
}

/// What people do in conversations.
#[derive(Clone)]
pub struct Conversations {
    store: Arc<dyn ConversationStore>,
    graph: Arc<dyn Graph>,
    contacts: Contacts,
    writer: WriterHandle,
    ambient: Ambient,
}

impl Conversations {
    /// Puts the parts together.
    pub fn new(
        store: Arc<dyn ConversationStore>,
        graph: Arc<dyn Graph>,
        contacts: Contacts,
        writer: WriterHandle,
        ambient: Ambient,
    ) -> Self {
        Self { store, graph, contacts, writer, ambient }
    }

    /// Sends a message and returns it once it is durable. The same `key`
    /// from the same sender gives the same message.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for an unknown person or a conversation that the
    /// sender is not in, [`Error::Invalid`] for oneself, [`Error::Forbidden`]
    /// across a block, [`Error::Conflict`] for a key that was used for
    /// something else; or the failure of a store.
    pub async fn send(
        &self,
        sender: UserId,
        target: Target,
        body: MessageBody,
        key: Option<MessageKey>,
    ) -> Result<(Message, Arc<[Person]>)> {
        let recipient = self.recipient(sender, target).await?;
        let contact = self.contacts.get(sender, recipient).await?;
        if contact.blocked {
            return Err(Error::Forbidden("this person takes no messages from you"));
        }
        let draft = Draft {
            id: self.ambient.id(),
            conversation: contact.conversation,
            sender,
            body,
            key,
            people: contact.people.clone(),
        };
        Ok((self.writer.send(draft).await?, contact.people))
    }

    /// The conversation, for who is in it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for everyone else.
    pub async fn visible(&self, viewer: UserId, id: ConversationId) -> Result<Conversation> {
        let found = self.store.conversations(&[id]).await?.remove(&id);
        found
            .filter(|conversation| conversation.peer(viewer).is_some())
            .ok_or(Error::NotFound("conversation"))
    }

    async fn recipient(&self, sender: UserId, target: Target) -> Result<UserId> {
        let (recipient, field) = match target {
            Target::User(user) => (user, "userId"),
            Target::Username(name) => {
                let found = self.graph.person_by_username(name.as_str()).await?;
                (found.ok_or(Error::NotFound("user"))?.id, "username")
            }
            Target::Conversation(id) => {
                let peer = match self.contacts.peer(sender, id) {
                    Some(peer) => Some(peer),
                    None => self.visible(sender, id).await?.peer(sender),
                };
                (peer.ok_or(Error::NotFound("conversation"))?, "conversationId")
            }
        };
        if recipient == sender {
            return Err(Error::invalid(field, "must be somebody else's"));
        }
        Ok(recipient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(after: Option<i64>, before: Option<i64>, count: i64, newest: bool) -> HistoryPage {
        HistoryPage { after, before, count, newest }
    }

    #[test]
    fn a_page_of_history_is_known_without_reading() {
        let id = ConversationId::from_uuid(uuid::Uuid::nil());
        let user = UserId::from_uuid(uuid::Uuid::nil());
        let conversation = |last_seq| Conversation {
            id,
            members: [user, user],
            last_seq,
            last_pos: Position(0),
            last_at: None,
        };
        for (page, last_seq, expected) in [
            (page(None, None, 3, true), 10, (8, 10, true, false)),
            (page(None, Some(8), 3, true), 10, (5, 7, true, true)),
            (page(None, Some(2), 3, true), 10, (1, 1, false, true)),
            (page(None, None, 3, false), 10, (1, 3, false, true)),
            (page(Some(9), None, 3, false), 10, (10, 10, true, false)),
            (page(Some(3), Some(6), 9, false), 10, (4, 5, true, true)),
        ] {
            let (range, previous, next) = page.range(&conversation(last_seq));
            assert_eq!((range.from, range.to, previous, next), expected, "{page:?}");
        }
        let (range, previous, next) = page(None, None, 3, true).range(&conversation(0));
        assert!(range.from > range.to && !previous && !next);
        let (range, ..) = page(Some(10), None, 3, false).range(&conversation(10));
        assert!(range.from > range.to);
    }
}
