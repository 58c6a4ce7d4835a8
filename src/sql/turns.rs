//! Whose turn it is to change something.

use chatterbox_graph::Timestamp;
use sqlx::{Any, Transaction};

use super::{Dialect, Sql, bytes, commit, retried, timed};
use crate::{
    error::Result,
    jobs::{InTurn, Turn},
};

/// Takes the turn, and returns whether nobody has it.
pub(super) async fn take(
    tx: &mut Transaction<'static, Any>,
    dialect: Dialect,
    turn: &Turn,
) -> Result<bool> {
    let statement = match dialect {
        Dialect::Sqlite => {
            "INSERT INTO turns (subject, id, ends_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        }
        Dialect::Mysql => "INSERT IGNORE INTO turns (subject, id, ends_at) VALUES (?, ?, ?)",
    };
    let insert =
        sqlx::query(statement).bind(turn.subject.clone()).bind(bytes(turn.id)).bind(turn.ends_at.0);
    Ok(timed("turns.take", insert.execute(&mut **tx)).await?.rows_affected() > 0)
}

/// Notes that the turn goes on or ends with what the transaction does, and
/// returns whether it is not another's meanwhile.
pub(super) async fn hold(tx: &mut Transaction<'static, Any>, in_turn: &InTurn) -> Result<bool> {
    let (name, query, turn) = match in_turn {
        InTurn::Free => return Ok(true),
        InTurn::Within(turn) => {
            let update = sqlx::query("UPDATE turns SET ends_at = ? WHERE subject = ? AND id = ?");
            ("turns.renew", update.bind(turn.ends_at.0), turn)
        }
        InTurn::Last(turn) => {
            ("turns.end", sqlx::query("DELETE FROM turns WHERE subject = ? AND id = ?"), turn)
        }
    };
    let query = query.bind(turn.subject.clone()).bind(bytes(turn.id));
    Ok(timed(name, query.execute(&mut **tx)).await?.rows_affected() > 0)
}

impl Sql {
    /// Takes turns away whose holders let them run out. Not done by who takes one: of two
    /// that wait for a row to be free, each would hold the other up.
    pub(super) async fn drop_overdue(&self, subject: &str, now: Timestamp) -> Result<()> {
        let drop = || async {
            let mut tx = self.begin().await?;
            let delete = sqlx::query("DELETE FROM turns WHERE subject = ? AND ends_at <= ?")
                .bind(subject.to_owned())
                .bind(now.0);
            timed("turns.drop_overdue", delete.execute(&mut *tx)).await?;
            commit(tx).await
        };
        retried(drop).await
    }
}
