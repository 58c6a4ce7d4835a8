//! Messages that are edited and deleted.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, Feed, TestApp, accounts::PASSWORD, client::Refusal},
};

stories! {
    an_edited_message_shows_its_new_text_everywhere,
    a_deleted_message_leaves_its_place,
    only_the_sender_edits_and_only_where_they_may_write,
    what_can_not_be_read_is_not_there,
    a_member_who_left_changes_nothing,
    a_feed_that_is_resumed_tells_no_old_text,
    bad_texts_and_ids_change_nothing,
    changes_at_once_end_the_same_for_all,
    a_key_is_good_after_an_edit,
    who_is_gone_leaves_what_can_not_be_edited,
}

fn code<T>(outcome: Result<T, Refusal>) -> String {
    outcome.err().map_or_else(|| "OK".to_owned(), |refusal| refusal.code)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value:#}"))
}

async fn feeds(people: &[&Client]) -> Vec<Feed> {
    join_all(people.iter().map(|person| person.feed())).await
}

/// The last message of their conversation, as the client sees it.
async fn last_message(client: &Client, other: &Client) -> Value {
    let query = "query ($id: ID!) { node(id: $id) { ... on User { directConversation {
        lastActivityAt lastMessage { id body deletedAt } messages { nodes { id body } } } } } }";
    client.data(query, json!({ "id": other.id })).await["node"]["directConversation"].take()
}

async fn an_edited_message_shows_its_new_text_everywhere(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let emmy = app.person("emmy").await;
    ada.befriend(&emmy).await;
    let phone = app.device("ada", "phone").await;
    let sent = ada.send(&grace, "Helo").await;
    let mut theirs = feeds(&[&ada, &phone, &grace, &grace]).await;
    let mut others = emmy.feed().await;

    let edited = ada.edit(&sent["id"], "Hello 👩‍💻").await.unwrap();
    assert_eq!((&edited["id"], &edited["seq"]), (&sent["id"], &sent["seq"]));
    assert_eq!((&edited["body"], &edited["sentAt"]), (&json!("Hello 👩‍💻"), &sent["sentAt"]));
    assert!(text(&edited["editedAt"]) > text(&sent["sentAt"]));
    assert_eq!(edited["deletedAt"], Value::Null);
    for feed in &mut theirs {
        let told = feed.hears("MessageEdited").await;
        for field in ["id", "seq", "body", "editedAt", "deletedAt", "mentions", "reactions"] {
            assert_eq!(told[field], edited[field], "{field}");
        }
        assert_eq!(told["sender"]["id"], ada.id.as_str());
    }
    for reader in [&ada, &grace] {
        assert_eq!(reader.message(&sent["id"]).await, edited);
    }
    let seen = last_message(&grace, &ada).await;
    assert_eq!(seen["lastMessage"]["body"], "Hello 👩‍💻");
    assert_eq!(seen["lastActivityAt"], sent["sentAt"], "it is no activity");

    // The same again is no event; nobody else heard anything.
    assert_eq!(ada.edit(&sent["id"], "Hello 👩‍💻").await.unwrap(), edited);
    ada.send(&grace, "Next").await;
    ada.send(&emmy, "Next").await;
    for feed in theirs[2..].iter_mut().chain([&mut others]) {
        assert_eq!(feed.message().await, "Next");
    }
}

