//! Changing groups.

use std::collections::HashMap;

use sqlx::AnyConnection;
use uuid::Uuid;

use super::{
    SqliteGraph, commit,
    groups::{GROUP, group, group_columns},
    statement::{
        Statement, bytes, count, flag, get, hex, id, json, list, optional_word, statements,
    },
};
use crate::{GroupEdit, GroupId, GroupRole, GroupState, Result, UserId, fold::fold};

/// How many edits of a group are remembered.
const REMEMBERED: i64 = 64;

statements! {
    STATE = "group_edits/state":
        concat!("SELECT ", group_columns!(), ", g.version, g.members, \
           EXISTS (SELECT 1 FROM graph_group_edits WHERE group_id = g.id AND token = ?3), \
           m.person, m.role, m.person IN (SELECT unhex(value) FROM json_each(?2)) AS asked \
         FROM graph_groups g \
         LEFT JOIN graph_members m ON m.group_id = g.id AND (m.role = 'OWNER' OR asked) \
         WHERE g.id = ?1 ORDER BY m.person");
    HEIR = "group_edits/heir":
        "SELECT person FROM graph_members WHERE group_id = ?1 AND person <> ?2 \
         ORDER BY role <> 'ADMIN', since, person LIMIT 1";
    MADE = "group_edits/made":
        "SELECT g.version, \
           EXISTS (SELECT 1 FROM graph_group_edits WHERE group_id = g.id AND token = ?2) \
         FROM graph_groups g WHERE g.id = ?1";
    PROFILE = "group_edits/profile":
        "INSERT INTO graph_groups \
           (id, name, folded_name, description, visibility, created_at, version) \
         VALUES (?1, ?2 ->> 'name', ?3, ?2 ->> 'description', ?2 ->> 'visibility', ?4, 0) \
         ON CONFLICT (id) DO UPDATE \
         SET name = excluded.name, folded_name = excluded.folded_name, \
             description = excluded.description, visibility = excluded.visibility";
    SET = "group_edits/set":
        "INSERT INTO graph_members (group_id, person, role, since) \
         SELECT ?1, p.id, member.value ->> 1, ?3 FROM json_each(?2) member \
         CROSS JOIN graph_people p ON p.id = unhex(member.value ->> 0) WHERE true \
         ON CONFLICT (group_id, person) DO UPDATE SET role = excluded.role";
    REMOVE = "group_edits/remove":
        "DELETE FROM graph_members \
         WHERE group_id = ?1 AND person IN (SELECT unhex(value) FROM json_each(?2))";
    RAISE = "group_edits/raise":
        "UPDATE graph_groups SET version = ?2 WHERE id = ?1";
    REMEMBER = "group_edits/remember":
        "INSERT INTO graph_group_edits (group_id, version, token) VALUES (?1, ?2, ?3)";
    FORGET = "group_edits/forget":
        "DELETE FROM graph_group_edits WHERE group_id = ?1 AND version <= ?2";
    DELETE = "group_edits/delete":
        "DELETE FROM graph_groups WHERE id = ?1 AND version = ?2";
    IS_THERE = "group_edits/is_there":
        "SELECT EXISTS (SELECT 1 FROM graph_groups WHERE id = ?1)";
}

impl SqliteGraph {
    pub(super) async fn group_state(
        &self,
        group_id: GroupId,
        about: &[UserId],
        token: Uuid,
    ) -> Result<Option<GroupState>> {
        let state = STATE.bind(bytes(group_id)).bind(list(about)).bind(token.as_bytes().to_vec());
        let rows = state.all(&mut *self.reader().await?).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let mut state = GroupState {
            group: group(first, 0)?,
            version: get(first, GROUP)?,
            members: count(first, GROUP + 1)?,
            owners: Vec::new(),
            roles: HashMap::new(),
            edited: flag(first, GROUP + 2)?,
        };
        for row in &rows {
            // Nobody is in a row that stands for a group without any of them.
            let Some(role) = optional_word(row, GROUP + 4)? else { continue };
            let person = id(row, GROUP + 3)?;
            if role == GroupRole::Owner {
                state.owners.push(person);
            }
            if flag(row, GROUP + 5)? {
                state.roles.insert(person, role);
            }
        }
        Ok(Some(state))
    }

    pub(super) async fn heir(&self, group: GroupId, leaving: UserId) -> Result<Option<UserId>> {
        let heir = HEIR.bind(bytes(group)).bind(bytes(leaving));
        let row = heir.optional(&mut *self.reader().await?).await?;
        row.map(|row| id(&row, 0)).transpose()
    }

    pub(super) async fn edit_group(&self, edit: &GroupEdit) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let made = MADE.bind(bytes(edit.group)).bind(edit.token.as_bytes().to_vec());
        let version = match made.optional(&mut transaction).await? {
            Some(row) if flag(&row, 1)? => return Ok(true),
            Some(row) => get(&row, 0)?,
            None if edit.profile.is_some() => 0,
            None => return Ok(false),
        };
        if version != edit.version {
            return Ok(false);
        }
        make(&mut transaction, edit).await?;
        commit(transaction).await?;
        Ok(true)
    }

    pub(super) async fn delete_group(&self, group: GroupId, version: i64) -> Result<bool> {
        let mut writer = self.writer().await?;
        let deleted = DELETE.bind(bytes(group)).bind(version).execute(&mut writer).await?;
        let is_there = IS_THERE.bind(bytes(group));
        Ok(deleted > 0 || !flag(&is_there.one(&mut writer).await?, 0)?)
    }
}

async fn make(connection: &mut AnyConnection, edit: &GroupEdit) -> Result<()> {
    let of_group = |statement: Statement| statement.bind(bytes(edit.group));
    if let Some(profile) = &edit.profile {
        let profile = of_group(PROFILE).bind(json(profile)?).bind(fold(&profile.name));
        profile.bind(edit.at.0).execute(connection).await?;
    }
    if !edit.set.is_empty() {
        let set: Vec<_> = edit.set.iter().map(|&(person, role)| (hex(person), role)).collect();
        of_group(SET).bind(json(&set)?).bind(edit.at.0).execute(connection).await?;
    }
    if !edit.remove.is_empty() {
        of_group(REMOVE).bind(list(&edit.remove)).execute(connection).await?;
    }
    let version = edit.version + 1;
    of_group(RAISE).bind(version).execute(connection).await?;
    let token = edit.token.as_bytes().to_vec();
    of_group(REMEMBER).bind(version).bind(token).execute(connection).await?;
    of_group(FORGET).bind(version - REMEMBERED).execute(connection).await?;
    Ok(())
}
