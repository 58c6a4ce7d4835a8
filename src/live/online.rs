//! Who is connected, to this node and, as far as these tell, to others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chatterbox_graph::Timestamp;

use super::{
    Roll, RollCall,
    elsewhere::{Elsewhere, LOOK, VALID},
};
use crate::{
    ambient::Ambient,
    ids::{NodeId, UserId},
};

/// How long somebody may be without a socket before they are gone.
pub const GRACE: Duration = Duration::from_secs(5);

/// Those who have a socket open, and those who had one until just now: both
/// are online. Who comes back within [`GRACE`] was never away, whichever node they come back to.
#[derive(Clone)]
pub struct Online {
    ambient: Ambient,
    node: NodeId,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// How many sockets each has.
    sockets: HashMap<UserId, usize>,
    /// Those whose last socket closed.
    leaving: HashMap<UserId, Leaving>,
    /// Those of whom others may have to be told.
    unsettled: HashMap<UserId, Standing>,
    /// Those who are connected to other nodes.
    elsewhere: Elsewhere,
    /// Those who left for another node, of whom nobody was told: should they leave
    /// that one at the same moment, neither node would tell.
    moved: HashMap<UserId, Leaving>,
    /// Those whose node is gone, of whom an earlier node tells: unless that turns out to be
    /// gone as well.
    missed: HashMap<UserId, Leaving>,
    /// What other nodes have to be told.
    news: News,
}

/// Who came to this node, and who left it.
#[derive(Default)]
pub(super) struct News {
    pub(super) came: Vec<UserId>,
    pub(super) left: Vec<UserId>,
}

struct Leaving {
    at: Timestamp,
    until: Instant,
}

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// They are.
    Online,
    /// They are, and were before, at another node: it told their friends.
    Known,
    /// They are at another node only.
    Moved,
    /// Their last socket closed then.
    Gone(Timestamp),
    /// The same, at another node, which can't tell their friends.
    Lost(Timestamp),
}

impl Standing {
    /// When they left, if they did.
    pub(super) fn left(self) -> Option<Timestamp> {
        match self {
            Self::Gone(at) | Self::Lost(at) => Some(at),
            Self::Online | Self::Known | Self::Moved => None,
        }
    }
}

/// A socket of somebody, while it is open.
pub struct Connected {
    online: Online,
    user: UserId,
}

impl Online {
    /// Nobody.
    #[must_use]
    pub fn new(ambient: Ambient) -> Self {
        Self { node: ambient.id(), ambient, state: Arc::default() }
    }

    /// This node.
    #[must_use]
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// Notes that a socket of theirs is open, until what is returned is dropped.
    #[must_use]
    pub fn open(&self, user: UserId) -> Connected {
        self.opened(user);
        Connected { online: self.clone(), user }
    }

    fn opened(&self, user: UserId) {
        let mut state = self.lock();
        let sockets = state.sockets.entry(user).or_default();
        *sockets += 1;
        if *sockets == 1 && state.leaving.remove(&user).is_none() {
            let known = state.elsewhere.has(user);
            let standing = if known { Standing::Known } else { Standing::Online };
            state.unsettled.insert(user, standing);
            state.moved.remove(&user);
            state.news.came.push(user);
        }
    }

    fn closed(&self, user: UserId, now: Instant) {
        let leaving = Leaving { at: self.ambient.now(), until: now + GRACE };
        let mut state = self.lock();
        if let Some(sockets) = state.sockets.get_mut(&user) {
            *sockets -= 1;
            if *sockets == 0 {
                state.sockets.remove(&user);
                state.leaving.insert(user, leaving);
            }
        }
    }

    /// When they were here last, for who is online: now for who has a socket.
    #[must_use]
    pub(super) fn seen(&self, user: UserId) -> Option<Timestamp> {
        let state = self.lock();
        if state.sockets.contains_key(&user) {
            return Some(self.ambient.now());
        }
        let leaving = state.leaving.get(&user).map(|leaving| leaving.at);
        leaving.or_else(|| state.elsewhere.has(user).then(|| self.ambient.now()))
    }

