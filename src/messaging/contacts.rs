//! What a message between two people needs to know of them, kept in memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chatterbox_graph::{Graph, Person};
use moka::sync::Cache;

use super::{Change, ConversationStore, Entry};
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
    /// The two.
    pub people: Arc<[Person]>,
    /// Whether either has blocked the other.
    pub blocked: bool,
}

/// A bounded cache of contacts. A change between two people, made on any
/// node, takes effect at once where it is made and as soon as the log is
/// followed elsewhere; a changed profile after [`Contacts::MAX_AGE`].
#[derive(Clone)]
pub struct Contacts {
    inner: Arc<Inner>,
}

struct Inner {
    graph: Arc<dyn Graph>,
    store: Arc<dyn ConversationStore>,
    ambient: Ambient,
    contacts: Cache<(UserId, UserId), Contact>,
    pairs: Cache<ConversationId, (UserId, UserId)>,
    changes: AtomicU64,
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
        let changes = AtomicU64::new(0);
        Self { inner: Arc::new(Inner { graph, store, ambient, contacts, pairs, changes }) }
    }

    /// The two and their conversation, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where either is unknown; or the failure of a store.
    pub async fn get(&self, one: UserId, other: UserId) -> Result<Contact> {
        let inner = &self.inner;
        let key = (one.min(other), one.max(other));
        if let Some(contact) = inner.contacts.get(&key) {
            return Ok(contact);
        }
        let changes = inner.changes.load(Ordering::SeqCst);
        let pair = inner.graph.pair(one, other).await?.ok_or(Error::NotFound("user"))?;
        let opened = inner.store.open_direct(&inner.ambient, one, &[other]).await?;
        let conversation = opened.get(&other).ok_or(Error::NotFound("user"))?.id;
        let contact = Contact {
            conversation,
            people: Arc::new([pair.one, pair.other]),
            blocked: pair.blocked,
        };
        inner.contacts.insert(key, contact.clone());
        inner.pairs.insert(conversation, key);
        // Something changed while the graph was asked: the answer may be from before.
        if inner.changes.load(Ordering::SeqCst) != changes {
            inner.contacts.invalidate(&key);
        }
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

    /// Forgets what stands between the two.
    pub fn forget(&self, one: UserId, other: UserId) {
        self.inner.changes.fetch_add(1, Ordering::SeqCst);
        self.inner.contacts.invalidate(&(one.min(other), one.max(other)));
    }
}

impl Follower for Contacts {
    fn follow(&self, entry: &Arc<Entry>) {
        if let (Change::FriendshipChanged { other, .. }, Some(user)) =
            (&entry.change, entry.to.first())
        {
            self.forget(*user, *other);
        }
    }
}
