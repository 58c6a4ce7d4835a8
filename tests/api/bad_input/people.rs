//! Friendships and messages.

use chatterbox::ids;
use serde_json::{Value, json};

use super::{Case, Cast, case, no_user_ids, unfit, unknown, wrong};

pub(super) fn friendships(cast: &Cast) -> Vec<Case> {
    const WITH_NOTE: &str = "mutation ($id: ID!, $note: String) {
        sendFriendRequest(userId: $id, note: $note) { id } }";
    let mut cases = Vec::new();
    for mutation in [
        "sendFriendRequest",
        "cancelFriendRequest",
        "acceptFriendRequest",
        "declineFriendRequest",
        "removeFriend",
        "blockUser",
        "unblockUser",
    ] {
        let operation = format!("mutation ($id: ID!) {{ {mutation}(userId: $id) {{ id }} }}");
        for id in no_user_ids(cast).into_iter().chain([json!(cast.ada.id)]) {
            cases.push(wrong(&operation, json!({ "id": id }), "userId"));
        }
        let nobody = ids::UserId::from_uuid(uuid::Uuid::nil()).to_string();
        for id in [nobody, unknown_user()] {
            cases.push(case(&operation, json!({ "id": id }), "NOT_FOUND", None));
        }
        for id in [Value::Null, json!(true), json!(1.5), json!({}), json!([cast.grace.id, "x"])] {
            cases.push(unfit(&operation, json!({ "id": id })));
        }
    }
    for note in [&"x".repeat(201), &"🦀".repeat(201), "a\u{0}b"] {
        cases.push(wrong(WITH_NOTE, json!({ "id": cast.grace.id, "note": note }), "note"));
    }
    cases.push(unfit(WITH_NOTE, json!({ "id": cast.grace.id, "note": 7 })));
    cases
}

pub(super) fn unknown_user() -> String {
    // A user's id is made of a UUID like any other.
    let session = unknown::<ids::Session>();
    session.replace("ses_", "user_")
}

pub(super) fn messages(cast: &Cast) -> Vec<Case> {
    const SEND: &str = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id } }";
    let to_grace = json!({ "userId": cast.grace.id });
    let send = |to: &Value, body: Value, key: Value| json!({ "input": { "to": to, "body": body, "key": key } });
    let mut cases = Vec::new();
    for body in [
        "",
        " ",
        "\n\t\r\n",
        "\u{3000}\u{2028}",
        "\u{0}",
        "a\u{0}b",
        &"x".repeat(4_001),
        &"🦀".repeat(4_001),
    ] {
        cases.push(wrong(SEND, send(&to_grace, json!(body), Value::Null), "body"));
    }
    for key in ["", &"k".repeat(129), &"🔑".repeat(129)] {
        cases.push(wrong(SEND, send(&to_grace, json!("Hello"), json!(key)), "key"));
    }
    for (body, key) in [(Value::Null, Value::Null), (json!(7), Value::Null), (json!("x"), json!(7))]
    {
        cases.push(unfit(SEND, send(&to_grace, body, key)));
    }
    for id in no_user_ids(cast).into_iter().chain([json!(cast.ada.id)]) {
        cases.push(wrong(SEND, send(&json!({ "userId": id }), json!("x"), Value::Null), "userId"));
    }
    for id in [json!(""), json!("nonsense"), json!(cast.grace.id), json!(cast.message)] {
        let to = json!({ "conversationId": id });
        cases.push(wrong(SEND, send(&to, json!("x"), Value::Null), "conversationId"));
    }
    let own_name = json!({ "username": cast.ada.username.to_uppercase() });
    cases.push(wrong(SEND, send(&own_name, json!("x"), Value::Null), "username"));
    for to in [
        json!({ "userId": unknown_user() }),
        json!({ "username": "nobody.at.all" }),
        json!({ "username": "" }),
        json!({ "username": "no name" }),
        json!({ "username": "\u{0}" }),
        json!({ "conversationId": cast.of_others }),
        json!({ "conversationId": unknown::<ids::Session>().replace("ses_", "dm_") }),
    ] {
        cases.push(case(SEND, send(&to, json!("x"), Value::Null), "NOT_FOUND", None));
    }
    for to in [
        Value::Null,
        json!({}),
        json!({ "userId": null }),
        json!({ "userId": cast.grace.id, "username": cast.grace.username }),
        json!({ "userId": cast.grace.id, "username": null }),
        json!({ "nobody": "x" }),
        json!("x"),
    ] {
        cases.push(unfit(SEND, send(&to, json!("x"), Value::Null)));
    }
    cases
}
