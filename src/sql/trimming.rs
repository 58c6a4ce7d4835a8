//! Forgetting the oldest part of the log.

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, AnyConnection, Transaction};

use super::{Sql, commit, get, retried, signed, timed};
use crate::{
    error::Result,
    messaging::{Position, TrimStore},
};

#[async_trait]
impl TrimStore for Sql {
    async fn trim(&self, before: Timestamp, until: Position, limit: usize) -> Result<usize> {
        retried(|| self.trim_once(before, until, limit)).await
    }
}

impl Sql {
    async fn trim_once(&self, before: Timestamp, until: Position, limit: usize) -> Result<usize> {
        let mut tx = self.begin().await?;
        let from = lock(&mut tx).await?;
        let end = until.0.min(from.0.saturating_add(signed(limit)));
        let select = sqlx::query(
            "SELECT MAX(pos) AS last, MIN(CASE WHEN at >= ? THEN pos END) AS kept FROM log \
             WHERE pos > ? AND pos <= ?",
        )
        .bind(before.0)
        .bind(from.0)
        .bind(end);
        let row = timed("log.oldest", select.fetch_one(&mut *tx)).await?;
        let (last, kept): (Option<i64>, Option<i64>) = (get(&row, "last")?, get(&row, "kept")?);
        let to = kept.map(|first| first - 1).or(last).unwrap_or_default();
        if to <= from.0 {
            return Ok(0);
        }
        let delete = sqlx::query("DELETE FROM log WHERE pos > ? AND pos <= ?");
        timed("log.trim", delete.bind(from.0).bind(to).execute(&mut *tx)).await?;
        let update = sqlx::query("UPDATE projections SET pos = ? WHERE name = 'trimmed'");
        timed("log.trimmed_to", update.bind(to).execute(&mut *tx)).await?;
        commit(tx).await?;
        Ok(usize::try_from(to - from.0).unwrap_or_default())
    }
}

/// Keeps other nodes from trimming too, and tells how far it was trimmed.
async fn lock(tx: &mut Transaction<'static, Any>) -> Result<Position> {
    let update = sqlx::query("UPDATE projections SET pos = pos WHERE name = 'trimmed'");
    timed("log.trimmed_lock", update.execute(&mut **tx)).await?;
    trimmed(tx).await
}

/// The position of the last entry that was deleted. Asked for after entries
/// were read, it tells whether some of them were missing.
pub(super) async fn trimmed(connection: &mut AnyConnection) -> Result<Position> {
    let select = sqlx::query_scalar("SELECT pos FROM projections WHERE name = 'trimmed'");
    timed("log.trimmed", select.fetch_one(connection)).await.map(Position)
}
