//! What counts attempts.

use std::collections::HashMap;

use chatterbox::accounts::{AttemptKey, AttemptStore, Counted, StaleStore};
use chatterbox_graph::Timestamp;
use futures::future::join_all;

use crate::{Stores, accounts::later};

crate::promises! {
    attempts_are_counted_by_each_key,
    counting_begins_anew_when_its_time_is_over,
    of_attempts_at_once_each_sees_a_count_of_its_own,
    attempts_are_taken_back_and_forgotten,
    attempts_that_do_not_count_any_more_are_deleted,
}

const MINUTE: i64 = 60_000_000;

fn keys<const N: usize>(names: [&str; N]) -> [AttemptKey; N] {
    names.map(|name| AttemptKey::of("test", name))
}

/// Counts one attempt by each, for a minute from `at`.
async fn count(
    stores: &Stores,
    keys: &[AttemptKey],
    at: Timestamp,
) -> HashMap<AttemptKey, Counted> {
    let keys: Vec<_> = keys.iter().map(|key| (*key, later(at, MINUTE))).collect();
    stores.sql.count_attempt(&keys, at).await.unwrap()
}

async fn counted(stores: &Stores, key: AttemptKey, at: Timestamp) -> Option<Counted> {
    stores.sql.attempts(&[key], at).await.unwrap().remove(&key)
}

async fn attempts_are_counted_by_each_key(stores: &Stores) {
    let [one, other, none] = keys(["one", "other", "none"]);
    let (now, until) = (Timestamp(1_000), Timestamp(1_000 + MINUTE));
    for times in 1..=3 {
        let after = count(stores, &[other, one], later(now, i64::from(times) - 1)).await;
        let expected = Counted { times, until };
        assert_eq!(after, HashMap::from([(one, expected), (other, expected)]));
    }
    count(stores, &[one], now).await;
    let read = stores.sql.attempts(&[none, one, other], now).await.unwrap();
    let expected = [(one, Counted { times: 4, until }), (other, Counted { times: 3, until })];
    assert_eq!(read, HashMap::from(expected));
    assert_ne!(AttemptKey::of("a", "b"), AttemptKey::of("ab", ""));
}

async fn counting_begins_anew_when_its_time_is_over(stores: &Stores) {
    let [one] = keys(["one"]);
    let now = Timestamp(1_000);
    count(stores, &[one], now).await;
    count(stores, &[one], now).await;
    let last = later(now, MINUTE - 1);
    assert_eq!(counted(stores, one, last).await.unwrap().times, 2);
    let over = later(now, MINUTE);
    assert_eq!(counted(stores, one, over).await, None);
    let anew = count(stores, &[one], over).await[&one];
    assert_eq!(anew, Counted { times: 1, until: later(over, MINUTE) });
}

async fn of_attempts_at_once_each_sees_a_count_of_its_own(stores: &Stores) {
    let [one, other] = keys(["one", "other"]);
    let now = Timestamp(1_000);
    let (there, back) = ([one, other], [other, one]);
    let attempts = (0..20).map(|n| count(stores, if n % 2 == 0 { &there } else { &back }, now));
    let counts = join_all(attempts).await;
    for key in there {
        let mut seen: Vec<u32> = counts.iter().map(|count| count[&key].times).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(1..=20));
    }
}

async fn attempts_are_taken_back_and_forgotten(stores: &Stores) {
    let [one, other] = keys(["one", "other"]);
    let now = Timestamp(1_000);
    let times = async |key| counted(stores, key, now).await.map(|counted| counted.times);
    count(stores, &[one, other], now).await;
    count(stores, &[one, other], now).await;
    stores.sql.take_back(&[one]).await.unwrap();
    assert_eq!((times(one).await, times(other).await), (Some(1), Some(2)));
    for _ in 0..3 {
        stores.sql.take_back(&[one, other]).await.unwrap();
    }
    assert_eq!(times(one).await, Some(0), "never less than none");
    count(stores, &[one, other], now).await;
    stores.sql.forget_attempts(&[other]).await.unwrap();
    assert_eq!((times(one).await, times(other).await), (Some(1), None));
    stores.sql.forget_attempts(&[]).await.unwrap();
    stores.sql.take_back(&[]).await.unwrap();
}

async fn attempts_that_do_not_count_any_more_are_deleted(stores: &Stores) {
    let old: Vec<AttemptKey> = (0..5).map(|n| AttemptKey::of("test", &n.to_string())).collect();
    let [young] = keys(["young"]);
    count(stores, &old, Timestamp(1_000)).await;
    count(stores, &[young], Timestamp(2_000)).await;
    let over = Timestamp(1_001 + MINUTE);
    assert_eq!(stores.sql.drop_attempts(over, 2).await.unwrap(), 2);
    assert_eq!(stores.sql.drop_attempts(over, 10).await.unwrap(), 3);
    assert_eq!(stores.sql.drop_attempts(over, 10).await.unwrap(), 0);
    let left = stores.sql.attempts(&[&old[..], &[young]].concat(), Timestamp(0)).await.unwrap();
    assert_eq!(left.keys().copied().collect::<Vec<_>>(), [young]);
}
