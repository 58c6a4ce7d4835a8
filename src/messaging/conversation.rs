//! Conversations: who is in one, where its history stands, and what is
//! read of it.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use chatterbox_graph::{Chat, Graph, Group, GroupVisibility, Person, Timestamp};

use super::{
    Contacts, Draft, Faces, MentionStore, Message, MessageBody, MessageKey, MessageNews, Outdated,
    Place, Position, Recipients, WriterHandle, mentioned,
};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{self, ConversationId, DirectConversationId, GroupId, MessageId, UserId},
    people::Username,
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

/// Where a message is to go.
#[derive(Clone, Debug)]
pub enum Target {
    /// A conversation of two that the sender is in.
    Direct(DirectConversationId),
    /// A group that the sender is in.
    Group(GroupId),
    /// The conversation with this person.
    User(UserId),
    /// The conversation with the person of this name.
    Username(Username),
}

impl Target {
    /// Reads the argument `conversationId`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is no id of a conversation.
    pub fn conversation(id: &str) -> Result<Self> {
        Ok(match ids::conversation("conversationId", id)? {
            (group, true) => Self::Group(group.group()),
            (direct, false) => Self::Direct(direct.direct()),
        })
    }

    /// Reads the argument `userId`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is no id of a user.
    pub fn user(id: &str) -> Result<Self> {
        Ok(Self::User(ids::parse("userId", id)?))
    }

    /// Reads the argument `username`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for what can't be a username: it is nobody's.
    pub fn username(name: &str) -> Result<Self> {
        Username::parse(name).map(Self::Username).map_err(|_| Error::NotFound("user"))
    }
}

/// What somebody wants to say.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The text.
    pub body: MessageBody,
    /// Their own key for it.
    pub key: Option<MessageKey>,
    /// The message that it replies to.
    pub reply_to: Option<MessageId>,
}

fn is_public(group: &Group) -> bool {
    group.visibility == GroupVisibility::Public
}

/// Where a message goes, and what is known of that.
struct Destination {
    conversation: ConversationId,
    /// The sender's profile, of two also the other's.
    people: Arc<[Person]>,
    place: Place,
    /// The other one of two, and up to where in the log what is known of them holds.
    peer: Option<(UserId, Position)>,
}

/// How often it is asked anew about two people who change all the time.
const TRIES: u32 = 8;

/// What people do in conversations.
#[derive(Clone)]
pub struct Conversations {
    store: Arc<dyn ConversationStore>,
    mentions: Arc<dyn MentionStore>,
    graph: Arc<dyn Graph>,
    contacts: Contacts,
    faces: Faces,
    writer: WriterHandle,
    ambient: Ambient,
}

impl Conversations {
    /// Puts the parts together.
    pub fn new(
        store: &Arc<impl ConversationStore + MentionStore>,
        graph: Arc<dyn Graph>,
        contacts: Contacts,
        faces: Faces,
        writer: WriterHandle,
        ambient: Ambient,
    ) -> Self {
        let mentions = store.clone();
        Self { store: store.clone(), mentions, graph, contacts, faces, writer, ambient }
    }

    /// Sends a message and returns it once it is durable. The same `key`
    /// from the same sender gives the same message.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for an unknown person or a conversation that the
    /// sender is not in, and for replying to what they can't read there; [`Error::Invalid`] for oneself, [`Error::Forbidden`]
    /// across a block, for starting a conversation with somebody whose settings do not
    /// mean the sender, and in a public group for who is no member; [`Error::Conflict`] for a key that was used for
    /// something else; or the failure of a store.
    pub async fn send(
        &self,
        sender: UserId,
        target: Target,
        outgoing: Outgoing,
    ) -> Result<MessageNews> {
        let destination = match target {
            Target::Group(group) => self.group(sender, group).await,
            target => self.direct(sender, target).await?,
        };
        let public = match &destination.place {
            Place::Group(Some(face)) if is_public(face) => Some(face.id),
            _ => None,
        };
        match (self.write(sender, destination, outgoing).await, public) {
            // It may have been deleted since it was looked at.
            (Err(Error::NotFound("conversation")), Some(group))
                if self.faces.group_anew(sender, group).await.as_ref().is_some_and(is_public) =>
            {
                Err(Error::Forbidden("only members of the group may write here"))
            }
            (written, _) => written,
        }
    }

