//! The bus: brings what was committed to every node early. It may lose,
//! repeat and reorder; the log is the truth.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::messaging::Entry;

/// What was committed together, in order.
pub type Batch = Arc<[Arc<Entry>]>;

/// Carries committed entries to the hubs of all nodes.
pub trait Bus: Send + Sync + 'static {
    /// Hands entries to everyone who listens. Never waits.
    fn publish(&self, entries: Batch);

    /// Everything that is published from now on.
    fn subscribe(&self) -> broadcast::Receiver<Batch>;

    /// Its name and version, such as `in process`.
    fn version(&self) -> String;
}

/// The bus of a node that stands alone.
pub struct InProcessBus {
    sender: broadcast::Sender<Batch>,
}

impl InProcessBus {
    /// How many batches wait for a listener that is behind; what it misses it
    /// reads from the log.
    const CAPACITY: usize = 1_024;
}

impl Default for InProcessBus {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(Self::CAPACITY) }
    }
}

impl Bus for InProcessBus {
    fn publish(&self, entries: Batch) {
        // Nobody listening is no failure: the log keeps the entries.
        let _listeners = self.sender.send(entries);
    }

    fn subscribe(&self) -> broadcast::Receiver<Batch> {
        self.sender.subscribe()
    }

    fn version(&self) -> String {
        "in process".to_owned()
    }
}
