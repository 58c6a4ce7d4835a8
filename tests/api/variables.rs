//! The values of variables, as the GraphQL specification has them: section 6.1.2.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, Feed, TestApp},
};

stories! {
    nothing_is_done_where_a_value_is_missing_or_wrong,
    a_subscription_without_its_value_does_not_begin,
    what_is_not_given_is_as_if_it_were_not_asked_for,
    a_known_document_is_as_strict_as_a_new_one,
    a_default_says_what_is_skipped,
    what_has_one_name_is_carried_out_once,
    what_has_one_name_is_read_once,
}

const BIO: &str = "mutation ($bio: String!) { updateProfile(input: { bio: $bio }) { bio } }";
const SEND: &str = "mutation ($to: String!, $key: String!) {
    sendMessage(input: { to: { username: $to }, body: \"Hello\", key: $key }) { seq } }";
const TWO: &str = "mutation ($seq: Int!) { a: updateProfile(input: { bio: \"changed\" }) { bio }
    b: markRead(conversationId: \"none\", seq: $seq) { id } }";

async fn bio(client: &Client) -> Value {
    client.data("{ viewer { user { bio } } }", Value::Null).await["viewer"]["user"]["bio"].take()
}

async fn nothing_is_done_where_a_value_is_missing_or_wrong(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.data(BIO, json!({ "bio": "mathematician" })).await;
    let long = format!("{{ \"seq\": {} }}", i64::MAX);
    let long: Value = serde_json::from_str(&long).unwrap();
    for (query, variables, said) in [
        (BIO, json!({}), "$bio"),
        (BIO, json!({ "bio": null }), "$bio"),
        (BIO, json!({ "bio": 7 }), "$bio"),
        (BIO, json!({ "bio": ["x"] }), "$bio"),
        (SEND, json!({ "to": grace.username }), "$key"),
        (SEND, json!({ "to": grace.username, "key": null }), "$key"),
        (TWO, json!({}), "$seq"),
        (TWO, json!({ "seq": "1" }), "$seq"),
        (TWO, long, "$seq"),
        (
            "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { seq } }",
            json!({ "input": { "to": { "username": grace.username, "userId": grace.id },
                "body": "Hello" } }),
            "\"$input\" at \"to\": expected exactly one",
        ),
        (
            "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { seq } }",
            json!({ "input": { "to": { "username": grace.username }, "text": "Hello" } }),
            "\"$input\": unknown field \"text\"",
        ),
        (
            "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { seq } }",
            json!({ "input": { "to": { "username": grace.username } } }),
            "\"$input\" at \"body\": is missing",
        ),
        ("query ($a: Int!) { users(first: $a) { totalCount } }", json!({ "a": null }), "$a"),
        ("query ($i: Boolean!) { viewer @include(if: $i) { email } }", json!({}), "$i"),
        (
            "query ($d: FriendRequestDirection) { viewer { friendRequests(direction: $d) { totalCount } } }",
            json!({ "d": "SIDEWAYS" }),
            "$d",
        ),
    ] {
        let response = ada.response(query, variables.clone()).await;
        assert!(response.get("data").is_none(), "{query} {variables}: {response}");
        let errors = response["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{response}");
        assert_eq!(errors[0]["extensions"]["code"], "BAD_USER_INPUT");
        let message = errors[0]["message"].as_str().unwrap();
        assert!(message.contains(said), "{query} {variables}: {message}");
    }
    assert_eq!(bio(&ada).await, "mathematician");
    let talks = grace.data("{ viewer { conversations { nodes { id } } } }", Value::Null).await;
    assert_eq!(talks["viewer"]["conversations"]["nodes"], json!([]), "nothing was sent");
}

async fn a_subscription_without_its_value_does_not_begin(app: &TestApp) {
    let ada = app.person("ada").await;
    let query = "subscription ($after: String!) { events(after: $after) { cursor } }";
    for variables in [json!({}), json!({ "after": null })] {
        let mut feed = Feed::connect(&ada).await;
        let payload = json!({ "query": query, "variables": variables });
        feed.send(json!({ "id": "a", "type": "subscribe", "payload": payload })).await;
        let refused = feed.frame().await.unwrap();
        assert_eq!(refused["type"], "error", "{refused}");
        assert_eq!(refused["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
}

/// Sections 6.4.1 and 3.10: an argument has its default, and a field of an input object is left
/// as it was.
async fn what_is_not_given_is_as_if_it_were_not_asked_for(app: &TestApp) {
    let (ada, grace) = (app.person("ada").await, app.person("grace").await);
    grace.act("sendFriendRequest", &ada).await.unwrap();
    let query = "query ($direction: FriendRequestDirection, $first: Int) { viewer {
        friendRequests(direction: $direction, first: $first) { totalCount } } }";
    for (variables, count) in [(json!({}), 1), (json!({ "direction": "OUTGOING" }), 0)] {
        let data = ada.data(query, variables).await;
        assert_eq!(data["viewer"]["friendRequests"]["totalCount"], count);
    }

    let change = "mutation ($bio: String, $name: String) { updateProfile(input: {
        bio: $bio, displayName: $name }) { bio displayName } }";
    for (variables, expected) in [
        (
            json!({ "bio": "mathematician" }),
            json!({ "bio": "mathematician", "displayName": "ada" }),
        ),
        (json!({ "name": "Ada" }), json!({ "bio": "mathematician", "displayName": "Ada" })),
        (json!({ "bio": null }), json!({ "bio": null, "displayName": "Ada" })),
        (json!({}), json!({ "bio": null, "displayName": "Ada" })),
    ] {
        assert_eq!(ada.data(change, variables).await["updateProfile"], expected);
    }

    let send = "mutation ($to: String!, $key: String) {
        sendMessage(input: { to: { username: $to }, body: \"Hello\", key: $key }) { seq } }";
    ada.act("acceptFriendRequest", &grace).await.unwrap();
    for seq in 1..3 {
        let sent = ada.data(send, json!({ "to": grace.username })).await;
        assert_eq!(sent["sendMessage"]["seq"], seq);
    }
}

async fn a_known_document_is_as_strict_as_a_new_one(app: &TestApp) {
    let ada = app.person("ada").await;
    for _ in 0..2 {
        ada.data(BIO, json!({ "bio": "mathematician" })).await;
        assert_eq!(ada.code(BIO, json!({ "bio": null })).await, "BAD_USER_INPUT");
        assert_eq!(ada.code(BIO, json!({})).await, "BAD_USER_INPUT");
        assert_eq!(ada.code(BIO, json!({ "bio": 7 })).await, "BAD_USER_INPUT");
    }
    assert_eq!(bio(&ada).await, "mathematician");
}

/// Sections 3.13.1 and 3.13.2.
async fn a_default_says_what_is_skipped(app: &TestApp) {
    let ada = app.person("ada").await;
    let signs_out = "mutation ($keep: Boolean = true) { signOut @skip(if: $keep) }";
    assert_eq!(ada.data(signs_out, json!({})).await, json!({}));
    for query in [
        "query ($b: Boolean! = true) { viewer @include(if: $b) { user { username } } }",
        "query ($b: Boolean = true) { viewer { ...F @include(if: $b) } }
            fragment F on Viewer { user { username } }",
        "query ($b: Boolean = true) { viewer { ... @include(if: $b) { user { username } } } }",
    ] {
        let name = &ada.data(query, json!({})).await["viewer"]["user"]["username"];
        assert_eq!(*name, ada.username.as_str(), "{query}");
        assert_eq!(ada.code(query, json!({ "b": null })).await, "BAD_USER_INPUT", "{query}");
    }
    let left_out = "mutation ($b: Boolean = true) { ... @skip(if: $b) { signOut }
        ... @include(if: $b) { updateProfile(input: { bio: \"x\" }) { bio } } }";
    assert_eq!(ada.data(left_out, json!({})).await, json!({ "updateProfile": { "bio": "x" } }));
    assert_eq!(bio(&ada).await, "x", "ada is still signed in");
}

/// Section 6.3.2.
async fn what_has_one_name_is_carried_out_once(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let send = "sendMessage(input: { to: { username: $to }, body: \"Hello\" })";
    for (seq, query) in [
        format!("mutation ($to: String!) {{ {send} {{ id }} {send} {{ seq }} }}"),
        format!(
            "mutation ($to: String!) {{ ...A ...B }} fragment A on Mutation {{ {send} {{ id }} }}
            fragment B on Mutation {{ {send} {{ seq }} }}"
        ),
        format!("mutation ($to: String!) {{ {send} {{ id seq }} ... {{ {send} {{ body }} }} }}"),
    ]
    .into_iter()
    .enumerate()
    {
        let sent = &ada.data(&query, json!({ "to": grace.username })).await["sendMessage"];
        assert_eq!(sent["seq"], seq + 1, "{query}");
        assert!(sent["id"].is_string(), "{query}");
    }
}

async fn what_has_one_name_is_read_once(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.send(&grace, "Hello").await;
    for (query, expected) in [
        (
            "{ viewer { ...A ...B } } fragment A on Viewer { friends(first: 5) { nodes { id } } }
             fragment B on Viewer { friends(first: 5) { nodes { username } totalCount } }",
            json!({ "viewer": { "friends": {
                "nodes": [{ "id": grace.id, "username": grace.username }], "totalCount": 1
            } } }),
        ),
        (
            "{ viewer { conversations { nodes { lastMessage { seq }
               ... on DirectConversation { lastMessage { body } } } } } }",
            json!({ "viewer": { "conversations": { "nodes": [
                { "lastMessage": { "seq": 1, "body": "Hello" } }
            ] } } }),
        ),
    ] {
        assert_eq!(ada.data(query, json!({})).await, expected, "{query}");
    }
    let twice = "{ node(id: \"nonsense\") { id } ...F }
        fragment F on Query { node(id: \"nonsense\") { __typename } }";
    let failed = ada.response(twice, json!({})).await;
    assert_eq!(failed["errors"].as_array().map(Vec::len), Some(1), "{failed:#}");
}
