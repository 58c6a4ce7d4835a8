//! What a resolver works with: the viewer, the services, and the loaders of
//! one request (or of one live event).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_graphql::Context;
use chatterbox_graph::{Graph, Group, GroupView, Person};

use super::loaders::{Known, Loaders};
use crate::{
    accounts::{Accounts, Viewer},
    ambient::Ambient,
    api::http::BadToken,
    error::{Error, Result},
    ids::GroupId,
    live::{Hub, Presences, Typing},
    messaging::{
        ConversationStore, Conversations, Entry, Faces, Message, Messages, ReactionStore, Reading,
        ReadingStore, Rewritten, SearchStore,
    },
    people::{Groups, People, Suggestions},
    rates::Rates,
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
    /// Sending messages.
    pub conversations: Conversations,
    /// Messages that were sent.
    pub messages: Messages,
    /// Those that were edited or deleted lately.
    pub rewritten: Rewritten,
    /// What people have read and muted.
    pub reading: Reading,
    /// The live events.
    pub hub: Hub,
    /// Who is online.
    pub presences: Presences,
    /// Who is typing.
    pub typing: Typing,
    /// Whom people may know.
    pub suggestions: Suggestions,
    /// How people present themselves.
    pub faces: Faces,
    /// Reads of the graph.
    pub graph: Arc<dyn Graph>,
    /// Reads of conversations.
    pub history: Arc<dyn ConversationStore>,
    /// Reads of what people have read and muted.
    pub read_states: Arc<dyn ReadingStore>,
    /// Reads of reactions.
    pub reactions: Arc<dyn ReactionStore>,
    /// Finds messages.
    pub search: Arc<dyn SearchStore>,
    /// Refuses what is done too often.
    pub rates: Rates,
    /// The clock and the randomness.
    pub ambient: Ambient,
}

/// Who asks, and whether that made a difference: an answer in which it made
/// none is everybody's.
#[derive(Clone)]
pub struct Asker {
    viewer: Viewer,
    mattered: Arc<AtomicBool>,
}

impl Asker {
    /// One who has not made a difference yet.
    #[must_use]
    pub fn new(viewer: Viewer) -> Self {
        Self { viewer, mattered: Arc::default() }
    }

    /// Who asks. From now on it makes a difference.
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        self.mattered.store(true, Ordering::Relaxed);
        self.viewer
    }

    /// Whether it made a difference.
    #[must_use]
    pub fn mattered(&self) -> bool {
        self.mattered.load(Ordering::Relaxed)
    }
}

/// A viewer's request, or one event that they get.
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

struct Inner {
    asker: Asker,
    services: Arc<Services>,
    /// Made when one is needed first: many requests need none.
    loaders: OnceLock<Loaders>,
    people: Known,
    groups: Mutex<HashMap<GroupId, Group>>,
}

impl Scope {
    /// A scope of `viewer` with nothing loaded yet.
    #[must_use]
    pub fn new(services: Arc<Services>, viewer: Viewer) -> Self {
        Self::asked_by(services, Asker::new(viewer))
    }

    /// The same, which tells through `asker` whether it made a difference who asked.
    #[must_use]
    pub fn asked_by(services: Arc<Services>, asker: Asker) -> Self {
        Self(Arc::new(Inner {
            asker,
            services,
            loaders: OnceLock::new(),
            people: Known::default(),
            groups: Mutex::default(),
        }))
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

    /// That of a request by which the viewer changes something.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`] where they do so too often, and as [`Scope::of`].
    pub fn changing(ctx: &Context<'_>) -> Result<Self> {
        let scope = Self::of(ctx)?;
        scope.services().rates.change(scope.viewer().user)?;
        Ok(scope)
    }

    /// Who asks.
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        self.0.asker.viewer()
    }

    /// What the resolvers call.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        &self.0.services
    }

    /// The loaders of this scope.
    #[must_use]
    pub(super) fn loaders(&self) -> &Loaders {
        let Inner { asker, services, people, .. } = &*self.0;
        self.0.loaders.get_or_init(|| Loaders::new(services, asker, people.clone()))
    }

    /// Takes in people that are known already.
    pub fn know(&self, people: impl IntoIterator<Item = Person>) {
        let mut known = self.0.people.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(people.into_iter().map(|person| (person.id, person)));
    }

    /// Takes in the message that the one of an event replies to, as far as
    /// the viewer may read it, and where it still says so.
    pub(super) async fn know_replied(&self, entry: &Entry, replied: &Message) {
        if self.services().rewritten.lately(replied.id) {
            return;
        }
        // Who asks makes a difference only where it is shown, which says so itself.
        let viewer = self.0.asker.viewer.user;
        let shown = entry.shows(viewer, replied).then(|| replied.clone());
        self.loaders().readable.prime(replied.id, Ok(shown)).await;
    }

    /// Takes in how a group presents itself.
    pub fn know_face(&self, group: Group) {
        self.groups().insert(group.id, group);
    }

    /// Takes in a group as the viewer sees it.
    pub async fn know_group(&self, view: GroupView) {
        self.loaders().groups.prime(view.group.id, Ok(Some(view))).await;
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
