//! Who chatted with whom last.

use std::{cmp::Reverse, collections::HashMap};

use super::{
    SqliteGraph, commit,
    groups::{GROUP, group, group_columns},
    statement::{
        PERSON, Statement, bytes, get, hex, id, json, list, person, person_columns, signed,
        statements, time,
    },
};
use crate::{Chat, ChatPartner, LastChatted, Result, Timestamp, UserId, chat::latest};

/// How many edges, or groups, are forgotten in one transaction.
const PART: i64 = 5_000;

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
    RECORD_GROUPS = "chats/record_groups":
        "UPDATE graph_groups SET last_chatted_at = chat.value ->> 1 \
         FROM json_each(?1) chat \
         WHERE graph_groups.id = unhex(chat.value ->> 0) \
           AND (last_chatted_at IS NULL OR last_chatted_at < chat.value ->> 1)";
    LAST = "chats/last":
        concat!("SELECT ", person_columns!(), ", c.conversation, c.at \
         FROM graph_last_chatted c CROSS JOIN graph_people p ON p.id = c.other \
         WHERE c.person = ?1 ORDER BY c.at DESC, c.other DESC LIMIT ?2");
    LAST_IN_GROUPS = "chats/last_in_groups":
        concat!("SELECT ", group_columns!(), ", g.last_chatted_at \
         FROM graph_members m CROSS JOIN graph_groups g ON g.id = m.group_id \
         WHERE m.person = ?1 AND g.last_chatted_at >= m.since \
         ORDER BY g.last_chatted_at DESC, g.id DESC LIMIT ?2");
    LAST_AT = "chats/last_at":
        "SELECT other, at FROM graph_last_chatted \
         WHERE person = ?1 AND other IN (SELECT unhex(value) FROM json_each(?2))";
    END_OF_PART = "chats/end_of_part":
        "SELECT person FROM graph_last_chatted WHERE person > ?1 \
         ORDER BY person LIMIT 1 OFFSET ?2";
    FORGET = "chats/forget":
        "DELETE FROM graph_last_chatted WHERE person > ?1 AND person <= ?2";
    END_OF_PART_OF_GROUPS = "chats/end_of_part_of_groups":
        "SELECT id FROM graph_groups WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2";
    FORGET_GROUPS = "chats/forget_groups":
        "UPDATE graph_groups SET last_chatted_at = NULL \
         WHERE id > ?1 AND id <= ?2 AND last_chatted_at IS NOT NULL";
}

impl SqliteGraph {
    pub(super) async fn record_chats(&self, chats: &[Chat]) -> Result<()> {
        let (direct, groups) = latest(chats);
        let direct: Vec<_> = direct
            .iter()
            .flat_map(|chat| [(chat.low, chat.high, chat), (chat.high, chat.low, chat)])
            .map(|(person, other, chat)| (hex(person), hex(other), hex(chat.conversation), chat.at))
            .collect();
        let groups: Vec<_> = groups.iter().map(|&(group, at)| (hex(group), at)).collect();
        if direct.is_empty() && groups.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        if !direct.is_empty() {
            RECORD.bind(json(&direct)?).execute(&mut transaction).await?;
        }
        if !groups.is_empty() {
            RECORD_GROUPS.bind(json(&groups)?).execute(&mut transaction).await?;
        }
        commit(transaction).await
    }

    pub(super) async fn forget_chats(&self) -> Result<()> {
        self.forget(END_OF_PART, FORGET).await?;
        self.forget(END_OF_PART_OF_GROUPS, FORGET_GROUPS).await
    }

    /// Goes through a table once, in the order of its ids, so that it ends
    /// whatever is recorded meanwhile. Others may write between two parts.
    async fn forget(&self, end_of_part: Statement, forget: Statement) -> Result<()> {
        let mut after = Vec::new();
        loop {
            let mut writer = self.writer().await?;
            let end = end_of_part.bind(after.clone()).bind(PART).optional(&mut writer).await?;
            let end: Option<Vec<u8>> = end.map(|row| get(&row, 0)).transpose()?;
            let until = end.clone().unwrap_or_else(|| vec![u8::MAX; 16]);
            forget.bind(after).bind(until).execute(&mut writer).await?;
            match end {
                Some(end) => after = end,
                None => return Ok(()),
            }
        }
    }

    pub(super) async fn last_chatted(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Result<Vec<LastChatted>> {
        let of_viewer = |last: Statement| last.bind(bytes(viewer)).bind(signed(limit));
        let mut reader = self.reader().await?;
        let mut last = Vec::new();
        for row in of_viewer(LAST).all(&mut reader).await? {
            let with = ChatPartner::Person(person(&row, 0)?, id(&row, PERSON)?);
            last.push(LastChatted { with, at: time(&row, PERSON + 1)? });
        }
        for row in of_viewer(LAST_IN_GROUPS).all(&mut reader).await? {
            let with = ChatPartner::Group(group(&row, 0)?);
            last.push(LastChatted { with, at: time(&row, GROUP)? });
        }
        // Keeps the order of those at the same time: people before groups, the higher id first.
        last.sort_by_key(|chatted| Reverse(chatted.at));
        last.truncate(limit);
        Ok(last)
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
