//! The rules of people: who may ask, accept, block and see whom, on top of
//! the graph.

mod friendships;
mod names;

pub use friendships::{FriendshipAction, FriendshipChange, RequestNote, carry_out};
pub use names::{DisplayName, Username};

use std::sync::Arc;

use chatterbox_graph::{Graph, Person};

use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::UserId,
    jobs::{Relay, Task},
    messaging::Contacts,
};

/// How many friends one may have.
pub const MAX_FRIENDS: u32 = 5_000;

/// What people do to each other.
#[derive(Clone)]
pub struct People {
    graph: Arc<dyn Graph>,
    relay: Arc<Relay>,
    contacts: Contacts,
    ambient: Ambient,
}

impl People {
    /// Puts the parts together.
    pub fn new(
        graph: Arc<dyn Graph>,
        relay: Arc<Relay>,
        contacts: Contacts,
        ambient: Ambient,
    ) -> Self {
        Self { graph, relay, contacts, ambient }
    }

    /// Changes what stands between `by` and `other`, and returns `other`.
    /// Both hear of it live, as far as they may.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for oneself, [`Error::NotFound`] for somebody
    /// unknown or a request or friendship that is not there,
    /// [`Error::Conflict`] for what is so already, [`Error::Forbidden`]
    /// across a block; or the failure of a store.
    pub async fn change_friendship(
        &self,
        by: UserId,
        other: UserId,
        action: FriendshipAction,
    ) -> Result<Person> {
        if by == other {
            return Err(Error::invalid("userId", "must be somebody else's"));
        }
        // Read first: with the graph away nothing is written down, so that a
        // caller who is told to try again finds nothing half done.
        let pair = self.graph.pair(by, other).await?.ok_or(Error::NotFound("user"))?;
        let change = FriendshipChange { by, other, action, at: self.ambient.now() };
        let done = self.relay.submit(Task::ChangeFriendship(change)).await;
        // Whoever is told that a block stands must not be written to any more.
        self.contacts.forget(by, other);
        done?;
        Ok(pair.other)
    }
}
