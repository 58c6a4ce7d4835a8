//! The graph on Neo4j.

mod address;
mod census;
mod chats;
mod directory;
mod failure;
#[cfg(test)]
mod files;
mod friendships;
mod group_edits;
mod groups;
mod lists;
mod paths;
mod people;
mod schema;
mod session;
mod settings;
mod sharing;
mod statement;
mod suggestions;

use std::{collections::HashMap, fmt, time::Duration};

use async_trait::async_trait;
use uuid::Uuid;

use self::{session::Session, sharing::Sharing};
use crate::{
    Ask, Block, Blocked, Chat, Circle, DirectoryKey, FoundGroup, Friend, FriendRequest, FriendsOf,
    Friendship, Graph, GroupEdit, GroupId, GroupKey, GroupState, GroupView, LastChatted, Listed,
    Member, MutualFriendsOf, NewPerson, Page, Pair, Path, PathBetween, Person, ProfileChange,
    Reach, RequestDirection, Result, Settings, SettingsChange, Slice, Suggestion, SuggestionsFor,
    Tie, TimeKey, Timestamp, UserId,
};

/// How long a statement may take at a server that is there: less than a
/// request may, and enough to plan it on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long one may take that writes some ten thousand nodes or edges.
const LONG_PATIENCE: Duration = Duration::from_secs(120);

/// The graph on Neo4j 5.26 or later.
#[derive(Clone)]
pub struct Neo4jGraph {
    url: String,
    session: Session,
    /// For what takes long.
    patient: Session,
    shared: Shared,
}

/// The questions that callers share statements for.
#[derive(Clone)]
struct Shared {
    people: Sharing<UserId, Option<Person>>,
    people_by_username: Sharing<String, Option<Person>>,
    reach: Sharing<(UserId, UserId), Reach>,
    friendships: Sharing<(UserId, UserId), Option<Friendship>>,
    friends: Sharing<FriendsOf, Page<Friend>>,
    mutual_friends: Sharing<MutualFriendsOf, Option<Page<Person>>>,
    paths: Sharing<PathBetween, Option<Path>>,
    suggestions: Sharing<SuggestionsFor, Vec<Suggestion>>,
    groups: Sharing<(UserId, GroupId), Option<GroupView>>,
}

impl Shared {
    /// What is only looked up shares in larger numbers than what is searched for.
    fn new() -> Self {
        Self {
            people: Sharing::new(512),
            people_by_username: Sharing::new(512),
            reach: Sharing::new(256),
            friendships: Sharing::new(256),
            friends: Sharing::new(64),
            mutual_friends: Sharing::new(64),
            paths: Sharing::new(64),
            suggestions: Sharing::new(64),
            groups: Sharing::new(256),
        }
    }
}

impl Neo4jGraph {
    /// The graph behind `url`: `bolt://`, `bolt+s://`, `neo4j://` or
    /// `neo4j+s://`, then `user:password@host:port`, percent-encoded, and
    /// `/database` where it is not the server's default one. Connects when
    /// first used, so that a server which is away can come later.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Internal`] for a URL that can't be understood; its
    /// source says why, without the password.
    pub fn connect(url: &str) -> Result<Self> {
        let session = Session::new(address::config(url, PATIENCE)?, PATIENCE)?;
        let patient = Session::new(address::config(url, LONG_PATIENCE)?, LONG_PATIENCE)?;
        Ok(Self { url: url.to_owned(), session, patient, shared: Shared::new() })
    }
}

impl fmt::Debug for Neo4jGraph {
    /// Without the URL, which holds the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Neo4jGraph").finish_non_exhaustive()
    }
}

#[async_trait]
impl Graph for Neo4jGraph {
    async fn migrate(&self) -> Result<()> {
        self.migrate().await
    }

    async fn version(&self) -> Result<String> {
        self.version().await
    }

    async fn add_person(&self, person: &NewPerson) -> Result<()> {
        self.add_person(person).await
    }

    async fn load(&self, people: &[NewPerson], ties: &[Tie]) -> Result<()> {
        self.load(people, ties).await
    }

    async fn remove_person(&self, id: UserId) -> Result<bool> {
        self.remove_person(id).await
    }

    async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>> {
        self.people(ids).await
    }

    async fn people_by_username(&self, usernames: &[String]) -> Result<HashMap<String, Person>> {
        self.people_by_username(usernames).await
    }

    async fn circles(&self, ids: &[UserId]) -> Result<HashMap<UserId, Circle>> {
        self.circles(ids).await
    }

    async fn pair(&self, one: UserId, other: UserId) -> Result<Option<Pair>> {
        self.pair(one, other).await
    }

    async fn change_profile(&self, id: UserId, change: &ProfileChange) -> Result<Option<Person>> {
        self.change_profile(id, change).await
    }

