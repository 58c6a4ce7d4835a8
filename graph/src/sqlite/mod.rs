//! The graph in the tables of an embedded SQLite file.

mod chats;
mod failure;
mod friendships;
mod lists;
mod paths;
mod people;
#[cfg(test)]
mod plans;
mod schema;
mod statement;

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::{Any, AnyPool, Transaction, pool::PoolConnection};

use self::{failure::failure, statement::timed};
use crate::{
    Ask, Block, Blocked, Chat, Friend, FriendRequest, Friendship, Graph, LastChatted, NewPerson,
    Page, Pair, Path, Person, RequestDirection, Result, TimeKey, Timestamp, UserId,
};

/// The graph in the tables of an embedded SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteGraph {
    write: AnyPool,
    read: AnyPool,
}

impl SqliteGraph {
    /// A graph on these pools: `write` has one connection, so that writers
    /// queue where waiting is fair; `read` has several. Both are on the same
    /// file, in WAL mode, with foreign keys on and a busy timeout.
    #[must_use]
    pub fn new(write: AnyPool, read: AnyPool) -> Self {
        Self { write, read }
    }

    /// A transaction that holds the write lock from its start, so that what it
    /// reads stays so until it commits.
    async fn begin(&self) -> Result<Transaction<'static, Any>> {
        timed("begin", self.write.begin_with("BEGIN IMMEDIATE")).await
    }

    /// A transaction in which all statements read the same state.
    async fn snapshot(&self) -> Result<Transaction<'static, Any>> {
        timed("begin", self.read.begin()).await
    }

    async fn writer(&self) -> Result<PoolConnection<Any>> {
        self.write.acquire().await.map_err(failure)
    }

    async fn reader(&self) -> Result<PoolConnection<Any>> {
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

    async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>> {
        self.people(ids).await
    }

    async fn person_by_username(&self, username: &str) -> Result<Option<Person>> {
        self.person_by_username(username).await
    }

    async fn pair(&self, one: UserId, other: UserId) -> Result<Option<Pair>> {
        self.pair(one, other).await
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

    async fn friendships(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Friendship>> {
        self.friendships(viewer, others).await
    }

    async fn friends(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Friend>> {
        self.friends(viewer, query, limit, after).await
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

    async fn mutual_friends(
        &self,
        viewer: UserId,
        others: &[UserId],
        limit: usize,
        after: Option<&str>,
    ) -> Result<HashMap<UserId, Page<Person>>> {
        self.mutual_friends(viewer, others, limit, after).await
    }

    async fn paths(
        &self,
        viewer: UserId,
        others: &[UserId],
        max: u8,
    ) -> Result<HashMap<UserId, Path>> {
        self.paths(viewer, others, max).await
    }

    async fn record_chats(&self, chats: &[Chat]) -> Result<()> {
        self.record_chats(chats).await
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
