//! Who is connected, to this node and, as far as these tell, to others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chatterbox_graph::Timestamp;

use super::{Roll, RollCall, elsewhere::Elsewhere};
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

    /// Misses those whose node is gone. One of the nodes that live tells of them.
    fn miss(&mut self, own: NodeId, now: Instant) {
        let missing = self.elsewhere.expire(now);
        if !self.elsewhere.is_first(own) {
            return;
        }
        for (user, said) in missing {
            if !self.has(user) {
                self.unsettled.insert(user, Standing::Lost(said));
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
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    /// Somebody, and a time of the story's own.
    struct Story {
        online: Online,
        user: UserId,
        now: Instant,
    }

    impl Story {
        fn new() -> Self {
            let ambient = Ambient::system();
            let user = ambient.id();
            Self { online: Online::new(ambient), user, now: Instant::now() }
        }

        fn open(&self) {
            self.online.opened(self.user);
        }

        fn close(&self) {
            self.online.closed(self.user, self.now);
        }

        fn wait(&mut self, time: Duration) {
            self.now += time;
        }

        fn take(&self) -> Vec<Standing> {
            self.online.take(500, self.now).into_iter().map(|(_, standing)| standing).collect()
        }

        fn seen(&self) -> Option<Timestamp> {
            self.online.seen(self.user)
        }
    }

    #[test]
    fn who_closes_the_last_socket_is_gone_after_the_grace() {
        let mut story = Story::new();
        assert_eq!(story.seen(), None);
        story.open();
        story.open();
        assert_eq!(story.take(), [Standing::Online]);
        story.close();
        story.wait(GRACE * 2);
        assert_eq!(story.take(), [], "another device is there");
        story.close();
        let at = story.seen().unwrap();
        story.wait(GRACE - MOMENT);
        assert_eq!((story.take(), story.seen()), (vec![], Some(at)), "online for the time being");
        story.wait(MOMENT);
        assert_eq!(story.take(), [Standing::Gone(at)]);
        assert_eq!((story.seen(), story.online.all_seen()), (None, vec![]));
        assert_eq!(story.take(), []);
    }

    #[test]
    fn who_comes_back_within_the_grace_was_never_away() {
        let mut story = Story::new();
        story.open();
        story.take();
        for _ in 0..100 {
            story.close();
            story.wait(GRACE - MOMENT);
            assert_eq!(story.take(), []);
            story.open();
            assert_eq!(story.take(), []);
            assert_eq!(story.online.lock().leaving.len(), 0, "nothing is left over");
        }
        assert_eq!(story.online.all_seen().len(), 1);
    }

    #[test]
    fn who_is_back_before_anyone_looked_was_never_away() {
        let mut story = Story::new();
        story.open();
        story.take();
        story.close();
        story.wait(GRACE * 2);
        story.open();
        assert_eq!(story.take(), []);
    }

    #[test]
    fn a_socket_counts_while_it_is_open() {
        let Story { online, user, .. } = Story::new();
        let sockets = [online.open(user), online.open(user)];
        assert_eq!(online.lock().sockets[&user], 2);
        drop(sockets);
        assert!(online.lock().sockets.is_empty() && online.seen(user).is_some());
    }

    #[test]
    fn many_are_taken_part_by_part() {
        let Story { online, now, .. } = Story::new();
        let mut crowd: Vec<UserId> = (0..1_200).map(|_| online.ambient.id()).collect();
        crowd.iter().for_each(|user| online.opened(*user));
        let parts: Vec<usize> = (0..4).map(|_| online.take(500, now).len()).collect();
        assert_eq!(parts, [500, 500, 200, 0]);
        crowd.iter().for_each(|user| online.closed(*user, now));
        let mut gone = Vec::new();
        for part in [500, 500, 200, 0] {
            let taken = online.take(500, now + GRACE);
            assert_eq!((taken.len(), online.all_seen().len()), (part, 1_200 - gone.len() - part));
            gone.extend(taken.into_iter().map(|(user, _)| user));
        }
        gone.sort_unstable();
        crowd.sort_unstable();
        assert_eq!(gone, crowd, "each once");
    }

    #[test]
    fn what_was_taken_in_vain_comes_again_unless_there_is_news() {
        let Story { online, user, now } = Story::new();
        online.opened(user);
        online.closed(user, now);
        let taken = online.take(500, now + GRACE);
        assert!(matches!(taken[..], [(_, Standing::Gone(_))]));
        online.put_back(taken.clone());
        assert_eq!(online.take(500, now), taken);
        online.opened(user);
        online.put_back(taken);
        assert_eq!(online.take(500, now), [(user, Standing::Online)]);
    }

    #[test]
    fn only_who_is_online_is_in_doubt() {
        let mut story = Story::new();
        story.online.doubt(story.user);
        assert_eq!(story.take(), []);
        story.open();
        story.close();
        story.take();
        story.online.doubt(story.user);
        assert_eq!(story.take(), [Standing::Online]);
        story.online.doubt(story.user);
        story.wait(GRACE);
        assert!(matches!(story.take()[..], [Standing::Gone(_)]));
    }

    /// Two nodes, and somebody who uses both.
    struct Nodes {
        own: Story,
        other: NodeId,
    }

    impl Nodes {
        fn new() -> Self {
            let own = Story::new();
            Self { other: own.online.ambient.id(), own }
        }

        fn hear(&self, call: RollCall) {
            self.own.online.hear(&Roll { node: self.other, call }, self.own.now);
        }

        fn here(&self) {
            self.hear(RollCall::Here(vec![self.own.user]));
        }

        fn left(&self) {
            self.hear(RollCall::Left(vec![self.own.user]));
        }
    }

    #[test]
    fn who_goes_to_another_node_was_never_away() {
        let mut nodes = Nodes::new();
        nodes.own.open();
        assert_eq!(nodes.own.take(), [Standing::Online]);
        nodes.own.close();
        nodes.here();
        nodes.own.wait(GRACE);
        assert_eq!(nodes.own.take(), [Standing::Moved]);
        assert!(nodes.own.seen().is_some(), "they are elsewhere");
        let News { came, left } = nodes.own.online.news();
        assert_eq!((came, left), (vec![nodes.own.user], vec![nodes.own.user]));
        nodes.own.open();
        assert_eq!(nodes.own.take(), [Standing::Known], "their friends know");
        nodes.left();
        assert_eq!(nodes.own.take(), [], "they are here");
    }

    #[test]
    fn who_leaves_two_nodes_at_once_is_missed() {
        let mut nodes = Nodes::new();
        nodes.own.open();
        nodes.here();
        nodes.own.take();
        nodes.own.close();
        let at = nodes.own.seen().unwrap();
        nodes.own.wait(GRACE);
        assert_eq!(nodes.own.take(), [Standing::Moved]);
        nodes.left();
        assert_eq!((nodes.own.take(), nodes.own.seen()), (vec![Standing::Lost(at)], None));
    }

    #[test]
    fn who_leaves_another_node_is_its_affair() {
        let nodes = Nodes::new();
        nodes.here();
        assert!(nodes.own.seen().is_some());
        nodes.left();
        assert_eq!((nodes.own.take(), nodes.own.seen()), (vec![], None));
    }

    #[test]
    fn one_of_the_nodes_misses_those_whose_node_died() {
        let mut nodes = Nodes::new();
        let third = nodes.own.online.ambient.id();
        nodes.here();
        let calls = Duration::from_secs(4);
        let mut missed = Vec::new();
        for _ in 0..4 {
            nodes
                .own
                .online
                .hear(&Roll { node: third, call: RollCall::Here(Vec::new()) }, nodes.own.now);
            nodes.own.wait(calls);
            missed.extend(nodes.own.take());
        }
        assert_eq!(nodes.own.seen(), None);
        let first = nodes.own.online.node() < third;
        assert_eq!(missed.len(), usize::from(first), "{missed:?}");
    }
}
