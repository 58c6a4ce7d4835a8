//! How far a projection is behind the log, and for how long.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::Position;

/// How far apart the entries are of which it is known when they came.
const MARKS: Duration = Duration::from_secs(1);
/// Of how many that is known: an hour's.
const MOST: usize = 3_600;

/// How far a projection is behind, for its metrics.
pub(super) struct Lag {
    projection: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seen: Position,
    done: Position,
    /// Entries that are not taken in, and when they came.
    waiting: VecDeque<(Position, Instant)>,
}

impl Lag {
    pub(super) fn of(projection: &'static str) -> Self {
        Self { projection, state: Mutex::default() }
    }

    /// An entry has come.
    pub(super) fn seen(&self, pos: Position) {
        let (mut state, now) = (self.lock(), Instant::now());
        state.seen = state.seen.max(pos);
        let last = state.waiting.back();
        if last.is_none_or(|(_, came)| now - *came >= MARKS) && state.waiting.len() < MOST {
            state.waiting.push_back((pos, now));
        }
    }

    /// Everything up to here is taken in.
    pub(super) fn done(&self, pos: Position) {
        let mut state = self.lock();
        state.done = state.done.max(pos);
        let State { seen, done, waiting } = &mut *state;
        *seen = (*seen).max(*done);
        while waiting.front().is_some_and(|(pos, _)| pos <= done) {
            waiting.pop_front();
        }
    }

    /// Sets the gauges.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub(super) fn measure(&self) {
        let state = self.lock();
        let entries = (state.seen.0 - state.done.0) as f64;
        let seconds = state.waiting.front().map_or(0.0, |(_, came)| came.elapsed().as_secs_f64());
        let projection = self.projection;
        metrics::gauge!("chatterbox_projection_lag_entries", "projection" => projection)
            .set(entries);
        metrics::gauge!("chatterbox_projection_lag_seconds", "projection" => projection)
            .set(seconds);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(lag: &Lag) -> usize {
        lag.lock().waiting.len()
    }

    #[test]
    fn what_is_taken_in_waits_no_more() {
        let lag = Lag::of("test");
        lag.done(Position(7));
        lag.seen(Position(8));
        lag.seen(Position(9));
        assert_eq!(waiting(&lag), 1, "one a second is enough");
        lag.done(Position(7));
        assert_eq!(waiting(&lag), 1);
        assert_eq!(lag.lock().seen, Position(9));
        lag.done(Position(9));
        assert_eq!(waiting(&lag), 0);
        assert_eq!(lag.lock().done, Position(9));
    }
}
