//! Who is in a conversation, and from when to when.

use std::sync::Arc;

use chatterbox_graph::{Group, GroupRole, Person};
use serde::{Deserialize, Serialize};

use super::Position;
use crate::ids::UserId;

/// Someone who hears of what happens, for a part of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Who.
    pub user: UserId,
    /// The first entry that is theirs.
    pub from: Position,
    /// The last one; `None` for who is still there.
    pub until: Option<Position>,
}

impl Recipient {
    fn is_from_to(&self, from: Position, to: Position) -> bool {
        self.from <= from && self.until.is_none_or(|until| to <= until)
    }
}

/// Those who hear of an entry, by their ids, shared by all entries that the
/// same people hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recipients(Arc<[Recipient]>);

impl Recipients {
    /// One person, from ever on.
    #[must_use]
    pub fn one(user: UserId) -> Self {
        Self(Arc::new([Recipient { user, from: Position(0), until: None }]))
    }

    /// Those who hear of the entry at this position.
    pub fn at(&self, pos: Position) -> impl Iterator<Item = UserId> {
        self.from_to(pos, pos)
    }

    /// Those who hear of everything from one position to another.
    pub fn from_to(&self, from: Position, to: Position) -> impl Iterator<Item = UserId> {
        self.0.iter().filter(move |one| one.is_from_to(from, to)).map(|one| one.user)
    }

    /// Whether this person hears of everything from one position to another.
    /// Cost: the logarithm of their number.
    #[must_use]
    pub fn include(&self, user: UserId, from: Position, to: Position) -> bool {
        let first = self.0.partition_point(|one| one.user < user);
        let of_user = self.0[first..].iter().take_while(|one| one.user == user);
        of_user.into_iter().any(|one| one.is_from_to(from, to))
    }

    /// How many there are, over all positions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Recipient> for Recipients {
    fn from_iter<I: IntoIterator<Item = Recipient>>(recipients: I) -> Self {
        let mut recipients: Vec<Recipient> = recipients.into_iter().collect();
        recipients.sort_unstable_by_key(|one| (one.user, one.from));
        Self(recipients.into())
    }
}

/// How a group stands in the graph, for its conversation to follow. What
/// differs is told to the members.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSync {
    /// The group; as it was last, where it was deleted.
    pub group: Group,
    /// What became of it.
    pub standing: Standing,
}

/// What became of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It is there.
    Exists {
        /// The version that this is about.
        version: i64,
        /// What these people are in it now; `None` for who is no member. Who
        /// is to hear of themselves first comes first.
        roles: Vec<(UserId, Option<GroupRole>)>,
        /// Their profiles, as far as they are known.
        people: Vec<Person>,
        /// Whether members are to be told that its name, description or
        /// visibility changed.
        changed: bool,
    },
    /// It is not there any more.
    Deleted,
}
