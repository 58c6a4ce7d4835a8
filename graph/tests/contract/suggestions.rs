//! Whom one may know.

use chatterbox_graph::{
    GroupRole::{Member, Owner},
    SettingsChange, Suggestion, SuggestionsFor, Timestamp, UserId,
};

use crate::town::{Town, fresh_id, public};

on_each_store!(
    friends_of_friends_are_suggested,
    who_shares_more_friends_comes_first,
    then_who_shares_more_groups,
    then_the_username_decides,
    friends_are_not_suggested,
    who_was_asked_or_asks_is_not_suggested,
    who_blocked_or_is_blocked_is_not_suggested,
    who_hides_is_not_suggested,
    who_hides_still_connects,
    a_group_alone_suggests_nobody,
    no_more_than_wanted_are_suggested,
    many_ask_at_once,
    the_unknown_know_nobody,
);

fn ids(suggestions: &[Suggestion]) -> Vec<UserId> {
    suggestions.iter().map(|suggestion| suggestion.person.id).collect()
}

async fn suggested(town: &Town, viewer: UserId) -> Vec<UserId> {
    ids(&town.suggested_to(viewer).await)
}

/// Two people with that many friends in common, and no other friends.
async fn acquainted(town: &Town, one: UserId, name: &str, friends: &[UserId]) -> UserId {
    let other = town.person(name).await;
    for &friend in friends {
        town.befriend(friend, other).await;
        if !town.ties(one).await.unwrap().contains(&friend) {
            town.befriend(friend, one).await;
        }
    }
    other
}

async fn friends_of_friends_are_suggested(town: &Town) {
    let [ada, friend, far] = town.people_called(["ada", "friend", "far"]).await;
    let grace = acquainted(town, ada, "grace", &[friend]).await;
    town.befriend(grace, far).await;

    let suggestions = town.suggested_to(ada).await;

    let person = town.people(&[grace]).await.unwrap()[&grace].clone();
    assert_eq!(suggestions, [Suggestion { person, mutual_friends: 1, shared_groups: 0 }]);
    assert_eq!(suggested(town, grace).await, [ada]);
    assert_eq!(suggested(town, friend).await, [far]);
    assert_eq!(suggested(town, far).await, [friend]);
}

async fn who_shares_more_friends_comes_first(town: &Town) {
    let ada = town.person("ada").await;
    let friends = town.crowd(4).await;
    let alan = acquainted(town, ada, "alan", &friends[..1]).await;
    let zoe = acquainted(town, ada, "zoe", &friends).await;
    let mia = acquainted(town, ada, "mia", &friends[1..3]).await;
    for _ in 0..2 {
        town.group(&[(ada, Owner), (alan, Member)]).await;
    }

    let suggestions = town.suggested_to(ada).await;

    assert_eq!(ids(&suggestions), [zoe, mia, alan], "friends count before groups");
    let shared: Vec<_> = suggestions.iter().map(|s| (s.mutual_friends, s.shared_groups)).collect();
    assert_eq!(shared, [(4, 0), (2, 0), (1, 2)]);
}

async fn then_who_shares_more_groups(town: &Town) {
    let [ada, friend] = town.people_called(["ada", "friend"]).await;
    let mut people = Vec::new();
    for name in ["alan", "bob", "cleo"] {
        people.push(acquainted(town, ada, name, &[friend]).await);
    }
    let [alan, bob, cleo] = people[..] else { panic!("three people") };
    town.group(&[(ada, Owner), (bob, Member), (cleo, Member)]).await;
    town.group_as(&public("Open"), &[(cleo, Owner), (ada, Member), (friend, Member)]).await;
    town.group(&[(alan, Owner), (friend, Member), (bob, Member)]).await;

    let suggestions = town.suggested_to(ada).await;

    assert_eq!(ids(&suggestions), [cleo, bob, alan]);
    let shared: Vec<_> = suggestions.iter().map(|s| (s.mutual_friends, s.shared_groups)).collect();
    assert_eq!(shared, [(1, 2), (1, 1), (1, 0)]);
}

async fn then_the_username_decides(town: &Town) {
    let [ada, friend] = town.people_called(["ada", "friend"]).await;
    let mut people = Vec::new();
    for name in ["mia", "b_b", "zoe", "b.b", "b0b", "bob"] {
        people.push(acquainted(town, ada, name, &[friend]).await);
    }
    assert_eq!(suggested(town, ada).await, town.by_username(&people).await);
}

