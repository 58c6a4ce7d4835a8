//! Events of late: who comes back after a break shares them with the others,
//! and with them what was made of them.

use std::{sync::Arc, time::Duration};

use moka::{policy::EvictionPolicy, sync::Cache};

use super::{Event, event::What};
use crate::messaging::{Change, Entry, Message, Position, Scope};

/// A bounded memory of what was handed out or read lately.
pub(super) struct Recent(Cache<Position, Arc<Event>>);

impl Recent {
    const MAX_AGE: Duration = Duration::from_secs(10);
    const CAPACITY: u64 = 16_384;

    /// The event of an entry that was read again: the one that others have,
    /// unless the message that it is about has changed since. What concerns
    /// one person tells what is now, so it is made anew.
    pub(super) fn share(&self, entry: &Arc<Entry>) -> Arc<Event> {
        if let Some(known) = self.0.get(&entry.pos)
            && let What::Logged(before) = &known.what
            && message(&before.change) == message(&entry.change)
        {
            return known;
        }
        self.keep(entry)
    }

    /// The event of an entry that has just come.
    pub(super) fn keep(&self, entry: &Arc<Entry>) -> Arc<Event> {
        let event = Event::new(What::Logged(entry.clone()));
        if matches!(entry.scope, Scope::Conversation(_)) {
            self.0.insert(entry.pos, event.clone());
        }
        event
    }
}

impl Default for Recent {
    fn default() -> Self {
        // The latest count, however often others were asked for.
        let cache = Cache::builder().eviction_policy(EvictionPolicy::lru());
        Self(cache.max_capacity(Self::CAPACITY).time_to_live(Self::MAX_AGE).build())
    }
}

fn message(change: &Change) -> Option<&Message> {
    match change {
        Change::MessageSent(news)
        | Change::MessageEdited(news)
        | Change::MessageDeleted(news)
        | Change::ReactionsChanged(news) => Some(&news.message),
        _ => None,
    }
}
