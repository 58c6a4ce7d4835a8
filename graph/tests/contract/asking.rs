//! Asking for friendship, and what comes of it.

use chatterbox_graph::{
    Ask, Friendship,
    RequestDirection::{Incoming, Outgoing},
    Timestamp, UserId,
};

use crate::town::{MANY, Town, fresh_id};

on_each_store!(
    a_request_is_seen_from_both_sides,
    asking_again_changes_nothing,
    who_asks_back_becomes_a_friend,
    an_accepted_request_makes_friends,
    only_a_request_that_stands_is_accepted,
    a_request_is_taken_away_once,
    a_friendship_ends_from_either_side_once,
    friends_are_not_asked,
    the_unknown_neither_ask_nor_are_asked,
    who_is_full_makes_no_friends,
);

async fn requests(town: &Town, viewer: UserId) -> (u64, u64) {
    let incoming = town.friend_requests(viewer, Incoming, 10, None).await.unwrap();
    let outgoing = town.friend_requests(viewer, Outgoing, 10, None).await.unwrap();
    (incoming.total, outgoing.total)
}

async fn a_request_is_seen_from_both_sides(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;

    let sent = town.ask(ada, grace, Some("we met"), Timestamp(7), MANY).await.unwrap();

    assert_eq!(sent, Ask::Sent);
    assert_eq!(town.sees(ada, grace).await, Friendship::RequestSent);
    assert_eq!(town.sees(grace, ada).await, Friendship::RequestReceived);
    for (viewer, direction, other) in [(grace, Incoming, ada), (ada, Outgoing, grace)] {
        let page = town.friend_requests(viewer, direction, 10, None).await.unwrap();
        assert_eq!((page.total, page.has_next), (1, false));
        assert_eq!(page.items[0].person.id, other);
        assert_eq!(page.items[0].note.as_deref(), Some("we met"));
        assert_eq!(page.items[0].at, Timestamp(7));
    }
    assert_eq!(requests(town, ada).await, (0, 1));
    assert_eq!(requests(town, grace).await, (1, 0));
    assert_eq!(town.friends_of(ada).await.total, 0);
}

async fn asking_again_changes_nothing(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.ask(ada, grace, None, Timestamp(7), MANY).await.unwrap();

    let again = town.ask(ada, grace, Some("please"), Timestamp(8), 0).await.unwrap();

    assert_eq!(again, Ask::AlreadyAsked);
    let request = &town.friend_requests(grace, Incoming, 10, None).await.unwrap().items[0];
    assert_eq!((request.note.as_deref(), request.at), (None, Timestamp(7)));
}

async fn who_asks_back_becomes_a_friend(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.request_at(ada, grace, 7).await;

    let asked_back = town.ask(grace, ada, None, Timestamp(8), MANY).await.unwrap();

    assert_eq!(asked_back, Ask::BecameFriends);
    for (viewer, other) in [(ada, grace), (grace, ada)] {
        assert_eq!(town.sees(viewer, other).await, Friendship::Friends);
        assert_eq!(requests(town, viewer).await, (0, 0));
        let friends = town.friends_of(viewer).await;
        assert_eq!((friends.total, friends.items.len()), (1, 1));
        assert_eq!(friends.items[0].person.id, other);
        assert_eq!(friends.items[0].since, Timestamp(8));
        assert_eq!(friends.items[0].last_chatted_at, None);
    }
}

async fn an_accepted_request_makes_friends(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.request_at(ada, grace, 7).await;

    let accept = || town.accept(grace, ada, Timestamp(9), MANY);

    assert_eq!(accept().await.unwrap(), Ask::BecameFriends);
    assert_eq!(accept().await.unwrap(), Ask::AlreadyFriends);
    assert_eq!(town.sees(ada, grace).await, Friendship::Friends);
    assert_eq!(requests(town, ada).await, (0, 0));
    assert_eq!(requests(town, grace).await, (0, 0));
    assert_eq!(town.friends_of(ada).await.items[0].since, Timestamp(9));
}

