//! Who is online, as those see it who may.

use std::time::Duration;

use chatterbox::live::GRACE;
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    stories,
    support::{Client, Feed, TestApp, accounts::PASSWORD, eventually},
};

stories! {
    friends_see_who_comes_and_goes,
    who_comes_back_in_time_was_never_away,
    settings_say_who_sees_it,
    a_change_of_settings_shows_at_once,
    others_ask_and_are_not_told,
    a_block_hides_both,
    presence_is_not_replayed,
    who_was_seen_is_known_after_a_restart,
    nothing_is_kept_of_who_leaves,
    without_the_store_it_is_not_known_since_when,
}

/// What `viewer` sees of `other`.
async fn seen(viewer: &Client, other: &Client) -> Value {
    let query =
        "query ($name: String!) { user(username: $name) { presence { online lastSeenAt } } }";
    let mut data = viewer.data(query, json!({ "name": other.username })).await;
    data["user"]["presence"].take()
}

fn time(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap_or_else(|| panic!("no time: {value:#}")).parse().unwrap()
}

async fn let_see(client: &Client, audience: &str) {
    client.change_settings(json!({ "presenceTo": audience })).await;
}

/// Fails if a feed was told of anybody before it is told of somebody who
/// comes only now, and stays as long as what is returned.
async fn hears_of_nobody(app: &TestApp, listener: &Client, feed: &mut Feed, name: &str) -> Feed {
    let fence = app.person(name).await;
    listener.befriend(&fence).await;
    let socket = Feed::connect(&fence).await;
    feed.sees(&fence, true).await;
    socket
}

async fn friends_see_who_comes_and_goes(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let never = json!({ "online": false, "lastSeenAt": null });
    assert_eq!((seen(&grace, &ada).await, seen(&ada, &ada).await), (never.clone(), never));
    let (mut feed, mut phone) = (grace.feed().await, grace.feed().await);
    let own = Feed::connect(&ada).await;
    for feed in [&mut feed, &mut phone] {
        let event = feed.sees(&ada, true).await;
        assert_eq!(event["user"]["username"], ada.username.as_str());
    }
    for viewer in [&ada, &grace] {
        assert_eq!(seen(viewer, &ada).await["online"], true);
    }

    let before = Instant::now();
    drop(own);
    let event = feed.sees(&ada, false).await;
    assert!(before.elapsed() >= GRACE, "after {:?}", before.elapsed());
    let told = &event["user"]["presence"];
    let since = time(&event["at"]).duration_since(time(&told["lastSeenAt"]));
    assert!(since >= GRACE.try_into().unwrap(), "when the socket closed, {since:?} ago");
    assert_eq!(seen(&grace, &ada).await, *told);
    phone.sees(&ada, false).await;

    let _back = Feed::connect(&ada).await;
    feed.sees(&ada, true).await;
}

async fn who_comes_back_in_time_was_never_away(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    let phone = Feed::connect(&ada).await;
    feed.sees(&ada, true).await;
    let laptop = Feed::connect(&ada).await;
    drop(phone);
    sleep(GRACE + Duration::from_secs(1)).await;
    assert_eq!(seen(&grace, &ada).await["online"], true, "another device is there");

    let closed = Instant::now();
    drop(laptop);
    sleep_until(closed + GRACE - Duration::from_secs(2)).await;
    assert_eq!(seen(&grace, &ada).await["online"], true, "for the time being");
    let _laptop = Feed::connect(&ada).await;
    sleep_until(closed + GRACE + Duration::from_secs(1)).await;
    assert_eq!(seen(&grace, &ada).await["online"], true);
    hears_of_nobody(app, &grace, &mut feed, "fence").await;
}

async fn settings_say_who_sees_it(app: &TestApp) {
    let (ada, friend) = app.friends("ada", "friend").await;
    let (near, far) = tokio::join!(app.person("near"), app.person("far"));
    friend.befriend(&near).await;
    let _socket = Feed::connect(&ada).await;
    for (audience, visible) in [
        ("EVERYONE", [true, true, true]),
        ("FRIENDS_OF_FRIENDS", [true, true, false]),
        ("FRIENDS", [true, false, false]),
        ("NOBODY", [false, false, false]),
    ] {
        let_see(&ada, audience).await;
        for (viewer, visible) in [&friend, &near, &far].into_iter().zip(visible) {
            let presence = seen(viewer, &ada).await;
            assert_eq!(presence["online"] == true, visible, "{audience}: {presence}");
            assert_eq!(presence.is_null(), !visible, "{audience}: {presence}");
        }
        assert_eq!(seen(&ada, &ada).await["online"], true, "always for oneself");
    }

    // A list is answered as each of its members is.
    let_see(&friend, "EVERYONE").await;
    let query = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { presence { online } } } }";
    let ids = json!({ "ids": [ada.id, friend.id, near.id, far.id] });
    let data = far.data(query, ids).await;
    let (away, hidden) = (json!({ "presence": { "online": false } }), json!({ "presence": null }));
    assert_eq!(data["nodes"], json!([hidden, away, hidden, away]));
}

async fn a_change_of_settings_shows_at_once(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    let socket = Feed::connect(&ada).await;
    feed.sees(&ada, true).await;
    let_see(&ada, "NOBODY").await;
    let event = feed.presence().await;
    assert_eq!(event["user"]["id"], ada.id.as_str());
    assert_eq!((&event["user"]["presence"], seen(&grace, &ada).await), (&Value::Null, Value::Null));
    let_see(&ada, "EVERYONE").await;
    feed.sees(&ada, true).await;

    // What changes nothing for friends is no event.
    let_see(&ada, "FRIENDS_OF_FRIENDS").await;
    ada.change_profile(json!({ "bio": "Notes." })).await;
    let _one = hears_of_nobody(app, &grace, &mut feed, "one").await;
    let_see(&ada, "NOBODY").await;
    assert_eq!(feed.presence().await["user"]["presence"], Value::Null);
    drop(socket);
    sleep(GRACE + Duration::from_secs(1)).await;
    let _socket = Feed::connect(&ada).await;
    hears_of_nobody(app, &grace, &mut feed, "two").await;
    assert_eq!(seen(&grace, &ada).await, Value::Null);
}

