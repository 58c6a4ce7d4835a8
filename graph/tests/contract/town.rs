//! A town of people that a story makes for itself, on one of the stores.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    ops::Deref,
    sync::Arc,
};

use chatterbox_graph::{
    Ask, Chat, ConversationId, Friendship, Graph, NewPerson, Timestamp, UserId, neo4j::Neo4jGraph,
    sqlite::SqliteGraph,
};
use futures::future::join_all;
use sqlx::{
    AnyPool, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
};
use tempfile::TempDir;
use uuid::Uuid;

/// More friends than anyone has here.
pub const MANY: u32 = 5_000;

/// A graph, and the folder that it lives in if it has one.
pub struct Town {
    graph: Arc<dyn Graph>,
    _folder: Option<TempDir>,
}

impl Deref for Town {
    type Target = dyn Graph;

    fn deref(&self) -> &Self::Target {
        &*self.graph
    }
}

impl Town {
    pub async fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let graph = SqliteGraph::new(pool(&folder, 1), pool(&folder, 4));
        graph.migrate().await.unwrap();
        Self { graph: Arc::new(graph), _folder: Some(folder) }
    }

    pub async fn on_neo4j() -> Self {
        let graph = Neo4jGraph::connect(&neo4j_url()).unwrap();
        graph.migrate().await.unwrap();
        Self { graph: Arc::new(graph), _folder: None }
    }

    /// A newcomer whose username begins with `name` and ends as no other does.
    pub async fn person(&self, name: &str) -> UserId {
        let person = newcomer(name);
        self.add_person(&person).await.unwrap();
        person.id
    }

    /// Newcomers.
    pub async fn people_called<const N: usize>(&self, names: [&str; N]) -> [UserId; N] {
        join_all(names.map(|name| self.person(name))).await.try_into().unwrap()
    }

    /// As many newcomers as wanted.
    pub async fn crowd(&self, size: usize) -> Vec<UserId> {
        join_all((0..size).map(|n| async move { self.person(&format!("p{n:03}")).await })).await
    }

    /// Two people ask each other, and so become friends at that time.
    pub async fn befriend_at(&self, one: UserId, other: UserId, at: i64) {
        self.ask(one, other, None, Timestamp(at), MANY).await.unwrap();
        let asked_back = self.ask(other, one, None, Timestamp(at), MANY).await.unwrap();
        assert_eq!(asked_back, Ask::BecameFriends);
    }

    pub async fn befriend(&self, one: UserId, other: UserId) {
        self.befriend_at(one, other, 1).await;
    }

    /// Each becomes a friend of the next.
    pub async fn chain(&self, people: &[UserId]) {
        for two in people.windows(2) {
            self.befriend(two[0], two[1]).await;
        }
    }

    pub async fn request_at(&self, from: UserId, to: UserId, at: i64) {
        assert_eq!(self.ask(from, to, None, Timestamp(at), MANY).await.unwrap(), Ask::Sent);
    }

    /// What `viewer` sees of `other`: in a list, and as a pair from both ends.
    pub async fn sees(&self, viewer: UserId, other: UserId) -> Friendship {
        let listed = self.friendships(viewer, &[other]).await.unwrap()[&other];
        let pair = self.pair(viewer, other).await.unwrap().unwrap();
        assert_eq!((pair.one.id, pair.other.id), (viewer, other));
        assert_eq!(pair.one_sees, listed);
        let turned = self.pair(other, viewer).await.unwrap().unwrap();
        assert_eq!((turned.other_sees, turned.blocked), (listed, pair.blocked));
        listed
    }

    pub async fn username(&self, id: UserId) -> String {
        self.people(&[id]).await.unwrap().remove(&id).unwrap().username
    }

    /// People in the order of their usernames, as lists of friends are.
    pub async fn by_username(&self, ids: &[UserId]) -> Vec<UserId> {
        let people: HashMap<_, _> = self.people(ids).await.unwrap();
        let mut ids = ids.to_vec();
        ids.sort_by_key(|id| people[id].username.clone());
        ids
    }
}

pub fn newcomer(name: &str) -> NewPerson {
    let id = fresh_id();
    let tail = id.uuid().simple().to_string().split_off(20);
    NewPerson {
        id,
        username: format!("{name}.{tail}"),
        display_name: format!("The {name}"),
        created_at: Timestamp(1_700_000_000_000_000),
    }
}

/// An id that nobody has: the standard library's hashers are seeded anew.
pub fn fresh_id() -> UserId {
    UserId::from_uuid(random_uuid())
}

pub fn conversation() -> ConversationId {
    ConversationId::from_uuid(random_uuid())
}

pub fn chat(one: UserId, other: UserId, at: i64) -> Chat {
    Chat { one, other, conversation: conversation(), at: Timestamp(at) }
}

fn random_uuid() -> Uuid {
    let half = || u128::from(RandomState::new().hash_one(()));
    uuid::Builder::from_u128((half() << 64) | half())
        .with_variant(uuid::Variant::RFC4122)
        .with_version(uuid::Version::SortRand)
        .into_uuid()
}

/// A pool as the service opens it.
pub fn pool(folder: &TempDir, connections: u32) -> AnyPool {
    sqlx::any::install_default_drivers();
    let file = folder.path().join("chatterbox.db");
    let options: AnyConnectOptions = format!("sqlite:{}?mode=rwc", file.display()).parse().unwrap();
    AnyPoolOptions::new()
        .max_connections(connections)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection
                    .execute(
                        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                         PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
                    )
                    .await?;
                Ok(())
            })
        })
        .connect_lazy_with(options)
}

pub fn neo4j_url() -> String {
    std::env::var("CHATTERBOX_TEST_GRAPH_URL").expect(
        "CHATTERBOX_TEST_GRAPH_URL is not set: run scripts/test, or: \
         eval \"$(scripts/stores env)\" after scripts/stores up",
    )
}
