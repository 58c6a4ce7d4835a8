//! The graph in the tables of an embedded SQLite file.

mod census;
mod chats;
mod directory;
mod failure;
mod friendships;
mod group_edits;
mod groups;
mod lists;
mod load;
mod paths;
mod people;
#[cfg(test)]
mod plans;
mod prefix;
mod readers;
mod schema;
mod settings;
mod statement;
mod suggestions;

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::{Any, AnyPool, Connection, Transaction, pool::PoolConnection};
use uuid::Uuid;

pub use self::readers::{Reader, Readers};
use self::{failure::failure, statement::timed};
use crate::{
    Ask, Block, Blocked, Chat, Circle, DirectoryKey, FoundGroup, Friend, FriendRequest, FriendsOf,
    Friendship, Graph, GroupEdit, GroupId, GroupKey, GroupState, GroupView, LastChatted, Listed,
    Member, MutualFriendsOf, NewPerson, Page, Pair, Path, PathBetween, Person, ProfileChange,
    Reach, RequestDirection, Result, Settings, SettingsChange, Slice, Suggestion, SuggestionsFor,
    Tie, TimeKey, Timestamp, UserId,
};

/// The graph in the tables of an embedded SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteGraph {
    write: AnyPool,
    read: Readers,
}

impl SqliteGraph {
    /// A graph on these: `write` has one connection, so that writers
    /// queue where waiting is fair; `read` has several. Both are on the same
    /// file, in WAL mode, with foreign keys on and a busy timeout.
    #[must_use]
    pub fn new(write: AnyPool, read: Readers) -> Self {
        Self { write, read }
    }

    /// A transaction that holds the write lock from its start, so that what it
    /// reads stays so until it commits.
    async fn begin(&self) -> Result<Transaction<'static, Any>> {
        timed("begin", self.write.begin_with("BEGIN IMMEDIATE")).await
    }

    /// A transaction in which all statements read the same state.
    async fn snapshot(reader: &mut Reader) -> Result<Transaction<'_, Any>> {
        timed("begin", reader.begin()).await
    }

    async fn writer(&self) -> Result<PoolConnection<Any>> {
        self.write.acquire().await.map_err(failure)
    }

    async fn reader(&self) -> Result<Reader> {
        self.read.acquire().await.map_err(failure)
    }
}

async fn commit(transaction: Transaction<'static, Any>) -> Result<()> {
    timed("commit", transaction.commit()).await
}

#[async_trait]
impl Graph for SqliteGraph {
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
