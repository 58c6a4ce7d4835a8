//! What a resolver works with: the viewer, the services, and the loaders of
//! one request (or of one live event).

use std::sync::Arc;

use async_graphql::Context;
use chatterbox_graph::{Graph, Person};

use super::loaders::Loaders;
use crate::{
    accounts::{Accounts, Viewer},
    ambient::Ambient,
    api::http::BadToken,
    error::{Error, Result},
    live::Hub,
    messaging::{ConversationStore, Conversations},
    people::People,
};

/// What the resolvers call.
#[derive(Clone)]
pub struct Services {
    /// Accounts and sessions.
    pub accounts: Accounts,
    /// Friendships and blocks.
    pub people: People,
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
}

impl Scope {
    /// A scope of `viewer` with nothing loaded yet.
    #[must_use]
    pub fn new(services: Services, viewer: Viewer) -> Self {
        let loaders = Loaders::new(&services, viewer.user);
        Self(Arc::new(Inner { viewer, services, loaders }))
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
}
