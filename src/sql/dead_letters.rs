//! Dead letters.

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, Transaction, any::AnyRow};

use super::{Sql, bytes, commit, get, jobs, signed, timed};
use crate::{
    error::Result,
    ids::JobId,
    jobs::{DeadLetter, DeadLetterStore},
};

const SELECT: &str = "SELECT id, task, created_at, died_at AS run_at, attempts, last_error, \
     died_at FROM dead_letters";

#[async_trait]
impl DeadLetterStore for Sql {
    async fn bury(&self, id: JobId, died_at: Timestamp, error: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let insert = sqlx::query(
            "INSERT INTO dead_letters \
             (id, subject, task, created_at, attempts, last_error, died_at) \
             SELECT id, subject, task, created_at, attempts + 1, ?, ? FROM jobs WHERE id = ?",
        )
        .bind(error)
        .bind(died_at.0)
        .bind(bytes(id));
        timed("dead_letters.insert", insert.execute(&mut *tx)).await?;
        let delete = sqlx::query("DELETE FROM jobs WHERE id = ?").bind(bytes(id));
        timed("jobs.delete", delete.execute(&mut *tx)).await?;
        commit(tx).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        let statement = format!("{SELECT} ORDER BY id LIMIT ?");
        let mut connection = self.read().await?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(signed(limit));
        let rows = timed("dead_letters.list", rows.fetch_all(&mut *connection)).await?;
        rows.iter().map(decode).collect()
    }

    async fn dead_letter(&self, id: JobId) -> Result<Option<DeadLetter>> {
        let statement = format!("{SELECT} WHERE id = ?");
        let mut connection = self.read().await?;
        let row = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(bytes(id));
        let row = timed("dead_letters.by_id", row.fetch_optional(&mut *connection)).await?;
        row.as_ref().map(decode).transpose()
    }

    async fn count_dead_letters(&self) -> Result<u64> {
        let mut connection = self.read().await?;
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM dead_letters");
        let count: i64 = timed("dead_letters.count", count.fetch_one(&mut *connection)).await?;
        Ok(count.unsigned_abs())
    }

    async fn replay(&self, id: JobId, run_at: Timestamp) -> Result<bool> {
        let mut tx = self.begin().await?;
        let insert = sqlx::query(
            "INSERT INTO jobs (id, subject, task, created_at, run_at, attempts) \
             SELECT id, subject, task, created_at, ?, 0 FROM dead_letters WHERE id = ?",
        )
        .bind(run_at.0)
        .bind(bytes(id));
        timed("jobs.replay", insert.execute(&mut *tx)).await?;
        let there = delete(&mut tx, id).await?;
        commit(tx).await?;
        Ok(there)
    }

    async fn drop_dead_letter(&self, id: JobId) -> Result<bool> {
        let mut tx = self.begin().await?;
        let there = delete(&mut tx, id).await?;
        commit(tx).await?;
        Ok(there)
    }
}

async fn delete(tx: &mut Transaction<'static, Any>, id: JobId) -> Result<bool> {
    let delete = sqlx::query("DELETE FROM dead_letters WHERE id = ?").bind(bytes(id));
    let touched = timed("dead_letters.delete", delete.execute(&mut **tx)).await?;
    Ok(touched.rows_affected() > 0)
}

fn decode(row: &AnyRow) -> Result<DeadLetter> {
    Ok(DeadLetter {
        job: jobs::decode(row)?,
        last_error: get(row, "last_error")?,
        died_at: Timestamp(get(row, "died_at")?),
    })
}