async fn only_a_request_that_stands_is_accepted(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let accept = |by, from| town.accept(by, from, Timestamp(9), MANY);
    assert_eq!(accept(grace, ada).await.unwrap(), Ask::Unknown);

    town.request_at(ada, grace, 7).await;
    assert_eq!(accept(ada, grace).await.unwrap(), Ask::Unknown, "one's own is not for oneself");
    assert_eq!(accept(grace, fresh_id()).await.unwrap(), Ask::Unknown);
    assert_eq!(accept(fresh_id(), ada).await.unwrap(), Ask::Unknown);

    town.withdraw(ada, grace).await.unwrap();
    assert_eq!(accept(grace, ada).await.unwrap(), Ask::Unknown);
    assert_eq!(town.sees(ada, grace).await, Friendship::None);
}

async fn a_request_is_taken_away_once(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    assert!(!town.withdraw(ada, grace).await.unwrap());
    town.request_at(ada, grace, 7).await;

    assert!(!town.withdraw(grace, ada).await.unwrap(), "there is none the other way");
    assert!(town.withdraw(ada, grace).await.unwrap());
    assert!(!town.withdraw(ada, grace).await.unwrap());
    assert!(!town.withdraw(ada, fresh_id()).await.unwrap());

    assert_eq!(town.sees(ada, grace).await, Friendship::None);
    town.request_at(ada, grace, 8).await;
}

async fn a_friendship_ends_from_either_side_once(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    assert!(!town.unfriend(ada, grace).await.unwrap());
    for (by, other) in [(ada, grace), (grace, ada)] {
        town.befriend(ada, grace).await;
        assert!(town.unfriend(by, other).await.unwrap());
        assert!(!town.unfriend(other, by).await.unwrap());
        assert_eq!(town.sees(ada, grace).await, Friendship::None);
        assert_eq!(town.friends_of(ada).await.total, 0);
        assert_eq!(town.friends_of(grace).await.total, 0);
    }
    town.request_at(ada, grace, 7).await;
    assert!(!town.unfriend(ada, grace).await.unwrap());
    assert_eq!(town.sees(ada, grace).await, Friendship::RequestSent, "it was no friendship");
    assert!(!town.unfriend(ada, fresh_id()).await.unwrap());
}

async fn friends_are_not_asked(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.befriend_at(ada, grace, 3).await;
    for (from, to) in [(ada, grace), (grace, ada)] {
        let ask = town.ask(from, to, None, Timestamp(9), 0).await.unwrap();
        assert_eq!(ask, Ask::AlreadyFriends);
    }
    assert_eq!(town.sees(ada, grace).await, Friendship::Friends);
    assert_eq!(requests(town, ada).await, (0, 0));
    assert_eq!(town.friends_of(ada).await.items[0].since, Timestamp(3));
}

async fn the_unknown_neither_ask_nor_are_asked(town: &Town) {
    let ada = town.person("ada").await;
    for (from, to) in [(ada, fresh_id()), (fresh_id(), ada), (fresh_id(), fresh_id())] {
        let ask = town.ask(from, to, None, Timestamp(9), MANY).await.unwrap();
        assert_eq!(ask, Ask::Unknown);
        assert!(town.people(&[from, to]).await.unwrap().len() < 2, "nobody was made up");
    }
    assert_eq!(requests(town, ada).await, (0, 0));
}

async fn who_is_full_makes_no_friends(town: &Town) {
    let [ada, grace, alan] = town.people_called(["ada", "grace", "alan"]).await;
    town.request_at(alan, ada, 7).await;
    town.befriend(ada, grace).await;
    let at = Timestamp(8);

    assert_eq!(town.accept(ada, alan, at, 1).await.unwrap(), Ask::TooManyFriends);
    assert_eq!(town.ask(ada, alan, None, at, 1).await.unwrap(), Ask::TooManyFriends);
    assert_eq!(town.sees(alan, ada).await, Friendship::RequestSent, "the request stands on");
    assert_eq!(town.ask(alan, grace, None, at, 1).await.unwrap(), Ask::TooManyFriends);
    assert_eq!(town.sees(alan, grace).await, Friendship::None);

    assert_eq!(town.accept(ada, alan, at, 2).await.unwrap(), Ask::BecameFriends);
    assert_eq!(town.friends_of(ada).await.total, 2);
}
