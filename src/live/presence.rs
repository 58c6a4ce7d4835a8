//! Who is online, for those who may see it.
//!
//! Sockets come and go in memory ([`Online`]). What became of it is looked at
//! now and then, for many people at once: so a thousand who come back at the
//! same time cost a few statements, and who flickers causes no event.

use std::{
    collections::HashMap,
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chatterbox_graph::{Circle, Graph, Nearness, Timestamp};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Bus, Follower, Online, Packet, Passing, Presence, Roll, RollCall, Signal,
    elsewhere::ROLL_CALL,
    online::{News, Standing},
};
use crate::{
    ambient::Ambient,
    error::{Result, chain},
    ids::UserId,
    messaging::{Change, Entry},
};

/// For how long changes are collected.
const COLLECT: Duration = Duration::from_millis(200);
/// How many people are looked at together.
const PART: usize = 500;
/// How many people one call to the other nodes names.
const ROLL: usize = 1_000;
/// How often it is noted who is online.
const NOTE_PERIOD: Duration = Duration::from_secs(30);
/// How long the graph is left alone that is away.
const RETRY: Duration = Duration::from_secs(2);

/// Keeps when people were online last.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait LastSeenStore: Send + Sync + 'static {
    /// When these were online last, of those of whom it is known.
    async fn last_seen(&self, ids: &[UserId]) -> Result<HashMap<UserId, Timestamp>>;

    /// Notes when these were online, each of them once; of several times the
    /// latest counts. Nothing is noted of who has no account. A statement for
    /// many, each of which stands by itself.
    async fn note_seen(&self, seen: &[(UserId, Timestamp)]) -> Result<()>;
}

/// Tells who is online.
#[derive(Clone)]
pub struct Presences {
    inner: Arc<Inner>,
}

struct Inner {
    online: Online,
    graph: Arc<dyn Graph>,
    store: Arc<dyn LastSeenStore>,
    bus: Arc<dyn Bus>,
    ambient: Ambient,
}

impl Presences {
    /// Those of the people who are `online`.
    pub fn new(
        online: Online,
        graph: Arc<dyn Graph>,
        store: Arc<dyn LastSeenStore>,
        bus: Arc<dyn Bus>,
        ambient: Ambient,
    ) -> Self {
        Self { inner: Arc::new(Inner { online, graph, store, bus, ambient }) }
    }

    /// Where the sockets of people are noted.
    #[must_use]
    pub fn online(&self) -> &Online {
        &self.inner.online
    }

    /// What `viewer` sees of each of these people: `None` where their
    /// settings or a block hide it. With the SQL store away it is not known
    /// when those were seen who are not online.
    ///
    /// # Errors
    ///
    /// The graph's failure, where others than the viewer are asked for.
    pub async fn of(
        &self,
        viewer: UserId,
        ids: &[UserId],
    ) -> Result<HashMap<UserId, Option<Presence>>> {
        let Inner { online, graph, store, .. } = &*self.inner;
        let others: Vec<_> =
            ids.iter().filter(|id| **id != viewer).map(|id| (viewer, *id)).collect();
        let reach = graph.reach(&others).await?;
        let reached = others.into_iter().zip(reach).filter(|(_, reach)| reach.presence);
        let visible = reached.map(|((_, other), _)| other);
        let visible = visible.chain(ids.contains(&viewer).then_some(viewer));
        let mut found: HashMap<_, _> = ids.iter().map(|id| (*id, None)).collect();
        let mut away = Vec::new();
        for id in visible {
            let seen = online.seen(id);
            if seen.is_none() {
                away.push(id);
            }
            found.insert(id, Some(Presence { online: seen.is_some(), last_seen_at: seen }));
        }
        if away.is_empty() {
            return Ok(found);
        }
        match store.last_seen(&away).await {
            Ok(seen) => found
                .extend(seen.into_iter().map(|(id, at)| {
                    (id, Some(Presence { online: false, last_seen_at: Some(at) }))
                })),
            Err(error) => debug!(error = chain(&error), "nobody knows who was last seen when"),
        }
        Ok(found)
    }

