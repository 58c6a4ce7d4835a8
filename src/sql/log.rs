//! The log: appending in the transaction that makes the change, and reading.

use std::{collections::HashMap, iter, sync::Arc};

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, AnyConnection, QueryBuilder, Transaction, any::AnyRow};
use uuid::Uuid;

use super::{
    Dialect, Sql, bytes, commit, get, get_id, get_optional_id, members, messages, payload,
    push_ids,
    shapes::{padded, parts},
    signed, timed, trimming,
};
use crate::{
    error::{Error, Result},
    ids::{ConversationId, UserId},
    messaging::{
        Change, Entry, LogStore, MessageNews, NewEntry, Place, Position, Recipients, Scope,
    },
};

/// Moves the head by `by` and returns the last position before. Its row stays
/// locked until the transaction ends, so this has to be the transaction's first statement; only
/// what the transaction itself is let in by may come before, and must read nothing.
pub(super) async fn advance_head(
    tx: &mut Transaction<'static, Any>,
    dialect: Dialect,
    by: i64,
) -> Result<Position> {
    let head = match dialect {
        Dialect::Sqlite => {
            let update =
                sqlx::query_scalar("UPDATE head SET pos = pos + ? WHERE id = 1 RETURNING pos");
            timed("head.advance", update.bind(by).fetch_one(&mut **tx)).await?
        }
        Dialect::Mysql => {
            let update = "UPDATE head SET pos = LAST_INSERT_ID(pos + ?) WHERE id = 1";
            let done = timed("head.advance", sqlx::query(update).bind(by).execute(&mut **tx));
            let head = done.await?.last_insert_id();
            head.ok_or_else(|| Error::internal("the head of the log is missing"))?
        }
    };
    Ok(Position(head - by))
}

/// The end of the log, in a transaction that holds it and may append to it.
pub(super) struct Tail {
    at: Timestamp,
    dialect: Dialect,
    head: Position,
    entries: Vec<Entry>,
}

impl Tail {
    /// Locks the head, before anything else.
    pub(super) async fn lock(
        tx: &mut Transaction<'static, Any>,
        dialect: Dialect,
        at: Timestamp,
    ) -> Result<Self> {
        let head = advance_head(tx, dialect, 0).await?;
        Ok(Self { at, dialect, head, entries: Vec::new() })
    }

    /// When what is appended happens.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// The position of the last entry.
    pub(super) fn last(&self) -> Position {
        self.entries.last().map_or(self.head, |entry| entry.pos)
    }

    /// Appends what the members of a conversation hear, or one of them.
    pub(super) fn push(&mut self, scope: Scope, to: Recipients, change: Change) {
        self.entries.push(Entry { pos: self.last().next(), at: self.at, scope, to, change });
    }

    /// Appends what concerns one person.
    pub(super) fn tell(&mut self, NewEntry { user, change }: NewEntry) {
        self.push(Scope::User(user), Recipients::one(user), change);
    }

    /// Writes down what was appended, and returns it.
    pub(super) async fn write(self, tx: &mut Transaction<'static, Any>) -> Result<Vec<Entry>> {
        if self.entries.is_empty() {
            return Ok(self.entries);
        }
        let by = signed(self.entries.len());
        let mut latest_first = self.entries.iter().rev();
        match latest_first.find(|entry| !entry.people_changed().is_empty()) {
            Some(entry) => {
                let update = "UPDATE head SET pos = pos + ?, people_pos = ? WHERE id = 1";
                let update = sqlx::query(update).bind(by).bind(entry.pos.0);
                timed("head.advance", update.execute(&mut **tx)).await?;
            }
            None => {
                advance_head(tx, self.dialect, by).await?;
            }
        }
        for part in parts(&self.entries) {
            insert(tx, part).await?;
        }
        Ok(self.entries)
    }
}

async fn insert(tx: &mut Transaction<'static, Any>, entries: &[Entry]) -> Result<()> {
    let payloads =
        entries.iter().map(|entry| payload::encode(&entry.change)).collect::<Result<Vec<_>>>()?;
    let mut query = QueryBuilder::<Any>::new(
        "INSERT INTO log (pos, at, conversation_id, user_id, kind, payload, message_pos) ",
    );
    query.push_values(iter::zip(entries, payloads), |mut row, (entry, (kind, payload))| {
        let (conversation, user) = match entry.scope {
            Scope::Conversation(id) => (Some(bytes(id)), None),
            Scope::User(user) => (None, Some(bytes(user))),
        };
        row.push_bind(entry.pos.0)
            .push_bind(entry.at.0)
            .push_bind(conversation)
            .push_bind(user)
            .push_bind(kind)
            .push_bind(payload)
            .push_bind(payload::message_pos(&entry.change));
    });
    timed("log.insert", query.build().execute(&mut **tx)).await.map(drop)
}

