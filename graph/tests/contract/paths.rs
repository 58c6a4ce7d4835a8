//! How people are connected.

use std::collections::HashMap;

use chatterbox_graph::{Timestamp, UserId};

use crate::town::{Town, fresh_id};

on_each_store!(
    the_viewer_is_a_chain_of_one,
    friends_are_one_hop_apart,
    a_long_chain_is_found_up_to_the_limit,
    the_shortest_way_round_a_circle_is_taken,
    one_of_two_shortest_ways_is_taken,
    who_is_not_connected_has_no_chain,
    requests_and_chats_connect_nobody,
    a_block_at_either_end_hides_the_chain,
    a_block_in_between_does_not,
    many_are_answered_at_once,
    the_unknown_are_left_out,
);

async fn path(town: &Town, viewer: UserId, other: UserId, max: u8) -> Option<Vec<UserId>> {
    town.paths(viewer, &[other], max).await.unwrap().remove(&other)
}

async fn the_viewer_is_a_chain_of_one(town: &Town) {
    let ada = town.person("ada").await;
    for max in [0, 1, 6] {
        assert_eq!(path(town, ada, ada, max).await, Some(vec![ada]));
    }
}

async fn friends_are_one_hop_apart(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.befriend(ada, grace).await;
    assert_eq!(path(town, ada, grace, 0).await, None);
    assert_eq!(path(town, ada, grace, 1).await, Some(vec![ada, grace]));
    assert_eq!(path(town, grace, ada, 6).await, Some(vec![grace, ada]));
}

async fn a_long_chain_is_found_up_to_the_limit(town: &Town) {
    let chain = town.crowd(9).await;
    town.chain(&chain).await;
    for hops in 1..9_u8 {
        let end = chain[usize::from(hops)];
        assert_eq!(path(town, chain[0], end, hops - 1).await, None, "{hops} hops");
        for max in [hops, hops + 1, u8::MAX] {
            let found = path(town, chain[0], end, max).await.unwrap();
            assert_eq!(found, chain[..=usize::from(hops)], "{hops} hops, at most {max}");
        }
    }
    let mut back = chain.clone();
    back.reverse();
    assert_eq!(path(town, chain[8], chain[0], 8).await, Some(back));
}

async fn the_shortest_way_round_a_circle_is_taken(town: &Town) {
    let circle = town.crowd(7).await;
    town.chain(&circle).await;
    town.befriend(circle[6], circle[0]).await;
    assert_eq!(path(town, circle[0], circle[3], 6).await.unwrap(), circle[..=3]);
    let other_way = [circle[0], circle[6], circle[5], circle[4]];
    assert_eq!(path(town, circle[0], circle[4], 6).await.unwrap(), other_way);
    assert_eq!(path(town, circle[0], circle[4], 2).await, None);
}

async fn one_of_two_shortest_ways_is_taken(town: &Town) {
    let [ada, left, right, grace] = town.people_called(["ada", "left", "right", "grace"]).await;
    town.chain(&[ada, left, grace, right, ada]).await;
    let found = path(town, ada, grace, 6).await.unwrap();
    assert!([[ada, left, grace], [ada, right, grace]].iter().any(|way| found == way));
}

async fn who_is_not_connected_has_no_chain(town: &Town) {
    let [ada, grace, alan, eve] = town.people_called(["ada", "grace", "alan", "eve"]).await;
    town.befriend(ada, grace).await;
    town.befriend(alan, eve).await;
    assert_eq!(path(town, ada, alan, 6).await, None);
    town.befriend(grace, alan).await;
    assert_eq!(path(town, ada, eve, 6).await, Some(vec![ada, grace, alan, eve]));
    town.unfriend(alan, grace).await.unwrap();
    assert_eq!(path(town, ada, eve, 6).await, None);
}

async fn requests_and_chats_connect_nobody(town: &Town) {
    let [ada, grace, alan] = town.people_called(["ada", "grace", "alan"]).await;
    town.request_at(ada, grace, 1).await;
    town.record_chats(&[crate::town::chat(ada, alan, 1)]).await.unwrap();
    assert!(town.paths(ada, &[grace, alan], 6).await.unwrap().is_empty());
}

async fn a_block_at_either_end_hides_the_chain(town: &Town) {
    let [ada, grace, eve] = town.people_called(["ada", "grace", "eve"]).await;
    town.chain(&[ada, grace, eve]).await;
    for (by, other) in [(ada, eve), (eve, ada)] {
        town.block(by, other, Timestamp(1)).await.unwrap();
        assert_eq!(path(town, ada, eve, 6).await, None);
        assert_eq!(path(town, eve, ada, 6).await, None);
        town.unblock(by, other).await.unwrap();
        assert_eq!(path(town, ada, eve, 6).await, Some(vec![ada, grace, eve]));
    }
}

async fn a_block_in_between_does_not(town: &Town) {
    let chain = town.crowd(4).await;
    town.chain(&chain).await;
    town.block(chain[0], chain[2], Timestamp(1)).await.unwrap();
    assert_eq!(path(town, chain[0], chain[3], 6).await.as_ref(), Some(&chain));
}

async fn many_are_answered_at_once(town: &Town) {
    let chain = town.crowd(6).await;
    town.chain(&chain).await;
    let stranger = town.person("stranger").await;
    let mut asked = chain.clone();
    asked.extend([stranger, fresh_id(), chain[3]]);

    let found = town.paths(chain[1], &asked, 3).await.unwrap();

    let expected = HashMap::from([
        (chain[0], vec![chain[1], chain[0]]),
        (chain[1], vec![chain[1]]),
        (chain[2], chain[1..=2].to_vec()),
        (chain[3], chain[1..=3].to_vec()),
        (chain[4], chain[1..=4].to_vec()),
    ]);
    assert_eq!(found, expected);
}

async fn the_unknown_are_left_out(town: &Town) {
    let ada = town.person("ada").await;
    let nobody = fresh_id();
    assert!(town.paths(ada, &[nobody], 6).await.unwrap().is_empty());
    assert!(town.paths(nobody, &[nobody, ada], 6).await.unwrap().is_empty());
    assert!(town.paths(nobody, &[nobody], 0).await.unwrap().is_empty());
}
