//! Who chatted with whom last.

use std::collections::HashMap;

use serde::Deserialize;

use super::{
    Neo4jGraph,
    statement::{PersonRow, Statement, list, map, read, signed, statements, text},
};
use crate::{Chat, ConversationId, LastChatted, Result, Timestamp, UserId, chat::latest};

statements! {
    RECORD = "chats/record";
    LAST = "chats/last";
    LAST_AT = "chats/last_at";
}

impl Neo4jGraph {
    pub(super) async fn record_chats(&self, chats: &[Chat]) -> Result<()> {
        let latest = latest(chats);
        if latest.is_empty() {
            return Ok(());
        }
        let people: Vec<_> = latest.iter().flat_map(|chat| [chat.one, chat.other]).collect();
        let chats: Vec<_> = latest
            .iter()
            .map(|chat| {
                map([
                    ("lower", text(chat.one).into()),
                    ("higher", text(chat.other).into()),
                    ("conversation", text(chat.conversation).into()),
                    ("at", chat.at.0.into()),
                ])
            })
            .collect();
        let record = RECORD.bind("people", list(&people)).bind("chats", chats);
        self.session.write(record).await?;
        Ok(())
    }

    pub(super) async fn last_chatted(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Result<Vec<LastChatted>> {
        #[derive(Deserialize)]
        struct LastRow {
            person: PersonRow,
            conversation: ConversationId,
            at: Timestamp,
        }
        let last = LAST.bind("viewer", text(viewer)).bind("limit", signed(limit));
        let rows = self.session.read(last).await?;
        let last = read::<LastRow>(&rows)?.into_iter();
        Ok(last
            .map(|LastRow { person, conversation, at }| LastChatted {
                with: person.into(),
                conversation,
                at,
            })
            .collect())
    }

    pub(super) async fn last_chatted_at(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Timestamp>> {
        #[derive(Deserialize)]
        struct AtRow {
            id: UserId,
            at: Timestamp,
        }
        if others.is_empty() {
            return Ok(HashMap::new());
        }
        let last = LAST_AT.bind("viewer", text(viewer)).bind("others", list(others));
        let rows = self.session.read(last).await?;
        Ok(read::<AtRow>(&rows)?.into_iter().map(|row| (row.id, row.at)).collect())
    }
}
