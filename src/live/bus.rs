//! The bus: brings what was committed to every node early, and what passes at
//! all. It may lose, repeat and reorder; the log is the truth.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::{Roll, Signal};
use crate::{
    error::Result,
    messaging::{Entry, Position},
};

/// What was committed together, in order.
pub type Batch = Arc<[Arc<Entry>]>;

/// What the bus carries.
#[derive(Clone, Debug)]
pub enum Packet {
    /// What was committed.
    Logged(Batch),
    /// The log has come to here; what is new in it has to be read.
    Moved(Position),
    /// What passes.
    Passing(Arc<Signal>),
    /// Who is connected to another node.
    Roll(Arc<Roll>),
}

impl Packet {
    /// The label of its kind in the metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Logged(_) => "log",
            Self::Moved(_) => "moved",
            Self::Passing(_) => "passing",
            Self::Roll(_) => "roll",
        }
    }
}

/// Carries committed entries and signals to the hubs of all nodes.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Hands entries to everyone who listens. Never waits.
    fn publish(&self, entries: Batch);

    /// The newest position that was published on this node: whoever committed it may have been
    /// answered, though nobody has heard of it yet.
    fn published(&self) -> Position;

    /// Hands a signal to everyone who listens. Never waits.
    fn signal(&self, signal: Arc<Signal>);

    /// Hands a signal to those who listen on this node, for what each node finds out
    /// by itself. Never waits.
    fn signal_here(&self, signal: Arc<Signal>);

    /// Tells the other nodes who is connected to this one. Never waits.
    fn call(&self, roll: Arc<Roll>);

    /// Everything that is published from now on.
    fn subscribe(&self) -> broadcast::Receiver<Packet>;

    /// Whether there may be other nodes.
    fn is_shared(&self) -> bool;

    /// Its name and version, such as `in process`.
    ///
    /// # Errors
    ///
    /// [`Error::Store`](crate::error::Error::Store) where it is away: what other nodes do is learned later then.
    async fn check(&self) -> Result<String>;
}

/// The bus of a node that stands alone.
pub struct InProcessBus {
    sender: broadcast::Sender<Packet>,
    published: Newest,
}

/// The newest of positions.
#[derive(Default)]
pub struct Newest(AtomicI64);

impl Newest {
    /// Takes the last of these in.
    pub fn see(&self, entries: &Batch) {
        if let Some(last) = entries.last() {
            self.0.fetch_max(last.pos.0, Ordering::AcqRel);
        }
    }

    /// The newest; zero where there was none.
    #[must_use]
    pub fn position(&self) -> Position {
        Position(self.0.load(Ordering::Acquire))
    }
}

impl InProcessBus {
    /// How many packets wait for a listener that is behind; what it misses it
    /// reads from the log.
    const CAPACITY: usize = 1_024;
}

impl Default for InProcessBus {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(Self::CAPACITY), published: Newest::default() }
    }
}

#[async_trait]
impl Bus for InProcessBus {
    fn publish(&self, entries: Batch) {
        self.published.see(&entries);
        // Nobody listening is no failure: the log keeps the entries.
        let _listeners = self.sender.send(Packet::Logged(entries));
    }

    fn published(&self) -> Position {
        self.published.position()
    }

    fn signal(&self, signal: Arc<Signal>) {
        let _listeners = self.sender.send(Packet::Passing(signal));
    }

    fn signal_here(&self, signal: Arc<Signal>) {
        self.signal(signal);
    }

    fn call(&self, _roll: Arc<Roll>) {}

    fn subscribe(&self) -> broadcast::Receiver<Packet> {
        self.sender.subscribe()
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<String> {
        Ok("in process".to_owned())
    }
}
