//! Changing messages that were sent.

use std::collections::HashMap;

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, QueryBuilder, Transaction};

use super::{
    Sql, bytes, commit, get, get_id,
    log::Tail,
    members::MemberCache,
    messages, push_names, retried,
    rooms::{self, Room},
    timed,
};
use crate::{
    error::{Error, Result},
    ids::{ConversationId, MessageId, UserId},
    messaging::{
        Change, Entry, MentionStore, Message, MessageNews, Revised, Revision, RevisionStore, Scope,
    },
    people::Username,
};

#[async_trait]
impl RevisionStore for Sql {
    async fn revise(
        &self,
        at: Timestamp,
        message: MessageId,
        by: UserId,
        revision: &Revision,
    ) -> Result<Revised> {
        retried(|| self.revise_once(at, message, by, revision)).await
    }
}

#[async_trait]
impl MentionStore for Sql {
    async fn members_named(
        &self,
        conversation: ConversationId,
        names: &[Username],
    ) -> Result<HashMap<String, UserId>> {
        let mut query = QueryBuilder::<Any>::new(
            "SELECT a.username, a.id FROM accounts a JOIN memberships m ON m.user_id = a.id \
             AND m.left_pos IS NULL AND m.conversation_id = ",
        );
        query.push_bind(bytes(conversation)).push(" WHERE a.username");
        push_names(&mut query, names.iter().map(|name| name.as_str().to_owned()));
        let mut connection = self.read().await?;
        let rows = timed("memberships.named", query.build().fetch_all(&mut *connection)).await?;
        rows.iter().map(|row| Ok((get(row, "username")?, get_id(row, "id")?))).collect()
    }
}

impl Sql {
    async fn revise_once(
        &self,
        at: Timestamp,
        message: MessageId,
        by: UserId,
        revision: &Revision,
    ) -> Result<Revised> {
        let mut tx = self.begin().await?;
        let tail = Tail::lock(&mut tx, self.dialect, at).await?;
        let subject = Subject::read(&mut tx, &self.members, message, by).await?;
        let place = subject.room.place();
        let Some(message) = revision.of(&subject.message, by, subject.room.role(by), at)? else {
            commit(tx).await?;
            let message = subject.message;
            return Ok(Revised { message, place, reactions: None, told: None });
        };
        subject.write(&mut tx, &message).await?;
        let told = subject.tell(&mut tx, tail, &message, revision.change()).await?;
        commit(tx).await?;
        Ok(Revised { message, place, reactions: None, told })
    }
}

/// A message that is to be changed, in a transaction that holds the log's head.
pub(super) struct Subject {
    pub(super) message: Message,
    pub(super) room: Room,
    has_key: bool,
    fingerprint: Option<i64>,
}

impl Subject {
    /// Reads it, for who is in its conversation.
    pub(super) async fn read(
        tx: &mut Transaction<'static, Any>,
        cache: &MemberCache,
        id: MessageId,
        by: UserId,
    ) -> Result<Self> {
        let mut query = QueryBuilder::<Any>::new("SELECT m.client_key, m.fingerprint, ");
        query.push(messages::COLUMNS).push(" FROM messages m WHERE m.id = ").push_bind(bytes(id));
        let row = timed("messages.subject", query.build().fetch_optional(&mut **tx)).await?;
        let unknown = || Error::NotFound("message");
        let row = row.ok_or_else(unknown)?;
        let message = messages::decode(&row)?;
        let mut rooms = rooms::read(tx, cache, [message.conversation]).await?;
        let room = rooms.remove(&message.conversation).filter(|room| room.contains(by));
        Ok(Self {
            message,
            room: room.ok_or_else(unknown)?,
            has_key: get::<Option<Vec<u8>>>(&row, "client_key")?.is_some(),
            fingerprint: get(&row, "fingerprint")?,
        })
    }

    /// Writes down what it is now.
    async fn write(&self, tx: &mut Transaction<'static, Any>, now: &Message) -> Result<()> {
        let update = sqlx::query(
            "UPDATE messages SET body = ?, edited_at = ?, deleted_at = ?, mentions = ?, \
             fingerprint = ? WHERE pos = ?",
        )
        .bind(now.body.clone())
        .bind(now.edited_at.map(|at| at.0))
        .bind(now.deleted_at.map(|at| at.0))
        .bind(messages::encode_ids(&now.mentions))
        .bind(self.fingerprint_of(now))
        .bind(now.pos.0);
        timed("messages.revise", update.execute(&mut **tx)).await?;
        if now.deleted_at.is_none() {
            return Ok(());
        }
        let delete = sqlx::query("DELETE FROM reactions WHERE message_pos = ?").bind(now.pos.0);
        timed("reactions.delete_all", delete.execute(&mut **tx)).await.map(drop)
    }

    /// What tells its first text, for who comes with the same key again.
    fn fingerprint_of(&self, now: &Message) -> Option<i64> {
        if now.deleted_at.is_some() {
            return None;
        }
        let first = self.message.body.as_deref().filter(|_| self.has_key);
        self.fingerprint.or_else(|| first.map(messages::fingerprint))
    }

    /// Appends what became of it, for those who are in the conversation now.
    pub(super) async fn tell(
        &self,
        tx: &mut Transaction<'static, Any>,
        mut tail: Tail,
        now: &Message,
        change: fn(MessageNews) -> Change,
    ) -> Result<Option<Entry>> {
        let news = MessageNews::bare(now.clone(), self.room.place());
        let to = self.room.recipients().clone();
        tail.push(Scope::Conversation(now.conversation), to, change(news));
        rooms::note_logged(tx, now.conversation, tail.last()).await?;
        Ok(tail.write(tx).await?.pop())
    }
}