async fn a_deleted_message_leaves_its_place(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let first = ada.send(&grace, "First").await;
    let to = json!({ "userId": grace.id });
    let reply = ada.reply(to, "Not for long", &first["id"]).await.unwrap();
    let edited = ada.edit(&reply["id"], "Not for long either").await.unwrap();
    grace.react(&reply["id"], "👍").await.unwrap();
    let mut theirs = feeds(&[&ada, &grace]).await;

    let deleted = ada.delete_message(&reply["id"]).await.unwrap();
    assert!(text(&deleted["deletedAt"]) > text(&edited["editedAt"]));
    let mut expected = edited.clone();
    expected["body"] = Value::Null;
    expected["deletedAt"] = deleted["deletedAt"].clone();
    assert_eq!(deleted, expected, "its place, its sender and what it replied to stay");
    for feed in &mut theirs {
        let told = feed.hears("MessageDeleted").await;
        assert_eq!((&told["id"], &told["body"]), (&reply["id"], &Value::Null));
        assert_eq!(told["deletedAt"], deleted["deletedAt"]);
        assert_eq!(told["reactions"], json!([]));
    }
    let seen = last_message(&grace, &ada).await;
    let stub = json!({ "id": reply["id"], "body": null, "deletedAt": deleted["deletedAt"] });
    assert_eq!(seen["lastMessage"], stub);
    let listed = json!([
        { "id": first["id"], "body": "First" },
        { "id": reply["id"], "body": null },
    ]);
    assert_eq!(seen["messages"]["nodes"], listed);

    // Once more is no event, and nothing else can be done with it.
    assert_eq!(ada.delete_message(&reply["id"]).await.unwrap(), deleted);
    let refused = ada.edit(&reply["id"], "Again").await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("CONFLICT", Some("id")));
    assert_eq!(code(grace.react(&reply["id"], "👍").await), "CONFLICT");
    assert_eq!(code(grace.take_back(&reply["id"], "👍").await), "CONFLICT");
    let next =
        grace.reply(json!({ "userId": ada.id }), "What was it?", &reply["id"]).await.unwrap();
    assert_eq!(next["replyTo"], json!({ "id": reply["id"], "body": null }));
    assert_eq!(next["seq"], 3);
    for feed in &mut theirs {
        assert_eq!(feed.message().await, "What was it?");
    }
}

async fn only_the_sender_edits_and_only_where_they_may_write(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (first, second) = (ada.send(&grace, "One").await, ada.send(&grace, "Two").await);
    assert_eq!(code(grace.edit(&first["id"], "Mine now").await), "FORBIDDEN");
    assert_eq!(code(grace.delete_message(&first["id"]).await), "FORBIDDEN");

    grace.act("blockUser", &ada).await.unwrap();
    let mut feed = grace.feed().await;
    for text in ["Can you hear me?", "One"] {
        assert_eq!(code(ada.edit(&first["id"], text).await), "FORBIDDEN");
    }
    assert_eq!(code(ada.react(&first["id"], "👍").await), "FORBIDDEN");
    // To take one's words back is no writing.
    assert_eq!(ada.delete_message(&first["id"]).await.unwrap()["body"], Value::Null);
    feed.hears("MessageDeleted").await;
    grace.act("unblockUser", &ada).await.unwrap();
    assert_eq!(ada.edit(&second["id"], "Zwei").await.unwrap()["body"], "Zwei");

    // Nor does an owner edit what others said.
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    let said = grace.tell(&group, "Mine").await;
    assert_eq!(code(ada.edit(&said["id"], "Ours").await), "FORBIDDEN");
    let deleted = ada.delete_message(&said["id"]).await.unwrap();
    assert_eq!(deleted["sender"]["username"], grace.username.as_str());
    assert_eq!(code(grace.delete_message(&said["id"]).await), "OK");
}

async fn what_can_not_be_read_is_not_there(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    let between = ada.send(&grace, "Between us").await;
    let before = ada.tell(&group, "Before").await;
    alan.join_group(&group).await.unwrap();
    ada.set_role(&group, &alan, "ADMIN").await.unwrap();
    let mut feed = alan.feed().await;
    let unknown = json!("msg_00000000000000000000000000");
    for id in [&between["id"], &before["id"], &unknown] {
        assert_eq!(alan.message(id).await, Value::Null);
        assert_eq!(code(alan.edit(id, "x").await), "NOT_FOUND");
        assert_eq!(code(alan.delete_message(id).await), "NOT_FOUND");
        assert_eq!(code(alan.react(id, "👍").await), "NOT_FOUND");
        assert_eq!(code(alan.take_back(id, "👍").await), "NOT_FOUND");
    }
    let refused = app.stranger().delete_message(&before["id"]).await;
    assert_eq!(code(refused), "UNAUTHENTICATED");

    // Who joined later does not hear what becomes of it either.
    ada.edit(&before["id"], "Before, edited").await.unwrap();
    ada.react(&before["id"], "👍").await.unwrap();
    ada.delete_message(&before["id"]).await.unwrap();
    ada.tell(&group, "After").await;
    let event = feed.next().await;
    assert_eq!(event["message"]["body"], "After", "{event:#}");
}

