//! Work that has a thread to itself.

use std::thread;

use tokio::{runtime::Builder, sync::oneshot};

use crate::error::{Error, Result};

/// Runs `work` on a thread and a runtime of its own. What is returned is closed once it ends.
///
/// # Errors
///
/// Where the system has no thread left.
pub(super) fn run(
    name: &str,
    work: impl Future<Output = ()> + Send + 'static,
) -> Result<oneshot::Receiver<()>> {
    let wrong = |error| Error::Start(format!("can't start the thread {name}: {error}"));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(wrong)?;
    let (ending, ended) = oneshot::channel::<()>();
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        runtime.block_on(work);
        drop(ending);
    });
    thread.map_err(wrong)?;
    Ok(ended)
}
