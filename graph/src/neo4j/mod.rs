//! The graph on Neo4j.

mod address;
mod chats;
mod failure;
#[cfg(test)]
mod files;
mod friendships;
mod lists;
mod paths;
mod people;
mod schema;
mod session;
mod statement;

use std::{collections::HashMap, fmt, time::Duration};

use async_trait::async_trait;

use self::session::Session;
use crate::{
    Ask, Block, Blocked, Chat, Friend, FriendRequest, Friendship, Graph, LastChatted, NewPerson,
    Page, Pair, Path, Person, RequestDirection, Result, TimeKey, Timestamp, UserId,
};

/// How long a statement may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// The graph on Neo4j 5.26 or later.
#[derive(Clone)]
pub struct Neo4jGraph {
    url: String,
    session: Session,
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
        Ok(Self { url: url.to_owned(), session })
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