    /// Tells friends what becomes of people, and notes who is online, until
    /// `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut told = Told::default();
        let mut looks = interval(COLLECT);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut notes = interval(NOTE_PERIOD);
        notes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut calls = interval(ROLL_CALL);
        calls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut others = self.inner.bus.is_shared().then(|| self.inner.bus.subscribe());
        self.call(RollCall::Begins);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                packet = heard(others.as_mut()) => self.hear(&packet),
                _ = calls.tick() => self.call_all(),
                _ = looks.tick() => {
                    self.call_news();
                    if let Some(Err(error)) = stop.run_until_cancelled(self.settle(&mut told)).await {
                        debug!(error = chain(&error), "friends have to wait for who is online");
                        looks.reset_after(RETRY);
                    }
                }
                _ = notes.tick() => self.note(&self.inner.online.all_seen()).await,
            }
        }
        self.call(RollCall::Stops);
        self.note(&self.inner.online.all_seen()).await;
    }

    fn hear(&self, packet: &Packet) {
        let Packet::Roll(roll) = packet else { return };
        if roll.node == self.inner.online.node() {
            return;
        }
        self.inner.online.hear(roll, Instant::now());
        if roll.call == RollCall::Begins {
            self.call_all();
        }
    }

    /// Tells the other nodes who came and who left.
    fn call_news(&self) {
        let News { came, left } = self.inner.online.news();
        came.chunks(ROLL).for_each(|part| self.call(RollCall::Here(part.to_vec())));
        left.chunks(ROLL).for_each(|part| self.call(RollCall::Left(part.to_vec())));
    }

    /// Tells the other nodes who is connected to this one, or that nobody is.
    fn call_all(&self) {
        let here: Vec<UserId> =
            self.inner.online.all_seen().into_iter().map(|(user, _)| user).collect();
        here.chunks(ROLL).for_each(|part| self.call(RollCall::Here(part.to_vec())));
        if here.is_empty() {
            self.call(RollCall::Here(Vec::new()));
        }
    }

    fn call(&self, call: RollCall) {
        let Inner { online, bus, .. } = &*self.inner;
        if bus.is_shared() {
            bus.call(Arc::new(Roll { node: online.node(), call }));
        }
    }

    /// Tells the friends of those of whom there is news.
    async fn settle(&self, told: &mut Told) -> Result<()> {
        let Inner { online, graph, .. } = &*self.inner;
        let mut taken = online.take(PART, Instant::now());
        taken.retain(|(user, standing)| {
            let moved = *standing == Standing::Moved;
            if moved {
                told.forget(*user);
            }
            !moved
        });
        if taken.is_empty() {
            return Ok(());
        }
        let gone = taken.iter().filter_map(|(user, standing)| Some((*user, standing.left()?)));
        self.note(&gone.collect::<Vec<_>>()).await;
        let ids: Vec<UserId> = taken.iter().map(|(user, _)| *user).collect();
        let mut circles = match graph.circles(&ids).await {
            Ok(circles) => circles,
            Err(error) => {
                online.put_back(taken);
                return Err(error.into());
            }
        };
        for (user, standing) in taken {
            match circles.remove(&user) {
                Some(circle) => self.tell(told, standing, circle),
                // Their account is gone.
                None => told.forget(user),
            }
        }
        Ok(())
    }

    fn tell(&self, told: &mut Told, standing: Standing, circle: Circle) {
        let Circle { person, settings, friends } = circle;
        let shown = settings.presence_to.includes(Nearness::Friends);
        if !told.differs(person.id, standing, shown) {
            return;
        }
        metrics::counter!("chatterbox_presence_changes_total").increment(1);
        let at = self.inner.ambient.now();
        let left = standing.left();
        let presence = Presence { online: left.is_none(), last_seen_at: left.or(Some(at)) };
        let (user, presence) = (person.id, shown.then_some(presence));
        let what = Passing::Presence { user, person: Some(person), presence };
        self.inner.bus.signal(Arc::new(Signal { at, to: friends.into(), what }));
    }

    async fn note(&self, seen: &[(UserId, Timestamp)]) {
        if let Err(error) = self.inner.store.note_seen(seen).await {
            debug!(error = chain(&error), "could not note who was seen");
        }
    }
}

impl Follower for Presences {
    fn follow(&self, entry: &Arc<Entry>) {
        // They may let others see it from now on, or not any more.
        if let (Change::PersonChanged, Some(user)) = (&entry.change, entry.user()) {
            self.inner.online.doubt(user);
        }
    }
}

/// What other nodes say, where there may be some. Nothing is missed for long:
/// each says it again.
async fn heard(others: Option<&mut Receiver<Packet>>) -> Packet {
    match others {
        Some(others) => loop {
            match others.recv().await {
                Ok(packet) => return packet,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => pending().await,
            }
        },
        None => pending().await,
    }
}

/// Of whom friends were told that they are online, and whether they let them
/// see it.
#[derive(Default)]
struct Told(HashMap<UserId, bool>);

impl Told {
    /// Whether friends see something else now than what they were told.
    fn differs(&mut self, user: UserId, standing: Standing, shown: bool) -> bool {
        let online = standing.left().is_none();
        let before = if online { self.0.insert(user, shown) } else { self.0.remove(&user) };
        match (before, standing) {
            (_, Standing::Moved) | (None, Standing::Known | Standing::Gone(_)) => false,
            (None, Standing::Online | Standing::Lost(_)) => shown,
            (Some(was_shown), Standing::Online | Standing::Known) => was_shown != shown,
            (Some(was_shown), Standing::Gone(_) | Standing::Lost(_)) => was_shown || shown,
        }
    }

    fn forget(&mut self, user: UserId) {
        self.0.remove(&user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friends_are_told_what_they_do_not_know() {
        let user = Ambient::system().id();
        let mut told = Told::default();
        let mut steps = |steps: &[(Standing, bool, bool)]| {
            for (standing, shown, differs) in steps {
                assert_eq!(told.differs(user, *standing, *shown), *differs, "{steps:?}");
            }
            assert!(told.0.is_empty(), "only who is online is remembered");
        };
        let (here, gone) = (Standing::Online, Standing::Gone(Timestamp(1)));
        let (shown, hidden) = (true, false);
        steps(&[(here, shown, true), (here, shown, false), (gone, shown, true)]);
        steps(&[(gone, shown, false), (here, hidden, false), (gone, hidden, false)]);
        steps(
            &[(here, shown, true), (here, hidden, true), (here, hidden, false)]
                .into_iter()
                .chain([(here, shown, true), (gone, hidden, true)])
                .collect::<Vec<_>>(),
        );
        steps(&[(here, hidden, false), (gone, shown, true), (gone, hidden, false)]);
        let (known, lost) = (Standing::Known, Standing::Lost(Timestamp(1)));
        steps(&[(known, shown, false), (here, shown, false), (gone, shown, true)]);
        steps(&[(known, shown, false), (known, hidden, true), (lost, hidden, false)]);
        steps(&[
            (lost, shown, true),
            (lost, hidden, false),
            (here, shown, true),
            (lost, shown, true),
        ]);
    }
}