async fn a_member_who_left_changes_nothing(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    let said = grace.tell(&group, "Goodbye").await;
    grace.leave_group(&group).await.unwrap();
    let mut heard = feeds(&[&ada, &grace]).await;
    for outcome in [
        grace.edit(&said["id"], "Hello").await,
        grace.delete_message(&said["id"]).await,
        grace.react(&said["id"], "👋").await,
    ] {
        assert_eq!(code(outcome), "NOT_FOUND");
    }
    // Nor after they came back: it is from before.
    grace.join_group(&group).await.unwrap();
    assert_eq!(code(grace.edit(&said["id"], "Hello").await), "NOT_FOUND");
    ada.edit(&grace.tell(&group, "Back").await["id"], "x").await.unwrap_err();
    ada.delete_message(&said["id"]).await.unwrap();
    assert_eq!(ada.message(&said["id"]).await["body"], Value::Null);
    for feed in &mut heard {
        feed.hears_role(&group, &grace, Some("MEMBER")).await;
        assert_eq!(feed.message().await, "Back");
    }
    heard[0].hears("MessageDeleted").await;
    ada.tell(&group, "Later").await;
    for feed in &mut heard {
        assert_eq!(feed.message().await, "Later");
    }
}

async fn a_feed_that_is_resumed_tells_no_old_text(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    ada.send(&grace, "Zero").await;
    let cursor = feed.next().await["cursor"].as_str().unwrap().to_owned();
    drop(feed);
    let (edited, deleted) = (ada.send(&grace, "old").await, ada.send(&grace, "old").await);
    ada.edit(&edited["id"], "new").await.unwrap();
    ada.edit(&deleted["id"], "old, but edited").await.unwrap();
    grace.react(&edited["id"], "👍").await.unwrap();
    ada.delete_message(&deleted["id"]).await.unwrap();

    let expected = [
        ("MessageSent", &edited, json!("new")),
        ("MessageSent", &deleted, Value::Null),
        ("MessageEdited", &edited, json!("new")),
        ("MessageEdited", &deleted, Value::Null),
        ("ReactionsChanged", &edited, json!("new")),
        ("MessageDeleted", &deleted, Value::Null),
    ];
    // From what is remembered, and from what is stored.
    for restart in [false, true] {
        if restart {
            app.restart().await;
        }
        for person in [&grace, &ada] {
            let mut feed = person.feed_after(&cursor).await;
            for (kind, message, body) in &expected {
                let told = feed.hears(kind).await;
                assert_eq!((&told["id"], &told["body"]), (&message["id"], body), "{kind}");
                if *kind == "ReactionsChanged" {
                    assert_eq!(told["reactions"][0]["users"][0]["username"], grace.username);
                }
            }
        }
    }
    let mut feed = grace.feed_after(&cursor).await;
    for _ in &expected {
        feed.next().await;
    }
    ada.edit(&edited["id"], "newer").await.unwrap();
    assert_eq!(feed.hears("MessageEdited").await["body"], "newer");
}

