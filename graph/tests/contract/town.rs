//! A town of people that a story makes for itself, on one of the stores.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    ops::Deref,
    sync::Arc,
};

use chatterbox_graph::{
    Ask, Chat, DirectConversationId, Friend, FriendsOf, Friendship, Graph, GroupEdit, GroupId,
    GroupProfile, GroupRole, GroupState, GroupVisibility, Listed, MutualFriendsOf, NewPerson, Page,
    Path, PathBetween, Person, SettingsChange, Suggestion, SuggestionsFor, Timestamp, UserId,
    neo4j::Neo4jGraph,
    sqlite::{Readers, SqliteGraph},
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
    folder: Option<TempDir>,
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
        let graph = SqliteGraph::new(pool(&folder, 1), Readers::kept(pool(&folder, 4)));
        graph.migrate().await.unwrap();
        Self { graph: Arc::new(graph), folder: Some(folder) }
    }

    pub async fn on_neo4j() -> Self {
        let graph = Neo4jGraph::connect(&neo4j_url()).unwrap();
        graph.migrate().await.unwrap();
        Self { graph: Arc::new(graph), folder: None }
    }

    /// Whether nobody else lives here than whom the story made.
    pub fn is_alone(&self) -> bool {
        self.folder.is_some()
    }

    /// A newcomer whose username begins with `name` and ends as no other does.
    pub async fn person(&self, name: &str) -> UserId {
        self.person_named(name, &format!("The {name}")).await
    }

    pub async fn person_named(&self, name: &str, display_name: &str) -> UserId {
        let person = NewPerson { display_name: display_name.to_owned(), ..newcomer(name) };
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

    /// From now on neither the directory nor suggestions show them.
    pub async fn hide(&self, id: UserId) {
        self.set(id, SettingsChange { discoverable: Some(false), ..SettingsChange::default() })
            .await;
    }

    pub async fn set(&self, id: UserId, change: SettingsChange) {
        assert!(self.change_settings(id, &change).await.unwrap().is_some());
    }

    /// What `viewer` sees of `other`: in a list, and as a pair from both
    /// ends. What each may do is alike in a list and in a pair.
    pub async fn sees(&self, viewer: UserId, other: UserId) -> Friendship {
        let listed = only(self.friendships(&[(viewer, other)]).await.unwrap()).unwrap();
        let pair = self.pair(viewer, other).await.unwrap().unwrap();
        assert_eq!((pair.one.id, pair.other.id), (viewer, other));
        assert_eq!(pair.one_sees, listed);
        let turned = self.pair(other, viewer).await.unwrap().unwrap();
        assert_eq!((turned.other_sees, turned.blocked), (listed, pair.blocked));
        let reach = self.reach(&[(viewer, other), (other, viewer)]).await.unwrap();
        assert_eq!([pair.one_reaches, pair.other_reaches], *reach);
        assert_eq!([turned.other_reaches, turned.one_reaches], *reach);
        listed
    }

    pub async fn friends_of(&self, viewer: UserId) -> Page<Friend> {
        self.friends_page(viewer, None, 100, None).await
    }

    pub async fn friends_page(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Page<Friend> {
        let (query, after) = (query.map(str::to_owned), after.map(str::to_owned));
        only(self.friends(&[FriendsOf { viewer, query, limit, after }]).await.unwrap())
    }

    pub async fn mutual_page(
        &self,
        viewer: UserId,
        other: UserId,
        limit: usize,
        after: Option<&str>,
    ) -> Option<Page<Person>> {
        let after = after.map(str::to_owned);
        let asked = MutualFriendsOf { viewer, other, limit, after };
        only(self.mutual_friends(&[asked]).await.unwrap())
    }

    pub async fn path(&self, viewer: UserId, other: UserId, max: u8) -> Option<Path> {
        only(self.paths(&[PathBetween { viewer, other, max }]).await.unwrap())
    }

    pub async fn suggested_to(&self, viewer: UserId) -> Vec<Suggestion> {
        only(self.suggestions(&[SuggestionsFor { viewer, limit: 100 }]).await.unwrap())
    }

    /// All that the directory lists, read in pages of that size.
    pub async fn directory_by(&self, limit: usize, viewer: UserId, query: &str) -> Vec<Listed> {
        let mut listed: Vec<Listed> = Vec::new();
        loop {
            let after = listed.last().map(|last| &last.key);
            let page = self.directory(viewer, Some(query), limit, after).await.unwrap();
            let length = page.items.len();
            assert!(length == limit || (length < limit && !page.has_next), "{length} of {limit}");
            listed.extend(page.items);
            if !page.has_next {
                return listed;
            }
        }
    }

    /// A private group of these.
    pub async fn group(&self, members: &[(UserId, GroupRole)]) -> GroupId {
        self.group_as(&private("The group"), members).await
    }

    /// A group of these.
    pub async fn group_as(
        &self,
        profile: &GroupProfile,
        members: &[(UserId, GroupRole)],
    ) -> GroupId {
        let group = fresh_group();
        let making = GroupEdit {
            profile: Some(profile.clone()),
            set: members.to_vec(),
            ..edit_of(group, 0)
        };
        self.edit(making).await;
        group
    }

    /// Makes an edit that stands.
    pub async fn edit(&self, edit: GroupEdit) {
        assert!(self.edit_group(&edit).await.unwrap(), "{edit:?}");
    }

    pub async fn state(&self, group: GroupId) -> Option<GroupState> {
        self.group_state(group, &[], random_uuid()).await.unwrap()
    }

    /// Who is in the group, and as what, by username.
    pub async fn roles(&self, group: GroupId) -> Vec<(UserId, GroupRole)> {
        let page = self.members(group, None, 100, None).await.unwrap();
        assert_eq!((page.total, page.has_next), (page.items.len() as u64, false));
        page.items.into_iter().map(|member| (member.person.id, member.role)).collect()
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

/// What no other story's names begin with.
pub fn word() -> String {
    format!("w{}", &random_uuid().simple().to_string()[20..])
}

pub fn conversation() -> DirectConversationId {
    DirectConversationId::from_uuid(random_uuid())
}

pub fn chat(one: UserId, other: UserId, at: i64) -> Chat {
    Chat::Direct { one, other, conversation: conversation(), at: Timestamp(at) }
}

/// An id that no group has.
pub fn fresh_group() -> GroupId {
    GroupId::from_uuid(random_uuid())
}

/// An edit that changes nothing yet, unlike any other.
pub fn edit_of(group: GroupId, version: i64) -> GroupEdit {
    GroupEdit {
        group,
        token: random_uuid(),
        version,
        profile: None,
        set: Vec::new(),
        remove: Vec::new(),
        at: Timestamp(1),
    }
}

pub fn private(name: &str) -> GroupProfile {
    let (name, description) = (name.to_owned(), None);
    GroupProfile { name, description, visibility: GroupVisibility::Private }
}

pub fn public(name: &str) -> GroupProfile {
    GroupProfile { visibility: GroupVisibility::Public, ..private(name) }
}

/// The answer where one question was asked.
pub fn only<T>(answers: Vec<T>) -> T {
    let Ok([answer]) = <[T; 1]>::try_from(answers) else { panic!("one question, one answer") };
    answer
}

pub fn random_uuid() -> Uuid {
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
