//! What a resolver works with: the viewer, the services, and the loaders of
//! one request (or of one live event).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_graphql::Context;
use chatterbox_graph::{Graph, Group, GroupView, Person};

use super::loaders::Loaders;
use crate::{
    accounts::{Accounts, Viewer},
    ambient::Ambient,
    api::http::BadToken,
    error::{Error, Result},
    ids::GroupId,
    live::Hub,
    messaging::{ConversationStore, Conversations},
    people::{Groups, People},
};

/// What the resolvers call.
#[derive(Clone)]
pub struct Services {
    /// Accounts and sessions.
    pub accounts: Accounts,
    /// Friendships and blocks, profiles and settings.
    pub people: People,
    /// Groups.
    pub groups: Groups,
    /// Messages.
    pub conversations: Conversations,
    /// The live events.
    pub hub: Hub,
    /// Reads of the graph.
    pub graph: Arc<dyn Graph>,
    /// Reads of conversations.
    pub history: Arc<dyn ConversationStore>,
    /// The clock and the randomness.
    pub ambient: Ambient,
}

/// A viewer's request, or one event that they get.
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

struct Inner {
    viewer: Viewer,
    services: Services,
    loaders: Loaders,
    groups: Mutex<HashMap<GroupId, Group>>,
}

impl Scope {
    /// A scope of `viewer` with nothing loaded yet.
    #[must_use]
    pub fn new(services: Services, viewer: Viewer) -> Self {
        let loaders = Loaders::new(&services, viewer.user);
        Self(Arc::new(Inner { viewer, services, loaders, groups: Mutex::default() }))
    }

    /// That of the request.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] without a valid access token.
    pub fn of(ctx: &Context<'_>) -> Result<Self> {
        if ctx.data_opt::<BadToken>().is_some() {
            return Err(Error::Unauthenticated);
        }
        ctx.data_opt::<Self>().cloned().ok_or(Error::Unauthenticated)
    }

    /// Who asks.
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        self.0.viewer
    }

    /// What the resolvers call.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// The loaders of this scope.
    #[must_use]
    pub(super) fn loaders(&self) -> &Loaders {
        &self.0.loaders
    }

    /// Takes in people that are known already.
    pub async fn know(&self, people: Vec<Person>) {
        for person in people {
            self.0.loaders.people.prime(person.id, Ok(Some(person))).await;
        }
    }

    /// Takes in how a group presents itself.
    pub fn know_face(&self, group: Group) {
        self.groups().insert(group.id, group);
    }

    /// Takes in a group as the viewer sees it.
    pub async fn know_group(&self, view: GroupView) {
        self.0.loaders.groups.prime(view.group.id, Ok(Some(view))).await;
    }

    /// How a group presents itself, where it was taken in.
    #[must_use]
    pub fn known_group(&self, id: GroupId) -> Option<Group> {
        self.groups().get(&id).cloned()
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<GroupId, Group>> {
        self.0.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
