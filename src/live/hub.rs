//! The hub: follows the log on this node and hands each entry to those that
//! it concerns, in order, none twice, without reading any store on the way.
//!
//! The bus brings entries early. Where one is missing (a gap in the
//! positions) the hub reads it from the log, at once: because positions are
//! committed in order, what lies before a known one is there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Batch, Bus, Cursor, Subscription};
use crate::{
    error::{Error, Result, chain},
    ids::{ConversationId, UserId},
    messaging::{Change, Entry, LogStore, Position},
};

/// How often the log's head is looked at, as a last resort.
const POLL: Duration = Duration::from_secs(2);
/// How many entries are read from the log at once.
pub(super) const PAGE: usize = 500;
/// How many entries wait for a subscriber before it is dropped.
const QUEUE: usize = 1_024;

/// What sees each entry of the log, in order, on every node.
pub trait Follower: Send + Sync + 'static {
    /// Takes an entry in. Must not wait.
    fn follow(&self, entry: &Arc<Entry>);
}

/// The hub of this node.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    log: Arc<dyn LogStore>,
    bus: Arc<dyn Bus>,
    followers: Vec<Arc<dyn Follower>>,
    state: Mutex<State>,
}

struct State {
    delivered: Position,
    subscribers: HashMap<UserId, Vec<Subscriber>>,
    stopped: bool,
}

struct Subscriber {
    conversation: Option<ConversationId>,
    queue: mpsc::Sender<Arc<Entry>>,
}

impl Hub {
    /// A hub that goes on from `head`. `followers` see every entry before subscribers do.
    pub fn new(
        log: Arc<dyn LogStore>,
        bus: Arc<dyn Bus>,
        followers: Vec<Arc<dyn Follower>>,
        head: Position,
    ) -> Self {
        let state = State { delivered: head, subscribers: HashMap::new(), stopped: false };
        Self { inner: Arc::new(Inner { log, bus, followers, state: Mutex::new(state) }) }
    }