    /// The same, of everyone who is connected to this node.
    #[must_use]
    pub(super) fn all_seen(&self) -> Vec<(UserId, Timestamp)> {
        let (now, state) = (self.ambient.now(), self.lock());
        let here = state.sockets.keys().map(|user| (*user, now));
        here.chain(state.leaving.iter().map(|(user, leaving)| (*user, leaving.at))).collect()
    }

    /// Notes that others may have to be told anew of somebody, if they are online.
    pub(super) fn doubt(&self, user: UserId) {
        let mut state = self.lock();
        if state.sockets.contains_key(&user) || state.leaving.contains_key(&user) {
            state.unsettled.insert(user, Standing::Online);
        }
    }

    /// Takes at most `most` of those of whom others may have to be told. Whose
    /// grace is over is gone with it.
    pub(super) fn take(&self, most: usize, now: Instant) -> Vec<(UserId, Standing)> {
        let mut state = self.lock();
        state.part(most, now);
        state.miss(self.node, now);
        measure(state.sockets.len() + state.leaving.len());
        state.unsettled.extract_if(|_, _| true).take(most).collect()
    }

    /// Takes what other nodes have to be told.
    pub(super) fn news(&self) -> News {
        std::mem::take(&mut self.lock().news)
    }

    /// Takes in what another node tells.
    pub(super) fn hear(&self, Roll { node, call }: &Roll, now: Instant) {
        let (said, mut state) = (self.ambient.now(), self.lock());
        match call {
            RollCall::Here(users) => state.elsewhere.here(*node, users, said, now),
            RollCall::Left(users) => {
                for user in state.elsewhere.left(*node, users) {
                    let moved = state.moved.remove(&user).filter(|_| !state.has(user));
                    if let Some(Leaving { at, .. }) = moved {
                        state.unsettled.insert(user, Standing::Lost(at));
                    }
                }
            }
            RollCall::Begins => state.elsewhere.here(*node, &[], said, now),
            RollCall::Stops => state.elsewhere.stops(*node, now),
        }
    }

    /// Puts back what was taken in vain; what was noted meanwhile counts.
    pub(super) fn put_back(&self, taken: Vec<(UserId, Standing)>) {
        let mut state = self.lock();
        for (user, standing) in taken {
            state.unsettled.entry(user).or_insert(standing);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether somebody is online by this node.
    fn has(&self, user: UserId) -> bool {
        self.sockets.contains_key(&user) || self.leaving.contains_key(&user)
    }

    /// Parts with those whose grace is over.
    fn part(&mut self, most: usize, now: Instant) {
        let Self { leaving, unsettled, elsewhere, moved, news, .. } = self;
        moved.retain(|_, moved| moved.until > now);
        for (user, leaving) in leaving.extract_if(|_, leaving| leaving.until <= now).take(most) {
            news.left.push(user);
            if elsewhere.has(user) {
                unsettled.insert(user, Standing::Moved);
                moved.insert(user, Leaving { until: now + GRACE, ..leaving });
            } else {
                unsettled.insert(user, Standing::Gone(leaving.at));
            }
        }
    }

    /// Misses those whose node is gone. The first of the nodes that live tells of them; as long
    /// as it only seems to, the others remember them.
    fn miss(&mut self, own: NodeId, now: Instant) {
        let until = now + VALID + LOOK;
        let missing = self.elsewhere.expire(now);
        self.missed.extend(missing.into_iter().map(|(user, at)| (user, Leaving { at, until })));
        if self.missed.is_empty() {
            return;
        }
        if !self.elsewhere.is_first(own) {
            self.missed.retain(|_, missed| missed.until > now);
            return;
        }
        for (user, Leaving { at, .. }) in std::mem::take(&mut self.missed) {
            if !self.has(user) && !self.elsewhere.has(user) {
                self.unsettled.insert(user, Standing::Lost(at));
            }
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.online.closed(self.user, Instant::now());
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn measure(online: usize) {
    metrics::gauge!("chatterbox_online_users").set(online as f64);
}

#[cfg(test)]
mod tests;
