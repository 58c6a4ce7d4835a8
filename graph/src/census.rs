//! Everybody there is, page by page: for comparing the graph with what else is
//! kept of the same people and groups.

use async_trait::async_trait;

use crate::{Group, GroupId, GroupRole, Person, Result, UserId};

/// A group and everyone who is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// The group.
    pub group: Group,
    /// Grows by one with each edit.
    pub version: i64,
    /// Who is what in it, by id.
    pub members: Vec<(UserId, GroupRole)>,
}

/// Walks through a whole graph.
///
/// # Errors
///
/// As everywhere in [`Graph`](crate::Graph).
#[async_trait]
pub trait Census: Send + Sync + 'static {
    /// People by id, from behind `after`. Cost: the page.
    async fn everyone(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Person>>;

    /// Groups by id, from behind `after`. Cost: the page, and the members of its groups.
    async fn all_groups(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<Roster>>;
}
