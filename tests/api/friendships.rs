//! Two people become friends, and what both hear of it.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, Feed, TestApp},
};

stories! {
    a_request_is_asked_accepted_and_the_friendship_ended,
    a_request_is_withdrawn_or_declined,
    crossing_requests_make_friends,
    requests_at_once_make_friends_once,
    what_is_not_there_can_not_be_changed,
    all_devices_of_both_hear_of_each_change,
}

/// The requests in one direction: who is on the other side, and the note.
async fn requests(client: &Client, direction: &str) -> Vec<(String, Option<String>)> {
    let data = client
        .data(
            "query ($direction: FriendRequestDirection!) { viewer {
                friendRequests(direction: $direction) {
                    totalCount edges { note at node { username } } } } }",
            json!({ "direction": direction }),
        )
        .await;
    let list = &data["viewer"]["friendRequests"];
    let edges = list["edges"].as_array().unwrap();
    assert_eq!(list["totalCount"], edges.len());
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    edges
        .iter()
        .map(|edge| {
            assert!(edge["at"].is_string());
            (text(&edge["node"]["username"]).unwrap(), text(&edge["note"]))
        })
        .collect()
}

/// The usernames of the client's friends.
async fn friends(client: &Client) -> Vec<String> {
    let query = "{ viewer { friends { totalCount edges { since node { username } } } } }";
    let data = client.data(query, Value::Null).await;
    let list = &data["viewer"]["friends"];
    let edges = list["edges"].as_array().unwrap();
    assert_eq!(list["totalCount"], edges.len());
    edges.iter().map(|edge| edge["node"]["username"].as_str().unwrap().to_owned()).collect()
}

/// What each of the two sees.
async fn both_see(one: &Client, other: &Client) -> (String, String) {
    tokio::join!(one.friendship(other), other.friendship(one))
}

fn pair(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

async fn a_request_is_asked_accepted_and_the_friendship_ended(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    assert_eq!(both_see(&ada, &grace).await, pair("NONE", "NONE"));
    assert_eq!(ada.friendship(&ada).await, "SELF");

    let note = "We met at the “difference engine” 🙂";
    let data = ada
        .data(
            "mutation ($id: ID!, $note: String) { sendFriendRequest(userId: $id, note: $note) {
                id friendship } }",
            json!({ "id": grace.id, "note": format!("  {note}\n") }),
        )
        .await;
    assert_eq!(data["sendFriendRequest"], json!({ "id": grace.id, "friendship": "REQUEST_SENT" }));
    assert_eq!(both_see(&ada, &grace).await, pair("REQUEST_SENT", "REQUEST_RECEIVED"));
    let noted = |client: &Client| vec![(client.username.clone(), Some(note.to_owned()))];
    assert_eq!(requests(&ada, "OUTGOING").await, noted(&grace));
    assert_eq!(requests(&grace, "INCOMING").await, noted(&ada));
    assert!(requests(&ada, "INCOMING").await.is_empty());
    assert!(requests(&grace, "OUTGOING").await.is_empty());
    assert!(friends(&ada).await.is_empty());

    assert_eq!(grace.act("acceptFriendRequest", &ada).await.unwrap(), "FRIENDS");
    assert_eq!(both_see(&ada, &grace).await, pair("FRIENDS", "FRIENDS"));
    assert_eq!(friends(&ada).await, std::slice::from_ref(&grace.username));
    assert_eq!(friends(&grace).await, std::slice::from_ref(&ada.username));
    assert!(requests(&ada, "OUTGOING").await.is_empty());
    assert!(requests(&grace, "INCOMING").await.is_empty());

    // Either may end it, and ask again.
    assert_eq!(ada.act("removeFriend", &grace).await.unwrap(), "NONE");
    assert_eq!(both_see(&ada, &grace).await, pair("NONE", "NONE"));
    assert!(friends(&ada).await.is_empty() && friends(&grace).await.is_empty());
    assert_eq!(grace.act("sendFriendRequest", &ada).await.unwrap(), "REQUEST_SENT");
    assert_eq!(requests(&ada, "INCOMING").await, [(grace.username.clone(), None)]);
}

async fn a_request_is_withdrawn_or_declined(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    for (by, mutation) in [(&ada, "cancelFriendRequest"), (&grace, "declineFriendRequest")] {
        ada.act("sendFriendRequest", &grace).await.unwrap();
        let other = if by.id == ada.id { &grace } else { &ada };
        assert_eq!(by.act(mutation, other).await.unwrap(), "NONE");
        assert_eq!(both_see(&ada, &grace).await, pair("NONE", "NONE"));
        assert!(requests(&ada, "OUTGOING").await.is_empty());
        assert!(requests(&grace, "INCOMING").await.is_empty());
        let gone = grace.act("acceptFriendRequest", &ada).await.unwrap_err();
        assert_eq!(gone.code, "NOT_FOUND");
    }
}

async fn crossing_requests_make_friends(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    ada.act("sendFriendRequest", &grace).await.unwrap();
    assert_eq!(grace.act("sendFriendRequest", &ada).await.unwrap(), "FRIENDS");
    assert_eq!(both_see(&ada, &grace).await, pair("FRIENDS", "FRIENDS"));
    for client in [&ada, &grace] {
        for direction in ["INCOMING", "OUTGOING"] {
            assert!(requests(client, direction).await.is_empty());
        }
    }
}

