//! What keeps when people were online last.

use std::collections::HashMap;

use chatterbox::{ids::UserId, live::LastSeenStore, people::DepartureStore};
use chatterbox_graph::Timestamp;
use futures::future::join_all;

use crate::{Stores, accounts::registered};

crate::promises! {
    the_latest_time_counts,
    many_are_noted_at_once,
    only_those_with_an_account_are_noted,
    what_was_noted_can_be_forgotten,
}

async fn seen(stores: &Stores, ids: &[UserId]) -> HashMap<UserId, i64> {
    let seen = stores.sql.last_seen(ids).await.unwrap();
    seen.into_iter().map(|(id, at)| (id, at.0)).collect()
}

async fn note(stores: &Stores, seen: &[(UserId, i64)]) {
    let seen: Vec<_> = seen.iter().map(|(user, at)| (*user, Timestamp(*at))).collect();
    stores.sql.note_seen(&seen).await.unwrap();
}

async fn the_latest_time_counts(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    assert_eq!(seen(stores, &[]).await, HashMap::new());
    assert_eq!(seen(stores, &[ada, grace]).await, HashMap::new());
    let now = stores.ambient.now().0;
    for (noted, expected) in [(now, now), (now - 5, now), (now, now), (now + 7, now + 7)] {
        note(stores, &[(ada, noted)]).await;
        assert_eq!(seen(stores, &[ada, grace]).await, HashMap::from([(ada, expected)]));
    }
    note(stores, &[]).await;
    assert_eq!(seen(stores, &[grace]).await, HashMap::new());
}

async fn many_are_noted_at_once(stores: &Stores) {
    let names: Vec<String> = (0..300).map(|n| format!("p{n:03}")).collect();
    let mut people = Vec::new();
    for name in &names {
        people.push(registered(stores, name).await);
    }
    let at = |round: i64| -> Vec<(UserId, i64)> {
        people.iter().zip(0..).map(|(user, n)| (*user, 1_000 * round + n)).collect()
    };
    let (first, last, middle) = (at(1), at(3), at(2));
    let (one, two) = middle.split_at(200);
    note(stores, &first).await;
    // From several nodes at once, in any order.
    join_all([&last[..], one, two, &first].map(|seen| note(stores, seen))).await;
    assert_eq!(seen(stores, &people).await, last.into_iter().collect());
}

async fn only_those_with_an_account_are_noted(stores: &Stores) {
    let (ada, nobody) = (registered(stores, "ada").await, stores.ambient.id());
    note(stores, &[(nobody, 1), (ada, 2)]).await;
    note(stores, &[(nobody, 3)]).await;
    assert_eq!(seen(stores, &[ada, nobody]).await, HashMap::from([(ada, 2)]));
}

async fn what_was_noted_can_be_forgotten(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    note(stores, &[(ada, 1), (grace, 2)]).await;
    for _ in 0..2 {
        stores.sql.forget_seen(ada).await.unwrap();
        assert_eq!(seen(stores, &[ada, grace]).await, HashMap::from([(grace, 2)]));
    }
}
