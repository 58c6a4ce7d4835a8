//! Jobs.

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, AnyConnection, Transaction, any::AnyRow};

use super::{
    Sql, bytes, closing, commit, get, get_id, groups, log::Tail, reading, retried, signed, timed,
    turns,
};
use crate::{
    error::{Error, Result},
    ids::JobId,
    jobs::{Backlog, Completion, Effects, InTurn, Job, JobStore, Turn},
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
        let insert_once = || async {
            let mut tx = self.begin().await?;
            insert(&mut tx, job).await?;
            let older = open(&mut tx, &job.task.subject()).await?;
            commit(tx).await?;
            Ok(older)
        };
        let mut older = retried(insert_once).await?;
        older.retain(|other| other.id < job.id);
        Ok(older)
    }

    async fn insert_in_turn(
        &self,
        job: &Job,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<Option<Vec<Job>>> {
        let insert_once = || async {
            let mut tx = self.begin().await?;
            if !turns::take(&mut tx, self.dialect, turn).await? {
                timed("rollback", tx.rollback()).await?;
                return Ok(None);
            }
            insert(&mut tx, job).await?;
            let mut others = open(&mut tx, &turn.subject).await?;
            commit(tx).await?;
            // Whoever wrote them down had the turn before, whatever their clock said.
            others.retain(|other| other.id != job.id);
            Ok(Some(others))
        };
        let others = retried(insert_once).await?;
        if others.is_none() {
            self.drop_overdue(&turn.subject, now).await?;
        }
        Ok(others)
    }

    async fn take_turn(&self, turn: &Turn, now: Timestamp) -> Result<bool> {
        let take_once = || async {
            let mut tx = self.begin().await?;
            let taken = turns::take(&mut tx, self.dialect, turn).await?;
            commit(tx).await?;
            Ok(taken)
        };
        let taken = retried(take_once).await?;
        if !taken {
            self.drop_overdue(&turn.subject, now).await?;
        }
        Ok(taken)
    }

    async fn end_turn(&self, turn: &Turn) -> Result<()> {
        let end = InTurn::Last(turn.clone());
        let end_once = || async {
            let mut tx = self.begin().await?;
            turns::hold(&mut tx, &end).await?;
            commit(tx).await
        };
        retried(end_once).await
    }

    async fn open(&self, subject: &str) -> Result<Vec<Job>> {
        let mut connection = self.read().await?;
        open(&mut connection, subject).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Job>> {
        let mut connection = self.read().await?;
        let statement = format!(
            "SELECT {COLUMNS} FROM jobs WHERE run_at <= ? AND NOT EXISTS \
             (SELECT 1 FROM jobs older WHERE older.subject = jobs.subject AND older.id < jobs.id) \
             ORDER BY run_at LIMIT ?"
        );
        let due = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(now.0).bind(signed(limit));
        let mut due: Vec<Job> = timed("jobs.due", due.fetch_all(&mut *connection))
            .await?
            .iter()
            .map(decode)
            .collect::<Result<_>>()?;
        due.sort_by_key(|job| job.id);
        Ok(due)
    }

    async fn backlog(&self) -> Result<Backlog> {
        let mut connection = self.read().await?;
        let select = sqlx::query("SELECT COUNT(*) AS jobs, MIN(created_at) AS oldest FROM jobs");
        let row = timed("jobs.count", select.fetch_one(&mut *connection)).await?;
        let jobs = get::<i64>(&row, "jobs")?.unsigned_abs();
        Ok(Backlog { jobs, oldest: get::<Option<i64>>(&row, "oldest")?.map(Timestamp) })
    }

    async fn complete(&self, id: JobId, at: Timestamp, effects: Effects) -> Result<Completion> {
        retried(|| self.complete_once(id, at, effects.clone())).await
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

impl Sql {
    async fn complete_once(
        &self,
        id: JobId,
        at: Timestamp,
        effects: Effects,
    ) -> Result<Completion> {
        let mut tx = self.begin().await?;
        // Before the head is held: who holds that waits for nobody.
        if !turns::hold(&mut tx, &effects.turn).await? {
            timed("rollback", tx.rollback()).await?;
            return Ok(Completion::OutOfTurn);
        }
        if effects.are_none() {
            take(&mut tx, id).await?;
            commit(tx).await?;
            return Ok(Completion::Done(Vec::new()));
        }
        let mut tail = Tail::lock(&mut tx, self.dialect, at).await?;
        if !take(&mut tx, id).await? {
            // Not rolled back: the turn may end with it.
            commit(tx).await?;
            return Ok(Completion::Done(Vec::new()));
        }
        let followed = groups::follow(&mut tx, &mut tail, &self.members, effects.groups).await?;
        let Some(followed) = followed else {
            timed("rollback", tx.rollback()).await?;
            return Ok(Completion::Stale);
        };
        if let Some(user) = effects.receipts_off {
            reading::hide(&mut tx, user).await?;
        }
        let mut entries = effects.entries;
        closing::outlive(&mut tx, &mut entries).await?;
        entries.into_iter().for_each(|entry| tail.tell(entry));
        let entries = tail.write(&mut tx).await?;
        commit(tx).await?;
        for (conversation, members) in followed {
            self.members.keep(conversation, members);
        }
        Ok(Completion::Done(entries))
    }
}

/// Takes the job away, and returns whether it was still there.
async fn take(tx: &mut Transaction<'static, Any>, id: JobId) -> Result<bool> {
    let delete = sqlx::query("DELETE FROM jobs WHERE id = ?").bind(bytes(id));
    Ok(timed("jobs.delete", delete.execute(&mut **tx)).await?.rows_affected() > 0)
}

async fn open(connection: &mut AnyConnection, subject: &str) -> Result<Vec<Job>> {
    let statement = format!("SELECT {COLUMNS} FROM jobs WHERE subject = ? ORDER BY id");
    let open = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(subject.to_owned());
    let rows = timed("jobs.open", open.fetch_all(connection)).await?;
    rows.iter().map(decode).collect()
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
