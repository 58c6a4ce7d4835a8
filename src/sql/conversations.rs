//! Conversations and their history.

use std::collections::HashMap;

use async_trait::async_trait;
use chatterbox_graph::{Chat, Group, Timestamp};
use sqlx::{Any, AnyConnection, QueryBuilder, any::AnyRow};

use super::{
    Dialect, Sql, bytes, commit, get, get_flag, get_id, get_optional_id, members, messages,
    payload, push_ids, retried, shapes::padded, signed, timed,
};
use crate::{
    ambient::Ambient,
    error::Result,
    ids::{ConversationId, DirectConversationId, GroupId, MessageId, UserId},
    messaging::{
        Conversation, ConversationKind, ConversationStore, HistoryRange, ListKey, Message,
        Position, Recipients,
    },
};

const COLUMNS: &str = "c.id, c.low_user_id, c.high_user_id, c.low_wrote, c.high_wrote, \
     c.last_seq, c.last_pos, c.last_at";
/// The conversations that somebody is in, as `mine` and `c`.
const MINE: &str = ", mine.joined_seq FROM memberships mine \
     JOIN conversations c ON c.id = mine.conversation_id \
     WHERE mine.left_pos IS NULL AND mine.user_id = ";

#[async_trait]
impl ConversationStore for Sql {
    async fn open_direct(
        &self,
        ambient: &Ambient,
        user: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Conversation>> {
        let others: Vec<UserId> = others.iter().copied().filter(|other| *other != user).collect();
        let found = {
            let mut connection = self.read().await?;
            direct(&mut connection, user, &others).await?
        };
        let missing: Vec<UserId> =
            others.iter().copied().filter(|other| !found.contains_key(other)).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        retried(|| self.create_all(ambient, user, &missing)).await?;
        let mut connection = self.read().await?;
        direct(&mut connection, user, &others).await
    }

    async fn conversations(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Conversation>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Any>::new("SELECT ");
        query.push(COLUMNS).push(MINE).push_bind(bytes(user)).push(" AND mine.conversation_id");
        push_ids(&mut query, ids.iter().copied());
        let mut connection = self.read().await?;
        let rows = timed("conversations.by_id", query.build().fetch_all(&mut *connection)).await?;
        rows.iter().map(|row| decode(row).map(|found| (found.id, found))).collect()
    }

    async fn list(
        &self,
        user: UserId,
        limit: usize,
        after: Option<ListKey>,
    ) -> Result<Vec<Conversation>> {
        let mut query = QueryBuilder::<Any>::new("SELECT ");
        query.push(COLUMNS).push(MINE).push_bind(bytes(user)).push(" AND c.last_pos > 0");
        if let Some(Position(pos)) = after {
            query.push(" AND c.last_pos < ").push_bind(pos);
        }
        query.push(" ORDER BY c.last_pos DESC LIMIT ").push_bind(signed(limit));
        let mut connection = self.read().await?;
        let rows = timed("conversations.list", query.build().fetch_all(&mut *connection)).await?;
        rows.iter().map(decode).collect()
    }

    async fn history(
        &self,
        ranges: &[HistoryRange],
    ) -> Result<HashMap<HistoryRange, Vec<Message>>> {
        let mut found: HashMap<HistoryRange, Vec<Message>> =
            ranges.iter().map(|range| (*range, Vec::new())).collect();
        let mut query = QueryBuilder::<Any>::new("SELECT ");
        query.push(messages::COLUMNS).push(" FROM messages m WHERE ");
        let mut any = query.separated(" OR ");
        for range in padded(found.keys().filter(|range| range.from <= range.to)) {
            any.push("(m.conversation_id = ");
            any.push_bind_unseparated(bytes(range.conversation));
            any.push_unseparated(" AND m.seq BETWEEN ");
            any.push_bind_unseparated(range.from);
            any.push_unseparated(" AND ");
            any.push_bind_unseparated(range.to);
            any.push_unseparated(")");
        }
        if found.keys().all(|range| range.from > range.to) {
            return Ok(found);
        }
        let mut connection = self.read().await?;
        let rows = timed("messages.history", query.build().fetch_all(&mut *connection)).await?;
        for row in &rows {
            let message = messages::decode(row)?;
            for (range, messages) in &mut found {
                let within = (range.from..=range.to).contains(&message.seq);
                if range.conversation == message.conversation && within {
                    messages.push(message.clone());
                }
            }
        }
        for messages in found.values_mut() {
            messages.sort_by_key(|message| message.seq);
        }
        Ok(found)
    }

    async fn last_messages(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Message>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Any>::new("SELECT ");
        query.push(messages::COLUMNS);
        query.push(" FROM conversations c JOIN messages m ON m.conversation_id = c.id");
        query.push(" AND m.seq = c.last_seq WHERE c.id");
        push_ids(&mut query, ids.iter().copied());
        let mut connection = self.read().await?;
        let rows = timed("messages.last", query.build().fetch_all(&mut *connection)).await?;
        rows.iter()
            .map(|row| messages::decode(row).map(|message| (message.conversation, message)))
            .collect()
    }

    async fn members(&self, user: UserId, group: GroupId) -> Result<Option<Recipients>> {
        let mut connection = self.read().await?;
        members::of_member(&mut connection, &self.members, user, group.into()).await
    }

    async fn left_groups(&self, user: UserId, ids: &[GroupId]) -> Result<HashMap<GroupId, Group>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Any>::new(
            "SELECT l.payload FROM memberships m JOIN log l ON l.pos = m.left_pos \
             WHERE m.user_id = ",
        );
        query.push_bind(bytes(user)).push(" AND m.conversation_id");
        push_ids(&mut query, ids.iter().map(|id| ConversationId::from(*id)));
        // Of several times the last one counts.
        query.push(" ORDER BY m.left_pos");
        let mut connection = self.read().await?;
        let rows = timed("memberships.left", query.build().fetch_all(&mut *connection)).await?;
        let groups = rows.iter().map(|row| {
            let group = payload::group(get(row, "payload")?)?;
            Ok((group.id, group))
        });
        groups.collect()
    }

