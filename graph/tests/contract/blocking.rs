//! Blocking: what ends, and what the blocked one must not notice.

use chatterbox_graph::{
    Ask, Block, Friendship,
    RequestDirection::{Incoming, Outgoing},
    Timestamp,
};

use crate::town::{MANY, Town, fresh_id};

on_each_store!(
    a_stranger_does_not_notice,
    a_friendship_ends,
    requests_end_both_ways,
    neither_can_ask,
    two_can_block_each_other,
    a_block_is_lifted_by_who_made_it,
    what_ended_does_not_come_back,
    the_unknown_neither_block_nor_are_blocked,
);

async fn a_stranger_does_not_notice(town: &Town) {
    let [ada, eve] = town.people_called(["ada", "eve"]).await;

    let block = town.block(ada, eve, Timestamp(5)).await.unwrap();

    assert_eq!(block, Block::Blocked { visible: false });
    assert_eq!(town.sees(ada, eve).await, Friendship::Blocked);
    assert_eq!(town.sees(eve, ada).await, Friendship::None);
    let pair = town.pair(eve, ada).await.unwrap().unwrap();
    assert!(pair.blocked, "for the rules it counts from either side");
    assert_eq!((pair.one_sees, pair.other_sees), (Friendship::None, Friendship::Blocked));
    assert_eq!(town.blocked(eve, 10, None).await.unwrap().total, 0);

    let blocked = town.blocked(ada, 10, None).await.unwrap();
    assert_eq!((blocked.total, blocked.has_next), (1, false));
    assert_eq!((blocked.items[0].person.id, blocked.items[0].at), (eve, Timestamp(5)));

    let again = town.block(ada, eve, Timestamp(6)).await.unwrap();
    assert_eq!(again, Block::AlreadyBlocked);
    assert_eq!(town.blocked(ada, 10, None).await.unwrap().items[0].at, Timestamp(5));
}

async fn a_friendship_ends(town: &Town) {
    let [ada, eve] = town.people_called(["ada", "eve"]).await;
    town.befriend(ada, eve).await;

    let block = town.block(ada, eve, Timestamp(5)).await.unwrap();

    assert_eq!(block, Block::Blocked { visible: true });
    assert_eq!(town.sees(ada, eve).await, Friendship::Blocked);
    assert_eq!(town.sees(eve, ada).await, Friendship::None);
    for someone in [ada, eve] {
        assert_eq!(town.friends_of(someone).await.total, 0);
    }
}

async fn requests_end_both_ways(town: &Town) {
    for asked_by_who_blocks in [true, false] {
        let [ada, eve] = town.people_called(["ada", "eve"]).await;
        let (from, to) = if asked_by_who_blocks { (ada, eve) } else { (eve, ada) };
        town.request_at(from, to, 3).await;

        let block = town.block(ada, eve, Timestamp(5)).await.unwrap();

        assert_eq!(block, Block::Blocked { visible: true });
        assert_eq!(town.sees(ada, eve).await, Friendship::Blocked);
        assert_eq!(town.sees(eve, ada).await, Friendship::None);
        assert_eq!(town.friend_requests(from, Outgoing, 10, None).await.unwrap().total, 0);
        assert_eq!(town.friend_requests(to, Incoming, 10, None).await.unwrap().total, 0);
        let accept = town.accept(to, from, Timestamp(6), MANY).await.unwrap();
        assert_eq!(accept, Ask::Unknown);
    }
}

async fn neither_can_ask(town: &Town) {
    let [ada, eve] = town.people_called(["ada", "eve"]).await;
    town.block(ada, eve, Timestamp(5)).await.unwrap();
    for (from, to) in [(ada, eve), (eve, ada)] {
        let ask = town.ask(from, to, None, Timestamp(9), MANY).await.unwrap();
        assert_eq!(ask, Ask::Blocked);
        assert_eq!(town.friend_requests(from, Outgoing, 10, None).await.unwrap().total, 0);
    }
}

async fn two_can_block_each_other(town: &Town) {
    let [ada, eve] = town.people_called(["ada", "eve"]).await;
    town.block(ada, eve, Timestamp(5)).await.unwrap();

    let back = town.block(eve, ada, Timestamp(6)).await.unwrap();

    assert_eq!(back, Block::Blocked { visible: false });
    assert_eq!(town.sees(ada, eve).await, Friendship::Blocked);
    assert_eq!(town.sees(eve, ada).await, Friendship::Blocked);

    assert!(town.unblock(ada, eve).await.unwrap());
    assert_eq!(town.sees(ada, eve).await, Friendship::None);
    assert_eq!(town.sees(eve, ada).await, Friendship::Blocked);
    let ask = town.ask(ada, eve, None, Timestamp(9), MANY).await.unwrap();
    assert_eq!(ask, Ask::Blocked);
}

async fn a_block_is_lifted_by_who_made_it(town: &Town) {
    let [ada, eve] = town.people_called(["ada", "eve"]).await;
    assert!(!town.unblock(ada, eve).await.unwrap());
    town.block(ada, eve, Timestamp(5)).await.unwrap();

    assert!(!town.unblock(eve, ada).await.unwrap());
    assert_eq!(town.sees(ada, eve).await, Friendship::Blocked);
    assert!(town.unblock(ada, eve).await.unwrap());
    assert!(!town.unblock(ada, eve).await.unwrap());

    assert_eq!(town.sees(ada, eve).await, Friendship::None);
    assert!(!town.pair(ada, eve).await.unwrap().unwrap().blocked);
    assert_eq!(town.blocked(ada, 10, None).await.unwrap().total, 0);
    town.request_at(eve, ada, 9).await;
}

async fn what_ended_does_not_come_back(town: &Town) {
    let [ada, eve] = town.people_called(["ada", "eve"]).await;
    town.befriend(ada, eve).await;
    town.block(ada, eve, Timestamp(5)).await.unwrap();
    town.unblock(ada, eve).await.unwrap();
    assert_eq!(town.sees(ada, eve).await, Friendship::None);
    assert_eq!(town.sees(eve, ada).await, Friendship::None);
}

async fn the_unknown_neither_block_nor_are_blocked(town: &Town) {
    let ada = town.person("ada").await;
    for (by, other) in [(ada, fresh_id()), (fresh_id(), ada)] {
        assert_eq!(town.block(by, other, Timestamp(5)).await.unwrap(), Block::Unknown);
        assert!(!town.unblock(by, other).await.unwrap());
    }
    assert_eq!(town.blocked(ada, 10, None).await.unwrap().total, 0);
    assert_eq!(town.blocked(fresh_id(), 10, None).await.unwrap().total, 0);
}
