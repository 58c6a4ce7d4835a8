//! People one may know, and why.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp, accounts::PASSWORD},
};

stories! {
    friends_of_friends_are_suggested_with_the_reason,
    the_strongest_reason_comes_first,
    who_is_near_already_or_wants_to_be_left_alone_is_not_suggested,
    a_suggestion_follows_what_changes,
    a_full_page_follows_what_changes,
    a_full_page_follows_the_groups_that_are_shared,
}

const SUGGESTIONS: &str = "query ($first: Int) { viewer { suggestions(first: $first) {
    user { username friendship distance } mutualFriendCount
    mutualFriends { username } sharedGroupCount } } }";

async fn suggestions(client: &Client, first: Option<usize>) -> Vec<Value> {
    let data = client.data(SUGGESTIONS, json!({ "first": first })).await;
    data["viewer"]["suggestions"].as_array().unwrap().clone()
}

/// The usernames of those who are suggested.
async fn suggested(client: &Client) -> Vec<String> {
    usernames(&suggestions(client, None).await)
}

fn usernames(suggestions: &[Value]) -> Vec<String> {
    suggestions.iter().map(|one| one["user"]["username"].as_str().unwrap().to_owned()).collect()
}

async fn friends_of_friends_are_suggested_with_the_reason(app: &TestApp) {
    let ada = app.person("ada").await;
    assert!(suggestions(&ada, None).await.is_empty());
    let friends = app.crowd("friend", 4).await;
    let [alan, far] = &app.crowd("other", 2).await[..] else { unreachable!("they are two") };
    app.acquaint(friends.iter().map(|friend| (&ada, friend))).await;
    app.acquaint(friends.iter().map(|friend| (alan, friend))).await;
    app.acquaint([(alan, far)]).await;
    ada.found("Walks", "PRIVATE", &[alan, far]).await;
    ada.found("Runs", "PUBLIC", &[alan]).await;

    let first_three: Vec<Value> =
        friends[..3].iter().map(|friend| json!({ "username": friend.username })).collect();
    let expected = json!({
        "user": { "username": alan.username, "friendship": "NONE", "distance": 2 },
        "mutualFriendCount": 4, "mutualFriends": first_three, "sharedGroupCount": 2,
    });
    assert_eq!(suggestions(&ada, None).await, [expected]);
    let query = "{ viewer { suggestions { mutualFriends(first: 100) { username } } } }";
    let data = ada.data(query, Value::Null).await;
    let all = data["viewer"]["suggestions"][0]["mutualFriends"].as_array().unwrap().len();
    assert_eq!(all, 4, "not only the first three");
}

async fn the_strongest_reason_comes_first(app: &TestApp) {
    let ada = app.person("ada").await;
    let friends = app.crowd("friend", 3).await;
    let others = app.crowd("other", 7).await;
    app.acquaint(friends.iter().map(|friend| (&ada, friend))).await;
    // How many friends they share, and how many groups.
    let reasons = [(1, 0), (3, 0), (1, 2), (2, 1), (1, 1), (2, 0), (1, 0)];
    for (other, (mutual, shared)) in others.iter().zip(reasons) {
        app.acquaint(friends[..mutual].iter().map(|friend| (other, friend))).await;
        for group in 0..shared {
            ada.found(&format!("Group {group}"), "PRIVATE", &[other]).await;
        }
    }
    let list = suggestions(&ada, None).await;
    let found: Vec<(&str, u64, u64)> = list
        .iter()
        .map(|one| {
            let count = |field: &str| one[field].as_u64().unwrap();
            let name = one["user"]["username"].as_str().unwrap();
            (name, count("mutualFriendCount"), count("sharedGroupCount"))
        })
        .collect();
    let expected = [1, 3, 5, 2, 4, 0, 6].map(|n: usize| {
        let (mutual, shared) = reasons[n];
        (others[n].username.as_str(), mutual as u64, shared)
    });
    assert_eq!(found, expected);
    for first in [1, 3, 7, 100] {
        assert_eq!(suggestions(&ada, Some(first)).await, list[..first.min(7)], "the first {first}");
    }
}

async fn who_is_near_already_or_wants_to_be_left_alone_is_not_suggested(app: &TestApp) {
    let (ada, middle) = tokio::join!(app.person("ada"), app.person("middle"));
    ada.befriend(&middle).await;
    let names = ["asked", "asking", "blocked", "blocking", "hidden", "known"];
    let others = futures::future::join_all(names.map(|name| app.person(name))).await;
    let [asked, asking, blocked, blocking, hidden, known] = &others[..] else {
        unreachable!("they are six")
    };
    app.acquaint(others.iter().map(|other| (&middle, other))).await;
    let usernames: Vec<String> = others.iter().map(|other| other.username.clone()).collect();
    assert_eq!(suggested(&ada).await, usernames);

    ada.act("sendFriendRequest", asked).await.unwrap();
    asking.act("sendFriendRequest", &ada).await.unwrap();
    ada.act("blockUser", blocked).await.unwrap();
    blocking.act("blockUser", &ada).await.unwrap();
    hidden.change_settings(json!({ "discoverable": false })).await;
    ada.befriend(known).await;
    assert_eq!(suggested(&ada).await, [""; 0]);
    // Who wants to be left alone may still look for others.
    assert!(suggested(hidden).await.contains(&ada.username));

    // Whom nothing stands between any more is suggested again.
    ada.act("cancelFriendRequest", asked).await.unwrap();
    ada.act("declineFriendRequest", asking).await.unwrap();
    ada.act("unblockUser", blocked).await.unwrap();
    blocking.act("unblockUser", &ada).await.unwrap();
    hidden.change_settings(json!({ "discoverable": true })).await;
    ada.act("removeFriend", known).await.unwrap();
    assert_eq!(suggested(&ada).await, usernames);
}