    async fn last_chats(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, Chat)>> {
        let mut query = QueryBuilder::<Any>::new(
            "SELECT c.id, c.low_user_id, c.high_user_id, m.sent_at FROM conversations c \
             JOIN messages m ON m.conversation_id = c.id AND m.seq = c.last_seq",
        );
        if let Some(after) = after {
            query.push(" WHERE c.id > ").push_bind(bytes(after));
        }
        query.push(" ORDER BY c.id LIMIT ").push_bind(signed(limit));
        let mut connection = self.read().await?;
        let rows = timed("conversations.last_chats", query.build().fetch_all(&mut *connection));
        rows.await?.iter().map(decode_chat).collect()
    }

    async fn messages(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Message>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Any>::new("SELECT ");
        query.push(messages::COLUMNS).push(" FROM messages m WHERE m.id");
        push_ids(&mut query, ids.iter().copied());
        let mut connection = self.read().await?;
        let rows = timed("messages.by_id", query.build().fetch_all(&mut *connection)).await?;
        rows.iter().map(|row| messages::decode(row).map(|message| (message.id, message))).collect()
    }

    async fn readable(
        &self,
        user: UserId,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, Message>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Any>::new("SELECT ");
        query.push(messages::COLUMNS);
        query.push(" FROM messages m JOIN memberships mine ON mine.user_id = ");
        query.push_bind(bytes(user));
        query.push(" AND mine.conversation_id = m.conversation_id AND mine.left_pos IS NULL");
        query.push(" AND mine.joined_seq < m.seq WHERE m.id");
        push_ids(&mut query, ids.iter().copied());
        let mut connection = self.read().await?;
        let rows = timed("messages.readable", query.build().fetch_all(&mut *connection)).await?;
        rows.iter().map(|row| messages::decode(row).map(|message| (message.id, message))).collect()
    }
}

impl Sql {
    async fn create_all(&self, ambient: &Ambient, user: UserId, others: &[UserId]) -> Result<()> {
        let mut tx = self.begin().await?;
        for other in others {
            self.create_direct(&mut tx, ambient, user.min(*other), user.max(*other)).await?;
        }
        commit(tx).await
    }

