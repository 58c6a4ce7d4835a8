//! Finding people: the directory and suggestions.

use serde::{Deserialize, Serialize};

use crate::{Person, UserId};

/// Someone the directory lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub person: Person,
    /// Their place in the list.
    pub key: DirectoryKey,
}

/// A place in the directory: by tier, then by name, then by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryKey {
    /// How near, and by what they were found.
    pub tier: Tier,
    /// The username; in [`Tier::DisplayName`] the folded display name.
    pub name: String,
    /// Who it is.
    pub id: UserId,
}

/// In which part of the directory someone is listed: the first of these that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// Friends of the viewer.
    Friends,
    /// People with whom the viewer shares a friend.
    FriendsOfFriends,
    /// Others whose username matches.
    Username,
    /// Others whose display name matches.
    DisplayName,
}

/// Some items of a list that nobody counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Whether more follow.
    pub has_next: bool,
}

/// Someone the viewer may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Who.
    pub person: Person,
    /// How many friends the two share; at least one.
    pub mutual_friends: u64,
    /// How many groups the two share.
    pub shared_groups: u64,
}