    /// Follows the log until `stop`; then all subscriptions end.
    pub async fn run(self, stop: CancellationToken) {
        let mut feed = self.inner.bus.subscribe();
        let mut pending = BTreeMap::new();
        let mut polls = tokio::time::interval(POLL);
        polls.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                batch = feed.recv() => match batch {
                    Ok(batch) => self.take(&batch, &mut pending).await,
                    Err(broadcast::error::RecvError::Lagged(_)) => self.poll(&mut pending).await,
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                _ = polls.tick() => self.poll(&mut pending).await,
            }
        }
        let mut state = self.lock();
        state.stopped = true;
        state.subscribers.clear();
    }

    /// The events of `user`, from now on or from just behind `after`, of one
    /// conversation or of all.
    ///
    /// # Errors
    ///
    /// [`Error::CursorExpired`] for a cursor that is ahead of the log: it is
    /// of another one, or of a future that a restore has undone; or the failure of a store.
    pub async fn subscribe(
        &self,
        user: UserId,
        after: Option<Cursor>,
        conversation: Option<ConversationId>,
    ) -> Result<Subscription> {
        let Some(Cursor(after)) = after else {
            return Subscription::start(self.clone(), user, conversation, None);
        };
        if after > self.delivered() && after > self.inner.log.head().await? {
            return Err(Error::CursorExpired);
        }
        Subscription::start(self.clone(), user, conversation, Some(after))
    }

    /// The position up to which everything was handed out.
    #[must_use]
    pub fn delivered(&self) -> Position {
        self.lock().delivered
    }

    pub(super) fn log(&self) -> &dyn LogStore {
        &*self.inner.log
    }

    /// Starts to queue what comes from now on, and tells what came before.
    pub(super) fn register(
        &self,
        user: UserId,
        conversation: Option<ConversationId>,
    ) -> Result<(Position, mpsc::Receiver<Arc<Entry>>)> {
        let (queue, entries) = mpsc::channel(QUEUE);
        let mut state = self.lock();
        if state.stopped {
            return Err(Error::unavailable("the service is stopping"));
        }
        let subscribers = state.subscribers.entry(user).or_default();
        subscribers.retain(|subscriber| !subscriber.queue.is_closed());
        subscribers.push(Subscriber { conversation, queue });
        Ok((state.delivered, entries))
    }

    async fn take(&self, batch: &Batch, pending: &mut BTreeMap<Position, Arc<Entry>>) {
        let delivered = self.delivered();
        for entry in batch.iter().filter(|entry| entry.pos > delivered) {
            pending.insert(entry.pos, entry.clone());
        }
        self.deliver_in_order(pending);
        if let Some(first) = pending.keys().next().copied() {
            self.fill(Position(first.0 - 1), pending).await;
        }
    }

    async fn poll(&self, pending: &mut BTreeMap<Position, Arc<Entry>>) {
        match self.inner.log.head().await {
            Ok(head) if head > self.delivered() => self.fill(head, pending).await,
            Ok(_) => {}
            Err(error) => warn!(error = chain(&error), "can't look at the log's head"),
        }
    }

    /// Reads what is missing up to `until`.
    async fn fill(&self, until: Position, pending: &mut BTreeMap<Position, Arc<Entry>>) {
        while self.delivered() < until {
            let read = self.inner.log.read(self.delivered(), until, PAGE).await;
            match read {
                Ok(entries) if entries.is_empty() => break,
                Ok(entries) => {
                    metrics::counter!("chatterbox_hub_gap_entries_total")
                        .increment(entries.len() as u64);
                    for entry in entries {
                        // What the bus brought knows more of the people it concerns.
                        pending.entry(entry.pos).or_insert(entry);
                    }
                    self.deliver_in_order(pending);
                }
                Err(error) => {
                    warn!(error = chain(&error), "can't read the log; live events have to wait");
                    break;
                }
            }
        }
    }

    fn deliver_in_order(&self, pending: &mut BTreeMap<Position, Arc<Entry>>) {
        let mut state = self.lock();
        while let Some(next) = pending.first_entry() {
            if *next.key() <= state.delivered {
                next.remove();
            } else if *next.key() == state.delivered.next() {
                let entry = next.remove();
                for follower in &self.inner.followers {
                    follower.follow(&entry);
                }
                state.deliver(&entry);
            } else {
                break;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn deliver(&mut self, entry: &Arc<Entry>) {
        self.delivered = entry.pos;
        if !is_event(&entry.change) {
            return;
        }
        // A group may have many members of whom few are here.
        if self.subscribers.len() < entry.to.len() {
            let here = self.subscribers.keys().copied();
            let here: Vec<UserId> =
                here.filter(|user| entry.to.include(*user, entry.pos)).collect();
            here.into_iter().for_each(|user| self.hand_to(user, entry));
        } else {
            entry.recipients().for_each(|user| self.hand_to(user, entry));
        }
    }

    fn hand_to(&mut self, user: UserId, entry: &Arc<Entry>) {
        let Some(subscribers) = self.subscribers.get_mut(&user) else { return };
        subscribers.retain(|subscriber| {
            if !subscriber.wants(entry) {
                return !subscriber.queue.is_closed();
            }
            // A full queue ends the subscription: its stream finds the
            // queue closed behind what was handed out.
            let sent = subscriber.queue.try_send(entry.clone());
            if matches!(sent, Err(mpsc::error::TrySendError::Full(_))) {
                metrics::counter!("chatterbox_slow_subscribers_total").increment(1);
            }
            sent.is_ok()
        });
        if subscribers.is_empty() {
            self.subscribers.remove(&user);
        }
    }
}

impl Subscriber {
    fn wants(&self, entry: &Entry) -> bool {
        concerns(entry, self.conversation)
    }
}

/// Whether clients hear of it.
pub(super) fn is_event(change: &Change) -> bool {
    !matches!(change, Change::SessionEnded { .. } | Change::PersonChanged)
}

/// Whether the entry passes the filter.
pub(super) fn concerns(entry: &Entry, conversation: Option<ConversationId>) -> bool {
    conversation.is_none_or(|id| entry.conversation() == Some(id))
}
