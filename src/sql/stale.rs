//! Deleting what nobody can use any more of sessions, codes and attempts.

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, QueryBuilder};

use super::{
    Sql, attempts::push_hashes, closing, commit, get, get_id, push_ids, retried, signed, timed,
};
use crate::{
    accounts::StaleStore,
    error::Result,
    ids::{SessionId, UserId},
    jobs::Job,
};

#[async_trait]
impl StaleStore for Sql {
    async fn drop_sessions(
        &self,
        ended: Timestamp,
        used: Timestamp,
        limit: usize,
    ) -> Result<usize> {
        let mut sessions = self
            .stale_sessions("SELECT id FROM sessions WHERE ended_at < ? LIMIT ?", ended, limit)
            .await?;
        let idle = "SELECT id FROM sessions WHERE last_used_at < ? LIMIT ?";
        sessions.extend(self.stale_sessions(idle, used, limit - sessions.len()).await?);
        if !sessions.is_empty() {
            retried(|| self.drop_these(&sessions)).await?;
        }
        Ok(sessions.len())
    }

    async fn drop_refresh_tokens(&self, issued: Timestamp, limit: usize) -> Result<usize> {
        let stale = "SELECT hash FROM refresh_tokens WHERE issued_at < ? LIMIT ?";
        let hashes = self.stale_hashes("refresh_tokens.stale", stale, issued, limit).await?;
        // What was issued once stays as old as it is.
        let delete = ("refresh_tokens.drop_stale", "DELETE FROM refresh_tokens WHERE hash");
        self.drop_hashes(delete, &hashes, None).await
    }

    async fn drop_codes(&self, expired: Timestamp, limit: usize) -> Result<usize> {
        let select = sqlx::query("SELECT account_id FROM codes WHERE expires_at < ? LIMIT ?")
            .bind(expired.0)
            .bind(signed(limit));
        let mut connection = self.read().await?;
        let rows = timed("codes.stale", select.fetch_all(&mut *connection)).await?;
        let of =
            rows.iter().map(|row| get_id(row, "account_id")).collect::<Result<Vec<UserId>>>()?;
        drop(connection);
        if !of.is_empty() {
            // By the primary key, so that no other code is waited for.
            let mut query = QueryBuilder::<Any>::new("DELETE FROM codes WHERE expires_at < ");
            query.push_bind(expired.0).push(" AND account_id");
            push_ids(&mut query, of.iter().copied());
            let mut connection = self.availability.unless_away(self.write.acquire()).await?;
            timed("codes.drop_stale", query.build().execute(&mut *connection)).await?;
        }
        Ok(of.len())
    }

    async fn drop_attempts(&self, over: Timestamp, limit: usize) -> Result<usize> {
        let stale = "SELECT hash FROM attempts WHERE ends_at < ? LIMIT ?";
        let hashes = self.stale_hashes("attempts.stale", stale, over, limit).await?;
        // Some may be counted by again meanwhile.
        let still = Some((" AND ends_at < ", over));
        let delete = ("attempts.drop_stale", "DELETE FROM attempts WHERE hash");
        self.drop_hashes(delete, &hashes, still).await
    }

    async fn lapsed(&self, at: Timestamp, limit: usize) -> Result<Vec<UserId>> {
        closing::lapsed(self, at, limit).await
    }

    async fn drop_lapsed(&self, user: UserId, job: &Job, at: Timestamp) -> Result<bool> {
        closing::drop_lapsed(self, user, job, at).await
    }
}

impl Sql {
    async fn stale_sessions(
        &self,
        statement: &'static str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<SessionId>> {
        let select = sqlx::query(statement).bind(before.0).bind(signed(limit));
        let mut connection = self.read().await?;
        let rows = timed("sessions.stale", select.fetch_all(&mut *connection)).await?;
        rows.iter().map(|row| get_id(row, "id")).collect()
    }

    async fn drop_these(&self, sessions: &[SessionId]) -> Result<()> {
        let mut tx = self.begin().await?;
        for (name, statement) in [
            ("refresh_tokens.drop", "DELETE FROM refresh_tokens WHERE session_id"),
            ("sessions.drop", "DELETE FROM sessions WHERE id"),
        ] {
            let mut query = QueryBuilder::<Any>::new(statement);
            push_ids(&mut query, sessions.iter().copied());
            timed(name, query.build().execute(&mut *tx)).await?;
        }
        commit(tx).await
    }

    async fn stale_hashes(
        &self,
        name: &'static str,
        statement: &'static str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>> {
        let select = sqlx::query(statement).bind(before.0).bind(signed(limit));
        let mut connection = self.read().await?;
        let rows = timed(name, select.fetch_all(&mut *connection)).await?;
        rows.iter().map(|row| get(row, "hash")).collect()
    }

    /// Returns how many were found, be they there any more or not.
    async fn drop_hashes(
        &self,
        (name, statement): (&'static str, &'static str),
        hashes: &[Vec<u8>],
        only: Option<(&'static str, Timestamp)>,
    ) -> Result<usize> {
        if hashes.is_empty() {
            return Ok(0);
        }
        let mut query = QueryBuilder::<Any>::new(statement);
        push_hashes(&mut query, hashes.iter().cloned());
        if let Some((condition, before)) = only {
            query.push(condition).push_bind(before.0);
        }
        let mut connection = self.availability.unless_away(self.write.acquire()).await?;
        timed(name, query.build().execute(&mut *connection)).await?;
        Ok(hashes.len())
    }
}
