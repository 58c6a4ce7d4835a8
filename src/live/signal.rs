//! What happens and is gone: who is online, who is typing. Never in the log,
//! never replayed.

use std::sync::Arc;

use chatterbox_graph::{Person, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{ConversationId, UserId},
    messaging::Place,
};

/// Something that passes, and the people whose devices hear of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// When it happened.
    pub at: Timestamp,
    /// Whose devices hear of it.
    pub to: Arc<[UserId]>,
    /// What happened.
    pub what: Passing,
}

/// What passes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Passing {
    /// Somebody began to type, or stopped.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// In which kind of conversation.
        place: Place,
        /// Who.
        user: UserId,
        /// Their profile, as far as it is known.
        person: Option<Person>,
        /// Whether they type now.
        typing: bool,
    },
    /// Somebody came online, went offline, or lets other people see it.
    Presence {
        /// Who.
        user: UserId,
        /// Their profile, as far as it is known.
        person: Option<Person>,
        /// What those who hear of it see now; `None` for nothing.
        presence: Option<Presence>,
    },
}

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Whether a device of theirs is connected.
    pub online: bool,
    /// When they were online last; `None` where that is not known, or was never.
    pub last_seen_at: Option<Timestamp>,
}

impl Signal {
    /// The conversation that it is about.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        match self.what {
            Passing::Typing { conversation, .. } => Some(conversation),
            Passing::Presence { .. } => None,
        }
    }
}