async fn bad_texts_and_ids_change_nothing(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    for text in ["", "  \n\t ", "a\0b", &"x".repeat(4_001), &"👩‍💻".repeat(1_400)] {
        let refused = ada.edit(&sent["id"], text).await.unwrap_err();
        let told = (refused.code.as_str(), refused.field.as_deref());
        assert_eq!(told, ("BAD_USER_INPUT", Some("body")));
    }
    for id in [json!(""), json!("nonsense"), json!(ada.id), sent["conversation"]["id"].clone()] {
        for (refused, field) in [
            (ada.edit(&id, "x").await, "id"),
            (ada.delete_message(&id).await, "id"),
            (ada.react(&id, "👍").await, "messageId"),
            (ada.take_back(&id, "👍").await, "messageId"),
        ] {
            let refused = refused.unwrap_err();
            assert_eq!((&*refused.code, refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
        }
    }
    let seen = ada.message(&sent["id"]).await;
    assert_eq!((&seen["body"], &seen["editedAt"]), (&json!("Hello"), &Value::Null));
    let longest = "ü".repeat(4_000);
    assert_eq!(ada.edit(&sent["id"], &longest).await.unwrap()["body"], longest);
}

async fn changes_at_once_end_the_same_for_all(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    let sent = ada.tell(&group, "zero").await;
    let mut theirs = feeds(&[&ada, &grace]).await;
    let texts: Vec<String> = (0..8).map(|turn| format!("text {turn}")).collect();
    let edits = join_all(texts.iter().map(|text| ada.edit(&sent["id"], text)));
    for (text, edited) in texts.iter().zip(edits.await) {
        assert_eq!(edited.unwrap()["body"], text.as_str());
    }
    let last = ada.message(&sent["id"]).await;
    for feed in &mut theirs {
        let mut told = Vec::new();
        for _ in &texts {
            told.push(text(&feed.hears("MessageEdited").await["body"]).to_owned());
        }
        assert_eq!(told.last().unwrap(), text(&last["body"]), "the last one told is the last one");
        // What comes out of order is read again, and tells what is then.
        assert!(told.iter().all(|told| texts.contains(told)), "{told:?}");
    }
    // Deleting wins over what comes later, and is told once.
    let (deleted, edited, again) = tokio::join!(
        ada.delete_message(&sent["id"]),
        ada.edit(&sent["id"], "too late?"),
        ada.delete_message(&sent["id"]),
    );
    assert_eq!(deleted.unwrap()["deletedAt"], again.unwrap()["deletedAt"]);
    assert!(["OK", "CONFLICT"].contains(&&*code(edited)));
    assert_eq!(ada.message(&sent["id"]).await["body"], Value::Null);
    ada.tell(&group, "done").await;
    for feed in &mut theirs {
        let before = feed.until_message("done").await;
        let deletions = before.iter().filter(|event| event["__typename"] == "MessageDeleted");
        assert_eq!(deletions.count(), 1);
        assert_eq!(before.last().unwrap()["message"]["body"], Value::Null);
    }
}

async fn a_key_is_good_after_an_edit(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let to = json!({ "userId": grace.id });
    let send = |body| ada.send_to(to.clone(), body, Some("k"));
    let first = send("Hello").await.unwrap();
    ada.edit(&first["id"], "Hallo").await.unwrap();
    ada.edit(&first["id"], "Hullo").await.unwrap();
    let again = send("Hello").await.unwrap();
    assert_eq!((&again["id"], &again["body"]), (&first["id"], &json!("Hullo")));
    for other in ["Hallo", "Hullo"] {
        let refused = send(other).await.unwrap_err();
        assert_eq!((&*refused.code, refused.field.as_deref()), ("CONFLICT", Some("key")));
    }
    app.restart().await;
    assert_eq!(send("Hello").await.unwrap()["id"], first["id"]);
    let input = |reply_to| json!({ "to": to, "body": "Hello", "key": "k", "replyTo": reply_to });
    let refused = ada.send_input(input(&first["id"])).await.unwrap_err();
    assert_eq!((&*refused.code, refused.field.as_deref()), ("CONFLICT", Some("key")));

    ada.delete_message(&first["id"]).await.unwrap();
    for text in ["Hello", "Hallo", "Anything"] {
        let again = send(text).await.unwrap();
        assert_eq!((&again["id"], &again["body"]), (&first["id"], &Value::Null));
    }
}

async fn who_is_gone_leaves_what_can_not_be_edited(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (mine, theirs) = (ada.send(&grace, "Mine").await, grace.send(&ada, "Theirs").await);
    ada.react(&theirs["id"], "👍").await.unwrap();
    grace.react(&mine["id"], "👍").await.unwrap();
    grace.delete_account(PASSWORD).await.unwrap();

    assert_eq!(code(ada.edit(&mine["id"], "Anybody there?").await), "FORBIDDEN");
    assert_eq!(code(ada.react(&mine["id"], "❤️").await), "FORBIDDEN");
    for refused in [ada.edit(&theirs["id"], "x").await, ada.delete_message(&theirs["id"]).await] {
        assert_eq!(code(refused), "FORBIDDEN");
    }
    let seen = ada.message(&theirs["id"]).await;
    assert_eq!((&seen["body"], &seen["sender"]), (&json!("Theirs"), &Value::Null));
    let kept = &ada.message(&mine["id"]).await["reactions"][0];
    assert_eq!((&kept["count"], &kept["users"]), (&json!(1), &json!([])));
    assert_eq!(ada.take_back(&theirs["id"], "👍").await.unwrap()["reactions"], json!([]));
    assert_eq!(ada.delete_message(&mine["id"]).await.unwrap()["body"], Value::Null);
}