/// Of these people, the last position behind `after` of an entry that tells of a change about them.
pub(super) async fn people_changed(
    tx: &mut Transaction<'static, Any>,
    people: impl IntoIterator<Item = UserId>,
    after: Position,
) -> Result<HashMap<UserId, Position>> {
    let mut query =
        QueryBuilder::<Any>::new("SELECT user_id, MAX(pos) AS pos FROM log WHERE user_id");
    push_ids(&mut query, people);
    query.push(" AND pos > ").push_bind(after.0).push(" AND kind IN (");
    let mut kinds = query.separated(", ");
    for kind in payload::ABOUT_PEOPLE {
        kinds.push_bind(kind);
    }
    query.push(") GROUP BY user_id");
    let rows = timed("log.people_changed", query.build().fetch_all(&mut **tx)).await?;
    rows.iter().map(|row| Ok((get_id(row, "user_id")?, Position(get(row, "pos")?)))).collect()
}

impl Sql {
    /// The log's own id, by which nodes find those who share it; `new` where it has none so far.
    ///
    /// # Errors
    ///
    /// Where the store does not answer.
    pub async fn log_id(&self, new: Uuid) -> Result<Uuid> {
        let mut tx = self.begin().await?;
        let update = sqlx::query("UPDATE head SET log_id = ? WHERE id = 1 AND log_id IS NULL")
            .bind(new.as_bytes().to_vec());
        timed("head.name", update.execute(&mut *tx)).await?;
        let select = sqlx::query_scalar("SELECT log_id FROM head WHERE id = 1");
        let id: Vec<u8> = timed("head.named", select.fetch_one(&mut *tx)).await?;
        commit(tx).await?;
        Uuid::from_slice(&id).map_err(Error::internal)
    }
}

/// The log's columns, and those of the message that an entry may be about.
const SELECTED: &str = "SELECT l.pos AS log_pos, l.at, l.user_id, l.kind, l.payload, \
     l.conversation_id AS log_conversation_id, c.low_user_id, \
     m.pos, m.id, m.conversation_id, m.seq, m.sender_id, m.body, m.sent_at, \
     m.edited_at, m.deleted_at, m.reply_to, m.mentions";
/// An entry may be about a message: one that was sent stands at the same position.
const WITH_MESSAGE: &str = " LEFT JOIN messages m ON m.pos = COALESCE(l.message_pos, l.pos) \
     LEFT JOIN conversations c ON c.id = l.conversation_id";

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
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(Vec::new());
        };
        let (from, to) = (first.pos, last.pos);
        let mut conversations: Vec<ConversationId> =
            entries.iter().filter_map(conversation).collect();
        conversations.sort_unstable();
        conversations.dedup();
        let heard = members::recipients(&mut connection, &conversations, from, to).await?;
        for entry in &mut entries {
            if let Some(by) = conversation(entry).and_then(|id| heard.get(&id)) {
                entry.to = by.clone();
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
        let spans = spans(&mut connection, user, after, until).await?;
        let mut entries = Vec::new();
        for part in spans.chunks(SPANS) {
            entries.extend(read_spans(&mut connection, part, limit).await?);
        }
        // Asked last: what was trimmed before the entries were read is known by now.
        if after < trimming::trimmed(&mut connection).await? {
            return Err(Error::CursorExpired);
        }
        entries.sort_unstable_by_key(|entry| entry.pos);
        entries.truncate(limit);
        let to = Recipients::one(user);
        let entries = entries.into_iter().map(|entry| Arc::new(Entry { to: to.clone(), ..entry }));
        Ok(entries.collect())
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
                Dialect::Sqlite => {
                    "INSERT INTO projections (name, pos) VALUES (?, ?) ON CONFLICT DO NOTHING"
                }
                Dialect::Mysql => "INSERT IGNORE INTO projections (name, pos) VALUES (?, ?)",
            });
            timed("projections.insert", insert.bind(name).bind(pos.0).execute(&mut *tx)).await?;
        }
        commit(tx).await
    }
}

/// A part of the log that is one person's to read; both ends belong to it.
#[derive(Clone)]
struct Span {
    of: Scope,
    /// What became of earlier messages is not theirs to hear.
    since: Position,
    from: Position,
    to: Position,
}

/// How many spans one statement reads at most; SQLite takes 500.
const SPANS: usize = 128;

/// What is theirs between two positions: their own entries, and those of the
/// conversations in which something happened, as long as they were in them.
async fn spans(
    connection: &mut AnyConnection,
    user: UserId,
    after: Position,
    until: Position,
) -> Result<Vec<Span>> {
    let select = sqlx::query(
        "SELECT mine.conversation_id, mine.joined_pos, mine.left_pos FROM memberships mine \
         JOIN conversations c ON c.id = mine.conversation_id WHERE mine.user_id = ? \
         AND mine.joined_pos <= ? AND (mine.left_pos IS NULL OR mine.left_pos > ?) \
         AND c.logged_pos > ?",
    )
    .bind(bytes(user))
    .bind(until.0)
    .bind(after.0)
    .bind(after.0);
    let rows = timed("memberships.spans", select.fetch_all(connection)).await?;
    let shared = rows.iter().map(|row| {
        let (joined, left): (i64, Option<i64>) = (get(row, "joined_pos")?, get(row, "left_pos")?);
        Ok(Span {
            of: Scope::Conversation(get_id(row, "conversation_id")?),
            since: Position(joined),
            from: Position(joined).max(after.next()),
            to: left.map_or(until, |left| until.min(Position(left))),
        })
    });
    let (of, since) = (Scope::User(user), Position(0));
    let own = Span { of, since, from: after.next(), to: until };
    iter::once(Ok(own)).chain(shared).collect()
}

