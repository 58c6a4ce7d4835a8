//! The rules of groups: who may make, change, join and leave them.

mod change;
mod decision;
pub mod rules;

use std::sync::Arc;

use chatterbox_graph::{Graph, Group, GroupProfile, GroupRole, GroupVisibility, Timestamp};
use serde::{Deserialize, Serialize};

pub use change::carry_out;
pub(super) use change::depart;

use super::{GroupName, Prose, Suggestions};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{GroupId, UserId},
    jobs::{Relay, Task},
    messaging::Faces,
};

/// How many members a group may have.
pub const MAX_MEMBERS: usize = 10_000;

/// What somebody does with a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupAction {
    /// Make it.
    Create {
        /// What it is like.
        profile: GroupProfile,
        /// Who is in it from the start, beside its maker.
        members: Vec<UserId>,
    },
    /// Change what it is like.
    Update(GroupUpdate),
    /// Add members; those who are already stay what they are.
    Add {
        /// Whom.
        users: Vec<UserId>,
    },
    /// Remove a member; oneself is leaving.
    Remove {
        /// Whom.
        user: UserId,
    },
    /// Give a member another role.
    SetRole {
        /// Whom.
        user: UserId,
        /// Which.
        role: GroupRole,
    },
    /// Become a member.
    Join,
    /// Be a member no more.
    Leave,
    /// Delete it.
    Delete {
        /// As it was, for the events that tell of it.
        group: Group,
    },
}

/// What changes of a group; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupUpdate {
    /// Its name.
    pub name: Option<GroupName>,
    /// Its description; `Some(None)` takes it away.
    pub description: Option<Option<Prose>>,
    /// Who may find it.
    pub visibility: Option<GroupVisibility>,
}

impl GroupUpdate {
    fn applied_to(&self, group: &Group) -> GroupProfile {
        let mut profile = decision::profile_of(group);
        if let Some(name) = &self.name {
            name.as_str().clone_into(&mut profile.name);
        }
        if let Some(description) = &self.description {
            profile.description = description.as_ref().map(|text| text.as_str().to_owned());
        }
        profile.visibility = self.visibility.unwrap_or(profile.visibility);
        profile
    }
}

/// What somebody did with a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupChange {
    /// Who.
    pub by: UserId,
    /// With which.
    pub group: GroupId,
    /// What.
    pub action: GroupAction,
    /// When.
    pub at: Timestamp,
}

/// What people do with groups.
#[derive(Clone)]
pub struct Groups {
    graph: Arc<dyn Graph>,
    relay: Arc<Relay>,
    faces: Faces,
    suggestions: Suggestions,
    ambient: Ambient,
}

impl Groups {
    /// Puts the parts together.
    pub fn new(
        graph: Arc<dyn Graph>,
        relay: Arc<Relay>,
        faces: Faces,
        suggestions: Suggestions,
        ambient: Ambient,
    ) -> Self {
        Self { graph, relay, faces, suggestions, ambient }
    }

    /// Makes a group that `by` owns, and returns its id. All its members hear of it live.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for more than [`MAX_MEMBERS`],
    /// [`Error::NotFound`] for somebody unknown, [`Error::Forbidden`] for
    /// somebody who takes no messages from `by`; or the failure of a store.
    pub async fn create(
        &self,
        by: UserId,
        name: GroupName,
        description: Option<Prose>,
        visibility: GroupVisibility,
        members: Vec<UserId>,
    ) -> Result<GroupId> {
        if members.len() >= MAX_MEMBERS {
            return Err(decision::too_many("memberIds"));
        }
        let profile = GroupProfile {
            name: name.as_str().to_owned(),
            description: description.map(|text| text.as_str().to_owned()),
            visibility,
        };
        let group = self.ambient.id();
        self.submit(by, group, GroupAction::Create { profile, members }).await?;
        Ok(group)
    }

    /// Changes a group. Its members hear of it live, and who is one no more.
    ///
    /// # Errors
    ///
    /// What [`rules`] forbid is [`Error::Forbidden`], [`Error::NotFound`] for
    /// who may not know of the group; [`Error::NotFound`] for people who are
    /// unknown or not in it, [`Error::Invalid`] and [`Error::Forbidden`] for
    /// more than [`MAX_MEMBERS`], [`Error::Forbidden`] for adding somebody who takes
    /// no messages from `by`; or the failure of a store.
    pub async fn change(&self, by: UserId, group: GroupId, action: GroupAction) -> Result<()> {
        self.submit(by, group, action).await
    }

    /// Deletes a group. Its members hear of it live.
    ///
    /// # Errors
    ///
    /// As [`Groups::change`].
    pub async fn delete(&self, by: UserId, group: GroupId) -> Result<()> {
        let seen = self.graph.groups(&[(by, group)]).await?.pop().flatten();
        let group = seen.ok_or(Error::NotFound("group"))?.group;
        self.submit(by, group.id, GroupAction::Delete { group }).await
    }

    async fn submit(&self, by: UserId, group: GroupId, action: GroupAction) -> Result<()> {
        let change = GroupChange { by, group, action, at: self.ambient.now() };
        // Who is in a group that goes is not known here.
        let about = match change.action {
            GroupAction::Delete { .. } => None,
            _ => Some(change::about(&change)),
        };
        let done = self.decide_and_do(change).await;
        self.faces.forget_group(group);
        // Of what fails now and is done later the log tells.
        if done.is_ok() {
            match about {
                Some(people) => self.suggestions.forget(&people),
                None => self.suggestions.forget_all(),
            }
        }
        done
    }

    /// Decides first without writing anything down: with the graph away a
    /// caller who is told to try again finds nothing half done, and what is
    /// refused leaves no job behind.
    async fn decide_and_do(&self, change: GroupChange) -> Result<()> {
        let mut decided = change::try_out(&*self.graph, &change).await;
        // What is so already may be so by a change that was cut off before the
        // conversation followed: nobody is told that it stands before it does.
        let stands = !matches!(decided, Ok(true) | Err(Error::Store(_)));
        if stands && self.relay.settle(&change.group.to_string()).await? {
            decided = change::try_out(&*self.graph, &change).await;
        }
        if decided? {
            self.relay.submit(Task::ChangeGroup(change)).await?;
        }
        Ok(())
    }
}
