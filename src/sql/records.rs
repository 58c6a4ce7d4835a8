//! What the graph has to know too.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chatterbox_graph::{Group, GroupRole, Timestamp};
use sqlx::{AnyConnection, QueryBuilder, any::AnyRow};

use super::{
    Sql, bytes, commit, get, get_id,
    groups::{self, DELETED},
    log::Tail,
    members, payload, retried, signed, timed,
};
use crate::{
    error::Result,
    ids::{ConversationId, GroupId, UserId},
    messaging::{GroupSync, Position},
    reconcile::{FollowedGroup, KnownAccount, LoggedBond, RecordStore},
};

#[async_trait]
impl RecordStore for Sql {
    async fn accounts_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<KnownAccount>> {
        let select = sqlx::query(
            "SELECT id, username, created_at FROM accounts WHERE id > ? ORDER BY id LIMIT ?",
        )
        .bind(after.map(bytes).unwrap_or_default())
        .bind(signed(limit));
        let mut connection = self.read().await?;
        let rows = timed("accounts.after", select.fetch_all(&mut *connection)).await?;
        let account = |row: &AnyRow| {
            let (id, username) = (get_id(row, "id")?, get(row, "username")?);
            Ok(KnownAccount { id, username, created_at: Timestamp(get(row, "created_at")?) })
        };
        rows.iter().map(account).collect()
    }

    async fn groups_after(
        &self,
        after: Option<GroupId>,
        limit: usize,
    ) -> Result<Vec<FollowedGroup>> {
        // Both are named: so the index of pairs finds them, in the order of their ids.
        let select = sqlx::query(
            "SELECT id, version FROM conversations \
             WHERE low_user_id IS NULL AND high_user_id IS NULL AND id > ? ORDER BY id LIMIT ?",
        )
        .bind(after.map(|group| bytes(ConversationId::from(group))).unwrap_or_default())
        .bind(signed(limit));
        let mut connection = self.read().await?;
        let rows = timed("conversations.groups", select.fetch_all(&mut *connection)).await?;
        let groups = rows
            .iter()
            .map(|row| Ok((get_id(row, "id")?, get(row, "version")?)))
            .collect::<Result<Vec<(ConversationId, i64)>>>()?;
        let mut members = open_members(&mut connection, &groups).await?;
        let followed = groups.into_iter().map(|(id, version)| FollowedGroup {
            id: id.group(),
            version: (version != DELETED).then_some(version),
            members: members.remove(&id).unwrap_or_default(),
        });
        Ok(followed.collect())
    }

    async fn group_as_logged(&self, group: GroupId) -> Result<Option<Group>> {
        let mut query = QueryBuilder::new("SELECT payload FROM log WHERE conversation_id = ");
        query.push_bind(bytes(ConversationId::from(group))).push(" AND kind IN (");
        let mut kinds = query.separated(", ");
        for kind in payload::ABOUT_GROUPS {
            kinds.push_bind(kind);
        }
        query.push(") ORDER BY pos DESC LIMIT 1");
        let mut connection = self.read().await?;
        let row = timed("log.group", query.build().fetch_optional(&mut *connection)).await?;
        row.map(|row| payload::group(get(&row, "payload")?)).transpose()
    }

    async fn joined_at(&self, group: GroupId) -> Result<HashMap<UserId, Timestamp>> {
        let select = sqlx::query(
            "SELECT m.user_id, l.at FROM memberships m JOIN log l ON l.pos = m.joined_pos \
             WHERE m.conversation_id = ? AND m.left_pos IS NULL",
        )
        .bind(bytes(ConversationId::from(group)));
        let mut connection = self.read().await?;
        let rows = timed("memberships.joined_at", select.fetch_all(&mut *connection)).await?;
        let joined = |row: &AnyRow| Ok((get_id(row, "user_id")?, Timestamp(get(row, "at")?)));
        rows.iter().map(joined).collect()
    }

    async fn follow_group(&self, sync: &GroupSync, at: Timestamp) -> Result<bool> {
        retried(|| self.follow_once(sync.clone(), at)).await
    }

    async fn bonds_logged(&self, after: Position, until: Position) -> Result<Vec<LoggedBond>> {
        let select = sqlx::query(
            "SELECT at, user_id, payload FROM log \
             WHERE pos > ? AND pos <= ? AND kind = ? ORDER BY pos",
        )
        .bind(after.0)
        .bind(until.0)
        .bind(payload::FRIENDSHIP_CHANGED);
        let mut connection = self.read().await?;
        let rows = timed("log.bonds", select.fetch_all(&mut *connection)).await?;
        let bond = |row: &AnyRow| {
            let (other, sees) = payload::bond(get(row, "payload")?)?;
            let (at, user) = (Timestamp(get(row, "at")?), get_id(row, "user_id")?);
            Ok(LoggedBond { at, user, other, sees })
        };
        rows.iter().map(bond).collect()
    }
}

impl Sql {
    async fn follow_once(&self, sync: GroupSync, at: Timestamp) -> Result<bool> {
        let mut tx = self.begin().await?;
        let mut tail = Tail::lock(&mut tx, self.dialect, at).await?;
        let followed = groups::follow(&mut tx, &mut tail, &self.members, vec![sync]).await?;
        let Some(followed) = followed else {
            timed("rollback", tx.rollback()).await?;
            return Ok(false);
        };
        tail.write(&mut tx).await?;
        commit(tx).await?;
        for (conversation, members) in followed {
            self.members.keep(conversation, members);
        }
        Ok(true)
    }
}

/// Who is what in these groups now.
async fn open_members(
    connection: &mut AnyConnection,
    groups: &[(ConversationId, i64)],
) -> Result<HashMap<ConversationId, BTreeMap<UserId, GroupRole>>> {
    // Nobody else sees these: of which position they are is of no matter.
    let groups: Vec<_> = groups.iter().map(|(id, _)| (*id, Position(0))).collect();
    let read = members::read(connection, &groups).await?.into_iter();
    let roles = read.map(|(id, members)| {
        (id, members.by_user().iter().map(|(user, member)| (*user, member.role)).collect())
    });
    Ok(roles.collect())
}
