//! The hub: follows the log on this node and hands each entry to those that
//! it concerns, in order, none twice, without reading any store on the way.
//!
//! The bus brings entries early, and those of several nodes in no order. What
//! is still missing (a gap in the positions) after a moment the hub reads from
//! the log: because positions are committed in order, what lies before a known
//! one is there.

use std::{
    collections::{BTreeMap, HashMap},
    future::pending,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt, stream};
use tokio::{
    sync::broadcast,
    time::{Instant, MissedTickBehavior, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    Batch, Bus, Cursor, Event, Packet, Signal, Subscription,
    event::What,
    queue::{self, Receiver, Refused, Sender, queue},
    recent::Recent,
};
use crate::{
    error::{Error, Result, chain},
    ids::{ConversationId, UserId},
    messaging::{Change, Entry, LogStore, Position},
};

/// How often the log's head is looked at, as a last resort. What stood there the time before and has
/// not come by the bus since is read: so a session that ended is heard of within a second also
/// without the bus, and with it nothing is read that is only under way.
const POLL: Duration = Duration::from_millis(400);
/// For how long what is missing is left to the bus: what another node committed before may come
/// after, and to read it would hold up all that follows.
const PATIENCE: Duration = Duration::from_millis(40);
/// How many entries are read from the log at once.
pub(super) const PAGE: usize = 500;

/// What sees each entry of the log, in order, on every node.
pub trait Follower: Send + Sync + 'static {
    /// Takes an entry in. Must not wait.
    fn follow(&self, entry: &Arc<Entry>);

    /// Takes in what passes; returns whether those whom it is for are to hear of it. Must not wait.
    fn is_news(&self, _signal: &Arc<Signal>) -> bool {
        true
    }
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
    recent: Recent,
    state: Mutex<State>,
}

struct State {
    delivered: Position,
    /// The last position that is known of.
    head: Position,
    subscribers: HashMap<UserId, Vec<Subscriber>>,
    stopped: bool,
}

struct Subscriber {
    conversation: Option<ConversationId>,
    queue: Sender,
}

impl Hub {
    /// A hub that goes on from `head`. `followers` see every entry before subscribers do.
    pub fn new(
        log: Arc<dyn LogStore>,
        bus: Arc<dyn Bus>,
        followers: Vec<Arc<dyn Follower>>,
        head: Position,
    ) -> Self {
        let state = State { delivered: head, head, subscribers: HashMap::new(), stopped: false };
        let (recent, state) = (Recent::default(), Mutex::new(state));
        Self { inner: Arc::new(Inner { log, bus, followers, recent, state }) }
    }

