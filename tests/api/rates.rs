//! What is done too often is refused, and nothing else is. Counted in memory:
//! the stores make no difference.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::{
    introspection::{Schema, text},
    support::{Client, Feed, TestApp, accounts::PASSWORD, stores::StoreUrls},
};

/// A service with these options, and with rates that no test comes to the end
/// of where they say nothing else.
async fn limited(options: &[&str]) -> TestApp {
    let name = |option: &str| option.split('=').next().unwrap().to_owned();
    let mut all = vec!["--rate-limits=on"];
    let wide = [
        "--request-rate=10000/s",
        "--message-rate=10000/s",
        "--change-rate=10000/s",
        "--register-rate=10000/s",
    ];
    all.extend(wide.iter().filter(|wide| options.iter().all(|own| name(own) != name(wide))));
    all.extend(options);
    TestApp::start(StoreUrls::embedded(), &all).await
}

/// What the one refusal of a response says, and how long to wait.
fn too_often(response: &Value) -> (String, Duration) {
    assert_eq!(response["errors"].as_array().map(Vec::len), Some(1), "{response:#}");
    let error = &response["errors"][0];
    assert_eq!(error["extensions"]["code"], "RATE_LIMITED", "{response:#}");
    let wait = error["extensions"]["retryAfterMs"].as_u64().expect("how long to wait");
    assert!(wait > 0);
    (text(&error["message"]).to_owned(), Duration::from_millis(wait))
}

const SEND: &str =
    "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id seq body } }";

