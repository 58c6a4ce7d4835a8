//! How people are connected.

use chatterbox_graph::{PathBetween, Timestamp};

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
    a_block_in_between_is_gone_round,
    a_block_of_others_on_the_way_does_not_matter,
    many_are_answered_at_once,
    the_unknown_have_no_chain,
);

async fn the_viewer_is_a_chain_of_one(town: &Town) {
    let ada = town.person("ada").await;
    for max in [0, 1, 6] {
        assert_eq!(town.path(ada, ada, max).await, Some(vec![ada]));
    }
}

async fn friends_are_one_hop_apart(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.befriend(ada, grace).await;
    assert_eq!(town.path(ada, grace, 0).await, None);
    assert_eq!(town.path(ada, grace, 1).await, Some(vec![ada, grace]));
    assert_eq!(town.path(grace, ada, 6).await, Some(vec![grace, ada]));
}

async fn a_long_chain_is_found_up_to_the_limit(town: &Town) {
    let chain = town.crowd(9).await;
    town.chain(&chain).await;
    for hops in 1..9_u8 {
        let end = chain[usize::from(hops)];
        assert_eq!(town.path(chain[0], end, hops - 1).await, None, "{hops} hops");
        for max in [hops, hops + 1, u8::MAX] {
            let found = town.path(chain[0], end, max).await.unwrap();
            assert_eq!(found, chain[..=usize::from(hops)], "{hops} hops, at most {max}");
        }
    }
    let mut back = chain.clone();
    back.reverse();
    assert_eq!(town.path(chain[8], chain[0], 8).await, Some(back));
}

async fn the_shortest_way_round_a_circle_is_taken(town: &Town) {
    let circle = town.crowd(7).await;
    town.chain(&circle).await;
    town.befriend(circle[6], circle[0]).await;
    assert_eq!(town.path(circle[0], circle[3], 6).await.unwrap(), circle[..=3]);
    let other_way = [circle[0], circle[6], circle[5], circle[4]];
    assert_eq!(town.path(circle[0], circle[4], 6).await.unwrap(), other_way);
    assert_eq!(town.path(circle[0], circle[4], 2).await, None);
}

async fn one_of_two_shortest_ways_is_taken(town: &Town) {
    let [ada, left, right, grace] = town.people_called(["ada", "left", "right", "grace"]).await;
    town.chain(&[ada, left, grace, right, ada]).await;
    let found = town.path(ada, grace, 6).await.unwrap();
    assert!([[ada, left, grace], [ada, right, grace]].iter().any(|way| found == way));
}

async fn who_is_not_connected_has_no_chain(town: &Town) {
    let [ada, grace, alan, eve] = town.people_called(["ada", "grace", "alan", "eve"]).await;
    town.befriend(ada, grace).await;
    town.befriend(alan, eve).await;
    assert_eq!(town.path(ada, alan, 6).await, None);
    town.befriend(grace, alan).await;
    assert_eq!(town.path(ada, eve, 6).await, Some(vec![ada, grace, alan, eve]));
    town.unfriend(alan, grace).await.unwrap();
    assert_eq!(town.path(ada, eve, 6).await, None);
}

async fn requests_and_chats_connect_nobody(town: &Town) {
    let [ada, grace, alan] = town.people_called(["ada", "grace", "alan"]).await;
    town.request_at(ada, grace, 1).await;
    town.record_chats(&[crate::town::chat(ada, alan, 1)]).await.unwrap();
    assert_eq!(town.path(ada, grace, 6).await, None);
    assert_eq!(town.path(ada, alan, 6).await, None);
}

async fn a_block_at_either_end_hides_the_chain(town: &Town) {
    let [ada, grace, eve] = town.people_called(["ada", "grace", "eve"]).await;
    town.chain(&[ada, grace, eve]).await;
    for (by, other) in [(ada, eve), (eve, ada)] {
        town.block(by, other, Timestamp(1)).await.unwrap();
        assert_eq!(town.path(ada, eve, 6).await, None);
        assert_eq!(town.path(eve, ada, 6).await, None);
        town.unblock(by, other).await.unwrap();
        assert_eq!(town.path(ada, eve, 6).await, Some(vec![ada, grace, eve]));
    }
}

async fn a_block_in_between_is_gone_round(town: &Town) {
    let [ada, eve, grace] = town.people_called(["ada", "eve", "grace"]).await;
    let [mia, bob] = town.people_called(["mia", "bob"]).await;
    town.chain(&[ada, mia, eve, grace]).await;
    town.chain(&[mia, bob]).await;
    assert_eq!(town.path(ada, grace, 6).await, Some(vec![ada, mia, eve, grace]));
    for (by, other) in [(ada, eve), (eve, ada)] {
        town.block(by, other, Timestamp(1)).await.unwrap();
        assert_eq!(town.path(ada, grace, 6).await, None, "there is no other way");
        let back = vec![grace, eve, mia, ada];
        assert_eq!(town.path(grace, ada, 6).await, Some(back), "the viewer's blocks count");

        let other_way = town.person("other").await;
        town.chain(&[bob, other_way, grace]).await;
        let round = vec![ada, mia, bob, other_way, grace];
        assert_eq!(town.path(ada, grace, 6).await, Some(round));
        assert_eq!(town.path(ada, grace, 3).await, None);

        town.unfriend(bob, other_way).await.unwrap();
        town.unblock(by, other).await.unwrap();
        assert_eq!(town.path(ada, grace, 6).await, Some(vec![ada, mia, eve, grace]));
    }
}

async fn a_block_of_others_on_the_way_does_not_matter(town: &Town) {
    let chain = town.crowd(5).await;
    town.chain(&chain).await;
    town.block(chain[1], chain[3], Timestamp(1)).await.unwrap();
    town.block(chain[4], chain[2], Timestamp(1)).await.unwrap();
    assert_eq!(town.path(chain[0], chain[4], 6).await.as_ref(), Some(&chain));
}

async fn many_are_answered_at_once(town: &Town) {
    let chain = town.crowd(6).await;
    town.chain(&chain).await;
    let (stranger, nobody) = (town.person("stranger").await, fresh_id());
    let hops = [(1, 4, 3), (1, 5, 3), (5, 1, 4), (1, 4, 3), (2, 2, 0), (2, 3, 0), (0, 3, 200)];
    let mut asked: Vec<_> = hops
        .into_iter()
        .map(|(from, to, max)| PathBetween { viewer: chain[from], other: chain[to], max })
        .collect();
    asked.extend([stranger, nobody].map(|other| PathBetween { viewer: chain[0], other, max: 6 }));

    let found = town.paths(&asked).await.unwrap();

    let back = chain[1..].iter().rev().copied().collect();
    let there = chain[1..=4].to_vec();
    let expected = [
        Some(there.clone()),
        None,
        Some(back),
        Some(there),
        Some(vec![chain[2]]),
        None,
        Some(chain[..=3].to_vec()),
        None,
        None,
    ];
    assert_eq!(found, expected);
}

async fn the_unknown_have_no_chain(town: &Town) {
    let (ada, nobody) = (town.person("ada").await, fresh_id());
    for (viewer, other) in [(ada, nobody), (nobody, ada), (nobody, nobody)] {
        for max in [0, 6] {
            assert_eq!(town.path(viewer, other, max).await, None);
        }
    }
}
