//! What a message between two people needs to know of them, kept in memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chatterbox_graph::{Graph, Person};
use moka::sync::Cache;

use super::{Conversation, ConversationKind, ConversationStore, Entry, Position, Recency};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{ConversationId, UserId},
    live::Follower,
};

/// Two people, as far as messages between them go.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Their conversation.
    pub conversation: ConversationId,
    /// The two, the lower id first.
    pub people: Arc<[Person]>,
    /// All of this takes in what the log says of people up to here.
    pub known_at: Position,
    /// Whether either has blocked the other.
    blocked: bool,
    /// Whether each may start a conversation with the other.
    reaches: [bool; 2],
    /// Whether each ever wrote in it.
    wrote: [bool; 2],
}

impl Contact {
    /// Whether this one of the two may write: nobody across a block; who is
    /// meant by the other's audience; and whom the other wrote to, for that
    /// is no new conversation.
    fn may_write(&self, sender: UserId) -> bool {
        let own = usize::from(self.people[0].id != sender);
        !self.blocked && (self.reaches[own] || self.wrote[1 - own])
    }
}

/// A bounded cache of contacts. What changes in the graph, on any
/// node, takes effect at once where it is made and as soon as the log is
/// followed elsewhere; a message that is under way meanwhile is not written, since each contact
/// tells up to where in the log it is known to hold ([`Contact::known_at`]).
///
/// A friendship matters to more than the two: it may bring the friends of
/// each within reach of the other. Each pair that it matters to includes one
/// of the two, so it is noted for each person when something about them
/// changed last, and a contact holds until something changes about either.
#[derive(Clone)]
pub struct Contacts {
    inner: Arc<Inner>,
}

struct Inner {
    graph: Arc<dyn Graph>,
    store: Arc<dyn ConversationStore>,
    ambient: Ambient,
    contacts: Cache<(UserId, UserId), (u64, Contact)>,
    pairs: Cache<ConversationId, (UserId, UserId)>,
    changes: Recency<UserId>,
    /// The position up to which `changes` are those of the log.
    followed: AtomicI64,
}

impl Contacts {
    /// How long an answer may be used.
    pub const MAX_AGE: Duration = Duration::from_secs(30);
    const CAPACITY: u64 = 100_000;

    /// An empty cache.
    pub fn new(graph: Arc<dyn Graph>, store: Arc<dyn ConversationStore>, ambient: Ambient) -> Self {
        let contacts =
            Cache::builder().max_capacity(Self::CAPACITY).time_to_live(Self::MAX_AGE).build();
        let pairs = Cache::new(Self::CAPACITY);
        let changes = Recency::new(Self::MAX_AGE * 2);
        let followed = AtomicI64::new(0);
        let inner = Inner { graph, store, ambient, contacts, pairs, changes, followed };
        Self { inner: Arc::new(inner) }
    }

    /// The two and their conversation, which is made where it is missing, for
    /// `sender` who wants to write to `other`.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] where they may not, [`Error::NotFound`] where
    /// either is unknown; or the failure of a store.
    pub async fn writing(&self, sender: UserId, other: UserId) -> Result<Contact> {
        self.writing_at(sender, other, Position(0)).await
    }

    /// The same, by what holds at this position of the log, which was committed.
    ///
    /// # Errors
    ///
    /// As [`Contacts::writing`].
    pub async fn writing_at(
        &self,
        sender: UserId,
        other: UserId,
        pos: Position,
    ) -> Result<Contact> {
        let key = (sender.min(other), sender.max(other));
        // Looked at before what it vouches for.
        let followed = self.followed();
        if let Some((since, contact)) = self.inner.contacts.get(&key)
            && self.inner.changes.unchanged_since(since, [key.0, key.1])
        {
            let known_at = contact.known_at.max(followed);
            if known_at >= pos && contact.may_write(sender) {
                return Ok(Contact { known_at, ..contact });
            }
        }
        // Asked anew also for who was refused: the other may have written to
        // them meanwhile, on any node.
        let contact = self.load(key, followed.max(pos)).await?;
        if contact.may_write(sender) {
            Ok(contact)
        } else {
            Err(Error::Forbidden("this person takes no messages from you"))
        }
    }

    /// What the log says changed in the graph before it was logged.
    async fn load(&self, (low, high): (UserId, UserId), known_at: Position) -> Result<Contact> {
        let inner = &self.inner;
        let since = inner.changes.now();
        let pair = inner.graph.pair(low, high).await?.ok_or(Error::NotFound("user"))?;
        let opened = inner.store.open_direct(&inner.ambient, low, &[high]).await?;
        let Some(Conversation { id, kind: ConversationKind::Direct { wrote, .. }, .. }) =
            opened.get(&high).copied()
        else {
            return Err(Error::NotFound("user"));
        };
        let contact = Contact {
            conversation: id,
            people: Arc::new([pair.one, pair.other]),
            known_at,
            blocked: pair.blocked,
            reaches: [pair.one_reaches.messages, pair.other_reaches.messages],
            wrote,
        };
        inner.contacts.insert((low, high), (since, contact.clone()));
        inner.pairs.insert(id, (low, high));
        Ok(contact)
    }

    /// The other one of a conversation that was used lately; `None` where
    /// that is not known, or where `user` is not in it.
    #[must_use]
    pub fn peer(&self, user: UserId, conversation: ConversationId) -> Option<UserId> {
        match self.inner.pairs.get(&conversation)? {
            (one, other) if one == user => Some(other),
            (one, other) if other == user => Some(one),
            _ => None,
        }
    }

    fn followed(&self) -> Position {
        Position(self.inner.followed.load(Ordering::SeqCst))
    }

    /// Forgets what was known of these people.
    pub fn forget(&self, people: &[UserId]) {
        self.inner.changes.note(people);
    }
}

impl Follower for Contacts {
    fn follow(&self, entry: &Arc<Entry>) {
        let people = entry.people_changed();
        if !people.is_empty() {
            self.forget(&people);
        }
        self.inner.followed.store(entry.pos.0, Ordering::SeqCst);
    }
}
