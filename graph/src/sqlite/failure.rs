//! SQLite's failures in the words of the port.

use sqlx::migrate::MigrateError;

use crate::Error;

pub(super) fn failure(error: sqlx::Error) -> Error {
    if is_unavailable(&error) {
        Error::Unavailable(Box::new(error))
    } else {
        Error::Internal(Box::new(error))
    }
}

pub(super) fn migration_failure(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failure(error),
        error => Error::Internal(Box::new(error)),
    }
}

fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            // The primary code is the low byte: busy, locked, read-only, I/O
            // error, full, can't open.
            let code = error.code().and_then(|code| code.parse::<u32>().ok());
            code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
        }
        _ => false,
    }
}
