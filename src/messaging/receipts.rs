//! Who lets others see how far they have read, kept in memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chatterbox_graph::Graph;
use moka::sync::Cache;
use tracing::debug;

use super::{Change, Entry, LogStore, Position, Recency};
use crate::{
    error::{Result, chain},
    ids::UserId,
    live::Follower,
};

/// A bounded cache of the setting. A change takes effect at once where it is
/// made, and elsewhere as soon as the log is followed.
#[derive(Clone)]
pub struct Receipts {
    inner: Arc<Inner>,
}

struct Inner {
    graph: Arc<dyn Graph>,
    log: Arc<dyn LogStore>,
    known: Cache<UserId, (u64, Known)>,
    changed: Recency<UserId>,
    followed: AtomicI64,
}

#[derive(Clone, Copy)]
struct Known {
    is_shared: bool,
    as_of: Position,
}

impl Receipts {
    const MAX_AGE: Duration = Duration::from_secs(30);
    const CAPACITY: u64 = 100_000;

    /// An empty cache.
    pub fn new(graph: Arc<dyn Graph>, log: Arc<dyn LogStore>) -> Self {
        let known =
            Cache::builder().max_capacity(Self::CAPACITY).time_to_live(Self::MAX_AGE).build();
        let changed = Recency::new(Self::MAX_AGE * 2);
        Self { inner: Arc::new(Inner { graph, log, known, changed, followed: AtomicI64::new(0) }) }
    }

    /// Forgets the setting of this person.
    pub fn forget(&self, user: UserId) {
        self.inner.changed.note(&[user]);
    }

    /// The position up to which it is certain that this person lets others
    /// see how far they have read; `None` where they don't, and where it is
    /// not known because the graph is away.
    pub async fn shared_as_of(&self, user: UserId) -> Option<Position> {
        // Before anything is looked up: what changes meanwhile comes behind it.
        let followed = Position(self.inner.followed.load(Ordering::SeqCst));
        let Known { is_shared, as_of } = match self.known(user).await {
            Ok(known) => known,
            Err(error) => {
                debug!(error = chain(&error), "how far somebody has read is not shared");
                return None;
            }
        };
        is_shared.then_some(as_of.max(followed))
    }

    async fn known(&self, user: UserId) -> Result<Known> {
        let Inner { graph, log, known, changed, .. } = &*self.inner;
        if let Some((since, known)) = known.get(&user)
            && changed.unchanged_since(since, [user])
        {
            return Ok(known);
        }
        let since = changed.now();
        // What this node is yet to hear of may be in the graph already.
        let as_of = log.head().await?;
        let settings = graph.settings(&[user]).await?.remove(&user);
        let is_shared = settings.is_some_and(|settings| settings.read_receipts);
        known.insert(user, (since, Known { is_shared, as_of }));
        Ok(Known { is_shared, as_of })
    }
}

impl Follower for Receipts {
    fn follow(&self, entry: &Arc<Entry>) {
        if let (Change::PersonChanged, Some(user)) = (&entry.change, entry.user()) {
            self.forget(user);
        }
        self.inner.followed.store(entry.pos.0, Ordering::SeqCst);
    }
}
