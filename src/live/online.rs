//! Who is connected to this node.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chatterbox_graph::Timestamp;

use crate::{ambient::Ambient, ids::UserId};

/// How long somebody may be without a socket before they are gone.
pub const GRACE: Duration = Duration::from_secs(5);

/// Those who have a socket open, and those who had one until just now: both
/// are online. Who comes back within [`GRACE`] was never away.
#[derive(Clone)]
pub struct Online {
    ambient: Ambient,
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
    /// Their last socket closed then.
    Gone(Timestamp),
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
        Self { ambient, state: Arc::default() }
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
            state.unsettled.insert(user, Standing::Online);
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
        state.leaving.get(&user).map(|leaving| leaving.at)
    }

    /// The same, of everyone who is online.
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
        let State { sockets, leaving, unsettled } = &mut *state;
        let gone = leaving.extract_if(|_, leaving| leaving.until <= now).take(most);
        unsettled.extend(gone.map(|(user, leaving)| (user, Standing::Gone(leaving.at))));
        measure(sockets.len() + leaving.len());
        unsettled.extract_if(|_, _| true).take(most).collect()
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
}