    async fn direct(&self, sender: UserId, target: Target) -> Result<Destination> {
        let recipient = self.recipient(sender, target).await?;
        let contact = self.contacts.writing(sender, recipient).await?;
        let (conversation, people) = (contact.conversation, contact.people);
        let peer = Some((recipient, contact.known_at));
        Ok(Destination { conversation, people, place: Place::Direct, peer })
    }

    /// Who is a member is decided where the message is written.
    async fn group(&self, sender: UserId, group: GroupId) -> Destination {
        let people = self.faces.known(&[sender]).await;
        let place = Place::Group(self.faces.group(sender, group).await);
        Destination { conversation: group.into(), people, place, peer: None }
    }

    async fn write(
        &self,
        sender: UserId,
        destination: Destination,
        outgoing: Outgoing,
    ) -> Result<MessageNews> {
        let Destination { conversation, mut people, place, peer } = destination;
        let Outgoing { body, key, reply_to } = outgoing;
        let replied = match reply_to {
            Some(id) => Some(self.replied(sender, conversation, id).await?),
            None => None,
        };
        let mentions = mentioned(&*self.mentions, conversation, &body).await?;
        let replied_sender = replied.as_ref().and_then(|replied| replied.sender);
        let others: Vec<UserId> = mentions.iter().copied().chain(replied_sender).collect();
        if matches!(place, Place::Group(_)) && !others.is_empty() {
            people = self.faces.known(&[&[sender], &others[..]].concat()).await;
        }
        let draft = Draft {
            id: self.ambient.id(),
            conversation,
            sender,
            body,
            key,
            replied: replied.clone(),
            mentions,
            people: people.clone(),
            place: place.clone(),
            known_at: peer.map(|(_, known_at)| known_at),
        };
        let message = self.deliver(draft, peer.map(|(peer, _)| peer)).await?;
        // It may have been there already, and others may have reacted to it.
        Ok(MessageNews { message, reactions: None, replied, people, place })
    }

    /// Hands the draft in; where what is known of the two is behind the log, as another node
    /// has written it, with what is so now.
    async fn deliver(&self, mut draft: Draft, peer: Option<UserId>) -> Result<Message> {
        for _ in 0..TRIES {
            match (self.writer.send(draft.clone()).await?, peer) {
                (Ok(message), _) => return Ok(message),
                (Err(Outdated(pos)), Some(peer)) => {
                    let contact = self.contacts.writing_at(draft.sender, peer, pos).await?;
                    draft.known_at = Some(contact.known_at);
                    draft.people = contact.people;
                }
                (Err(Outdated(_)), None) => break,
            }
        }
        Err(Error::unavailable("what stands between the two changes all the time"))
    }

    /// The message that is replied to, of the same conversation.
    async fn replied(
        &self,
        sender: UserId,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Arc<Message>> {
        let found = self.store.readable(sender, &[id]).await?.remove(&id);
        let found = found.filter(|replied| replied.conversation == conversation);
        found.map(Arc::new).ok_or(Error::NotFound("message"))
    }

    /// The conversation, for who is in it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for everyone else.
    pub async fn visible(&self, viewer: UserId, id: ConversationId) -> Result<Conversation> {
        let found = self.store.conversations(viewer, &[id]).await?.remove(&id);
        found.ok_or(Error::NotFound("conversation"))
    }

    async fn recipient(&self, sender: UserId, target: Target) -> Result<UserId> {
        let (recipient, field) = match target {
            Target::User(user) => (user, "userId"),
            Target::Username(name) => {
                let name = name.as_str().to_owned();
                let found = self.graph.people_by_username(std::slice::from_ref(&name)).await?;
                (found.get(&name).ok_or(Error::NotFound("user"))?.id, "username")
            }
            Target::Direct(id) => {
                let peer = match self.contacts.peer(sender, id.into()) {
                    Some(peer) => Some(peer),
                    None => self.visible(sender, id.into()).await?.peer(sender),
                };
                (peer.ok_or(Error::NotFound("conversation"))?, "conversationId")
            }
            Target::Group(_) => return Err(Error::internal("a group is nobody's peer")),
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
