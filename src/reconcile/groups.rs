//! Groups, and the conversations that follow them.

use std::collections::BTreeMap;

use chatterbox_graph::{
    Group, GroupEdit, GroupProfile, GroupRole, GroupVisibility, Roster, Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

use super::{
    Decision::{self, Leave},
    FollowedGroup, Older, Reconciling,
    pages::{Pages, Side, next},
};
use crate::{
    error::{Error, Result},
    ids::{GroupId, UserId},
    messaging::{GroupSync, Standing},
};

/// How many groups are read at a time: one may have 10,000 members.
const PAGE: usize = 50;

enum Mend {
    /// Brings a group of the graph after its conversation.
    Align { known: Option<Group>, have: Option<Roster>, want: FollowedGroup },
    /// Deletes a group.
    Delete(Roster),
    /// Lets a conversation follow its group.
    Follow(GroupSync),
}

impl Reconciling {
    pub(super) async fn groups(&mut self) -> Result<()> {
        let (records, census) = (self.parts.records.clone(), self.parts.census.clone());
        let mut followed = Pages::new(
            |group: &FollowedGroup| group.id,
            move |after| {
                let records = records.clone();
                async move { records.groups_after(after, PAGE).await }.boxed()
            },
        );
        let mut rosters = Pages::new(
            |roster: &Roster| roster.group.id,
            move |after| {
                let census = census.clone();
                async move { Ok(census.all_groups(after, PAGE).await?) }.boxed()
            },
        );
        while let Some(side) = next(&mut followed, &mut rosters).await? {
            self.report.groups += 1;
            self.counted(self.report.groups);
            let (followed, roster) = match side {
                Side::Left(followed) => (Some(followed), None),
                Side::Right(roster) => (None, Some(roster)),
                Side::Both(followed, roster) => (Some(followed), Some(roster)),
            };
            self.group(followed, roster).await?;
        }
        Ok(())
    }

    async fn group(
        &mut self,
        followed: Option<FollowedGroup>,
        roster: Option<Roster>,
    ) -> Result<()> {
        let id = followed.as_ref().map(|followed| followed.id);
        let Some(id) = id.or(roster.as_ref().map(|roster| roster.group.id)) else { return Ok(()) };
        let Some(what) = difference(followed.as_ref(), roster.as_ref()) else { return Ok(()) };
        if self.is_under_way(&id.to_string()).await? {
            return Ok(());
        }
        let decision = match self.plan.older {
            Some(Older::Graph) => self.after_sql(id, followed, roster).await?,
            Some(Older::Sql) => self.after_graph(id, followed, roster).await?,
            None => Leave("differs"),
        };
        match self.decided(&format!("{id}: {what}"), decision) {
            Some(Mend::Align { known, have, want }) => self.align(known, have, want).await,
            Some(Mend::Delete(Roster { group, version, .. })) => {
                self.parts.graph.delete_group(group.id, version).await?;
                Ok(())
            }
            Some(Mend::Follow(sync)) => {
                let at = self.parts.ambient.now();
                if self.parts.records.follow_group(&sync, at).await? {
                    Ok(())
                } else {
                    Err(moved())
                }
            }
            None => Ok(()),
        }
    }

    /// How the graph comes after SQL.
    async fn after_sql(
        &self,
        id: GroupId,
        followed: Option<FollowedGroup>,
        roster: Option<Roster>,
    ) -> Result<Decision<Mend>> {
        let Some(want) = followed else {
            return Ok(Leave("no conversation ever followed it; is SQL older?"));
        };
        let Some(version) = want.version else {
            return Ok(match roster {
                Some(roster) => Decision::Mend(
                    Mend::Delete(roster),
                    "deleted, as it was after the copy of the graph",
                ),
                None => Leave("differs"),
            });
        };
        let is_behind = roster.as_ref().is_none_or(|roster| roster.version < version);
        let known = if is_behind { self.parts.records.group_as_logged(id).await? } else { None };
        if known.is_none() && roster.is_none() {
            return Ok(Leave("the log does not tell any more what it was called"));
        }
        let how = "brought after the conversation";
        Ok(Decision::Mend(Mend::Align { known, have: roster, want }, how))
    }

    /// How SQL comes after the graph.
    async fn after_graph(
        &self,
        id: GroupId,
        followed: Option<FollowedGroup>,
        roster: Option<Roster>,
    ) -> Result<Decision<Mend>> {
        let Some(roster) = roster else {
            let logged = self.parts.records.group_as_logged(id).await?;
            let group = logged.unwrap_or_else(|| nameless(id));
            let sync = GroupSync { group, standing: Standing::Deleted };
            let how = "ended: the group was deleted after the copy of SQL";
            return Ok(Decision::Mend(Mend::Follow(sync), how));
        };
        let follows = followed.as_ref().map_or(Some(0), |followed| followed.version);
        if follows.is_none_or(|version| version > roster.version) {
            return Ok(Leave("SQL follows what came later; is the graph older?"));
        }
        let before = followed.map(|followed| followed.members);
        let changed = before.is_some();
        let roles = differing(before.unwrap_or_default(), &roster);
        let ids: Vec<UserId> = roles.iter().map(|(user, _)| *user).collect();
        let people = self.parts.graph.people(&ids).await?.into_values().collect();
        let standing = Standing::Exists { version: roster.version, roles, people, changed };
        let sync = GroupSync { group: roster.group, standing };
        Ok(Decision::Mend(Mend::Follow(sync), "brought after the graph"))
    }

    async fn align(
        &self,
        known: Option<Group>,
        have: Option<Roster>,
        want: FollowedGroup,
    ) -> Result<()> {
        let joined = self.parts.records.joined_at(want.id).await?;
        let (mut version, before) = match have {
            Some(roster) => (roster.version, roster.members.into_iter().collect()),
            None => (0, BTreeMap::new()),
        };
        // A new group is as old as what is made first.
        let made = known.as_ref().map_or(Timestamp(0), |group| group.created_at);
        let mut edit = Edit { at: made, profile: known.map(profile), ..Edit::default() };
        edit.remove =
            before.keys().filter(|user| !want.members.contains_key(user)).copied().collect();
        let mut newcomers: BTreeMap<Timestamp, Vec<(UserId, GroupRole)>> = BTreeMap::new();
        for (user, role) in &want.members {
            match before.get(user) {
                Some(was) if was == role => {}
                Some(_) => edit.set.push((*user, *role)),
                None => {
                    let since = joined.get(user).copied().unwrap_or(made);
                    newcomers.entry(since).or_default().push((*user, *role));
                }
            }
        }
        version = self.edit(want.id, version, edit).await?;
        for (at, set) in newcomers {
            version = self.edit(want.id, version, Edit { at, set, ..Edit::default() }).await?;
        }
        // Only what comes after the version that it follows is taken over by the conversation.
        while version < want.version.unwrap_or_default() {
            version = self.edit(want.id, version, Edit::default()).await?;
        }
        Ok(())
    }

    /// Makes the edit, and returns the version after it.
    async fn edit(&self, group: GroupId, version: i64, edit: Edit) -> Result<i64> {
        let Edit { at, profile, set, remove } = edit;
        let token = Uuid::from_bytes(self.parts.ambient.bytes());
        let edit = GroupEdit { group, token, version, profile, set, remove, at };
        if self.parts.graph.edit_group(&edit).await? { Ok(version + 1) } else { Err(moved()) }
    }
}

#[derive(Default)]
struct Edit {
    at: Timestamp,
    profile: Option<GroupProfile>,
    set: Vec<(UserId, GroupRole)>,
    remove: Vec<UserId>,
}

/// What differs, in words.
fn difference(followed: Option<&FollowedGroup>, roster: Option<&Roster>) -> Option<String> {
    match (followed, roster) {
        (None, None) => None,
        (Some(followed), None) => {
            followed.version.map(|_| "a conversation without a group".to_owned())
        }
        (None, Some(roster)) => {
            Some(format!("a group without a conversation ({})", roster.group.name))
        }
        (Some(followed), Some(roster)) => {
            let name = &roster.group.name;
            let Some(version) = followed.version else {
                return Some(format!("a group that was deleted ({name})"));
            };
            let members = differing(followed.members.clone(), roster).len();
            if members > 0 {
                return Some(format!("members that differ: {members} ({name})"));
            }
            let behind = version - roster.version;
            (behind > 0).then(|| format!("changes that the graph is behind: {behind} ({name})"))
        }
    }
}

/// What those are in the graph who are something else in the conversation.
fn differing(
    mut followed: BTreeMap<UserId, GroupRole>,
    roster: &Roster,
) -> Vec<(UserId, Option<GroupRole>)> {
    let mut roles = Vec::new();
    for (user, role) in &roster.members {
        if followed.remove(user) != Some(*role) {
            roles.push((*user, Some(*role)));
        }
    }
    roles.extend(followed.into_keys().map(|user| (user, None)));
    roles
}

fn profile(group: Group) -> GroupProfile {
    let Group { name, description, visibility, .. } = group;
    GroupProfile { name, description, visibility }
}

/// What is told of a group that is gone and of which the log tells nothing.
fn nameless(id: GroupId) -> Group {
    let (name, visibility) = ("Deleted group".to_owned(), GroupVisibility::Private);
    Group { id, name, description: None, visibility, created_at: Timestamp(0) }
}

fn moved() -> Error {
    Error::unavailable("a group was changed meanwhile: is the service running?")
}
