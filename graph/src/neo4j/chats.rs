//! Who chatted with whom last.

use std::{cmp::Reverse, collections::HashMap};

use serde::Deserialize;

use super::{
    Neo4jGraph,
    statement::{GroupRow, PersonRow, Statement, ids, list, map, signed, statements, text},
};
use crate::{
    Chat, ChatPartner, DirectConversationId, LastChatted, Result, Timestamp, UserId, chat::latest,
};

statements! {
    RECORD = "chats/record";
    RECORD_GROUPS = "chats/record_groups";
    LAST = "chats/last";
    LAST_AT = "chats/last_at";
    FORGET = "chats/forget";
    FORGET_GROUPS = "chats/forget_groups";
}

/// How many are forgotten in one transaction.
const PART: i64 = 10_000;

impl Neo4jGraph {
    pub(super) async fn record_chats(&self, chats: &[Chat]) -> Result<()> {
        let (direct, groups) = latest(chats);
        if !direct.is_empty() {
            let people = ids(direct.iter().flat_map(|chat| [chat.low, chat.high]));
            let chats = direct.iter().map(|chat| {
                map([
                    ("lower", text(chat.low).into()),
                    ("higher", text(chat.high).into()),
                    ("conversation", text(chat.conversation).into()),
                    ("at", chat.at.0.into()),
                ])
            });
            self.session.write(RECORD.bind("people", people).bind("chats", list(chats))).await?;
        }
        if !groups.is_empty() {
            let chats = groups
                .iter()
                .map(|&(group, at)| map([("group", text(group).into()), ("at", at.0.into())]));
            self.session.write(RECORD_GROUPS.bind("chats", list(chats))).await?;
        }
        Ok(())
    }

    pub(super) async fn forget_chats(&self) -> Result<()> {
        let forget = FORGET.bind("part", PART);
        while self.patient.write_answer(forget.clone()).await? == Some(PART) {}
        let mut last = Some(String::new());
        while let Some(after) = last {
            let forget = FORGET_GROUPS.bind("part", PART).bind("after", after);
            last = self.patient.write_answer(forget).await?.flatten();
        }
        Ok(())
    }

    pub(super) async fn last_chatted(
        &self,
        viewer: UserId,
        limit: usize,
    ) -> Result<Vec<LastChatted>> {
        #[derive(Deserialize)]
        struct LastRow(
            Vec<(PersonRow, DirectConversationId, Timestamp)>,
            Vec<(GroupRow, Timestamp)>,
        );
        let last = LAST.bind("viewer", text(viewer)).bind("limit", signed(limit));
        let last = self.session.answer(last).await?;
        let Some(LastRow(people, groups)) = last else { return Ok(Vec::new()) };
        let people = people.into_iter().map(|(person, conversation, at)| LastChatted {
            with: ChatPartner::Person(person.into(), conversation),
            at,
        });
        let groups = groups
            .into_iter()
            .map(|(group, at)| LastChatted { with: ChatPartner::Group(group.into()), at });
        let mut last: Vec<_> = people.chain(groups).collect();
        // Keeps the order of those at the same time: people before groups.
        last.sort_by_key(|last| Reverse(last.at));
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
        let last = LAST_AT.bind("viewer", text(viewer)).bind("others", ids(others.iter().copied()));
        Ok(self.session.answers(last).await?.into_iter().collect())
    }
}