async fn requests_at_once_make_friends_once(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let mut feed = ada.feed().await;
    // Two of ada's devices and two of grace's ask at the same time.
    let outcomes = futures::future::join_all([
        ada.act("sendFriendRequest", &grace),
        grace.act("sendFriendRequest", &ada),
        ada.act("sendFriendRequest", &grace),
        grace.act("sendFriendRequest", &ada),
    ])
    .await;
    assert!(outcomes.iter().filter(|outcome| outcome.is_ok()).count() == 2, "{outcomes:?}");
    for refused in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(refused.code, "CONFLICT");
    }
    assert_eq!(both_see(&ada, &grace).await, pair("FRIENDS", "FRIENDS"));
    assert_eq!(friends(&ada).await, std::slice::from_ref(&grace.username));
    assert!(requests(&ada, "INCOMING").await.is_empty());

    // One request, one acceptance, and nothing more.
    let first = feed.friendship().await.1;
    assert!(["REQUEST_SENT", "REQUEST_RECEIVED"].contains(&first.as_str()), "{first}");
    assert_eq!(feed.friendship().await.1, "FRIENDS");
    grace.send(&ada, "That was quick").await;
    assert_eq!(feed.message().await, "That was quick");
}

async fn what_is_not_there_can_not_be_changed(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let nothing =
        ["cancelFriendRequest", "acceptFriendRequest", "declineFriendRequest", "removeFriend"];
    for mutation in nothing {
        assert_eq!(ada.act(mutation, &grace).await.unwrap_err().code, "NOT_FOUND", "{mutation}");
    }

    ada.act("sendFriendRequest", &grace).await.unwrap();
    let again = ada.act("sendFriendRequest", &grace).await.unwrap_err();
    assert_eq!((again.code.as_str(), again.field.as_deref()), ("CONFLICT", Some("userId")));
    // One's own request is the other's to accept or decline, and theirs not one's to cancel.
    for (client, mutation, other) in [
        (&ada, "acceptFriendRequest", &grace),
        (&ada, "declineFriendRequest", &grace),
        (&ada, "removeFriend", &grace),
        (&grace, "cancelFriendRequest", &ada),
        (&grace, "removeFriend", &ada),
    ] {
        assert_eq!(client.act(mutation, other).await.unwrap_err().code, "NOT_FOUND", "{mutation}");
    }
    assert_eq!(both_see(&ada, &grace).await, pair("REQUEST_SENT", "REQUEST_RECEIVED"));

    grace.act("acceptFriendRequest", &ada).await.unwrap();
    for mutation in ["sendFriendRequest", "acceptFriendRequest"] {
        let again = grace.act(mutation, &ada).await.unwrap_err();
        assert_eq!((again.code.as_str(), again.field.as_deref()), ("CONFLICT", Some("userId")));
    }
    for mutation in ["cancelFriendRequest", "declineFriendRequest"] {
        assert_eq!(ada.act(mutation, &grace).await.unwrap_err().code, "NOT_FOUND", "{mutation}");
    }
    assert_eq!(both_see(&ada, &grace).await, pair("FRIENDS", "FRIENDS"));
}

/// Fails unless this is what each of the feeds hears next.
async fn hear(feeds: &mut [Feed], of: &Client, friendship: &str) {
    for feed in feeds {
        assert_eq!(feed.friendship().await, pair(&of.username, friendship));
    }
}

async fn all_devices_of_both_hear_of_each_change(app: &TestApp) {
    let (ada, grace, alan) =
        tokio::join!(app.person("ada"), app.person("grace"), app.person("alan"));
    let phone = app.device("ada", "phone").await;
    let mut of_ada = [ada.feed().await, phone.feed().await];
    let mut of_grace = [grace.feed().await, grace.feed().await];
    let mut of_alan = alan.feed().await;

    for (by, mutation, other, ada_sees, grace_sees) in [
        (&ada, "sendFriendRequest", &grace, "REQUEST_SENT", "REQUEST_RECEIVED"),
        (&ada, "cancelFriendRequest", &grace, "NONE", "NONE"),
        (&grace, "sendFriendRequest", &ada, "REQUEST_RECEIVED", "REQUEST_SENT"),
        (&phone, "declineFriendRequest", &grace, "NONE", "NONE"),
        (&grace, "sendFriendRequest", &ada, "REQUEST_RECEIVED", "REQUEST_SENT"),
        (&phone, "acceptFriendRequest", &grace, "FRIENDS", "FRIENDS"),
        (&grace, "removeFriend", &ada, "NONE", "NONE"),
        (&ada, "sendFriendRequest", &grace, "REQUEST_SENT", "REQUEST_RECEIVED"),
        (&grace, "sendFriendRequest", &ada, "FRIENDS", "FRIENDS"),
        (&ada, "blockUser", &grace, "BLOCKED", "NONE"),
    ] {
        by.act(mutation, other).await.unwrap();
        hear(&mut of_ada, &grace, ada_sees).await;
        hear(&mut of_grace, &ada, grace_sees).await;
    }

    // It was nobody else's business.
    grace.send(&alan, "Have you heard?").await;
    assert_eq!(of_alan.message().await, "Have you heard?");
}