    /// Follows the log until `stop`; then all subscriptions end.
    pub async fn run(self, stop: CancellationToken) {
        let mut feed = self.inner.bus.subscribe();
        let mut pending = BTreeMap::new();
        let mut gap = None;
        // Looked at beside the rest: with a store that hangs the bus is heard nevertheless.
        let mut heads = pin!(heads(self.inner.log.clone()));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                packet = feed.recv() => match packet {
                    Ok(packet) => {
                        metrics::counter!("chatterbox_bus_packets_total", "kind" => packet.kind())
                            .increment(1);
                        self.hear(packet, &mut pending).await;
                    }
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        metrics::counter!("chatterbox_bus_missed_packets_total").increment(missed);
                    }
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                Some((before, head)) = heads.next() => {
                    self.lock().hear_of(head);
                    self.fill(before, &mut pending).await;
                }
                until = due(gap.as_ref()) => {
                    self.fill(until, &mut pending).await;
                    // Where it was in vain, the log is away: the next try is a moment later too.
                    gap = None;
                }
            }
            gap = self.gap(gap, &pending);
        }
        let mut state = self.lock();
        state.stopped = true;
        state.subscribers.clear();
    }

    async fn hear(&self, packet: Packet, pending: &mut BTreeMap<Position, Arc<Entry>>) {
        match packet {
            Packet::Logged(batch) => self.take(&batch, pending),
            Packet::Moved(head) => {
                self.lock().hear_of(head);
                self.fill(head, pending).await;
            }
            Packet::Passing(signal) => {
                if self.inner.followers.iter().all(|follower| follower.is_news(&signal)) {
                    self.lock().pass(&signal);
                }
            }
            Packet::Roll(_) => {}
        }
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

    /// Sets the gauges of the log and of those who listen.
    pub fn measure(&self) {
        self.lock().measure();
    }

    /// The newest position that this node has published itself.
    pub(super) fn published(&self) -> Position {
        self.inner.bus.published()
    }

    pub(super) fn log(&self) -> &dyn LogStore {
        &*self.inner.log
    }

    pub(super) fn recent(&self) -> &Recent {
        &self.inner.recent
    }

    /// Starts to queue what comes from now on, and tells what came before.
    pub(super) fn register(
        &self,
        user: UserId,
        conversation: Option<ConversationId>,
    ) -> Result<(Position, Receiver)> {
        let (queue, events) = queue();
        let mut state = self.lock();
        if state.stopped {
            return Err(Error::unavailable("the service is stopping"));
        }
        // Most have one device.
        let subscribers = state.subscribers.entry(user).or_insert_with(|| Vec::with_capacity(1));
        subscribers.retain(|subscriber| !subscriber.queue.is_closed());
        subscribers.push(Subscriber { conversation, queue });
        Ok((state.delivered, events))
    }

    fn take(&self, batch: &Batch, pending: &mut BTreeMap<Position, Arc<Entry>>) {
        let delivered = match batch.last() {
            Some(last) => self.lock().hear_of(last.pos),
            None => return,
        };
        for entry in batch.iter().filter(|entry| entry.pos > delivered) {
            pending.insert(entry.pos, entry.clone());
        }
        self.deliver_in_order(pending);
    }

    /// What is missing now, if this was before.
    fn gap(&self, before: Option<Gap>, pending: &BTreeMap<Position, Arc<Entry>>) -> Option<Gap> {
        let until = Position(pending.keys().next()?.0 - 1);
        let after = self.delivered();
        match before {
            Some(gap) if gap.after == after => Some(Gap { until, ..gap }),
            _ => Some(Gap { after, until, fill_at: Instant::now() + PATIENCE }),
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
                    let before = self.delivered();
                    self.deliver_in_order(pending);
                    if self.delivered() == before {
                        warn!(after = before.0, "entries are missing in the log");
                        break;
                    }
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
        let mut events = Vec::new();
        while let Some(next) = pending.first_entry() {
            if *next.key() <= state.delivered {
                next.remove();
            } else if *next.key() == state.delivered.next() {
                let entry = next.remove();
                for follower in &self.inner.followers {
                    follower.follow(&entry);
                }
                state.delivered = entry.pos;
                state.hear_of(entry.pos);
                if is_event(&entry.change) {
                    events.push((self.inner.recent.keep(&entry), entry));
                }
            } else {
                break;
            }
        }
        state.deliver(&events);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the bus has not brought, though it brought what is behind.
struct Gap {
    after: Position,
    until: Position,
    /// When it is read from the log.
    fill_at: Instant,
}

/// Up to where is to be read, once it is time.
async fn due(gap: Option<&Gap>) -> Position {
    match gap {
        Some(gap) => {
            sleep_until(gap.fill_at).await;
            gap.until
        }
        None => pending().await,
    }
}

/// The log's head, the time before and now, each time that it is looked at.
fn heads(log: Arc<dyn LogStore>) -> impl Stream<Item = (Position, Position)> {
    let mut polls = tokio::time::interval(POLL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold((log, polls, Position(0)), |(log, mut polls, before)| async move {
        loop {
            polls.tick().await;
            match log.head().await {
                Ok(head) => return Some(((before, head), (log, polls, head))),
                Err(error) => warn!(error = chain(&error), "can't look at the log's head"),
            }
        }
    })
}

impl State {
    /// Notes that there is this position; returns up to where was handed out.
    fn hear_of(&mut self, pos: Position) -> Position {
        self.head = self.head.max(pos);
        self.delivered
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn measure(&self) {
        let all = || self.subscribers.values().flatten();
        let longest = all().map(|subscriber| subscriber.queue.len()).max();
        metrics::gauge!("chatterbox_hub_subscriptions").set(all().count() as f64);
        metrics::gauge!("chatterbox_queue_length", "queue" => "hub")
            .set(longest.unwrap_or_default() as f64);
        metrics::gauge!("chatterbox_queue_capacity", "queue" => "hub").set(queue::LENGTH as f64);
        metrics::gauge!("chatterbox_log_head_position").set(self.head.0 as f64);
        let behind = self.head.0 - self.delivered.0;
        metrics::gauge!("chatterbox_hub_lag_entries").set(behind as f64);
    }

    /// Hands out what came together: to one person all of it, and then to the
    /// next, so that a device wakes once and writes it together.
    fn deliver(&mut self, events: &[(Arc<Event>, Arc<Entry>)]) {
        let mut by_user: HashMap<UserId, Vec<&Arc<Event>>> = HashMap::new();
        for (event, entry) in events {
            for user in self.who_is_here(entry) {
                by_user.entry(user).or_default().push(event);
            }
        }
        let mut deliveries = 0;
        for (user, events) in by_user {
            deliveries += self.hand(user, &events);
        }
        delivered(deliveries);
    }

    /// Those who hear of it and have subscribed. A group may have many members of whom few are here.
    fn who_is_here(&self, entry: &Entry) -> Vec<UserId> {
        if self.subscribers.len() < entry.to.len() {
            let here = self.subscribers.keys().copied();
            here.filter(|user| entry.is_for(*user)).collect()
        } else {
            entry.recipients().filter(|user| self.subscribers.contains_key(user)).collect()
        }
    }

    /// Hands out what is not in the log, right behind what is.
    fn pass(&mut self, signal: &Arc<Signal>) {
        let (signal, after) = (signal.clone(), self.delivered);
        let to = signal.to.clone();
        let event = Event::new(What::Passing { signal, after });
        delivered(to.iter().map(|user| self.hand(*user, &[&event])).sum());
    }

    /// Returns how many events went to their subscriptions, before their filters.
    fn hand(&mut self, user: UserId, events: &[&Arc<Event>]) -> usize {
        let Some(subscribers) = self.subscribers.get_mut(&user) else { return 0 };
        subscribers.retain(|subscriber| events.iter().all(|event| subscriber.take(event)));
        let deliveries = subscribers.len() * events.len();
        if subscribers.is_empty() {
            self.subscribers.remove(&user);
        }
        deliveries
    }
}

fn delivered(deliveries: usize) {
    metrics::counter!("chatterbox_hub_deliveries_total").increment(deliveries as u64);
}

impl Subscriber {
    /// Whether it is to get more.
    fn take(&self, event: &Arc<Event>) -> bool {
        if !concerns(event.conversation(), self.conversation) {
            return !self.queue.is_closed();
        }
        // A full queue ends the subscription: its stream finds the queue
        // closed behind what was handed out.
        let sent = self.queue.send(event.clone());
        if sent == Err(Refused::Full) {
            metrics::counter!("chatterbox_slow_subscribers_total").increment(1);
        }
        sent.is_ok()
    }
}

/// Whether clients hear of it.
pub(super) fn is_event(change: &Change) -> bool {
    !matches!(change, Change::SessionEnded { .. } | Change::PersonChanged)
}

/// Whether what is about this conversation, or about none, passes the filter.
pub(super) fn concerns(about: Option<ConversationId>, filter: Option<ConversationId>) -> bool {
    filter.is_none_or(|id| about == Some(id))
}
