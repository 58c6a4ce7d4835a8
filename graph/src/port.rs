//! The port.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::{
    Ask, Block, Blocked, Census, Chat, Circle, DirectoryKey, FoundGroup, Friend, FriendRequest,
    FriendsOf, Friendship, GroupEdit, GroupId, GroupKey, GroupState, GroupView, LastChatted,
    Listed, Member, MutualFriendsOf, NewPerson, Page, Pair, Path, PathBetween, Person,
    ProfileChange, Reach, RequestDirection, Result, Settings, SettingsChange, Slice, Suggestion,
    SuggestionsFor, Tie, TimeKey, Timestamp, UserId,
};
use uuid::Uuid;

/// The social graph.
///
/// Reads answer for ids that are not in the graph as for people who stand
/// alone: they are left out of maps and lists. Every write may be repeated and
/// may run at the same time as any other: the outcome is always one that some
/// order of them gives. `limit` is the caller's to bound; a page reads one
/// item more than it returns.
///
/// Questions that are taken many at once are answered in the order in which
/// they were asked, with one statement for all of them.
///
/// # Errors
///
/// Each operation fails only with [`crate::Error`]: the store is away, or defective.
#[async_trait]
pub trait Graph: Census + Send + Sync + 'static {
    /// Brings the store to the current schema. May run on two nodes at once.
    async fn migrate(&self) -> Result<()>;

    /// Asks the store for an answer and returns its name and version, such as
    /// `Neo4j/5.26.31`.
    async fn version(&self) -> Result<String>;

    // ------------------------------------------------------------ people

    /// Makes the node of a person. One that exists already is left as it is.
    async fn add_person(&self, person: &NewPerson) -> Result<()>;

    /// Loads people and friendships, many at once, as into an empty graph:
    /// no requests, blocks or limits are looked at. What is there already
    /// stays as it is; friendships of people who are not in the graph are
    /// left out. One transaction; some ten thousand at once are a good measure.
    async fn load(&self, people: &[NewPerson], ties: &[Tie]) -> Result<()>;

    /// Takes a person out of the graph, with all friendships, requests,
    /// blocks, memberships and chats. Returns whether they were in it.
    /// Cost: what is taken away.
    async fn remove_person(&self, id: UserId) -> Result<bool>;

    /// The people with these ids. Unknown ids are left out, repeated ones
    /// answered once. Cost: one index look-up each.
    async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>>;

    /// The people with these usernames (lower case), by username. Cost: one
    /// index look-up each.
    async fn people_by_username(&self, usernames: &[String]) -> Result<HashMap<String, Person>>;

    /// The people with these ids, each with their settings and friends.
    /// Unknown ids are left out, repeated ones answered once. Cost: their degrees.
    async fn circles(&self, ids: &[UserId]) -> Result<HashMap<UserId, Circle>>;

    /// Two different people and what stands between them; `None` where either
    /// is not in the graph. Cost: constant, whatever their degrees (the
    /// smaller degree of the two on Neo4j); where the settings of either are
    /// about friends of friends also that of a mutual friend, see [`Graph::reach`].
    async fn pair(&self, one: UserId, other: UserId) -> Result<Option<Pair>>;

    /// Changes how a person presents themselves, and returns them as they are
    /// then; `None` for who is not in the graph.
    async fn change_profile(&self, id: UserId, change: &ProfileChange) -> Result<Option<Person>>;

    // ---------------------------------------------------------- settings

    /// The settings of these people. Cost: one index look-up each.
    async fn settings(&self, ids: &[UserId]) -> Result<HashMap<UserId, Settings>>;

    /// Changes settings, and returns all as they are then; `None` for who is
    /// not in the graph.
    async fn change_settings(
        &self,
        id: UserId,
        change: &SettingsChange,
    ) -> Result<Option<Settings>>;

    /// What the first of each two different people may do towards the second. Nothing
    /// where either is not in the graph. Cost: constant for each two; where
    /// the second's settings are about friends of friends, the smaller degree of the two.
    async fn reach(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<Reach>>;

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

    /// What stands between a viewer and another person, as the viewer sees
    /// it, for each `(viewer, other)`. `None` where the other is not in the graph.
    async fn friendships(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<Option<Friendship>>>;

    /// Everyone to whom `id` is tied by a friendship or by a request, either
    /// way, by id. Cost: as many as there are.
    async fn ties(&self, id: UserId) -> Result<Vec<UserId>>;

    /// Friends by username (byte order). `total` counts what matches the
    /// query. Cost: the viewer's degree.
    async fn friends(&self, asked: &[FriendsOf]) -> Result<Vec<Page<Friend>>>;

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

    /// Friends that two people share, by username. `None` where the other is
    /// not in the graph; an empty page for the viewer itself. Cost: the
    /// smaller degree of each two (both degrees on Neo4j).
    async fn mutual_friends(&self, asked: &[MutualFriendsOf]) -> Result<Vec<Option<Page<Person>>>>;

    /// A shortest chain of friends from viewer to other with at most `max`
    /// hops; `None` where the other is farther or not connected, or where
    /// either of the two has blocked the other. Nobody whom the viewer has
    /// blocked, and nobody who has blocked the viewer, is on the way. The viewer itself gets a
    /// chain of one. Cost: breadth first from both ends; of shortest chains any.
    async fn paths(&self, asked: &[PathBetween]) -> Result<Vec<Option<Path>>>;

    // ----------------------------------------------------- finding people

    /// Friends of friends whom the viewer may know: by how many friends they
    /// share, then by how many groups, then by username. Never friends of the
    /// viewer, those with a request or a block between the two, either way, or those who are
    /// not discoverable. Cost: the degrees of the viewer's friends.
    async fn suggestions(&self, asked: &[SuggestionsFor]) -> Result<Vec<Vec<Suggestion>>>;

    /// Other people than the viewer whose username or display name starts with `query`,
    /// without case and accents (all, without a query), in the order of
    /// [`DirectoryKey`]. Leaves out who is not discoverable and who has
    /// blocked the viewer or is blocked. Cost: the degrees of the viewer's
    /// friends, and the page.
    async fn directory(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&DirectoryKey>,
    ) -> Result<Slice<Listed>>;

    /// How many people [`Graph::directory`] lists, over all pages. Cost: as
    /// many index entries.
    async fn directory_size(&self, viewer: UserId, query: Option<&str>) -> Result<u64>;

    // ------------------------------------------------------------ groups

    /// Groups, each seen by a viewer, for each `(viewer, group)`; whether the viewer may see it is the
    /// caller's to decide. `None` for those that are not in the graph. Cost: constant for each.
    async fn groups(&self, asked: &[(UserId, GroupId)]) -> Result<Vec<Option<GroupView>>>;

    /// Members by username (byte order). `query`, if given, is a prefix of
    /// the username or of the display name, without case and accents. `after`
    /// is the username of the last item of the page before. `total` counts
    /// what matches `query`. Cost: the number of members.
    async fn members(
        &self,
        group: GroupId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Member>>;

    /// Friends of the viewer in each of `groups`, by username. Groups without
    /// one are left out. Cost: the viewer's degree for each group.
    async fn friends_inside(
        &self,
        viewer: UserId,
        groups: &[GroupId],
        limit: usize,
    ) -> Result<HashMap<GroupId, Vec<Person>>>;

    /// Public groups whose name starts with `query`, without case and accents
    /// (all, without a query), in the order of [`GroupKey`]. Cost: the groups of the
    /// viewer's friends, and the page.
    async fn public_groups(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&GroupKey>,
    ) -> Result<Slice<FoundGroup>>;

    /// The groups that a person is in, by id.
    async fn groups_of(&self, id: UserId) -> Result<Vec<GroupId>>;

    /// What has to be known to decide on a change of a group; `None` where it
    /// is not in the graph. Cost: the number of members.
    async fn group_state(
        &self,
        group: GroupId,
        about: &[UserId],
        token: Uuid,
    ) -> Result<Option<GroupState>>;

    /// Who is to own the group once `leaving` has left it: the admin who is in it for
    /// longest, else the member; of those since the same time the lower id.
    /// `None` where nobody else is in it. Cost: the number of members.
    async fn heir(&self, group: GroupId, leaving: UserId) -> Result<Option<UserId>>;

    /// Makes the edit, and returns whether it stands: `false`, and nothing
    /// was changed, where the group has another version than the edit was decided on.
    /// An edit that was made already stands, and is not made again.
    async fn edit_group(&self, edit: &GroupEdit) -> Result<bool>;

    /// Takes a group that still has this version out of the graph. Returns
    /// whether it is not in it any more. Cost: the number of members.
    async fn delete_group(&self, group: GroupId, version: i64) -> Result<bool>;

    // ------------------------------------------------------------- chats

    /// Folds chats into LAST_CHATTED: an edge between two people, a time of
    /// a group. A later time wins over an earlier one, whatever the order they come in.
    /// Chats of people and groups that are not in the graph are dropped. At most two statements
    /// for all.
    async fn record_chats(&self, chats: &[Chat]) -> Result<()>;

    /// Forgets all that [`Graph::record_chats`] ever recorded, a part at a
    /// time: what is recorded meanwhile may be forgotten or not. For deriving it anew.
    async fn forget_chats(&self) -> Result<()>;

    /// With whom the viewer chatted, most recent first; of those at the same
    /// time people before groups and the higher id first. A group counts where somebody
    /// wrote in it since the viewer is a member.
    async fn last_chatted(&self, viewer: UserId, limit: usize) -> Result<Vec<LastChatted>>;

    /// When the viewer chatted last with each of `others`; those it never
    /// chatted with are left out.
    async fn last_chatted_at(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Timestamp>>;
}
