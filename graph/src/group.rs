//! Groups and who is in them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{GroupId, Person, Timestamp, UserId};

/// Who may find a group and join it by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GroupVisibility {
    /// Only members know of it.
    Private,
    /// Everyone.
    Public,
}

/// What a member is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GroupRole {
    /// May do everything. A group has at least one.
    Owner,
    /// Looks after the group.
    Admin,
    /// Takes part.
    Member,
}

/// A group as everyone sees it who may know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id, for ever; also that of its conversation.
    pub id: GroupId,
    /// 1 to 80 characters.
    pub name: String,
    /// At most 500 characters.
    pub description: Option<String>,
    /// Who may find it.
    pub visibility: GroupVisibility,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A group, seen by a viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// What the viewer is in it; `None` for who is not a member.
    pub role: Option<GroupRole>,
    /// How many members it has.
    pub members: u64,
}

/// A member, in a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: Person,
    /// What they are in the group.
    pub role: GroupRole,
    /// Since when they are in it, whatever their role was.
    pub since: Timestamp,
}

/// What has to be known of a group to decide on a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupState {
    /// The group.
    pub group: Group,
    /// Grows by one with each edit; 1 after the first.
    pub version: i64,
    /// How many members it has.
    pub members: u64,
    /// The owners, by id.
    pub owners: Vec<UserId>,
    /// The roles of those who were asked about; who is no member is left out.
    pub roles: HashMap<UserId, GroupRole>,
    /// Whether the edit with the token that was asked about has been made.
    pub edited: bool,
}

/// A change of a group, decided on at a version of it. It is made as a whole,
/// and only if the group still has that version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupEdit {
    /// Which.
    pub group: GroupId,
    /// Tells this edit from all others. The store remembers at least the last
    /// 64 of a group.
    pub token: Uuid,
    /// The version it was decided on; 0 for a group that is to be made, which
    /// then needs a `profile`.
    pub version: i64,
    /// What the group is to be like; its id and the time when it was made
    /// never change.
    pub profile: Option<GroupProfile>,
    /// Who is to be what: new members, and members with a new role. People
    /// who are not in the graph are left out.
    pub set: Vec<(UserId, GroupRole)>,
    /// Who is to be a member no more.
    pub remove: Vec<UserId>,
    /// When: new members are in the group since then, and a new group was made then.
    pub at: Timestamp,
}

/// What a group is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupProfile {
    /// 1 to 80 characters.
    pub name: String,
    /// At most 500 characters.
    pub description: Option<String>,
    /// Who may find it.
    pub visibility: GroupVisibility,
}

/// A public group, in a list of those that were looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundGroup {
    /// The group, seen by who looked for it.
    pub view: GroupView,
    /// Its place in the list.
    pub key: GroupKey,
}

/// A place in a list of public groups: those with most of the viewer's
/// friends first, then by name without case and accents, then by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKey {
    /// How many friends of the viewer are in it.
    pub friends: u64,
    /// Its name, folded.
    pub name: String,
    /// Which it is.
    pub id: GroupId,
}
