//! The log: appending in the transaction that makes the change, and reading.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Any, QueryBuilder, Transaction, any::AnyRow};

use super::{Sql, bytes, commit, get, get_id, get_optional_id, messages, signed, timed};
use crate::{
    error::{Error, Result},
    ids::{ConversationId, SessionId, UserId},
    messaging::{Change, Entry, LogStore, NewEntry, Position, Scope},
};

pub(super) const MESSAGE_SENT: &str = "message_sent";
const FRIENDSHIP_CHANGED: &str = "friendship_changed";
const SESSION_ENDED: &str = "session_ended";

#[derive(Serialize, Deserialize)]
struct FriendshipChanged {
    other: UserId,
}

#[derive(Serialize, Deserialize)]
struct SessionEnded {
    session: SessionId,
}

/// Moves the head by `by` and returns the last position before. Its row stays
/// locked until the transaction ends, so this has to be the transaction's first statement.
pub(super) async fn advance_head(tx: &mut Transaction<'static, Any>, by: i64) -> Result<Position> {
    timed(
        "head.advance",
        sqlx::query("UPDATE head SET pos = pos + ? WHERE id = 1").bind(by).execute(&mut **tx),
    )
    .await?;
    let head: i64 = timed(
        "head.read",
        sqlx::query_scalar("SELECT pos FROM head WHERE id = 1").fetch_one(&mut **tx),
    )
    .await?;
    Ok(Position(head - by))
}

/// Locks the head before anything else, where it is not known yet whether
/// there will be something to append.
pub(super) async fn lock_head(tx: &mut Transaction<'static, Any>) -> Result<()> {
    advance_head(tx, 0).await.map(drop)
}

/// Appends what concerns single people, each at a position of its own.
pub(super) async fn append(
    tx: &mut Transaction<'static, Any>,
    at: Timestamp,
    entries: Vec<NewEntry>,
) -> Result<Vec<Entry>> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let before = advance_head(tx, signed(entries.len())).await?;
    let entries: Vec<Entry> = (before.0 + 1..)
        .zip(entries)
        .map(|(pos, entry)| Entry {
            pos: Position(pos),
            at,
            scope: Scope::User(entry.user),
            to: vec![entry.user],
            change: entry.change,
        })
        .collect();
    for entry in &entries {
        let (kind, payload) = encode(&entry.change)?;
        timed(
            "log.insert",
            sqlx::query("INSERT INTO log (pos, at, user_id, kind, payload) VALUES (?, ?, ?, ?, ?)")
                .bind(entry.pos.0)
                .bind(at.0)
                .bind(bytes(entry.to[0]))
                .bind(kind)
                .bind(payload)
                .execute(&mut **tx),
        )
        .await?;
    }
    Ok(entries)
}

fn encode(change: &Change) -> Result<(&'static str, String)> {
    let json = match change {
        Change::MessageSent { .. } => return Ok((MESSAGE_SENT, String::new())),
        Change::FriendshipChanged { other, .. } => {
            (FRIENDSHIP_CHANGED, serde_json::to_string(&FriendshipChanged { other: *other }))
        }
        Change::SessionEnded { session } => {
            (SESSION_ENDED, serde_json::to_string(&SessionEnded { session: *session }))
        }
    };
    Ok((json.0, json.1.map_err(Error::internal)?))
}

/// The log's columns, and those of the message that an entry may be about.
const SELECTED: &str = "SELECT l.pos AS log_pos, l.at, l.user_id, l.kind, l.payload, \
     l.conversation_id AS log_conversation_id, \
     m.pos, m.id, m.conversation_id, m.seq, m.sender_id, m.body, m.sent_at";
const WITH_MESSAGE: &str = " LEFT JOIN messages m ON m.pos = l.pos";

#[async_trait]
impl LogStore for Sql {
    async fn head(&self) -> Result<Position> {
        let mut connection = self.read().await?;
        let statement = sqlx::query_scalar("SELECT pos FROM head WHERE id = 1");
        timed("head.read", statement.fetch_one(&mut *connection)).await.map(Position)
    }

