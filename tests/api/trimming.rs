//! Events are kept for 30 days.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, Feed, TestApp, accounts::PASSWORD, eventually},
};

stories! {
    a_cursor_older_than_a_month_has_expired,
    a_younger_cursor_goes_on,
    a_group_that_was_left_a_month_ago_is_gone,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Lets time go by, during which the server is started anew.
async fn later(app: &TestApp, days: u32) {
    app.clock.advance(DAY * days);
    app.restart().await;
}

async fn back(app: &TestApp, name: &str) -> Client {
    app.sign_in(&app.username(name), PASSWORD).await.unwrap()
}

/// Waits until everything up to what was said last has been taken in.
async fn taken_in(client: &Client, word: &str) {
    let query =
        "query ($word: String!) { viewer { searchMessages(query: $word) { nodes { id } } } }";
    eventually("the index", || async {
        let data = client.data(query, json!({ "word": word })).await;
        (!data["viewer"]["searchMessages"]["nodes"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
}

/// How the events behind a cursor are refused; nothing where they are not.
async fn refusal(client: &Client, cursor: &str) -> Option<String> {
    let mut feed = Feed::connect(client).await;
    feed.subscribe("events", json!({ "after": cursor })).await;
    let frame = feed.frame().await.expect("the socket closed");
    let errors = match frame["type"].as_str() {
        Some("error") => &frame["payload"],
        _ => &frame["payload"]["errors"],
    };
    errors[0]["extensions"]["code"].as_str().map(ToOwned::to_owned)
}

async fn a_cursor_older_than_a_month_has_expired(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    ada.send(&grace, "one").await;
    let cursor = feed.next().await["cursor"].as_str().unwrap().to_owned();
    ada.send(&grace, "two").await;
    taken_in(&ada, "two").await;

    later(app, 31).await;
    let (ada, grace) = (back(app, "ada").await, back(app, "grace").await);
    let code = eventually("the log to be trimmed", || refusal(&grace, &cursor)).await;
    assert_eq!(code, "CURSOR_EXPIRED");

    // So it starts anew: what was said is there, what comes is heard.
    let mut feed = grace.feed().await;
    ada.send(&grace, "three").await;
    let event = feed.next().await;
    assert_eq!(event["message"]["body"], "three");
    let cursor = event["cursor"].as_str().unwrap();
    ada.send(&grace, "four").await;
    assert_eq!(grace.feed_after(cursor).await.message().await, "four");
    let query = "query ($name: String!) { user(username: $name) { directConversation {
        messages { nodes { body } } } }
        viewer { searchMessages(query: \"one\") { nodes { body } } } }";
    let data = grace.data(query, json!({ "name": ada.username })).await;
    let messages = &data["user"]["directConversation"]["messages"]["nodes"];
    assert_eq!(messages.as_array().unwrap().len(), 4);
    assert_eq!(data["viewer"]["searchMessages"]["nodes"][0]["body"], "one");
}

async fn a_younger_cursor_goes_on(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.send(&grace, "long ago").await;
    taken_in(&ada, "long ago").await;
    later(app, 20).await;
    let (ada, grace) = (back(app, "ada").await, back(app, "grace").await);
    let mut feed = grace.feed().await;
    ada.send(&grace, "one").await;
    let cursor = feed.next().await["cursor"].as_str().unwrap().to_owned();
    ada.send(&grace, "two").await;
    taken_in(&ada, "two").await;

    later(app, 20).await;
    let grace = back(app, "grace").await;
    eventually("the log to be trimmed", || refusal(&grace, "c10")).await;
    assert_eq!(grace.feed_after(&cursor).await.message().await, "two");
}

async fn a_group_that_was_left_a_month_ago_is_gone(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let group = ada.found("Ours", "PRIVATE", &[&grace]).await;
    let mut feed = grace.feed().await;
    let sent = ada.tell(&group, "hello").await;
    feed.next().await;
    grace.leave_group(&group).await.unwrap();
    feed.hears_role(&group, &grace, None).await;
    ada.tell(&group, "bye").await;
    taken_in(&ada, "bye").await;

    later(app, 31).await;
    let grace = back(app, "grace").await;
    eventually("the log to be trimmed", || refusal(&grace, "c10")).await;
    let query = "query ($group: ID!, $message: ID!) {
        conversation(id: $group) { id lastMessage { body } }
        nodes(ids: [$group, $message]) { id ... on Group { name memberCount } }
        viewer { lastChatted { at conversation { id } } conversations { nodes { id } } } }";
    let data = grace.data(query, json!({ "group": group, "message": sent["id"] })).await;
    assert_eq!(data["conversation"], Value::Null);
    assert_eq!(data["nodes"], json!([null, null]));
    assert_eq!(data["viewer"], json!({ "lastChatted": [], "conversations": { "nodes": [] } }));
}
