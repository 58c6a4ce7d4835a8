//! The port.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::{
    Ask, Block, Blocked, Chat, Friend, FriendRequest, Friendship, LastChatted, NewPerson, Page,
    Pair, Path, Person, RequestDirection, Result, TimeKey, Timestamp, UserId,
};

/// The social graph.
///
/// Reads answer for ids that are not in the graph as for people who stand
/// alone: they are left out of maps and lists. Every write may be repeated and
/// may run at the same time as any other: the outcome is always one that some
/// order of them gives. `limit` is the caller's to bound; a page reads one
/// item more than it returns.
///
/// # Errors
///
/// Each operation fails only with [`crate::Error`]: the store is away, or defective.
#[async_trait]
pub trait Graph: Send + Sync + 'static {
    /// Brings the store to the current schema. May run on two nodes at once.
    async fn migrate(&self) -> Result<()>;

    /// Asks the store for an answer and returns its name and version, such as
    /// `Neo4j/5.26.31`.
    async fn version(&self) -> Result<String>;

    // ------------------------------------------------------------ people

    /// Makes the node of a person. One that exists already is left as it is.
    async fn add_person(&self, person: &NewPerson) -> Result<()>;

    /// The people with these ids. Unknown ids are left out, repeated ones
    /// answered once. Cost: one index look-up each.
    async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>>;

    /// The person with this username (lower case).
    async fn person_by_username(&self, username: &str) -> Result<Option<Person>>;

    /// Two different people and what stands between them; `None` where either
    /// is not in the graph. Cost: constant, whatever their degrees (the
    /// smaller degree of the two on Neo4j).
    async fn pair(&self, one: UserId, other: UserId) -> Result<Option<Pair>>;

    // ------------------------------------------------------- friendships

    /// `from` asks `to`, a different person, for friendship. If `to` has asked already, the two
    /// are friends. `max_friends` bounds how many friends each of the two may
    /// have once they are friends; who has as many already neither asks nor is asked.
    async fn ask(
        &self,
        from: UserId,
        to: UserId,
        note: Option<&str>,
        at: Timestamp,
        max_friends: u32,
    ) -> Result<Ask>;

    /// Takes the request of `from` to `to` away. Returns whether there was one.
    /// Serves for withdrawing and for declining.
    async fn withdraw(&self, from: UserId, to: UserId) -> Result<bool>;

    /// `by` accepts the request of `from`. [`Ask::Unknown`] where there is no
    /// such request, else [`Ask::BecameFriends`], [`Ask::AlreadyFriends`] or
    /// [`Ask::TooManyFriends`] (the request stands on).
    async fn accept(
        &self,
        by: UserId,
        from: UserId,
        at: Timestamp,
        max_friends: u32,
    ) -> Result<Ask>;

    /// Ends a friendship. Returns whether there was one.
    async fn unfriend(&self, one: UserId, other: UserId) -> Result<bool>;

    /// `by` blocks `other`, a different person: ends friendship and requests both ways.
    async fn block(&self, by: UserId, other: UserId, at: Timestamp) -> Result<Block>;

    /// Takes the block of `by` on `other` away. Returns whether there was one.
    async fn unblock(&self, by: UserId, other: UserId) -> Result<bool>;

    /// What stands between `viewer` and each of `others`, as `viewer` sees
    /// it. Ids that are not in the graph are left out.
    async fn friendships(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Friendship>>;

    /// Friends by username (byte order). `query`, if given, is a prefix of the username
    /// or of the display name, compared without case and accents. `after` is
    /// the username of the last item of the page before. `total` counts what
    /// matches `query`. Cost: the viewer's degree.
    async fn friends(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Friend>>;

    /// Requests, newest first; of those sent at the same time the higher id first.
    async fn friend_requests(
        &self,
        viewer: UserId,
        direction: RequestDirection,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<FriendRequest>>;

    /// Whom the viewer blocked, newest first; of those blocked at the same time the higher id first.
    async fn blocked(
        &self,
        viewer: UserId,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<Blocked>>;

    /// Friends that `viewer` shares with each of `others`, by username. Each
    /// of `others` that is in the graph gets a page; the viewer itself an
    /// empty one. Cost: the smaller degree of each two.
    async fn mutual_friends(
        &self,
        viewer: UserId,
        others: &[UserId],
        limit: usize,
        after: Option<&str>,
    ) -> Result<HashMap<UserId, Page<Person>>>;

    /// For each of `others` a shortest chain of friends from `viewer` with at
    /// most `max` hops; none where it is farther or not connected, or where
    /// either of the two has blocked the other. The viewer itself gets a
    /// chain of one.
    async fn paths(
        &self,
        viewer: UserId,
        others: &[UserId],
        max: u8,
    ) -> Result<HashMap<UserId, Path>>;

    // ------------------------------------------------------------- chats

    /// Folds chats into LAST_CHATTED edges, at most one for two people; a
    /// later time wins over an earlier one, whatever the order they come in.
    /// Chats of people that are not in the graph are dropped. One statement
    /// for all.
    async fn record_chats(&self, chats: &[Chat]) -> Result<()>;

    /// Whom the viewer chatted with, most recent first.
    async fn last_chatted(&self, viewer: UserId, limit: usize) -> Result<Vec<LastChatted>>;

    /// When the viewer chatted last with each of `others`; those it never
    /// chatted with are left out.
    async fn last_chatted_at(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Timestamp>>;
}