    async fn create_direct(
        &self,
        tx: &mut AnyConnection,
        ambient: &Ambient,
        low: UserId,
        high: UserId,
    ) -> Result<()> {
        let id: DirectConversationId = ambient.id();
        // Somebody else may make it at the same time: theirs is as good.
        let statement = match self.dialect {
            Dialect::Sqlite => {
                "INSERT INTO conversations \
                 (id, low_user_id, high_user_id, last_seq, last_pos, created_at) \
                 VALUES (?, ?, ?, 0, 0, ?) ON CONFLICT DO NOTHING"
            }
            Dialect::Mysql => {
                "INSERT IGNORE INTO conversations \
                 (id, low_user_id, high_user_id, last_seq, last_pos, created_at) \
                 VALUES (?, ?, ?, 0, 0, ?)"
            }
        };
        let insert = sqlx::query(statement)
            .bind(bytes(id))
            .bind(bytes(low))
            .bind(bytes(high))
            .bind(ambient.now().0);
        let made = timed("conversations.insert", insert.execute(&mut *tx)).await?.rows_affected();
        if made == 0 {
            return Ok(());
        }
        let mut query = QueryBuilder::<Any>::new(
            "INSERT INTO memberships (user_id, conversation_id, joined_pos, joined_seq) ",
        );
        query.push_values([low, high], |mut values, user| {
            values.push_bind(bytes(user)).push_bind(bytes(id)).push_bind(0_i64).push_bind(0_i64);
        });
        timed("memberships.insert", query.build().execute(tx)).await.map(drop)
    }
}

async fn direct(
    connection: &mut AnyConnection,
    user: UserId,
    others: &[UserId],
) -> Result<HashMap<UserId, Conversation>> {
    if others.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = QueryBuilder::<Any>::new("SELECT ");
    query.push(COLUMNS).push(", 0 AS joined_seq FROM conversations c WHERE ");
    let mut any = query.separated(" OR ");
    for other in padded(others) {
        any.push("(c.low_user_id = ");
        any.push_bind_unseparated(bytes(user.min(*other)));
        any.push_unseparated(" AND c.high_user_id = ");
        any.push_bind_unseparated(bytes(user.max(*other)));
        any.push_unseparated(")");
    }
    let rows = timed("conversations.direct", query.build().fetch_all(connection)).await?;
    let found = rows.iter().map(decode).collect::<Result<Vec<_>>>()?;
    Ok(found.into_iter().filter_map(|found| Some((found.peer(user)?, found))).collect())
}

fn decode(row: &AnyRow) -> Result<Conversation> {
    let kind = match two(row)? {
        Some(members) => {
            let wrote = [get_flag(row, "low_wrote")?, get_flag(row, "high_wrote")?];
            ConversationKind::Direct { members, wrote }
        }
        None => ConversationKind::Group,
    };
    Ok(Conversation {
        id: get_id(row, "id")?,
        kind,
        first_seq: get::<i64>(row, "joined_seq")? + 1,
        last_seq: get(row, "last_seq")?,
        last_pos: Position(get(row, "last_pos")?),
        last_at: get::<Option<i64>>(row, "last_at")?.map(Timestamp),
    })
}

fn decode_chat(row: &AnyRow) -> Result<(ConversationId, Chat)> {
    let id: ConversationId = get_id(row, "id")?;
    let at = Timestamp(get(row, "sent_at")?);
    let chat = match two(row)? {
        Some([one, other]) => Chat::Direct { one, other, conversation: id.direct(), at },
        None => Chat::Group { group: id.group(), at },
    };
    Ok((id, chat))
}

/// The two of a conversation, the lower id first; a group's has none.
pub(super) fn two(row: &AnyRow) -> Result<Option<[UserId; 2]>> {
    let low = get_optional_id(row, "low_user_id")?;
    let high = get_optional_id(row, "high_user_id")?;
    Ok(low.zip(high).map(|(low, high)| [low, high]))
}
