//! What the items of a page will need, loaded before they are resolved.
//!
//! Loaders share statements in any case. But where each item asks for itself all of them
//! wait, and whatever wakes one of them has all of the page polled.

use std::{collections::HashMap, fmt::Debug, hash::Hash};

use async_graphql::{Context, Lookahead};
use chatterbox_graph::Person;
use futures::{FutureExt, future::BoxFuture, join};

use super::{
    loaders::{Load, Loaded},
    scope::Scope,
};
use crate::{
    ids::UserId,
    messaging::{Conversation, Message},
};

/// What an operation selects of some objects. What can't be loaded is noticed by who
/// needs it: the loaders remember failures too.
pub(super) struct Ahead<'a>(Vec<Lookahead<'a>>);

impl<'a> Ahead<'a> {
    /// Of the items of the connection that is being resolved.
    pub(super) fn of_page(ctx: &'a Context<'a>) -> Self {
        let page = ctx.look_ahead();
        Self(vec![page.field("edges").field("node"), page.field("nodes")])
    }

    fn field(&self, name: &str) -> Self {
        Self(self.0.iter().map(|selected| selected.field(name)).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|selected| selected.field(name).exists())
    }

    /// Takes these people in, and loads what else is selected of them.
    pub(super) async fn people<'p>(
        &self,
        scope: &Scope,
        people: impl IntoIterator<Item = &'p Person>,
    ) {
        let (ids, people): (Vec<_>, Vec<_>) =
            people.into_iter().map(|person| (person.id, person.clone())).unzip();
        scope.know(people);
        self.users(scope, ids).await;
    }

    /// Loads what is selected of these users.
    fn users<'s>(&'s self, scope: &'s Scope, ids: Vec<UserId>) -> BoxFuture<'s, ()> {
        async move {
            let loaders = scope.loaders();
            join!(
                load(self.has("presence"), &loaders.presence, &ids),
                load(self.has("friendship"), &loaders.friendships, &ids),
                load(self.has("lastChattedAt"), &loaders.last_chatted_at, &ids),
                self.direct(scope, &ids),
            );
        }
        .boxed()
    }

    async fn direct(&self, scope: &Scope, ids: &[UserId]) {
        if !self.has("directConversation") {
            return;
        }
        let viewer = scope.viewer().user;
        let others = ids.iter().copied().filter(|id| *id != viewer).collect();
        let found = found(scope.loaders().direct.load_many(others).await);
        self.field("directConversation").conversations(scope, &found).await;
    }

    /// Loads what is selected of these conversations.
    pub(super) async fn conversations(&self, scope: &Scope, conversations: &[Conversation]) {
        let loaders = scope.loaders();
        let all: Vec<_> = conversations.iter().map(|conversation| conversation.id).collect();
        let shown = conversations.iter().filter(|conversation| conversation.shows_last());
        let shown: Vec<_> = shown.map(|conversation| conversation.id).collect();
        let last = async {
            if self.has("lastMessage") {
                let found = found(loaders.last_messages.load_many(shown).await);
                self.field("lastMessage").messages(scope, &found).await;
            }
        };
        let peers = async {
            if self.has("peer") {
                let (viewer, selected) = (scope.viewer().user, self.field("peer"));
                let peers = conversations.iter().filter_map(|talk| talk.peer(viewer));
                let peers: Vec<_> = peers.collect();
                join!(load(true, &loaders.people, &peers), selected.users(scope, peers.clone()));
            }
        };
        let read = self.has("unreadCount") || self.has("muted");
        join!(
            load(read, &loaders.read_states, &all),
            load(self.has("readMarkers"), &loaders.read_markers, &all),
            last,
            peers,
        );
    }

    /// Loads what is selected of these messages.
    pub(super) async fn messages(&self, scope: &Scope, messages: &[Message]) {
        let loaders = scope.loaders();
        let senders: Vec<_> = messages.iter().filter_map(|message| message.sender).collect();
        let places: Vec<_> = messages.iter().map(|message| message.pos).collect();
        join!(
            load(self.has("sender"), &loaders.people, &senders),
            load(self.has("reactions"), &loaders.reactions, &places),
        );
    }
}

/// What there is of what was loaded.
fn found<K, V>(loaded: HashMap<K, Loaded<V>>) -> Vec<V> {
    loaded.into_values().filter_map(|one| one.ok().flatten()).collect()
}

async fn load<K, V>(selected: bool, loader: &Load<K, V>, keys: &[K])
where
    K: Eq + Hash + Clone + Debug + Send + Sync,
    V: Clone + Send,
{
    if selected && !keys.is_empty() {
        loader.load_many(keys.to_vec()).await;
    }
}
