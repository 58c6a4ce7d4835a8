//! What subscribers get, one and the same for all of them.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::Signal;
use crate::{
    ids::ConversationId,
    messaging::{Entry, Position},
};

/// Something that happened, as it is handed to everyone whom it concerns.
#[derive(Debug)]
pub struct Event {
    /// What happened.
    pub what: What,
    renderings: Mutex<Vec<(u64, Rendering)>>,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// Something that stands in the log.
    Logged(Arc<Entry>),
    /// Something that passes, and the position of the last entry before it.
    Passing {
        /// What.
        signal: Arc<Signal>,
        /// Who comes back from here misses nothing of the log.
        after: Position,
    },
}

/// What was made of an event for many; `None` where each has to be told
/// something else.
pub type Rendering = Arc<OnceCell<Option<Bytes>>>;

impl Event {
    /// One that nobody has made anything of.
    #[must_use]
    pub fn new(what: What) -> Arc<Self> {
        Arc::new(Self { what, renderings: Mutex::default() })
    }

    /// The conversation that it is about.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        match &self.what {
            What::Logged(entry) => entry.conversation(),
            What::Passing { signal, .. } => signal.conversation(),
        }
    }

    /// Whether it stands in the log at this position or before.
    #[must_use]
    pub(super) fn is_before(&self, pos: Position) -> bool {
        matches!(&self.what, What::Logged(entry) if entry.pos <= pos)
    }

    /// The place for what is made of it under this key, whoever comes first.
    #[must_use]
    pub fn rendering(&self, key: u64) -> Rendering {
        let mut renderings = self.renderings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = renderings.iter().find(|(of, _)| *of == key) {
            return known.clone();
        }
        let rendering = Rendering::default();
        renderings.push((key, rendering.clone()));
        rendering
    }
}
