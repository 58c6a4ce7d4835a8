//! Reactions to messages.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, AnyConnection, QueryBuilder, Transaction};

use super::{
    Dialect, Sql, bytes, commit, get, get_id, log::Tail, push_numbers, retried, revisions::Subject,
    signed, timed,
};
use crate::{
    error::{Error, Result},
    ids::UserId,
    messaging::{Change, Position, Reacting, Reaction, ReactionStore, Revised},
};

#[async_trait]
impl ReactionStore for Sql {
    async fn react(&self, at: Timestamp, reacting: Reacting) -> Result<Revised> {
        retried(|| self.react_once(at, reacting)).await
    }

    async fn reactions(&self, messages: &[Position]) -> Result<HashMap<Position, Arc<[Reaction]>>> {
        if messages.is_empty() {
            return Ok(HashMap::new());
        }
        let mut connection = self.read().await?;
        read(&mut connection, messages).await
    }

    async fn reacted(
        &self,
        user: UserId,
        messages: &[Position],
    ) -> Result<HashMap<Position, HashSet<String>>> {
        if messages.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query =
            QueryBuilder::<Any>::new("SELECT message_pos, emoji FROM reactions WHERE user_id = ");
        query.push_bind(bytes(user)).push(" AND message_pos");
        push_numbers(&mut query, messages.iter().map(|pos| pos.0));
        let mut connection = self.read().await?;
        let rows = timed("reactions.own", query.build().fetch_all(&mut *connection)).await?;
        let mut found: HashMap<Position, HashSet<String>> = HashMap::new();
        for row in &rows {
            let of = found.entry(Position(get(row, "message_pos")?)).or_default();
            of.insert(get(row, "emoji")?);
        }
        Ok(found)
    }
}

impl Sql {
    async fn react_once(&self, at: Timestamp, reacting: Reacting) -> Result<Revised> {
        let mut tx = self.begin().await?;
        let tail = Tail::lock(&mut tx, self.dialect, at).await?;
        let subject = Subject::read(&mut tx, &self.members, reacting.message, reacting.by).await?;
        let message = subject.message.clone();
        if message.deleted_at.is_some() {
            return Err(Error::Conflict { field: "messageId", reason: "is deleted" });
        }
        let changed = if reacting.present {
            self.add(&mut tx, message.pos, reacting, tail.last().next()).await?
        } else {
            remove(&mut tx, message.pos, reacting).await?
        };
        let mut found = read(&mut tx, &[message.pos]).await?;
        let reactions = found.remove(&message.pos).unwrap_or_default();
        if changed && reacting.present && reactions.len() > Reaction::MAX_KINDS {
            return Err(Error::invalid("emoji", "must be one of at most 20 different ones"));
        }
        let told = if changed {
            subject.tell(&mut tx, tail, &message, Change::ReactionsChanged).await?
        } else {
            None
        };
        commit(tx).await?;
        Ok(Revised { message, place: subject.room.place(), reactions: Some(reactions), told })
    }

    /// Adds a reaction, which is told at `pos`; returns whether it is new.
    async fn add(
        &self,
        tx: &mut Transaction<'static, Any>,
        message: Position,
        Reacting { by, emoji, .. }: Reacting,
        pos: Position,
    ) -> Result<bool> {
        let insert = sqlx::query(match self.dialect {
            Dialect::Sqlite => {
                "INSERT INTO reactions (message_pos, emoji, user_id, pos) VALUES (?, ?, ?, ?) \
                 ON CONFLICT DO NOTHING"
            }
            Dialect::Mysql => {
                "INSERT IGNORE INTO reactions (message_pos, emoji, user_id, pos) \
                 VALUES (?, ?, ?, ?)"
            }
        })
        .bind(message.0)
        .bind(emoji.as_str())
        .bind(bytes(by))
        .bind(pos.0);
        let done = timed("reactions.insert", insert.execute(&mut **tx)).await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Takes a reaction back; returns whether it was there.
async fn remove(
    tx: &mut Transaction<'static, Any>,
    message: Position,
    Reacting { by, emoji, .. }: Reacting,
) -> Result<bool> {
    let delete =
        sqlx::query("DELETE FROM reactions WHERE message_pos = ? AND emoji = ? AND user_id = ?")
            .bind(message.0)
            .bind(emoji.as_str())
            .bind(bytes(by));
    let done = timed("reactions.delete", delete.execute(&mut **tx)).await?;
    Ok(done.rows_affected() > 0)
}

/// The reactions to these messages; of each emoji only so many people as are
/// listed, and the number of all.
async fn read(
    connection: &mut AnyConnection,
    messages: &[Position],
) -> Result<HashMap<Position, Arc<[Reaction]>>> {
    let mut query = QueryBuilder::<Any>::new(
        "SELECT message_pos, emoji, user_id, alike FROM (\
         SELECT message_pos, emoji, user_id, pos, \
         ROW_NUMBER() OVER (PARTITION BY message_pos, emoji ORDER BY pos) AS place, \
         COUNT(*) OVER (PARTITION BY message_pos, emoji) AS alike \
         FROM reactions WHERE message_pos",
    );
    push_numbers(&mut query, messages.iter().map(|pos| pos.0));
    query.push(") ranked WHERE place <= ").push_bind(signed(Reaction::LISTED));
    query.push(" ORDER BY pos");
    let rows = timed("reactions.read", query.build().fetch_all(connection)).await?;
    let mut found: HashMap<Position, Vec<Reaction>> = HashMap::new();
    for row in &rows {
        let kinds = found.entry(Position(get(row, "message_pos")?)).or_default();
        let (emoji, user): (String, UserId) = (get(row, "emoji")?, get_id(row, "user_id")?);
        match kinds.iter_mut().find(|kind| kind.emoji == emoji) {
            Some(kind) => kind.users.push(user),
            None => kinds.push(Reaction { emoji, count: get(row, "alike")?, users: vec![user] }),
        }
    }
    Ok(found.into_iter().map(|(pos, kinds)| (pos, kinds.into())).collect())
}