    async fn read(
        &self,
        after: Position,
        until: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>> {
        let mut connection = self.read().await?;
        let mut query = QueryBuilder::<Any>::new(SELECTED);
        query.push(" FROM log l").push(WITH_MESSAGE);
        query.push(" WHERE l.pos > ").push_bind(after.0);
        query.push(" AND l.pos <= ").push_bind(until.0);
        query.push(" ORDER BY l.pos LIMIT ").push_bind(signed(limit));
        let rows = timed("log.read", query.build().fetch_all(&mut *connection)).await?;
        let mut entries = rows.iter().map(decode).collect::<Result<Vec<_>>>()?;
        let conversations: Vec<ConversationId> = entries.iter().filter_map(conversation).collect();
        let members = members(&mut connection, &conversations).await?;
        for entry in &mut entries {
            if let Some(of) = conversation(entry).and_then(|id| members.get(&id)) {
                entry.to.clone_from(of);
            }
        }
        Ok(entries.into_iter().map(Arc::new).collect())
    }

    async fn read_for(
        &self,
        user: UserId,
        after: Position,
        until: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>> {
        let mut connection = self.read().await?;
        let mut query = QueryBuilder::<Any>::new(SELECTED);
        query.push(" FROM (SELECT own.pos FROM log own WHERE own.user_id = ");
        range(query.push_bind(bytes(user)), "own", after, until);
        query.push(" UNION ALL SELECT shared.pos FROM members mine");
        query.push(" JOIN conversations c ON c.id = mine.conversation_id");
        query.push(" JOIN log shared ON shared.conversation_id = c.id WHERE mine.user_id = ");
        query.push_bind(bytes(user)).push(" AND c.last_pos > ").push_bind(after.0);
        range(&mut query, "shared", after, until);
        query.push(" ORDER BY 1 LIMIT ").push_bind(signed(limit));
        query.push(") page JOIN log l ON l.pos = page.pos");
        query.push(WITH_MESSAGE).push(" ORDER BY l.pos");
        let rows = timed("log.read_for", query.build().fetch_all(&mut *connection)).await?;
        let entries = rows.iter().map(|row| {
            decode(row).map(|mut entry| {
                entry.to = vec![user];
                Arc::new(entry)
            })
        });
        entries.collect()
    }

    async fn projected(&self, name: &'static str) -> Result<Position> {
        let mut connection = self.read().await?;
        let statement = sqlx::query_scalar("SELECT pos FROM projections WHERE name = ?").bind(name);
        let pos: Option<i64> =
            timed("projections.read", statement.fetch_optional(&mut *connection)).await?;
        Ok(Position(pos.unwrap_or_default()))
    }

    async fn set_projected(&self, name: &'static str, pos: Position) -> Result<()> {
        let mut tx = self.begin().await?;
        let update = sqlx::query("UPDATE projections SET pos = ? WHERE name = ?");
        let touched = timed("projections.update", update.bind(pos.0).bind(name).execute(&mut *tx));
        if touched.await?.rows_affected() == 0 {
            let insert = sqlx::query(match self.dialect {
                super::Dialect::Sqlite => {
                    "INSERT INTO projections (name, pos) VALUES (?, ?) ON CONFLICT DO NOTHING"
                }
                super::Dialect::Mysql => "INSERT IGNORE INTO projections (name, pos) VALUES (?, ?)",
            });
            timed("projections.insert", insert.bind(name).bind(pos.0).execute(&mut *tx)).await?;
        }
        commit(tx).await
    }
}

fn range(query: &mut QueryBuilder<Any>, alias: &str, after: Position, until: Position) {
    query.push(format_args!(" AND {alias}.pos > ")).push_bind(after.0);
    query.push(format_args!(" AND {alias}.pos <= ")).push_bind(until.0);
}

fn conversation(entry: &Entry) -> Option<ConversationId> {
    match entry.scope {
        Scope::Conversation(id) => Some(id),
        Scope::User(_) => None,
    }
}

async fn members(
    connection: &mut sqlx::AnyConnection,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, Vec<UserId>>> {
    let mut members = HashMap::<_, Vec<UserId>>::new();
    if conversations.is_empty() {
        return Ok(members);
    }
    let mut query = QueryBuilder::<Any>::new(
        "SELECT conversation_id, user_id FROM members WHERE conversation_id IN (",
    );
    let mut list = query.separated(", ");
    for id in conversations {
        list.push_bind(bytes(*id));
    }
    query.push(")");
    for row in timed("members.of", query.build().fetch_all(connection)).await? {
        members.entry(get_id(&row, "conversation_id")?).or_default().push(get_id(&row, "user_id")?);
    }
    Ok(members)
}

fn decode(row: &AnyRow) -> Result<Entry> {
    let user: Option<UserId> = get_optional_id(row, "user_id")?;
    let conversation: Option<ConversationId> = get_optional_id(row, "log_conversation_id")?;
    let scope = match (user, conversation) {
        (Some(user), _) => Scope::User(user),
        (None, Some(conversation)) => Scope::Conversation(conversation),
        (None, None) => return Err(Error::internal("a log entry is for nobody")),
    };
    let kind: String = get(row, "kind")?;
    let payload: String = get(row, "payload")?;
    let change = match kind.as_str() {
        MESSAGE_SENT => Change::MessageSent { message: messages::decode(row)?, people: Vec::new() },
        FRIENDSHIP_CHANGED => {
            let FriendshipChanged { other } = parse(&payload)?;
            Change::FriendshipChanged { other, now: None }
        }
        SESSION_ENDED => {
            let SessionEnded { session } = parse(&payload)?;
            Change::SessionEnded { session }
        }
        _ => return Err(Error::internal(format!("a log entry of the unknown kind {kind}"))),
    };
    Ok(Entry {
        pos: Position(get(row, "log_pos")?),
        at: Timestamp(get(row, "at")?),
        scope,
        to: user.into_iter().collect(),
        change,
    })
}

fn parse<'a, T: Deserialize<'a>>(payload: &'a str) -> Result<T> {
    serde_json::from_str(payload).map_err(Error::internal)
}
