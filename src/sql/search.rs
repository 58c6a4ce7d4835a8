//! The index of the messages' words: FTS5 on SQLite, a FULLTEXT index on MySQL.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::{Any, AnyConnection, QueryBuilder, Transaction};
use tokio::task::spawn_blocking;

use super::{
    Dialect, Sql, bytes, commit, get, get_id, messages, payload, push_numbers, retried,
    shapes::parts, signed, timed,
};
use crate::{
    error::{Error, Result},
    ids::{ConversationId, UserId},
    messaging::{
        IndexStore, Indexed, LogStore, Message, Position, SEARCH, SearchQuery, SearchStore, tokens,
    },
};

/// What the index is to keep of messages, by their positions; `None` for those
/// that are not to be found any more.
type Words = BTreeMap<i64, Option<String>>;

#[async_trait]
impl IndexStore for Sql {
    async fn index(&self, limit: usize) -> Result<Indexed> {
        let (from, head) = (self.projected(SEARCH).await?, self.head().await?);
        let pos = head.min(Position(from.0.saturating_add(signed(limit))));
        if pos <= from {
            return Ok(Indexed { messages: 0, pos: from, head });
        }
        // Read before anything is locked: what is edited meanwhile is told of
        // by an entry behind the head.
        let words = self.words(from, pos).await?;
        let moved = retried(|| self.write_words(from, pos, &words)).await?;
        let (messages, pos) = if moved { (words.len(), pos) } else { (0, from) };
        Ok(Indexed { messages, pos, head })
    }
}

impl Sql {
    /// The words of the messages that the log tells of behind `from`, up to
    /// and with `to`.
    async fn words(&self, from: Position, to: Position) -> Result<Words> {
        let mut query = QueryBuilder::<Any>::new(
            "SELECT m.pos, m.conversation_id, m.body FROM log l \
             JOIN messages m ON m.pos = COALESCE(l.message_pos, l.pos) WHERE l.pos > ",
        );
        query.push_bind(from.0).push(" AND l.pos <= ").push_bind(to.0).push(" AND l.kind IN (");
        let mut kinds = query.separated(", ");
        for kind in payload::ABOUT_WORDS {
            kinds.push_bind(kind);
        }
        query.push(")");
        let mut connection = self.read().await?;
        let rows = timed("log.words", query.build().fetch_all(&mut *connection)).await?;
        drop(connection);
        let texts = rows
            .iter()
            .map(|row| Ok((get(row, "pos")?, get_id(row, "conversation_id")?, get(row, "body")?)));
        let texts: Vec<(i64, ConversationId, Option<String>)> = texts.collect::<Result<_>>()?;
        // Many long texts take tenths of a second, in which nobody would be served.
        let words = spawn_blocking(move || {
            let texts = texts.into_iter();
            texts.map(|(pos, of, body)| (pos, body.map(|body| tokens(of, &body)))).collect()
        });
        words.await.map_err(Error::internal)
    }

    /// Writes the words down, unless another node has moved on from `from`
    /// meanwhile; returns whether they were written.
    async fn write_words(&self, from: Position, to: Position, words: &Words) -> Result<bool> {
        let mut tx = self.begin().await?;
        let update = sqlx::query("UPDATE projections SET pos = ? WHERE name = ? AND pos = ?")
            .bind(to.0)
            .bind(SEARCH)
            .bind(from.0);
        if timed("projections.move", update.execute(&mut *tx)).await?.rows_affected() == 0 {
            return Ok(false);
        }
        replace(&mut tx, words).await?;
        commit(tx).await?;
        Ok(true)
    }

    /// The conversations that `user` is in.
    async fn within(&self, user: UserId) -> Result<Vec<ConversationId>> {
        let select = sqlx::query(
            "SELECT conversation_id FROM memberships WHERE user_id = ? AND left_pos IS NULL",
        )
        .bind(bytes(user));
        let mut connection = self.read().await?;
        let rows = timed("memberships.mine", select.fetch_all(&mut *connection)).await?;
        rows.iter().map(|row| get_id(row, "conversation_id")).collect()
    }
}

async fn replace(tx: &mut Transaction<'static, Any>, words: &Words) -> Result<()> {
    if words.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Any>::new("DELETE FROM message_words WHERE rowid");
    push_numbers(&mut query, words.keys().copied());
    timed("message_words.delete", query.build().execute(&mut **tx)).await?;
    let found = words.iter().filter_map(|(pos, words)| Some((*pos, words.as_ref()?)));
    let found: Vec<(i64, &String)> = found.filter(|(_, words)| !words.is_empty()).collect();
    for part in parts(&found) {
        let mut query = QueryBuilder::<Any>::new("INSERT INTO message_words (rowid, words) ");
        query.push_values(part, |mut row, (pos, words)| {
            row.push_bind(*pos).push_bind((*words).clone());
        });
        timed("message_words.insert", query.build().execute(&mut **tx)).await?;
    }
    Ok(())
}

#[async_trait]
impl SearchStore for Sql {
    async fn search(
        &self,
        user: UserId,
        query: &SearchQuery,
        within: Option<ConversationId>,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let conversations = match within {
            Some(one) => vec![one],
            None => self.within(user).await?,
        };
        if conversations.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.read().await?;
        let terms = self.dialect.terms(query, &conversations);
        find(&mut connection, self.dialect, user, terms, within, after, limit).await
    }
}

impl Dialect {
    /// Asks the index for each of the words, in any of the conversations.
    /// Nothing has to be quoted: tokens are letters, digits and '_'.
    fn terms(self, query: &SearchQuery, conversations: &[ConversationId]) -> String {
        let (before, or, and) = match self {
            Self::Sqlite => ("", " OR ", " AND "),
            Self::Mysql => ("+", " ", " "),
        };
        let words = query.words().iter().map(|word| {
            let tokens: Vec<String> =
                conversations.iter().map(|id| format!("{}*", word.token(*id))).collect();
            format!("{before}({})", tokens.join(or))
        });
        words.collect::<Vec<_>>().join(and)
    }
}

async fn find(
    connection: &mut AnyConnection,
    dialect: Dialect,
    user: UserId,
    terms: String,
    within: Option<ConversationId>,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Message>> {
    // In this order: left to themselves, they would ask the index for each
    // message of a conversation.
    let join = match dialect {
        Dialect::Sqlite => " CROSS JOIN ",
        Dialect::Mysql => " STRAIGHT_JOIN ",
    };
    let mut query = QueryBuilder::<Any>::new("SELECT ");
    query.push(messages::COLUMNS).push(" FROM message_words w");
    query.push(join).push("messages m ON m.pos = w.rowid");
    query.push(join).push("memberships mine ON mine.conversation_id = m.conversation_id");
    query.push(" AND mine.left_pos IS NULL AND mine.user_id = ").push_bind(bytes(user));
    query.push(" WHERE m.seq > mine.joined_seq AND m.body IS NOT NULL AND ");
    match dialect {
        Dialect::Sqlite => query.push("message_words MATCH ").push_bind(terms),
        Dialect::Mysql => {
            query.push("MATCH (w.words) AGAINST (").push_bind(terms).push(" IN BOOLEAN MODE)")
        }
    };
    if let Some(id) = within {
        query.push(" AND m.conversation_id = ").push_bind(bytes(id));
    }
    if let Some(after) = after {
        query.push(" AND w.rowid < ").push_bind(after.0);
    }
    query.push(" ORDER BY w.rowid DESC LIMIT ").push_bind(signed(limit));
    let rows = timed("messages.search", query.build().fetch_all(connection)).await?;
    rows.iter().map(messages::decode).collect()
}
