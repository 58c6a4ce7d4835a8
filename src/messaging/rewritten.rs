//! Which messages do not say any more what they said a moment ago.

use std::{sync::Arc, time::Duration};

use super::{Change, Entry, Recency};
use crate::{ids::MessageId, live::Follower};

/// Messages that were edited or deleted lately. What was read of one before is
/// not to be shown any more, wherever it is still under way: an event carries
/// the message that it replies to as it was when the reply was written.
#[derive(Clone)]
pub struct Rewritten(Arc<Recency<MessageId>>);

impl Rewritten {
    /// Longer than anything is under way that was read before.
    const MEMORY: Duration = Duration::from_secs(120);

    /// Whether it was edited or deleted lately.
    #[must_use]
    pub fn lately(&self, id: MessageId) -> bool {
        !self.0.unchanged_since(0, [id])
    }
}

impl Default for Rewritten {
    fn default() -> Self {
        Self(Arc::new(Recency::new(Self::MEMORY)))
    }
}

impl Follower for Rewritten {
    fn follow(&self, entry: &Arc<Entry>) {
        if let Change::MessageEdited(news) | Change::MessageDeleted(news) = &entry.change {
            self.0.note(&[news.message.id]);
        }
    }
}