async fn others_ask_and_are_not_told(app: &TestApp) {
    let (ada, middle) = app.friends("ada", "middle").await;
    let (near, alan) = tokio::join!(app.person("near"), app.person("alan"));
    middle.befriend(&near).await;
    alan.send(&ada, "Hello").await;
    let_see(&ada, "EVERYONE").await;
    let (mut near_feed, mut alan_feed) = (near.feed().await, alan.feed().await);
    let _socket = Feed::connect(&ada).await;
    let mut fences = Vec::new();
    for (who, feed, fence) in [(&near, &mut near_feed, "one"), (&alan, &mut alan_feed, "two")] {
        eventually("her to be online", || async {
            (seen(who, &ada).await["online"] == true).then_some(())
        })
        .await;
        fences.push(hears_of_nobody(app, who, feed, fence).await);
    }

    // Who is a friend no more is told nothing more.
    let mut middle_feed = middle.feed().await;
    middle.act("removeFriend", &ada).await.unwrap();
    let_see(&ada, "NOBODY").await;
    hears_of_nobody(app, &middle, &mut middle_feed, "three").await;
}

async fn a_block_hides_both(app: &TestApp) {
    let (ada, eve) = app.friends("ada", "eve").await;
    let_see(&ada, "EVERYONE").await;
    let_see(&eve, "EVERYONE").await;
    let mut feed = eve.feed().await;
    let _socket = Feed::connect(&ada).await;
    feed.sees(&ada, true).await;
    ada.act("blockUser", &eve).await.unwrap();
    assert_eq!((seen(&ada, &eve).await, seen(&eve, &ada).await), (Value::Null, Value::Null));
    let_see(&ada, "NOBODY").await;
    let_see(&ada, "EVERYONE").await;
    hears_of_nobody(app, &eve, &mut feed, "fence").await;
    ada.act("unblockUser", &eve).await.unwrap();
    assert_eq!(seen(&eve, &ada).await["online"], true);
}

async fn presence_is_not_replayed(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    ada.send(&grace, "one").await;
    let first = feed.next().await["cursor"].as_str().unwrap().to_owned();
    let _socket = Feed::connect(&ada).await;
    let event = feed.sees(&ada, true).await;
    assert_eq!(event["cursor"], first.as_str(), "that of what came before");
    ada.send(&grace, "two").await;
    assert_eq!(feed.message().await, "two");

    let mut resumed = grace.feed_after(&first).await;
    assert_eq!(resumed.message().await, "two");
    let _fence = hears_of_nobody(app, &grace, &mut resumed, "fence").await;
    let conversation = ada.send(&grace, "three").await["conversation"]["id"].take();
    let variables = json!({ "conversationId": conversation });
    let mut filtered = Feed::open(&grace, variables).await;
    let alan = app.person("alan").await;
    grace.befriend(&alan).await;
    let _socket = Feed::connect(&alan).await;
    resumed.sees(&alan, true).await;
    ada.send(&grace, "four").await;
    assert_eq!(filtered.message().await, "four");
    assert!(!filtered.heard_presence(), "it is no event of a conversation");
}

async fn who_was_seen_is_known_after_a_restart(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    let _socket = Feed::connect(&ada).await;
    feed.sees(&ada, true).await;
    app.restart().await;
    let presence = seen(&grace, &ada).await;
    assert_eq!(presence["online"], false);
    assert!(presence["lastSeenAt"].is_string(), "{presence}");
}

async fn nothing_is_kept_of_who_leaves(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    drop(Feed::connect(&ada).await);
    eventually("her leaving to be noted", || async {
        (app.rows().await["last_seen"] == 1).then_some(())
    })
    .await;
    assert_eq!(seen(&grace, &ada).await["online"], false);
    let mut socket = Feed::connect(&ada).await;
    ada.delete_account(PASSWORD).await.unwrap();
    assert_eq!(socket.closed().await, 4403);
    eventually("her row to go", || async { (app.rows().await["last_seen"] == 0).then_some(()) })
        .await;
    sleep(GRACE + Duration::from_secs(1)).await;
    assert_eq!(app.rows().await["last_seen"], 0, "nor does it come back");
    let query = "query ($id: ID!) { node(id: $id) { ... on User { presence { online } } } }";
    let data = grace.data(query, json!({ "id": ada.id })).await;
    assert!(data["node"].is_null() || data["node"]["presence"].is_null(), "{data:#}");
}

async fn without_the_store_it_is_not_known_since_when(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    grace.befriend(&alan).await;
    let mut feed = grace.feed().await;
    let socket = Feed::connect(&ada).await;
    feed.sees(&ada, true).await;
    let mut connection = app.tables().await;
    sqlx::query("DROP TABLE last_seen").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    assert_eq!(seen(&grace, &ada).await["online"], true);
    let away = json!({ "online": false, "lastSeenAt": null });
    assert_eq!(seen(&grace, &alan).await, away);
    drop(socket);
    let event = feed.sees(&ada, false).await;
    assert!(event["user"]["presence"]["lastSeenAt"].is_string(), "{event:#}");
    assert_eq!(seen(&grace, &ada).await, away);
}
