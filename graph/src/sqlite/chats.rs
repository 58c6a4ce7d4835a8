//! Who chatted with whom last.

use std::collections::HashMap;

use serde_json::json;

use super::{
    SqliteGraph,
    statement::{
        PERSON, Statement, bytes, id, list, person, person_columns, signed, statements, time,
    },
};
use crate::{Chat, LastChatted, Result, Timestamp, UserId, chat::latest};

statements! {
    RECORD = "chats/record":
        "INSERT INTO graph_last_chatted (person, other, conversation, at) \
         SELECT p.id, o.id, unhex(chat.value ->> 2), chat.value ->> 3 \
         FROM json_each(?1) chat \
         CROSS JOIN graph_people p ON p.id = unhex(chat.value ->> 0) \
         CROSS JOIN graph_people o ON o.id = unhex(chat.value ->> 1) \
         WHERE true \
         ON CONFLICT (person, other) DO UPDATE \
         SET conversation = excluded.conversation, at = excluded.at \
         WHERE (excluded.at, excluded.conversation) > (at, conversation)";
    LAST = "chats/last":
        concat!("SELECT ", person_columns!(), ", c.conversation, c.at \
         FROM graph_last_chatted c CROSS JOIN graph_people p ON p.id = c.other \
         WHERE c.person = ?1 ORDER BY c.at DESC, c.other DESC LIMIT ?2");
    LAST_AT = "chats/last_at":
        "SELECT other, at FROM graph_last_chatted \
         WHERE person = ?1 AND other IN (SELECT unhex(value) FROM json_each(?2))";
}

impl SqliteGraph {
    pub(super) async fn record_chats(&self, chats: &[Chat]) -> Result<()> {
        let latest = latest(chats);
        if latest.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = latest
            .iter()
            .flat_map(|chat| [(chat.one, chat.other, chat), (chat.other, chat.one, chat)])
            .map(|(person, other, chat)| {
                let hex = |id: uuid::Uuid| id.simple().to_string();
                json!([
                    hex(person.uuid()),
                    hex(other.uuid()),
                    hex(chat.conversation.uuid()),
                    chat.at.0
                ])
            })
            .collect();
        let record = RECORD.bind(serde_json::Value::from(rows).to_string());
        record.execute(&mut *self.writer().await?).await?;
        Ok(())
    }

    pub(super) async fn last_chatted(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Result<Vec<LastChatted>> {
        let last = LAST.bind(bytes(viewer)).bind(signed(limit));
        let rows = last.all(&mut *self.reader().await?).await?;
        rows.iter()
            .map(|row| {
                Ok(LastChatted {
                    with: person(row, 0)?,
                    conversation: id(row, PERSON)?,
                    at: time(row, PERSON + 1)?,
                })
            })
            .collect()
    }

    pub(super) async fn last_chatted_at(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Timestamp>> {
        if others.is_empty() {
            return Ok(HashMap::new());
        }
        let last = LAST_AT.bind(bytes(viewer)).bind(list(others));
        let rows = last.all(&mut *self.reader().await?).await?;
        rows.iter().map(|row| Ok((id(row, 0)?, time(row, 1)?))).collect()
    }
}