async fn read_spans(
    connection: &mut AnyConnection,
    spans: &[Span],
    limit: usize,
) -> Result<Vec<Entry>> {
    let mut all = padded(spans.iter().cloned());
    // Nothing is in these.
    all.iter_mut().skip(spans.len()).for_each(|span| span.to = Position(0));
    let mut query = first_of(&all, limit);
    let rows = timed("log.read_for", query.build().fetch_all(connection)).await?;
    rows.iter().map(decode).collect()
}

/// The first entries of several spans. Each is read by itself, so that none
/// costs more than `limit` rows: with all in one condition, or joined, the servers at times
/// prefer to go through all of the log.
fn first_of(spans: &[Span], limit: usize) -> QueryBuilder<Any> {
    let mut query = QueryBuilder::<Any>::new(SELECTED);
    query.push(" FROM (");
    for (place, Span { of, since, from, to }) in spans.iter().enumerate() {
        query.push(if place == 0 { "" } else { " UNION ALL " });
        query.push("SELECT * FROM (SELECT part.pos FROM log part WHERE ");
        match of {
            Scope::User(user) => query.push("part.user_id = ").push_bind(bytes(*user)),
            Scope::Conversation(id) => query.push("part.conversation_id = ").push_bind(bytes(*id)),
        };
        query.push(" AND part.pos >= ").push_bind(from.0);
        query.push(" AND part.pos <= ").push_bind(to.0);
        query.push(" AND (part.message_pos IS NULL OR part.message_pos >= ").push_bind(since.0);
        query.push(") ORDER BY part.pos LIMIT ").push_bind(signed(limit));
        query.push(format_args!(") part{place}"));
    }
    query.push(" ORDER BY 1 LIMIT ").push_bind(signed(limit));
    query.push(") page JOIN log l ON l.pos = page.pos").push(WITH_MESSAGE);
    query
}

fn conversation(entry: &Entry) -> Option<ConversationId> {
    match entry.scope {
        Scope::Conversation(id) => Some(id),
        Scope::User(_) => None,
    }
}

/// The entry; where it is for a conversation, as if for nobody.
fn decode(row: &AnyRow) -> Result<Entry> {
    let user: Option<UserId> = get_optional_id(row, "user_id")?;
    let conversation: Option<ConversationId> = get_optional_id(row, "log_conversation_id")?;
    let (scope, to) = match (user, conversation) {
        (Some(user), _) => (Scope::User(user), Recipients::one(user)),
        (None, Some(conversation)) => (Scope::Conversation(conversation), iter::empty().collect()),
        (None, None) => return Err(Error::internal("a log entry is for nobody")),
    };
    let kind: String = get(row, "kind")?;
    let change = if let Some(change) = payload::about_message(&kind) {
        let is_direct = get::<Option<Vec<u8>>>(row, "low_user_id")?.is_some();
        let place = if is_direct { Place::Direct } else { Place::Group(None) };
        change(MessageNews::bare(messages::decode(row)?, place))
    } else {
        payload::decode(&kind, &get::<String>(row, "payload")?)?
    };
    let (pos, at) = (Position(get(row, "log_pos")?), Timestamp(get(row, "at")?));
    Ok(Entry { pos, at, scope, to, change })
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Row};

    use super::*;
    use crate::ambient::Ambient;

    // How many rows a server reads, the contract tests count.
    #[tokio::test]
    async fn sqlite_looks_only_at_what_is_ones_own() {
        let data = tempfile::tempdir().unwrap();
        let sql = Sql::open(&Sql::sqlite_url(&data.path().join("chatterbox.db"))).unwrap();
        sql.migrate().await.unwrap();
        let user: UserId = Ambient::system().id();
        let scopes =
            [Scope::User(user), Scope::Conversation(ConversationId::from_uuid(user.uuid()))];
        let (from, to) = (Position(1), Position(9));
        let spans = scopes.map(|of| Span { of, since: Position(0), from, to });
        let statement = first_of(&spans, 10).into_string();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let mut connection = sql.read().await.unwrap();
        let rows = sqlx::query(explain).fetch_all(&mut *connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        for table in ["part", "l", "m", "c"] {
            let searched = format!("SEARCH {table} USING ");
            assert!(plan.iter().any(|step| step.starts_with(&searched)), "{table}: {plan:#?}");
            assert!(!plan.contains(&format!("SCAN {table}")), "{table}: {plan:#?}");
        }
        drop(connection);
        sql.close().await;
    }
}
