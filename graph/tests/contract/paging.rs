//! Lists come in pages: each item once, in order, whatever the page's size.

use std::fmt::Debug;

use chatterbox_graph::{
    Page,
    RequestDirection::{Incoming, Outgoing},
    TimeKey, Timestamp, UserId,
};

use crate::town::{Town, fresh_id};

on_each_store!(
    friends_are_paged_by_username,
    incoming_requests_are_paged_newest_first,
    outgoing_requests_are_paged_newest_first,
    blocks_are_paged_newest_first,
    a_page_goes_on_where_its_last_item_is_gone,
    a_page_of_nothing_still_counts,
    the_unknown_have_empty_lists,
);

/// Times with ties within a page and across its end.
const TIMES: [i64; 9] = [5, 9, 5, 5, 1, 9, 5, 3, 5];

/// Newest first; the higher id first where the times are the same.
fn newest_first(people: &[UserId]) -> Vec<UserId> {
    let mut keys: Vec<_> =
        TIMES.iter().zip(people).map(|(&at, &id)| TimeKey { at: Timestamp(at), id }).collect();
    keys.sort();
    keys.iter().rev().map(|key| key.id).collect()
}

/// Reads all pages of each size and compares them with what is expected.
async fn read_all<T: Debug, K>(
    expected: &[UserId],
    page: impl AsyncFn(usize, Option<K>) -> Page<T>,
    key: impl Fn(&T) -> (UserId, K),
) {
    for limit in 1..=expected.len() + 1 {
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let page = page(limit, after.take()).await;
            assert_eq!(page.total, expected.len() as u64);
            assert!(page.items.len() <= limit);
            for item in &page.items {
                let (id, place) = key(item);
                listed.push(id);
                after = Some(place);
            }
            assert_eq!(page.has_next, listed.len() < expected.len(), "limit {limit}");
            if !page.has_next {
                break;
            }
        }
        assert_eq!(listed, expected, "limit {limit}");
    }
}

async fn friends_are_paged_by_username(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(9).await;
    for &other in &crowd {
        town.befriend(ada, other).await;
    }
    read_all(
        &town.by_username(&crowd).await,
        async |limit, after: Option<String>| {
            town.friends_page(ada, None, limit, after.as_deref()).await
        },
        |friend| (friend.person.id, friend.person.username.clone()),
    )
    .await;
}

async fn incoming_requests_are_paged_newest_first(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(TIMES.len()).await;
    for (&other, at) in crowd.iter().zip(TIMES) {
        town.request_at(other, ada, at).await;
    }
    read_all(
        &newest_first(&crowd),
        async |limit, after| town.friend_requests(ada, Incoming, limit, after).await.unwrap(),
        |request| (request.person.id, TimeKey { at: request.at, id: request.person.id }),
    )
    .await;
}

async fn outgoing_requests_are_paged_newest_first(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(TIMES.len()).await;
    for (&other, at) in crowd.iter().zip(TIMES) {
        town.request_at(ada, other, at).await;
    }
    read_all(
        &newest_first(&crowd),
        async |limit, after| town.friend_requests(ada, Outgoing, limit, after).await.unwrap(),
        |request| (request.person.id, TimeKey { at: request.at, id: request.person.id }),
    )
    .await;
}

async fn blocks_are_paged_newest_first(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(TIMES.len()).await;
    for (&other, at) in crowd.iter().zip(TIMES) {
        town.block(ada, other, Timestamp(at)).await.unwrap();
    }
    read_all(
        &newest_first(&crowd),
        async |limit, after| town.blocked(ada, limit, after).await.unwrap(),
        |blocked| (blocked.person.id, TimeKey { at: blocked.at, id: blocked.person.id }),
    )
    .await;
}

async fn a_page_goes_on_where_its_last_item_is_gone(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(TIMES.len()).await;
    for (&other, at) in crowd.iter().zip(TIMES) {
        town.request_at(other, ada, at).await;
    }
    let order = newest_first(&crowd);
    let first = town.friend_requests(ada, Incoming, 4, None).await.unwrap();
    let last = first.items.last().unwrap();
    let place = TimeKey { at: last.at, id: last.person.id };

    town.withdraw(last.person.id, ada).await.unwrap();

    let rest = town.friend_requests(ada, Incoming, 10, Some(place)).await.unwrap();
    let rest_ids: Vec<_> = rest.items.iter().map(|request| request.person.id).collect();
    assert_eq!(rest_ids, order[4..]);
    assert_eq!((rest.total, rest.has_next), (8, false));
}

async fn a_page_of_nothing_still_counts(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.befriend(ada, grace).await;

    let none = town.friends_page(ada, None, 0, None).await;
    assert_eq!((none.items.len(), none.has_next, none.total), (0, true, 1));
    let beyond = town.friends_page(ada, None, 10, Some("zzzz")).await;
    assert_eq!((beyond.items.len(), beyond.has_next, beyond.total), (0, false, 1));
    let huge = town.friends_page(ada, None, usize::MAX, None).await;
    assert_eq!((huge.items.len(), huge.has_next, huge.total), (1, false, 1));
}

async fn the_unknown_have_empty_lists(town: &Town) {
    for direction in [Incoming, Outgoing] {
        let page = town.friend_requests(fresh_id(), direction, 10, None).await.unwrap();
        assert_eq!((page.items.len(), page.has_next, page.total), (0, false, 0));
    }
    let page = town.blocked(fresh_id(), 10, None).await.unwrap();
    assert_eq!((page.items.len(), page.has_next, page.total), (0, false, 0));
}