fn message(to: &Client, body: &str, key: &str) -> Value {
    json!({ "input": { "to": { "userId": to.id }, "body": body, "key": key } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_beyond_the_rate_are_not_stored() {
    let app = limited(&["--message-rate=2/m:3"]).await;
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    for body in ["one", "two", "three"] {
        ada.data(SEND, message(&grace, body, body)).await;
    }
    let refused = ada.response(SEND, message(&grace, "four", "four")).await;
    let (said, wait) = too_often(&refused);
    assert!(said.starts_with("too many messages: at most 2 a minute, in bursts of 3"), "{said}");
    assert!(wait <= Duration::from_secs(30), "{wait:?}");
    assert_eq!(refused["data"], Value::Null);

    // On a socket too, whatever it is.
    let mut socket = Feed::connect(&ada).await;
    let payload = json!({ "query": SEND, "variables": message(&grace, "four", "four") });
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
    assert_eq!(socket.refused().await, "RATE_LIMITED");
    // One that is stored already is no exception, and is not stored again.
    too_often(&ada.response(SEND, message(&grace, "three", "three")).await);

    // Others may, and so may the same one do other things.
    grace.data(SEND, message(&ada, "four", "four")).await;
    ada.change_settings(json!({ "discoverable": false })).await;

    app.clock.advance(wait);
    let sent = ada.data(SEND, message(&grace, "five", "five")).await;
    assert_eq!(sent["sendMessage"]["seq"], 5);
    app.clock.advance(Duration::from_secs(30));
    let again = ada.data(SEND, message(&grace, "five", "five")).await;
    assert_eq!(again, sent);
    for body in ["one", "two", "three", "four", "five"] {
        assert_eq!(feed.message().await, body);
    }
    feed.is_served().await;
    app.stop().await;
}

/// What is counted as a change, and how it is asked for.
const CHANGES: [(&str, &str); 23] = [
    ("updateProfile", "(input: {}) { id }"),
    ("updateSettings", "(input: {}) { discoverable }"),
    ("sendFriendRequest", "(userId: \"user_#\") { id }"),
    ("cancelFriendRequest", "(userId: \"user_#\") { id }"),
    ("acceptFriendRequest", "(userId: \"user_#\") { id }"),
    ("declineFriendRequest", "(userId: \"user_#\") { id }"),
    ("removeFriend", "(userId: \"user_#\") { id }"),
    ("blockUser", "(userId: \"user_#\") { id }"),
    ("unblockUser", "(userId: \"user_#\") { id }"),
    ("createGroup", "(input: { name: \"A\" }) { id }"),
    ("updateGroup", "(input: { groupId: \"grp_#\" }) { id }"),
    ("addGroupMembers", "(groupId: \"grp_#\", userIds: [\"user_#\"]) { id }"),
    ("removeGroupMember", "(groupId: \"grp_#\", userId: \"user_#\") { id }"),
    ("setGroupRole", "(groupId: \"grp_#\", userId: \"user_#\", role: ADMIN) { id }"),
    ("joinGroup", "(groupId: \"grp_#\") { id }"),
    ("leaveGroup", "(groupId: \"grp_#\") { id }"),
    ("deleteGroup", "(groupId: \"grp_#\")"),
    ("editMessage", "(id: \"msg_#\", body: \"A\") { id }"),
    ("deleteMessage", "(id: \"msg_#\") { id }"),
    ("addReaction", "(messageId: \"msg_#\", emoji: \"👍\") { id }"),
    ("removeReaction", "(messageId: \"msg_#\", emoji: \"👍\") { id }"),
    ("markRead", "(conversationId: \"dm_#\", seq: 1) { id }"),
    ("muteConversation", "(conversationId: \"dm_#\", muted: true) { id }"),
];

/// What is counted for itself: accounts, messages, and typing, which is tried below.
const OTHERS: [&str; 16] = [
    "register",
    "verifyEmail",
    "resendVerification",
    "signIn",
    "refreshSession",
    "signOut",
    "endSession",
    "signOutEverywhere",
    "changePassword",
    "changeEmail",
    "confirmEmailChange",
    "deleteAccount",
    "requestPasswordReset",
    "resetPassword",
    "sendMessage",
    "setTyping",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_counts() {
    let app = limited(&["--change-rate=1/h:2"]).await;
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    let typing = "mutation ($id: ID!) { setTyping(conversationId: $id, typing: true) }";
    let desk = json!({ "id": sent["conversation"]["id"] });
    ada.data(typing, desk.clone()).await;
    let (said, _) = too_often(&ada.response(typing, desk).await);
    assert!(said.starts_with("too many changes: at most 1 an hour, in bursts of 2"), "{said}");

    let nobody = "00000000000000000000000000";
    for (name, call) in CHANGES {
        let mutation = format!("mutation {{ {name}{} }}", call.replace('#', nobody));
        let (_, wait) = too_often(&ada.response(&mutation, Value::Null).await);
        assert!(wait <= Duration::from_secs(3_600), "{name}: {wait:?}");
    }
    let schema = Schema::of(&app.stranger()).await;
    let mut all: Vec<&str> =
        schema.fields("Mutation").iter().map(|field| text(&field["name"])).collect();
    let mut known: Vec<&str> = CHANGES.iter().map(|(name, _)| *name).chain(OTHERS).collect();
    all.sort_unstable();
    known.sort_unstable();
    assert_eq!(all, known);

    ada.send(&grace, "Messages do not count as changes.").await;
    app.clock.advance(Duration::from_secs(3_600));
    let ada = app.sign_in(&ada.username, PASSWORD).await.unwrap();
    ada.change_settings(json!({ "discoverable": false })).await;
    app.stop().await;
}

/// Somebody whose requests a proxy says to come from there.
fn at(app: &TestApp, address: &str) -> Client {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_str(address).unwrap());
    let http = reqwest::Client::builder().default_headers(headers).build().unwrap();
    Client { http, ..app.stranger() }
}

async fn register(app: &TestApp, from: &Client, name: &str) -> Value {
    let query = "mutation ($input: RegisterInput!) { register(input: $input) { username } }";
    let (username, email) = (app.username(name), app.email(name));
    let input = json!({ "username": username, "email": email, "password": PASSWORD });
    from.response(query, json!({ "input": input })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_counted_by_where_they_come_from() {
    let app = limited(&["--register-rate=2/h", "--trusted-proxy=127.0.0.1"]).await;
    let here = at(&app, "203.0.113.9, 198.51.100.1");
    for name in ["ada", "grace"] {
        assert_eq!(
            register(&app, &here, name).await["data"]["register"]["username"],
            app.username(name)
        );
    }
    let before = app.rows().await;
    let (said, wait) = too_often(&register(&app, &at(&app, "198.51.100.1"), "alan").await);
    assert!(said.starts_with("too many registrations: at most 2 an hour"), "{said}");
    assert!(wait <= Duration::from_secs(1_800), "{wait:?}");
    assert_eq!(app.rows().await, before, "nothing is half done");

    // What can't be read is not counted, and others have their own count.
    let there = [at(&app, "2001:db8:0:1::1"), at(&app, "2001:db8:0:1:ffff::2")];
    assert_eq!(
        register(&app, &there[0], "-").await["errors"][0]["extensions"]["field"],
        "username"
    );
    assert_eq!(register(&app, &there[0], "alan").await["errors"], Value::Null);
    assert_eq!(register(&app, &there[1], "emmy").await["errors"], Value::Null);
    too_often(&register(&app, &there[0], "kurt").await);
    assert_eq!(register(&app, &at(&app, "2001:db8:0:2::1"), "kurt").await["errors"], Value::Null);
    assert_eq!(register(&app, &app.stranger(), "rosa").await["errors"], Value::Null);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_says_where_they_are_but_a_trusted_proxy() {
    let app = limited(&["--register-rate=1/h"]).await;
    assert_eq!(register(&app, &at(&app, "198.51.100.1"), "ada").await["errors"], Value::Null);
    too_often(&register(&app, &at(&app, "198.51.100.2"), "grace").await);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_are_counted_by_who_sends_them() {
    let app = limited(&["--request-rate=1/m:12", "--verify-email=off"]).await;
    app.register("ada", "Ada").await;
    let ada = app.sign_in(&app.username("ada"), PASSWORD).await.unwrap();
    let stranger = app.stranger();
    // The two of above were a stranger's too.
    for _ in 0..5 {
        stranger.data("{ __typename }", Value::Null).await;
        // To find out what is wrong takes time, too.
        let refused = stranger.response("{ nothing }", Value::Null).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
    let refused = stranger.response("{ __typename }", Value::Null).await;
    let (said, wait) = too_often(&refused);
    assert!(said.starts_with("too many requests: at most 1 a minute, in bursts of 12"), "{said}");
    assert!(wait <= Duration::from_secs(60), "{wait:?}");
    assert_eq!(refused.get("data").unwrap_or(&Value::Null), &Value::Null);
    let get = stranger.http.get(app.url("/graphql?query=%7B__typename%7D"));
    let answer = get.header("accept", "application/graphql-response+json").send().await.unwrap();
    assert_eq!(answer.status(), 429);
    too_often(&answer.json().await.unwrap());
    let mut socket = Feed::connect(&stranger).await;
    let payload = json!({ "query": "{ __typename }" });
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
    assert_eq!(socket.refused().await, "RATE_LIMITED");

    // Those who are signed in share nothing with them. Each of a batch counts.
    let batch = vec![json!({ "query": "{ __typename }" }); 10];
    let send = ada.http.post(app.url("/graphql")).bearer_auth(ada.token.as_deref().unwrap());
    let answers: Value = send.json(&batch).send().await.unwrap().json().await.unwrap();
    assert!(answers.as_array().unwrap().iter().all(|one| one["data"]["__typename"] == "Query"));
    let mut feeds = [Feed::connect(&ada).await, Feed::connect(&ada).await];
    feeds[0].subscribe("1", Value::Null).await;
    feeds[0].is_served().await;
    feeds[0].subscribe("2", Value::Null).await;
    feeds[0].is_served().await;
    feeds[1].subscribe("1", Value::Null).await;
    assert_eq!(feeds[1].refused().await, "RATE_LIMITED");
    too_often(&ada.response("{ viewer { email } }", Value::Null).await);

    let metrics = reqwest::get(app.url("/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("chatterbox_rate_limited_total{limit=\"requests\"}"), "{metrics}");
    app.stop().await;
}
