//! Jobs.

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, Transaction, any::AnyRow};

use super::{Sql, bytes, commit, get, get_id, log, signed, timed};
use crate::{
    error::{Error, Result},
    ids::JobId,
    jobs::{Job, JobStore},
    messaging::{Entry, NewEntry},
};

/// Writes a job down in the transaction of what it belongs to.
pub(super) async fn insert(tx: &mut Transaction<'static, Any>, job: &Job) -> Result<()> {
    let task = serde_json::to_string(&job.task).map_err(Error::internal)?;
    let statement = sqlx::query(
        "INSERT INTO jobs (id, subject, task, created_at, run_at, attempts) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(bytes(job.id))
    .bind(job.task.subject())
    .bind(task)
    .bind(job.created_at.0)
    .bind(job.run_at.0)
    .bind(i64::from(job.attempts));
    timed("jobs.insert", statement.execute(&mut **tx)).await.map(drop)
}

const COLUMNS: &str = "id, task, created_at, run_at, attempts";

#[async_trait]
impl JobStore for Sql {
    async fn insert(&self, job: &Job) -> Result<Vec<Job>> {
        let mut tx = self.begin().await?;
        insert(&mut tx, job).await?;
        let statement =
            format!("SELECT {COLUMNS} FROM jobs WHERE subject = ? AND id < ? ORDER BY id");
        let older = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(job.task.subject())
            .bind(bytes(job.id));
        let older = timed("jobs.older", older.fetch_all(&mut *tx)).await?;
        commit(tx).await?;
        older.iter().map(decode).collect()
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Job>> {
        let mut connection = self.read().await?;
        let statement =
            format!("SELECT {COLUMNS} FROM jobs WHERE run_at <= ? ORDER BY run_at LIMIT ?");
        let due = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(now.0).bind(signed(limit));
        let mut due: Vec<Job> = timed("jobs.due", due.fetch_all(&mut *connection))
            .await?
            .iter()
            .map(decode)
            .collect::<Result<_>>()?;
        due.sort_by_key(|job| job.id);
        Ok(due)
    }

    async fn pending(&self) -> Result<u64> {
        let mut connection = self.read().await?;
        let count: i64 = timed(
            "jobs.count",
            sqlx::query_scalar("SELECT COUNT(*) FROM jobs").fetch_one(&mut *connection),
        )
        .await?;
        Ok(count.unsigned_abs())
    }

    async fn complete(
        &self,
        id: JobId,
        at: Timestamp,
        entries: Vec<NewEntry>,
    ) -> Result<Vec<Entry>> {
        let mut tx = self.begin().await?;
        // First, as the head has to be locked before the job; undone where
        // the job is not there any more.
        let entries = log::append(&mut tx, at, entries).await?;
        let delete = sqlx::query("DELETE FROM jobs WHERE id = ?").bind(bytes(id));
        if timed("jobs.delete", delete.execute(&mut *tx)).await?.rows_affected() == 0 {
            timed("rollback", tx.rollback()).await?;
            return Ok(Vec::new());
        }
        commit(tx).await?;
        Ok(entries)
    }

    async fn postpone(&self, id: JobId, run_at: Timestamp, error: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let update = sqlx::query(
            "UPDATE jobs SET run_at = ?, attempts = attempts + 1, last_error = ? WHERE id = ?",
        )
        .bind(run_at.0)
        .bind(error)
        .bind(bytes(id));
        timed("jobs.postpone", update.execute(&mut *tx)).await?;
        commit(tx).await
    }
}

pub(super) fn decode(row: &AnyRow) -> Result<Job> {
    let task: String = get(row, "task")?;
    let attempts: i64 = get(row, "attempts")?;
    Ok(Job {
        id: get_id(row, "id")?,
        task: serde_json::from_str(&task).map_err(Error::internal)?,
        created_at: Timestamp(get(row, "created_at")?),
        run_at: Timestamp(get(row, "run_at")?),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    })
}
