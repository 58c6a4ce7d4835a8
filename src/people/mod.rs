//! The rules of people: who may ask, accept, block and see whom, on top of
//! the graph.

pub mod departure;
pub mod friendships;
pub mod groups;
mod names;
pub mod profile;
mod suggestions;

pub use departure::{Departure, DepartureStore};
pub use friendships::{FriendshipAction, FriendshipChange, RequestNote};
pub use groups::{GroupAction, GroupChange, GroupUpdate, Groups, MAX_MEMBERS};
pub use names::{DisplayName, GroupName, Prose, Username};
pub use profile::{AvatarUrl, PersonChange};
pub use suggestions::Suggestions;

use std::sync::Arc;

use chatterbox_graph::{Graph, Person, ProfileChange, Settings, SettingsChange};

use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::UserId,
    jobs::{Relay, Task},
    messaging::{Contacts, Faces, Receipts},
};

/// How many friends one may have.
pub const MAX_FRIENDS: u32 = 5_000;

/// What people do to each other.
#[derive(Clone)]
pub struct People {
    graph: Arc<dyn Graph>,
    relay: Arc<Relay>,
    contacts: Contacts,
    faces: Faces,
    receipts: Receipts,
    suggestions: Suggestions,
    ambient: Ambient,
}

impl People {
    /// Puts the parts together.
    pub fn new(
        graph: Arc<dyn Graph>,
        relay: Arc<Relay>,
        contacts: Contacts,
        faces: Faces,
        receipts: Receipts,
        suggestions: Suggestions,
        ambient: Ambient,
    ) -> Self {
        Self { graph, relay, contacts, faces, receipts, suggestions, ambient }
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
        self.contacts.forget(&[by, other]);
        self.suggestions.forget(&[by, other]);
        done?;
        Ok(pair.other)
    }

    /// Changes how somebody presents themselves, and returns them as they are
    /// then.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for somebody unknown; or the failure of a store.
    pub async fn change_profile(&self, user: UserId, profile: ProfileChange) -> Result<Person> {
        if profile != ProfileChange::default() {
            self.change(user, PersonChange { profile, ..PersonChange::default() }).await?;
        }
        self.graph.people(&[user]).await?.remove(&user).ok_or(Error::NotFound("user"))
    }

    /// Changes whom somebody lets come near, and returns all their settings
    /// as they are then. Whoever is told so knows that they are in force.
    ///
    /// # Errors
    ///
    /// As [`People::change_profile`].
    pub async fn change_settings(
        &self,
        user: UserId,
        settings: SettingsChange,
    ) -> Result<Settings> {
        if settings != SettingsChange::default() {
            self.change(user, PersonChange { settings, ..PersonChange::default() }).await?;
        }
        self.graph.settings(&[user]).await?.remove(&user).ok_or(Error::NotFound("user"))
    }

    async fn change(&self, user: UserId, change: PersonChange) -> Result<()> {
        let known = self.graph.people(&[user]).await?.contains_key(&user);
        if !known {
            return Err(Error::NotFound("user"));
        }
        let done = self.relay.submit(Task::ChangePerson { user, change }).await;
        self.contacts.forget(&[user]);
        self.faces.forget_person(user);
        self.receipts.forget(user);
        self.suggestions.forget(&[user]);
        done
    }
}
