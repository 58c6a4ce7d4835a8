//! Loaders: each asks its store once for all keys that come up together.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use chatterbox_graph::{
    Friendship, Graph, Group, GroupView, MutualFriendsOf, Page, Path, PathBetween, Person,
    Timestamp,
};
use dataloader::{BatchFn, cached::Loader};
use futures::future::BoxFuture;

use super::scope::{Asker, Services};
use crate::{
    error::{Error, Result},
    ids::{ConversationId, GroupId, MessageId, UserId},
    live::Presence,
    messaging::{
        Conversation, Faces, HistoryRange, Message, Position, Reaction, ReadMarker, ReadState,
    },
};

pub(super) type Loaded<V> = Result<Option<V>, Arc<Error>>;
pub(super) type Load<K, V> = Loader<K, Loaded<V>, Batch<K, V>>;

type Answers<K, V> = BoxFuture<'static, Result<HashMap<K, V>>>;

/// People who need not be looked up.
pub(super) type Known = Arc<Mutex<HashMap<UserId, Person>>>;

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

/// One of each kind; each asks its store once for all keys that come up
/// together. Never shared between requests: what they hold is the viewer's.
pub(super) struct Loaders {
    pub(super) people: Load<UserId, Person>,
    pub(super) people_by_username: Load<String, Person>,
    pub(super) friendships: Load<UserId, Friendship>,
    pub(super) last_chatted_at: Load<UserId, Timestamp>,
    pub(super) mutual_friends: Load<MutualFriendsOf, Page<Person>>,
    pub(super) paths: Load<PathBetween, Path>,
    pub(super) groups: Load<GroupId, GroupView>,
    pub(super) left_groups: Load<GroupId, Group>,
    pub(super) friends_inside: Load<(GroupId, usize), Vec<Person>>,
    pub(super) direct: Load<UserId, Conversation>,
    pub(super) conversations: Load<ConversationId, Conversation>,
    pub(super) last_messages: Load<ConversationId, Message>,
    pub(super) history: Load<HistoryRange, Vec<Message>>,
    pub(super) messages: Load<MessageId, Message>,
    pub(super) readable: Load<MessageId, Message>,
    pub(super) read_states: Load<ConversationId, ReadState>,
    pub(super) read_markers: Load<ConversationId, Vec<ReadMarker>>,
    pub(super) reactions: Load<Position, Arc<[Reaction]>>,
    pub(super) reacted: Load<Position, HashSet<String>>,
    pub(super) presence: Load<UserId, Option<Presence>>,
}

