//! The embedded stores are served by one process: a second one would hear of
//! nothing that happens on the first.

use std::fs::{File, OpenOptions, TryLockError};

use super::stores::make_data_folder;
use crate::{
    config::{Config, SqlStore},
    error::{Error, Result},
};

/// Takes the embedded stores for this process, until what is returned is
/// dropped or the process ends, however it does. Stores of servers are shared.
///
/// # Errors
///
/// [`Error::Start`] where another process serves them.
pub(super) fn alone(config: &Config) -> Result<Option<File>> {
    let SqlStore::File(database) = &config.sql else { return Ok(None) };
    make_data_folder(config)?;
    // A file of its own: on some systems it would be in the way of SQLite's locks.
    let path = database.with_added_extension("lock");
    let wrong = |error| Error::Start(format!("can't lock {}: {error}", path.display()));
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(&path).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Error::Start(format!(
            "another process serves this data folder: it holds {}; several nodes share stores of \
             servers (--sql-url, --graph-url, --bus-url)",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(wrong(error)),
    }
}
