//! The bus: brings what was committed to every node early, and what passes at
//! all. It may lose, repeat and reorder; the log is the truth.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::Signal;
use crate::messaging::Entry;

/// What was committed together, in order.
pub type Batch = Arc<[Arc<Entry>]>;

/// What the bus carries.
#[derive(Clone, Debug)]
pub enum Packet {
    /// What was committed.
    Logged(Batch),
    /// What passes.
    Passing(Arc<Signal>),
}

/// Carries committed entries and signals to the hubs of all nodes.
pub trait Bus: Send + Sync + 'static {
    /// Hands entries to everyone who listens. Never waits.
    fn publish(&self, entries: Batch);

    /// Hands a signal to everyone who listens. Never waits.
    fn signal(&self, signal: Arc<Signal>);

    /// Everything that is published from now on.
    fn subscribe(&self) -> broadcast::Receiver<Packet>;

    /// Its name and version, such as `in process`.
    fn version(&self) -> String;
}

/// The bus of a node that stands alone.
pub struct InProcessBus {
    sender: broadcast::Sender<Packet>,
}

impl InProcessBus {
    /// How many packets wait for a listener that is behind; what it misses it
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
        let _listeners = self.sender.send(Packet::Logged(entries));
    }

    fn signal(&self, signal: Arc<Signal>) {
        let _listeners = self.sender.send(Packet::Passing(signal));
    }

    fn subscribe(&self) -> broadcast::Receiver<Packet> {
        self.sender.subscribe()
    }

    fn version(&self) -> String {
        "in process".to_owned()
    }
}