/// A loader by the statement on `source` that answers its keys.
fn load<S, K, V, F>(source: &S, run: impl Fn(S, Vec<K>) -> F + Send + Sync + 'static) -> Load<K, V>
where
    S: Clone + Send + Sync + 'static,
    K: Eq + Hash + Clone + Sync + Debug,
    V: Clone,
    F: Future<Output = Result<HashMap<K, V>>> + Send + 'static,
{
    let source = source.clone();
    let run = move |keys| -> Answers<K, V> { Box::pin(run(source.clone(), keys)) };
    Loader::new(Batch { run: Box::new(run) }).with_yield_count(1)
}

/// The same, of one whose answers depend on who asks.
fn load_for<S, K, V, F>(
    asker: &Asker,
    source: &S,
    run: impl Fn(S, UserId, Vec<K>) -> F + Send + Sync + 'static,
) -> Load<K, V>
where
    S: Clone + Send + Sync + 'static,
    K: Eq + Hash + Clone + Sync + Debug,
    V: Clone,
    F: Future<Output = Result<HashMap<K, V>>> + Send + 'static,
{
    let asker = asker.clone();
    load(source, move |source, keys| run(source, asker.viewer().user, keys))
}

/// The answers by their keys; those that are `None` are left out.
fn by_key<K: Eq + Hash, V>(keys: Vec<K>, answers: Vec<Option<V>>) -> HashMap<K, V> {
    keys.into_iter().zip(answers).filter_map(|(key, answer)| Some((key, answer?))).collect()
}

impl Loaders {
    pub(super) fn new(services: &Services, asker: &Asker, known: Known) -> Self {
        let Services { graph, history, read_states, reactions, .. } = services;
        let opening = (services.history.clone(), services.ambient.clone());
        Self {
            people: load(&(services.faces.clone(), known), |(faces, known), ids| async move {
                people(&faces, &known, ids).await
            }),
            people_by_username: load(graph, |graph, names: Vec<String>| async move {
                Ok(graph.people_by_username(&names).await?)
            }),
            friendships: load_for(asker, graph, |graph, viewer, ids: Vec<UserId>| async move {
                let pairs: Vec<_> = ids.iter().map(|id| (viewer, *id)).collect();
                let found = graph.friendships(&pairs).await?;
                Ok(by_key(ids, found))
            }),
            last_chatted_at: load_for(asker, graph, |graph, viewer, ids: Vec<UserId>| async move {
                Ok(graph.last_chatted_at(viewer, &ids).await?)
            }),
            mutual_friends: load(graph, |graph, asked: Vec<MutualFriendsOf>| async move {
                let found = graph.mutual_friends(&asked).await?;
                Ok(by_key(asked, found))
            }),
            paths: load(graph, |graph, asked: Vec<PathBetween>| async move {
                let found = graph.paths(&asked).await?;
                Ok(by_key(asked, found))
            }),
            groups: load_for(asker, graph, |graph, viewer, ids: Vec<GroupId>| async move {
                let asked: Vec<_> = ids.iter().map(|id| (viewer, *id)).collect();
                let found = graph.groups(&asked).await?;
                Ok(by_key(ids, found))
            }),
            left_groups: load_for(
                asker,
                history,
                |history, viewer, ids: Vec<GroupId>| async move {
                    history.left_groups(viewer, &ids).await
                },
            ),
            friends_inside: load_for(asker, graph, |graph, viewer, keys| async move {
                friends_inside(&*graph, viewer, keys).await
            }),
            direct: load_for(
                asker,
                &opening,
                |(history, ambient), viewer, ids: Vec<UserId>| async move {
                    history.open_direct(&ambient, viewer, &ids).await
                },
            ),
            conversations: load_for(
                asker,
                history,
                |history, viewer, ids: Vec<ConversationId>| async move {
                    history.conversations(viewer, &ids).await
                },
            ),
            last_messages: load(history, |history, ids: Vec<ConversationId>| async move {
                history.last_messages(&ids).await
            }),
            history: load(history, |history, ranges: Vec<HistoryRange>| async move {
                history.history(&ranges).await
            }),
            messages: load(history, |history, ids: Vec<MessageId>| async move {
                history.messages(&ids).await
            }),
            readable: load_for(asker, history, |history, viewer, ids: Vec<MessageId>| async move {
                history.readable(viewer, &ids).await
            }),
            read_states: load_for(
                asker,
                read_states,
                |read_states, viewer, ids: Vec<ConversationId>| async move {
                    read_states.read_states(viewer, &ids).await
                },
            ),
            read_markers: load_for(
                asker,
                read_states,
                |read_states, viewer, ids: Vec<ConversationId>| async move {
                    read_states.markers(viewer, &ids).await
                },
            ),
            reactions: load(reactions, |reactions, messages: Vec<Position>| async move {
                reactions.reactions(&messages).await
            }),
            reacted: load_for(
                asker,
                reactions,
                |reactions, viewer, messages: Vec<Position>| async move {
                    reactions.reacted(viewer, &messages).await
                },
            ),
            presence: load_for(
                asker,
                &services.presences,
                |presences, viewer, ids: Vec<UserId>| async move { presences.of(viewer, &ids).await },
            ),
        }
    }
}

/// Only those who are not known are looked up.
async fn people(
    faces: &Faces,
    known: &Known,
    mut ids: Vec<UserId>,
) -> Result<HashMap<UserId, Person>> {
    let mut found = HashMap::with_capacity(ids.len());
    {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        ids.retain(|id| match known.get(id) {
            Some(person) => found.insert(*id, person.clone()).is_some(),
            None => true,
        });
    }
    if !ids.is_empty() {
        found.extend(faces.people(&ids).await?);
    }
    Ok(found)
}

/// Keys that ask for as many share a statement.
async fn friends_inside(
    graph: &dyn Graph,
    viewer: UserId,
    keys: Vec<(GroupId, usize)>,
) -> Result<HashMap<(GroupId, usize), Vec<Person>>> {
    let mut limits = HashMap::<usize, Vec<GroupId>>::new();
    for (group, limit) in keys {
        limits.entry(limit).or_default().push(group);
    }
    let mut found = HashMap::new();
    for (limit, groups) in limits {
        let answer = graph.friends_inside(viewer, &groups, limit).await?;
        found.extend(answer.into_iter().map(|(group, people)| ((group, limit), people)));
    }
    Ok(found)
}
