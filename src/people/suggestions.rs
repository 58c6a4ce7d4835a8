//! Whom people may know, kept in memory: to rank the friends of all one's
//! friends is the most work of all that the graph is asked.

use std::{sync::Arc, time::Duration};

use chatterbox_graph::{Graph, Suggestion, SuggestionsFor};
use moka::sync::Cache;

use crate::{
    error::Result,
    ids::UserId,
    live::Follower,
    messaging::{Change, Entry, Recency},
};

/// A bounded cache of suggestions. What changes about the viewer or about
/// anybody who is suggested takes effect at once where it is made, and elsewhere as
/// soon as the log is followed. Others who would come before them now may be
/// missing for [`Suggestions::MAX_AGE`].
#[derive(Clone)]
pub struct Suggestions {
    inner: Arc<Inner>,
}

struct Inner {
    graph: Arc<dyn Graph>,
    full: Cache<SuggestionsFor, (u64, Arc<[Suggestion]>)>,
    changes: Recency<UserId>,
}

impl Suggestions {
    /// How long an answer may be used.
    pub const MAX_AGE: Duration = Duration::from_secs(60);
    /// How many people are kept, in all answers together.
    const CAPACITY: u64 = 250_000;

    /// An empty cache.
    pub fn new(graph: Arc<dyn Graph>) -> Self {
        let full = Cache::builder()
            .weigher(|_, (_, people): &(u64, Arc<[Suggestion]>)| {
                u32::try_from(people.len()).unwrap_or(u32::MAX)
            })
            .max_capacity(Self::CAPACITY)
            .time_to_live(Self::MAX_AGE)
            .build();
        let changes = Recency::new(Self::MAX_AGE * 2);
        Self { inner: Arc::new(Inner { graph, full, changes }) }
    }

    /// Whom `viewer` may know, strongest reason first, at most `limit`.
    ///
    /// # Errors
    ///
    /// The failure of the graph.
    pub async fn of(&self, viewer: UserId, limit: usize) -> Result<Arc<[Suggestion]>> {
        let Inner { graph, full, changes } = &*self.inner;
        let asked = SuggestionsFor { viewer, limit };
        if let Some((since, people)) = full.get(&asked) {
            let suggested = people.iter().map(|suggestion| suggestion.person.id);
            if changes.unchanged_since(since, suggested.chain([viewer])) {
                return Ok(people);
            }
        }
        let since = changes.now();
        let found = graph.suggestions(&[asked]).await?;
        let people: Arc<[Suggestion]> = found.into_iter().flatten().collect();
        // Where there are few, one more makes a difference, and costs little to find.
        if people.len() == limit {
            full.insert(asked, (since, people.clone()));
        }
        Ok(people)
    }

    /// Forgets what these were suggested, and those to whom they were.
    pub fn forget(&self, people: &[UserId]) {
        self.inner.changes.note(people);
    }

    /// Forgets all.
    pub fn forget_all(&self) {
        self.inner.changes.note_all();
    }
}

impl Follower for Suggestions {
    fn follow(&self, entry: &Arc<Entry>) {
        let mut people = entry.people_changed();
        if let Change::MembershipChanged { user, .. } = entry.change {
            people.push(user);
        }
        if !people.is_empty() {
            self.forget(&people);
        }
    }
}

#[cfg(test)]
mod tests {
    use chatterbox_graph::{NewPerson, Tie, Timestamp, sqlite::SqliteGraph};

    use super::*;
    use crate::{
        ambient::Ambient,
        messaging::{Position, Recipients, Scope},
        sql::Sql,
    };

    const AT: Timestamp = Timestamp(1);

    fn entry(user: UserId, change: Change) -> Arc<Entry> {
        let (scope, to) = (Scope::User(user), Recipients::one(user));
        Arc::new(Entry { pos: Position(1), at: AT, scope, to, change })
    }

    /// Somebody, and so many friends of their only friend.
    async fn town(graph: &dyn Graph, others: usize) -> (UserId, Vec<UserId>) {
        let ambient = Ambient::system();
        let people: Vec<NewPerson> = (0..others + 2)
            .map(|n| NewPerson {
                id: ambient.id(),
                username: format!("person{n}"),
                display_name: format!("Person {n}"),
                created_at: AT,
            })
            .collect();
        let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
        let ties = ids[1..].iter().map(|id| Tie { one: ids[0], other: *id, since: AT });
        graph.load(&people, &ties.collect::<Vec<_>>()).await.unwrap();
        (ids[1], ids[2..].to_vec())
    }

    #[tokio::test]
    async fn a_full_answer_holds_until_the_log_tells_of_a_change() {
        let data = tempfile::tempdir().unwrap();
        let sql = Sql::open(&Sql::sqlite_url(&data.path().join("test.db"))).unwrap();
        sql.migrate().await.unwrap();
        let (write, read) = sql.connections();
        let graph: Arc<dyn Graph> = Arc::new(SqliteGraph::new(write, read));
        graph.migrate().await.unwrap();
        let (viewer, others) = town(&*graph, 4).await;
        let suggestions = Suggestions::new(graph.clone());
        let ask = async |limit: usize| -> Vec<UserId> {
            let people = suggestions.of(viewer, limit).await.unwrap();
            people.iter().map(|suggestion| suggestion.person.id).collect()
        };
        assert_eq!((ask(2).await, ask(5).await), (others[..2].to_vec(), others.clone()));

        // Behind its back.
        graph.block(others[0], viewer, AT).await.unwrap();
        assert_eq!(ask(2).await, others[..2], "a full answer is kept");
        assert_eq!(ask(5).await, others[1..], "one that is not full is none");
        let none = Change::FriendshipChanged { other: others[3], now: None };
        suggestions.follow(&entry(others[2], none));
        assert_eq!(ask(2).await, others[..2], "it is about others");
        let blocked = Change::FriendshipChanged { other: viewer, now: None };
        suggestions.follow(&entry(others[0], blocked));
        assert_eq!(ask(2).await, others[1..3]);

        graph.remove_person(others[1]).await.unwrap();
        suggestions.follow(&entry(others[1], Change::PersonChanged));
        assert_eq!(ask(2).await, others[2..]);
        assert_eq!(ask(1).await, others[2..3]);
        graph.remove_person(others[2]).await.unwrap();
        suggestions.forget_all();
        assert_eq!(ask(1).await, others[3..]);
    }
}