    async fn settings(&self, ids: &[UserId]) -> Result<HashMap<UserId, Settings>> {
        self.settings(ids).await
    }

    async fn change_settings(
        &self,
        id: UserId,
        change: &SettingsChange,
    ) -> Result<Option<Settings>> {
        self.change_settings(id, change).await
    }

    async fn reach(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<Reach>> {
        self.reach(pairs).await
    }

    async fn ask(
        &self,
        from: UserId,
        to: UserId,
        note: Option<&str>,
        at: Timestamp,
        max_friends: u32,
    ) -> Result<Ask> {
        self.ask(from, to, note, at, max_friends).await
    }

    async fn withdraw(&self, from: UserId, to: UserId) -> Result<bool> {
        self.withdraw(from, to).await
    }

    async fn accept(
        &self,
        by: UserId,
        from: UserId,
        at: Timestamp,
        max_friends: u32,
    ) -> Result<Ask> {
        self.accept(by, from, at, max_friends).await
    }

    async fn unfriend(&self, one: UserId, other: UserId) -> Result<bool> {
        self.unfriend(one, other).await
    }

    async fn block(&self, by: UserId, other: UserId, at: Timestamp) -> Result<Block> {
        self.block(by, other, at).await
    }

    async fn unblock(&self, by: UserId, other: UserId) -> Result<bool> {
        self.unblock(by, other).await
    }

    async fn friendships(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<Option<Friendship>>> {
        self.friendships(pairs).await
    }

    async fn ties(&self, id: UserId) -> Result<Vec<UserId>> {
        self.ties(id).await
    }

    async fn friends(&self, asked: &[FriendsOf]) -> Result<Vec<Page<Friend>>> {
        self.friends(asked).await
    }

    async fn friend_requests(
        &self,
        viewer: UserId,
        direction: RequestDirection,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<FriendRequest>> {
        self.friend_requests(viewer, direction, limit, after).await
    }

    async fn blocked(
        &self,
        viewer: UserId,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<Blocked>> {
        self.blocked(viewer, limit, after).await
    }

    async fn mutual_friends(&self, asked: &[MutualFriendsOf]) -> Result<Vec<Option<Page<Person>>>> {
        self.mutual_friends(asked).await
    }

    async fn paths(&self, asked: &[PathBetween]) -> Result<Vec<Option<Path>>> {
        self.paths(asked).await
    }

    async fn suggestions(&self, asked: &[SuggestionsFor]) -> Result<Vec<Vec<Suggestion>>> {
        self.suggestions(asked).await
    }

    async fn directory(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&DirectoryKey>,
    ) -> Result<Slice<Listed>> {
        self.directory(viewer, query, limit, after).await
    }

    async fn directory_size(&self, viewer: UserId, query: Option<&str>) -> Result<u64> {
        self.directory_size(viewer, query).await
    }

    async fn groups(&self, asked: &[(UserId, GroupId)]) -> Result<Vec<Option<GroupView>>> {
        self.groups(asked).await
    }

    async fn members(
        &self,
        group: GroupId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Member>> {
        self.members(group, query, limit, after).await
    }

    async fn friends_inside(
        &self,
        viewer: UserId,
        groups: &[GroupId],
        limit: usize,
    ) -> Result<HashMap<GroupId, Vec<Person>>> {
        self.friends_inside(viewer, groups, limit).await
    }

    async fn public_groups(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&GroupKey>,
    ) -> Result<Slice<FoundGroup>> {
        self.public_groups(viewer, query, limit, after).await
    }

    async fn groups_of(&self, id: UserId) -> Result<Vec<GroupId>> {
        self.groups_of(id).await
    }

    async fn group_state(
        &self,
        group: GroupId,
        about: &[UserId],
        token: Uuid,
    ) -> Result<Option<GroupState>> {
        self.group_state(group, about, token).await
    }

    async fn heir(&self, group: GroupId, leaving: UserId) -> Result<Option<UserId>> {
        self.heir(group, leaving).await
    }

    async fn edit_group(&self, edit: &GroupEdit) -> Result<bool> {
        self.edit_group(edit).await
    }

    async fn delete_group(&self, group: GroupId, version: i64) -> Result<bool> {
        self.delete_group(group, version).await
    }

    async fn record_chats(&self, chats: &[Chat]) -> Result<()> {
        self.record_chats(chats).await
    }

    async fn forget_chats(&self) -> Result<()> {
        self.forget_chats().await
    }

    async fn last_chatted(&self, viewer: UserId, limit: usize) -> Result<Vec<LastChatted>> {
        self.last_chatted(viewer, limit).await
    }

    async fn last_chatted_at(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Timestamp>> {
        self.last_chatted_at(viewer, others).await
    }
}
