//! What SQL knows that the graph has to know too.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chatterbox_graph::{Friendship, Group, GroupRole, Timestamp};

use crate::{
    accounts::AccountStore,
    error::Result,
    ids::{GroupId, UserId},
    jobs::{DeadLetterStore, JobStore},
    messaging::{GroupSync, LogStore, Position},
};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    /// Whose.
    pub id: UserId,
    /// Their name.
    pub username: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A group, as its conversation follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedGroup {
    /// Which.
    pub id: GroupId,
    /// The version that the conversation follows; `None` where it was deleted.
    pub version: Option<i64>,
    /// Who is what in it.
    pub members: BTreeMap<UserId, GroupRole>,
}

/// What the log tells of two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedBond {
    /// When it came about.
    pub at: Timestamp,
    /// Who was told.
    pub user: UserId,
    /// Of whom.
    pub other: UserId,
    /// What the user sees since; `None` where an earlier version logged it, which does not tell.
    pub sees: Option<Friendship>,
}

/// SQL, as far as it says what is in the graph too.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait RecordStore: AccountStore + JobStore + DeadLetterStore + LogStore {
    /// Accounts by id, from behind `after`.
    async fn accounts_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<KnownAccount>>;

    /// Groups by id, from behind `after`, with all their members.
    async fn groups_after(
        &self,
        after: Option<GroupId>,
        limit: usize,
    ) -> Result<Vec<FollowedGroup>>;

    /// The group as the log told of it last; `None` where that was trimmed. Cost: what is logged of its conversation.
    async fn group_as_logged(&self, group: GroupId) -> Result<Option<Group>>;

    /// When those joined who are in the group; who joined before the log begins is
    /// left out.
    async fn joined_at(&self, group: GroupId) -> Result<HashMap<UserId, Timestamp>>;

    /// Lets a conversation follow its group, and logs what differs from before.
    /// Returns whether it does: `false` where it follows a later version already.
    async fn follow_group(&self, sync: &GroupSync, at: Timestamp) -> Result<bool>;

    /// What was logged of friendships, requests and blocks after `after`, up to and with
    /// `until`, in order. Cost: the entries between the two.
    async fn bonds_logged(&self, after: Position, until: Position) -> Result<Vec<LoggedBond>>;
}
