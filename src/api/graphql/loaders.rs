//! Loaders: each asks its store once for all keys that come up together.

use std::{collections::HashMap, fmt::Debug, hash::Hash, sync::Arc};

use chatterbox_graph::{Friendship, Graph, Page, Path, Person, Timestamp};
use dataloader::{BatchFn, cached::Loader};
use futures::future::BoxFuture;

use super::scope::Services;
use crate::{
    error::{Error, Result},
    ids::{ConversationId, MessageId, UserId},
    messaging::{Conversation, HistoryRange, Message},
};

pub(super) type Loaded<V> = Result<Option<V>, Arc<Error>>;
pub(super) type Load<K, V> = Loader<K, Loaded<V>, Batch<K, V>>;

type Answers<K, V> = BoxFuture<'static, Result<HashMap<K, V>>>;

/// A statement that answers many keys.
pub(super) struct Batch<K, V> {
    run: Box<dyn Fn(Vec<K>) -> Answers<K, V> + Send + Sync>,
}

impl<K: Eq + Hash + Clone + Sync, V> BatchFn<K, Loaded<V>> for Batch<K, V> {
    async fn load(&mut self, keys: &[K]) -> HashMap<K, Loaded<V>> {
        match (self.run)(keys.to_vec()).await {
            Ok(mut found) => keys.iter().map(|key| (key.clone(), Ok(found.remove(key)))).collect(),
            Err(error) => {
                let error = Arc::new(error);
                keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect()
            }
        }
    }
}

/// A page of mutual friends: with whom, how many, behind whom.
pub(super) type MutualKey = (UserId, usize, Option<String>);

/// One of each kind; each asks its store once for all keys that come up
/// together. Never shared between requests: what they hold is the viewer's.
pub(super) struct Loaders {
    pub(super) people: Load<UserId, Person>,
    pub(super) friendships: Load<UserId, Friendship>,
    pub(super) last_chatted_at: Load<UserId, Timestamp>,
    pub(super) mutual_friends: Load<MutualKey, Page<Person>>,
    pub(super) paths: Load<(UserId, u8), Path>,
    pub(super) direct: Load<UserId, Conversation>,
    pub(super) conversations: Load<ConversationId, Conversation>,
    pub(super) last_messages: Load<ConversationId, Message>,
    pub(super) history: Load<HistoryRange, Vec<Message>>,
    pub(super) messages: Load<MessageId, Message>,
}

fn load<K, V>(run: impl Fn(Vec<K>) -> Answers<K, V> + Send + Sync + 'static) -> Load<K, V>
where
    K: Eq + Hash + Clone + Sync + Debug,
    V: Clone,
{
    Loader::new(Batch { run: Box::new(run) }).with_yield_count(1)
}

impl Loaders {
    pub(super) fn new(services: &Services, viewer: UserId) -> Self {
        let graph = || services.graph.clone();
        let history = || services.history.clone();
        let ambient = services.ambient.clone();
        let (g1, g2, g3, g4, g5) = (graph(), graph(), graph(), graph(), graph());
        let (h1, h2, h3, h4, h5) = (history(), history(), history(), history(), history());
        Self {
            people: load(move |ids: Vec<UserId>| {
                let graph = g1.clone();
                Box::pin(async move { Ok(graph.people(&ids).await?) })
            }),
            friendships: load(move |ids: Vec<UserId>| {
                let graph = g2.clone();
                Box::pin(async move { Ok(graph.friendships(viewer, &ids).await?) })
            }),
            last_chatted_at: load(move |ids: Vec<UserId>| {
                let graph = g3.clone();
                Box::pin(async move { Ok(graph.last_chatted_at(viewer, &ids).await?) })
            }),
            mutual_friends: load(move |keys: Vec<MutualKey>| {
                let graph = g4.clone();
                Box::pin(async move { mutual_friends(&*graph, viewer, keys).await })
            }),
            paths: load(move |keys: Vec<(UserId, u8)>| {
                let graph = g5.clone();
                Box::pin(async move { paths(&*graph, viewer, keys).await })
            }),
            direct: load(move |ids: Vec<UserId>| {
                let (history, ambient) = (h1.clone(), ambient.clone());
                Box::pin(async move { history.open_direct(&ambient, viewer, &ids).await })
            }),
            conversations: load(move |ids: Vec<ConversationId>| {
                let history = h2.clone();
                Box::pin(async move { history.conversations(&ids).await })
            }),
            last_messages: load(move |ids: Vec<ConversationId>| {
                let history = h3.clone();
                Box::pin(async move { history.last_messages(&ids).await })
            }),
            history: load(move |ranges: Vec<HistoryRange>| {
                let history = h4.clone();
                Box::pin(async move { history.history(&ranges).await })
            }),
            messages: load(move |ids: Vec<MessageId>| {
                let history = h5.clone();
                Box::pin(async move { history.messages(&ids).await })
            }),
        }
    }
}

/// Keys that ask for the same page share a statement.
async fn mutual_friends(
    graph: &dyn Graph,
    viewer: UserId,
    keys: Vec<MutualKey>,
) -> Result<HashMap<MutualKey, Page<Person>>> {
    let mut pages = HashMap::<(usize, Option<String>), Vec<UserId>>::new();
    for (user, limit, after) in keys {
        pages.entry((limit, after)).or_default().push(user);
    }
    let mut found = HashMap::new();
    for ((limit, after), users) in pages {
        let answer = graph.mutual_friends(viewer, &users, limit, after.as_deref()).await?;
        found.extend(answer.into_iter().map(|(user, page)| ((user, limit, after.clone()), page)));
    }
    Ok(found)
}

async fn paths(
    graph: &dyn Graph,
    viewer: UserId,
    keys: Vec<(UserId, u8)>,
) -> Result<HashMap<(UserId, u8), Path>> {
    let mut bounds = HashMap::<u8, Vec<UserId>>::new();
    for (user, max) in keys {
        bounds.entry(max).or_default().push(user);
    }
    let mut found = HashMap::new();
    for (max, users) in bounds {
        let answer = graph.paths(viewer, &users, max).await?;
        found.extend(answer.into_iter().map(|(user, path)| ((user, max), path)));
    }
    Ok(found)
}