async fn friends_are_not_suggested(town: &Town) {
    let [ada, friend] = town.people_called(["ada", "friend"]).await;
    let grace = acquainted(town, ada, "grace", &[friend]).await;
    let alan = acquainted(town, ada, "alan", &[friend]).await;
    town.befriend(ada, grace).await;
    assert_eq!(suggested(town, ada).await, [alan]);
    town.unfriend(grace, ada).await.unwrap();
    assert_eq!(suggested(town, ada).await, [alan, grace]);
    town.unfriend(ada, friend).await.unwrap();
    assert_eq!(suggested(town, ada).await, []);
}

async fn who_was_asked_or_asks_is_not_suggested(town: &Town) {
    let [ada, friend] = town.people_called(["ada", "friend"]).await;
    let grace = acquainted(town, ada, "grace", &[friend]).await;
    for (from, to) in [(ada, grace), (grace, ada)] {
        assert_eq!(suggested(town, ada).await, [grace]);
        town.request_at(from, to, 1).await;
        assert_eq!(suggested(town, ada).await, []);
        assert_eq!(suggested(town, grace).await, []);
        town.withdraw(from, to).await.unwrap();
    }
}

async fn who_blocked_or_is_blocked_is_not_suggested(town: &Town) {
    let [ada, friend] = town.people_called(["ada", "friend"]).await;
    let eve = acquainted(town, ada, "eve", &[friend]).await;
    for (by, other) in [(ada, eve), (eve, ada)] {
        assert_eq!(suggested(town, ada).await, [eve]);
        town.block(by, other, Timestamp(1)).await.unwrap();
        assert_eq!(suggested(town, ada).await, []);
        assert_eq!(suggested(town, eve).await, []);
        town.unblock(by, other).await.unwrap();
    }
}

async fn who_hides_is_not_suggested(town: &Town) {
    let [ada, friend] = town.people_called(["ada", "friend"]).await;
    let grace = acquainted(town, ada, "grace", &[friend]).await;
    town.hide(grace).await;
    assert_eq!(suggested(town, ada).await, []);
    assert_eq!(suggested(town, grace).await, [ada], "who hides may look");
    let again = SettingsChange { discoverable: Some(true), ..SettingsChange::default() };
    town.set(grace, again).await;
    assert_eq!(suggested(town, ada).await, [grace]);
}

async fn who_hides_still_connects(town: &Town) {
    let [ada, friend] = town.people_called(["ada", "friend"]).await;
    let grace = acquainted(town, ada, "grace", &[friend]).await;
    town.hide(friend).await;
    assert_eq!(suggested(town, ada).await, [grace]);
}

async fn a_group_alone_suggests_nobody(town: &Town) {
    let [ada, friend, grace] = town.people_called(["ada", "friend", "grace"]).await;
    town.befriend(ada, friend).await;
    town.group(&[(ada, Owner), (friend, Member), (grace, Member)]).await;
    assert_eq!(suggested(town, ada).await, []);
}

async fn no_more_than_wanted_are_suggested(town: &Town) {
    let ada = town.person("ada").await;
    let friends = town.crowd(3).await;
    let mut expected = Vec::new();
    for shared in [3, 3, 2, 1, 1] {
        expected.push(acquainted(town, ada, "someone", &friends[..shared]).await);
    }
    let names = town.people(&expected).await.unwrap();
    let shared = [3, 3, 2, 1, 1];
    let mut order: Vec<_> = shared.into_iter().zip(expected).collect();
    order.sort_by_key(|&(shared, id)| (-shared, names[&id].username.clone()));
    let expected: Vec<_> = order.into_iter().map(|(_, id)| id).collect();
    for limit in [0, 1, 2, 3, 4, 5, 6, usize::MAX] {
        let some = town.suggestions(&[SuggestionsFor { viewer: ada, limit }]).await.unwrap();
        assert_eq!(ids(&some[0]), expected[..limit.min(5)], "limit {limit}");
    }
}

async fn many_ask_at_once(town: &Town) {
    let crowd = town.crowd(7).await;
    town.chain(&crowd).await;
    let loner = town.person("loner").await;
    let asked = [
        (crowd[3], 2),
        (crowd[0], 5),
        (loner, 5),
        (crowd[3], 1),
        (fresh_id(), 5),
        (crowd[5], 0),
        (crowd[6], 1),
        (crowd[3], 2),
    ];

    let asked = asked.map(|(viewer, limit)| SuggestionsFor { viewer, limit });
    let suggestions = town.suggestions(&asked).await.unwrap();

    let listed: Vec<_> = suggestions.iter().map(|suggestions| ids(suggestions)).collect();
    let both = &[crowd[1], crowd[5]][..];
    let expected = [both, &[crowd[2]], &[], &both[..1], &[], &[], &[crowd[4]], both];
    assert_eq!(listed, expected);
}

async fn the_unknown_know_nobody(town: &Town) {
    assert_eq!(suggested(town, fresh_id()).await, []);
    assert_eq!(town.suggested_to(town.person("loner").await).await, []);
}