async fn a_suggestion_follows_what_changes(app: &TestApp) {
    let (ada, middle, alan) =
        tokio::join!(app.person("ada"), app.person("middle"), app.person("alan"));
    ada.befriend(&middle).await;
    assert!(suggestions(&ada, None).await.is_empty());
    // A group that is shared is no reason by itself.
    let group = ada.found("Walks", "PRIVATE", &[&alan]).await;
    assert!(suggestions(&ada, None).await.is_empty());
    middle.befriend(&alan).await;
    let reason = async || {
        let list = suggestions(&ada, None).await;
        list.first().map(|one| one["sharedGroupCount"].as_u64().unwrap())
    };
    assert_eq!(reason().await, Some(1));
    ada.remove_member(&group, &alan).await.unwrap();
    assert_eq!(reason().await, Some(0));
    assert_eq!(suggested(&alan).await, [ada.username.as_str()], "it goes both ways");
    middle.act("removeFriend", &alan).await.unwrap();
    assert_eq!(reason().await, None);
    // Nobody is suggested by way of somebody who was blocked.
    middle.befriend(&alan).await;
    ada.act("blockUser", &middle).await.unwrap();
    assert_eq!(reason().await, None);
}

/// Somebody with a friend who knows all the others, of whom more are suggested
/// than fit on a page of two.
async fn known_by_one(app: &TestApp, others: &[&str]) -> (Client, Vec<Client>) {
    let (ada, middle) = tokio::join!(app.person("ada"), app.person("middle"));
    let others = futures::future::join_all(others.iter().map(|name| app.person(name))).await;
    let pairs = others.iter().chain([&ada]).map(|other| (&middle, other));
    app.acquaint(pairs).await;
    (ada, others)
}

async fn a_full_page_follows_what_changes(app: &TestApp) {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| format!("{name}_person"));
    let (ada, others) = known_by_one(app, &names.each_ref().map(String::as_str)).await;
    let page_begins = async |n: usize| {
        let expected = [&others[n], &others[n + 1]].map(|other| other.username.clone());
        // A second time, when it may come out of memory.
        for _ in 0..2 {
            assert_eq!(usernames(&suggestions(&ada, Some(2)).await), expected);
        }
    };
    page_begins(0).await;
    others[0].act("blockUser", &ada).await.unwrap();
    page_begins(1).await;
    ada.act("sendFriendRequest", &others[1]).await.unwrap();
    page_begins(2).await;
    others[2].act("sendFriendRequest", &ada).await.unwrap();
    page_begins(3).await;
    others[3].change_settings(json!({ "discoverable": false })).await;
    page_begins(4).await;
    ada.befriend(&others[4]).await;
    page_begins(5).await;
    others[5].delete_account(PASSWORD).await.unwrap();
    page_begins(6).await;

    others[7].change_profile(json!({ "displayName": "Somebody else" })).await;
    let query = "{ viewer { suggestions(first: 2) { user { displayName } } } }";
    let data = ada.data(query, Value::Null).await;
    assert_eq!(data["viewer"]["suggestions"][1]["user"]["displayName"], "Somebody else");

    others[3].change_settings(json!({ "discoverable": true })).await;
    ada.act("blockUser", &others[6]).await.unwrap();
    let expected = [&others[3], &others[7]].map(|other| other.username.clone());
    assert_eq!(usernames(&suggestions(&ada, Some(2)).await), expected);
}

async fn a_full_page_follows_the_groups_that_are_shared(app: &TestApp) {
    let (ada, others) = known_by_one(app, &["a_person", "b_person", "c_person"]).await;
    let [a, b, _] = &others[..] else { unreachable!("they are three") };
    let page_is = async |expected: [(&Client, u64); 2]| {
        let expected = expected.map(|(other, shared)| (other.username.clone(), shared));
        for _ in 0..2 {
            let list = suggestions(&ada, Some(2)).await;
            let shared = list.iter().map(|one| one["sharedGroupCount"].as_u64().unwrap());
            assert!(usernames(&list).into_iter().zip(shared).eq(expected.clone()), "{list:?}");
        }
    };
    page_is([(a, 0), (b, 0)]).await;
    let walks = ada.found("Walks", "PUBLIC", &[b]).await;
    page_is([(b, 1), (a, 0)]).await;
    ada.add_members(&walks, &[a]).await.unwrap();
    page_is([(a, 1), (b, 1)]).await;
    a.leave_group(&walks).await.unwrap();
    page_is([(b, 1), (a, 0)]).await;
    a.join_group(&walks).await.unwrap();
    page_is([(a, 1), (b, 1)]).await;
    ada.remove_member(&walks, a).await.unwrap();
    page_is([(b, 1), (a, 0)]).await;
    ada.delete_group(&walks).await.unwrap();
    page_is([(a, 0), (b, 0)]).await;
}
