//! Changing groups.

use std::collections::BTreeMap;

use neo4rs::BoltType;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Neo4jGraph,
    statement::{GroupRow, Statement, ids, list, map, statements, text},
};
use crate::{
    GroupEdit, GroupId, GroupProfile, GroupRole, GroupState, GroupVisibility, Result, UserId,
    fold::fold,
};

statements! {
    STATE = "group_edits/state";
    HEIR = "group_edits/heir";
    MAKE = "group_edits/make";
    DELETE = "group_edits/delete";
}

/// How many tokens of its last edits a group has.
const REMEMBERED: i64 = 64;

impl Neo4jGraph {
    pub(super) async fn group_state(
        &self,
        group: GroupId,
        about: &[UserId],
        token: Uuid,
    ) -> Result<Option<GroupState>> {
        #[derive(Deserialize)]
        struct StateRow(GroupRow, i64, u64, Vec<UserId>, Vec<(UserId, GroupRole)>, bool);
        let state = STATE
            .bind("group", text(group))
            .bind("about", ids(about.iter().copied()))
            .bind("token", token.to_string());
        Ok(self.session.answer(state).await?.map(
            |StateRow(group, version, members, mut owners, roles, edited)| {
                owners.sort_unstable();
                let roles = roles.into_iter().collect();
                GroupState { group: group.into(), version, members, owners, roles, edited }
            },
        ))
    }

    pub(super) async fn heir(&self, group: GroupId, leaving: UserId) -> Result<Option<UserId>> {
        let heir = HEIR.bind("group", text(group)).bind("leaving", text(leaving));
        self.session.answer(heir).await
    }

    pub(super) async fn edit_group(&self, edit: &GroupEdit) -> Result<bool> {
        // In the order in which people are locked.
        let set: BTreeMap<_, _> = edit.set.iter().copied().collect();
        let set = set
            .into_iter()
            .map(|(id, role)| map([("id", text(id).into()), ("role", role_name(role).into())]));
        let profile = edit.profile.as_ref();
        let make = MAKE
            .bind("group", text(edit.group))
            .bind("created", edit.version == 0 && profile.is_some())
            .bind("token", edit.token.to_string())
            .bind("remembered", -REMEMBERED)
            .bind("version", edit.version)
            .bind("profile", profile.map_or_else(|| map([]), properties))
            .bind("set", list(set))
            .bind("remove", ids(edit.remove.iter().copied()))
            .bind("at", edit.at.0);
        Ok(self.session.write_answer(make).await?.unwrap_or(false))
    }

    pub(super) async fn delete_group(&self, group: GroupId, version: i64) -> Result<bool> {
        let delete = DELETE.bind("group", text(group)).bind("version", version);
        Ok(self.session.write_answer(delete).await?.unwrap_or(true))
    }
}

/// The properties that a profile sets; what is null is taken away.
fn properties(profile: &GroupProfile) -> BoltType {
    let GroupProfile { name, description, visibility } = profile;
    map([
        ("name", name.as_str().into()),
        ("foldedName", fold(name).into()),
        ("description", description.as_deref().into()),
        ("visibility", visibility_name(*visibility).into()),
    ])
}

/// As it is read again.
fn role_name(role: GroupRole) -> &'static str {
    match role {
        GroupRole::Owner => "OWNER",
        GroupRole::Admin => "ADMIN",
        GroupRole::Member => "MEMBER",
    }
}

/// As it is read again.
fn visibility_name(visibility: GroupVisibility) -> &'static str {
    match visibility {
        GroupVisibility::Private => "PRIVATE",
        GroupVisibility::Public => "PUBLIC",
    }
}
