//! Transactions that lose against others are tried again.

use std::time::Duration;

use sqlx::mysql::MySqlDatabaseError;

use super::cause;
use crate::error::{Error, Result};

/// How often a transaction is tried that loses against others.
const TRIES: u32 = 5;
/// How long the first one that lost leaves the winner to itself; twice as
/// long with each further try, so that many who lose together part.
const PAUSE: Duration = Duration::from_millis(4);

/// Runs a transaction, and again where it lost against another: a deadlock, or
/// a lock that took too long.
pub(super) async fn retried<T, F>(transaction: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        let outcome = transaction().await;
        if !outcome.as_ref().is_err_and(is_deadlock) {
            return outcome;
        }
        metrics::counter!("chatterbox_sql_deadlocks_total").increment(1);
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    transaction().await
}

fn is_deadlock(error: &Error) -> bool {
    cause(error)
        .and_then(sqlx::Error::as_database_error)
        .and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>())
        .is_some_and(|error| matches!(error.number(), 1205 | 1213))
}
