use std::sync::{
    Mutex,
    atomic::{AtomicI64, Ordering},
};

use chatterbox_graph::Timestamp;

use super::*;
use crate::ambient::{self, SystemRandom};

const SECOND: Duration = Duration::from_secs(1);

/// A clock that stands still until it is put forward.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicI64>);

impl ambient::Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000_000 + self.0.load(Ordering::Relaxed))
    }
}

impl Hand {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::Relaxed);
    }
}

fn counter(allowed: &str) -> (Counter<u32>, Hand) {
    let hand = Hand::default();
    let ambient = Ambient::new(hand.clone(), SystemRandom);
    (Counter::new("drops", allowed.parse().unwrap(), &ambient), hand)
}

/// How long to wait, as the refusal says; `None` where there is none.
fn wait(outcome: Result<()>) -> Option<Duration> {
    match outcome {
        Ok(()) => None,
        Err(Error::RateLimited { retry_after_ms, .. }) => {
            Some(Duration::from_millis(retry_after_ms))
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn so_many_at_once_and_then_at_the_rate() {
    let (counter, hand) = counter("20/s:60");
    for _ in 0..60 {
        counter.count(&1).unwrap();
    }
    let refused = counter.count(&1).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "too many drops: at most 20 a second, in bursts of 60: try again in a second"
    );
    assert_eq!(wait(Err(refused)), Some(Duration::from_millis(50)));
    counter.count(&2).expect("another one's are counted for themselves");
    for _ in 0..20 {
        hand.advance(Duration::from_millis(49));
        assert!(counter.count(&1).is_err(), "what was refused is not counted, nor forgotten");
        hand.advance(Duration::from_millis(1));
        counter.count(&1).unwrap();
    }
    hand.advance(3 * SECOND);
    assert_eq!((0..100).filter(|_| counter.count(&1).is_ok()).count(), 60, "all is given back");
}

#[test]
fn after_the_wait_there_is_room() {
    let (counter, hand) = counter("5/h");
    assert_eq!((0..10).filter(|_| counter.count(&1).is_ok()).count(), 5);
    for _ in 0..3 {
        let wait = wait(counter.count(&1)).unwrap();
        assert_eq!(wait, 12 * 60 * SECOND);
        hand.advance(wait);
        counter.count(&1).unwrap();
    }
}

#[test]
fn of_many_at_once_so_many_get_through() {
    let (counter, _hand) = counter("10/h");
    let through = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mine = (0..10).filter(|_| counter.count(&1).is_ok()).count();
                *through.lock().unwrap() += mine;
            });
        }
    });
    assert_eq!(through.into_inner().unwrap(), 10);
}

#[test]
fn not_all_keys_are_remembered_and_the_busy_ones_are() {
    let (counter, _hand) = counter("3/d");
    let busy = 0;
    while counter.count(&busy).is_ok() {}
    for key in 1..=200_000 {
        let _outcome = counter.count(&key);
        if key % 100 == 0 {
            assert!(counter.count(&busy).is_err(), "forgotten after {key}");
        }
    }
    let states = &counter.limiter.into_state_store().0;
    states.run_pending_tasks();
    assert!(states.entry_count() <= States::<u32>::CAPACITY);
}

#[test]
fn without_limits_nothing_is_refused() {
    let ambient = Ambient::system();
    let (rates, user) = (Rates::new(None, &ambient), ambient.id());
    assert!((0..1_000).all(|_| rates.message(user).is_ok()));
}
