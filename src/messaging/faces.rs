//! What is shown of people and groups, kept in memory: spares every delivery
//! a look-up, and most requests.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chatterbox_graph::{Graph, Group, Person};
use moka::sync::Cache;
use tracing::debug;

use super::{Change, Entry, Recency};
use crate::{
    error::{Result, chain},
    ids::{GroupId, UserId},
    live::Follower,
};

/// A bounded cache of how people and groups present themselves. A change
/// takes effect at once where it is made, and elsewhere as soon as the log is
/// followed.
#[derive(Clone)]
pub struct Faces {
    inner: Arc<Inner>,
}

struct Inner {
    graph: Arc<dyn Graph>,
    people: Cache<UserId, (u64, Person)>,
    groups: Cache<GroupId, (u64, Group)>,
    changed_people: Recency<UserId>,
    changed_groups: Recency<GroupId>,
}

impl Faces {
    const MAX_AGE: Duration = Duration::from_secs(30);
    const CAPACITY: u64 = 100_000;

    /// An empty cache.
    pub fn new(graph: Arc<dyn Graph>) -> Self {
        let memory = Self::MAX_AGE * 2;
        let people =
            Cache::builder().max_capacity(Self::CAPACITY).time_to_live(Self::MAX_AGE).build();
        let groups =
            Cache::builder().max_capacity(Self::CAPACITY).time_to_live(Self::MAX_AGE).build();
        let (changed_people, changed_groups) = (Recency::new(memory), Recency::new(memory));
        Self { inner: Arc::new(Inner { graph, people, groups, changed_people, changed_groups }) }
    }

    /// Forgets how a person presented themselves.
    pub fn forget_person(&self, id: UserId) {
        self.inner.changed_people.note(&[id]);
    }

    /// Forgets how a group presented itself.
    pub fn forget_group(&self, id: GroupId) {
        self.inner.changed_groups.note(&[id]);
    }

    /// The people by their ids; unknown ones are left out.
    ///
    /// # Errors
    ///
    /// The graph's failure, where one of them is not known here.
    pub async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>> {
        let Inner { graph, people, changed_people, .. } = &*self.inner;
        let (mut found, mut unknown) = (HashMap::with_capacity(ids.len()), Vec::new());
        for &id in ids {
            match people.get(&id) {
                Some((since, person)) if changed_people.unchanged_since(since, [id]) => {
                    found.insert(id, person);
                }
                _ => unknown.push(id),
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        let since = changed_people.now();
        for (id, person) in graph.people(&unknown).await? {
            people.insert(id, (since, person.clone()));
            found.insert(id, person);
        }
        Ok(found)
    }

    /// The people, as far as they are known: of none with the graph away,
    /// where not all are known here.
    pub async fn known(&self, ids: &[UserId]) -> Arc<[Person]> {
        let found = self.people(ids).await.inspect_err(|error| {
            debug!(error = chain(error), "an event goes out without profiles");
        });
        found.unwrap_or_default().into_values().collect()
    }

    /// The person; `None` for an unknown one, and with the graph away.
    pub async fn person(&self, id: UserId) -> Option<Person> {
        self.known(&[id]).await.first().cloned()
    }

    /// As [`Faces::group`], but not as it was remembered.
    pub async fn group_anew(&self, viewer: UserId, id: GroupId) -> Option<Group> {
        self.forget_group(id);
        self.group(viewer, id).await
    }

    /// The group; `None` for an unknown one, and with the graph away.
    pub async fn group(&self, viewer: UserId, id: GroupId) -> Option<Group> {
        let Inner { graph, groups, changed_groups, .. } = &*self.inner;
        if let Some((since, group)) = groups.get(&id)
            && changed_groups.unchanged_since(since, [id])
        {
            return Some(group);
        }
        let since = changed_groups.now();
        match graph.groups(&[(viewer, id)]).await {
            Ok(mut found) => {
                let group = found.pop().flatten()?.group;
                groups.insert(id, (since, group.clone()));
                Some(group)
            }
            Err(error) => {
                debug!(error = chain(&error), "an event goes out without its group");
                None
            }
        }
    }
}

impl Follower for Faces {
    fn follow(&self, entry: &Arc<Entry>) {
        match &entry.change {
            Change::PersonChanged => entry.user().into_iter().for_each(|id| self.forget_person(id)),
            Change::GroupChanged { group } => self.forget_group(group.id),
            // Deleting a group ends memberships.
            Change::MembershipChanged { group, role: None, .. } => {
                self.forget_group(group.id);
            }
            _ => {}
        }
    }
}
