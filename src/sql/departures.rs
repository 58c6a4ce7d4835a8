//! What is kept of those who leave for good.

use async_trait::async_trait;
use sqlx::{Any, QueryBuilder};

use super::{Sql, bytes, commit, get, get_id, push_numbers, retried, signed, timed};
use crate::{
    error::{Error, Result},
    ids::{ConversationId, GroupId, JobId, UserId},
    jobs::Task,
    people::{Departure, DepartureStore},
};

/// How many messages one transaction takes somebody off.
const PART: usize = 1_000;

#[async_trait]
impl DepartureStore for Sql {
    async fn groups_of(&self, user: UserId) -> Result<Vec<GroupId>> {
        let select = sqlx::query(
            "SELECT conversation_id FROM memberships \
             WHERE user_id = ? AND left_pos IS NULL AND role IS NOT NULL ORDER BY conversation_id",
        )
        .bind(bytes(user));
        let mut connection = self.read().await?;
        let rows = timed("memberships.groups_of", select.fetch_all(&mut *connection)).await?;
        let groups = rows
            .iter()
            .map(|row| get_id::<ConversationId>(row, "conversation_id").map(ConversationId::group));
        groups.collect()
    }

    async fn forget_sender(&self, user: UserId) -> Result<()> {
        loop {
            let messages = self.sent_by(user).await?;
            if messages.is_empty() {
                return Ok(());
            }
            retried(|| self.take_sender_off(&messages)).await?;
        }
    }

    async fn note_ties(&self, job: JobId, departure: &Departure) -> Result<()> {
        let task = serde_json::to_string(&Task::RemovePerson(departure.clone()));
        let task = task.map_err(Error::internal)?;
        let mut tx = self.begin().await?;
        let update =
            sqlx::query("UPDATE jobs SET task = ? WHERE id = ?").bind(task).bind(bytes(job));
        timed("jobs.note_ties", update.execute(&mut *tx)).await?;
        commit(tx).await
    }

    async fn forget_seen(&self, user: UserId) -> Result<()> {
        let delete = sqlx::query("DELETE FROM last_seen WHERE user_id = ?").bind(bytes(user));
        let mut connection = self.availability.unless_away(self.write.acquire()).await?;
        timed("last_seen.forget", delete.execute(&mut *connection)).await.map(drop)
    }
}

impl Sql {
    /// Positions of some messages that the person sent.
    async fn sent_by(&self, user: UserId) -> Result<Vec<i64>> {
        let select = sqlx::query("SELECT pos FROM messages WHERE sender_id = ? LIMIT ?")
            .bind(bytes(user))
            .bind(signed(PART));
        let mut connection = self.read().await?;
        let rows = timed("messages.by_sender", select.fetch_all(&mut *connection)).await?;
        rows.iter().map(|row| get(row, "pos")).collect()
    }

    async fn take_sender_off(&self, messages: &[i64]) -> Result<()> {
        let mut query = QueryBuilder::<Any>::new(
            "UPDATE messages SET sender_id = NULL, client_key = NULL WHERE pos",
        );
        push_numbers(&mut query, messages.iter().copied());
        let mut tx = self.begin().await?;
        timed("messages.forget_sender", query.build().execute(&mut *tx)).await?;
        commit(tx).await
    }
}
