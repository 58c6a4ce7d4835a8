//! Conversations: who is in one, where its history stands, and what is
//! read of it.

use std::collections::HashMap;

use async_trait::async_trait;
use chatterbox_graph::{Chat, Group, Timestamp};

use super::{Message, Place, Position, Recipients};
use crate::{
    ambient::Ambient,
    error::Result,
    ids::{ConversationId, GroupId, MessageId, UserId},
};

/// A conversation, as someone sees it who is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id, for ever.
    pub id: ConversationId,
    /// Of two or of a group.
    pub kind: ConversationKind,
    /// The `seq` of the first message that they may read: in a group, those
    /// sent since they are a member.
    pub first_seq: i64,
    /// The `seq` of its last message; 0 before the first.
    pub last_seq: i64,
    /// The position of the last thing that happened in it.
    pub last_pos: Position,
    /// When that happened.
    pub last_at: Option<Timestamp>,
}

/// Who is in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationKind {
    /// Two people.
    Direct {
        /// The two, the lower id first.
        members: [UserId; 2],
        /// Whether each of them ever wrote in it.
        wrote: [bool; 2],
    },
    /// The members of the group with the same id.
    Group,
}

impl Conversation {
    /// The other one of two; `None` in a group.
    #[must_use]
    pub fn peer(&self, viewer: UserId) -> Option<UserId> {
        match self.kind {
            ConversationKind::Direct { members: [one, other], .. } if one == viewer => Some(other),
            ConversationKind::Direct { members: [one, other], .. } if other == viewer => Some(one),
            _ => None,
        }
    }

    /// Of which kind it is.
    #[must_use]
    pub fn place(&self) -> Place {
        match self.kind {
            ConversationKind::Direct { .. } => Place::Direct,
            ConversationKind::Group => Place::Group(None),
        }
    }

    /// Whether the viewer may read the message with this `seq`.
    #[must_use]
    pub fn shows(&self, seq: i64) -> bool {
        seq >= self.first_seq
    }

    /// Whether the viewer may read the newest message.
    #[must_use]
    pub fn shows_last(&self) -> bool {
        self.shows(self.last_seq)
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
        let (first, last) = (conversation.first_seq, conversation.last_seq);
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

    /// Those of the conversations with these ids that `user` is in, as they
    /// see them.
    async fn conversations(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Conversation>>;

    /// Conversations of `user` in which something happened, most recently active
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

    /// Everyone who is in a group now, for who is one of them; `None` for
    /// others. One small statement where the members are known here.
    async fn members(&self, user: UserId, group: GroupId) -> Result<Option<Recipients>>;

    /// Those of these groups that `user` left or that were deleted, as they
    /// were then.
    async fn left_groups(&self, user: UserId, ids: &[GroupId]) -> Result<HashMap<GroupId, Group>>;

    /// The last message of each conversation that has one, as what
    /// LAST_CHATTED is made of, in the order of the conversations' ids,
    /// behind `after`.
    async fn last_chats(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Chat)>>;

    /// The messages with these ids; unknown ones are left out.
    async fn messages(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Message>>;

    /// Those of the messages with these ids that `user` may read.
    async fn readable(
        &self,
        user: UserId,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, Message>>;
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
            kind: ConversationKind::Direct { members: [user, user], wrote: [false; 2] },
            first_seq: 1,
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
        // Who joined later reads from there on.
        let joined =
            Conversation { kind: ConversationKind::Group, first_seq: 9, ..conversation(10) };
        let (range, previous, _) = page(None, None, 5, true).range(&joined);
        assert_eq!((range.from, range.to, previous), (9, 10, false));
        assert!(!joined.shows(8) && joined.shows(9));
    }
}
