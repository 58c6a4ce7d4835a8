//! Messages that reply to others, and that name members.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, Feed, TestApp, accounts::PASSWORD, client::Refusal},
};

stories! {
    a_reply_shows_what_it_replies_to,
    one_replies_only_to_what_one_reads_there,
    who_joined_later_does_not_see_what_was_replied_to,
    members_are_mentioned_in_their_order,
    an_edit_mentions_anew,
    who_is_not_there_is_not_mentioned,
}

fn code(outcome: Result<Value, Refusal>) -> String {
    outcome.err().map_or_else(|| "OK".to_owned(), |refusal| refusal.code)
}

fn mentioned(message: &Value) -> Vec<&str> {
    let mentions = message["mentions"].as_array().unwrap();
    mentions.iter().map(|user| user["username"].as_str().unwrap()).collect()
}

/// The events with what was replied to, which the usual ones leave out.
async fn feed(client: &Client, after: Option<&str>) -> Feed {
    let query = "subscription ($after: String) { events(after: $after) { __typename cursor
        ... on MessageSent { message { body replyTo { id body sender { username } }
            mentions { username } } } } }";
    let mut feed = Feed::connect(client).await;
    feed.send(json!({
        "id": "events", "type": "subscribe",
        "payload": { "query": query, "variables": { "after": after } },
    }))
    .await;
    if after.is_none() {
        feed.is_served().await;
    }
    feed
}

async fn a_reply_shows_what_it_replies_to(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let first = ada.send(&grace, "Tea or coffee?").await;
    let mut feeds = [feed(&ada, None).await, feed(&grace, None).await];
    let to = json!({ "conversationId": first["conversation"]["id"] });
    let reply = grace.reply(to.clone(), "Tea!", &first["id"]).await.unwrap();
    let replied = json!({ "id": first["id"], "body": "Tea or coffee?" });
    assert_eq!(reply["replyTo"], replied);
    for reader in [&ada, &grace] {
        assert_eq!(reader.message(&reply["id"]).await["replyTo"], replied);
        assert_eq!(reader.message(&first["id"]).await["replyTo"], Value::Null);
    }
    let mut cursor = Value::Null;
    for feed in &mut feeds {
        let event = feed.next().await;
        assert_eq!(event["message"]["body"], "Tea!", "{event:#}");
        let told = &event["message"]["replyTo"];
        assert_eq!((&told["id"], &told["body"]), (&replied["id"], &replied["body"]));
        assert_eq!(told["sender"]["username"], ada.username.as_str());
        cursor = event["cursor"].clone();
    }
    // A reply to a reply, and to oneself.
    let next = grace.reply(to, "With milk", &reply["id"]).await.unwrap();
    assert_eq!(next["replyTo"], json!({ "id": reply["id"], "body": "Tea!" }));
    ada.edit(&first["id"], "Tea?").await.unwrap();
    assert_eq!(grace.message(&reply["id"]).await["replyTo"]["body"], "Tea?");
    // What is still remembered of an event tells no old text either.
    grace.delete_message(&reply["id"]).await.unwrap();
    let mut later = feed(&ada, cursor.as_str()).await;
    let told = later.next().await["message"].take();
    assert_eq!((&told["body"], &told["replyTo"]["id"]), (&json!("With milk"), &reply["id"]));
    assert_eq!(told["replyTo"]["body"], Value::Null);
}

async fn one_replies_only_to_what_one_reads_there(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    let direct = ada.send(&grace, "Between us").await;
    let before = ada.tell(&group, "Before").await;
    alan.join_group(&group).await.unwrap();
    let after = ada.tell(&group, "After").await;
    let unknown = json!("msg_00000000000000000000000000");
    let (to_grace, to_group) = (json!({ "userId": grace.id }), json!({ "conversationId": group }));
    for (by, to, replied) in [
        (&ada, &to_grace, &unknown),
        (&ada, &to_grace, &before["id"]),
        (&ada, &to_group, &direct["id"]),
        (&alan, &to_group, &before["id"]),
        (&alan, &to_group, &direct["id"]),
        (&alan, &to_grace, &direct["id"]),
    ] {
        assert_eq!(code(by.reply(to.clone(), "x", replied).await), "NOT_FOUND");
    }
    for id in [json!(""), json!("nonsense"), json!(ada.id)] {
        let refused = ada.reply(to_grace.clone(), "x", &id).await.unwrap_err();
        assert_eq!((&*refused.code, refused.field.as_deref()), ("BAD_USER_INPUT", Some("replyTo")));
    }
    alan.reply(to_group.clone(), "Yes", &after["id"]).await.unwrap();
    alan.leave_group(&group).await.unwrap();
    assert_eq!(code(alan.reply(to_group, "x", &after["id"]).await), "NOT_FOUND");
    assert_eq!(grace.reads(&group).await, ["Before", "After", "Yes"]);
}

async fn who_joined_later_does_not_see_what_was_replied_to(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    let before = ada.tell(&group, "Before").await;
    alan.join_group(&group).await.unwrap();
    let started = ada.tell(&group, "Hello, Alan").await;
    let mut feeds = [feed(&alan, None).await, feed(&grace, None).await];
    let reply =
        grace.reply(json!({ "conversationId": group }), "Indeed", &before["id"]).await.unwrap();
    let mut cursors = Vec::new();
    for (feed, expected) in feeds.iter_mut().zip([Value::Null, json!("Before")]) {
        let event = feed.next().await;
        assert_eq!(event["message"]["body"], "Indeed");
        assert_eq!(event["message"]["replyTo"]["body"], expected);
        cursors.push(event["cursor"].clone());
    }
    assert_eq!(alan.message(&reply["id"]).await["replyTo"], Value::Null);
    assert_eq!(grace.message(&reply["id"]).await["replyTo"]["body"], "Before");
    let deleted = grace.delete_message(&reply["id"]).await.unwrap();
    assert_eq!(deleted["replyTo"]["id"], before["id"]);

    // The same when they come back to the feed.
    let reply =
        ada.reply(json!({ "conversationId": group }), "Again", &before["id"]).await.unwrap();
    for ((person, cursor), expected) in
        [&alan, &grace].into_iter().zip(&cursors).zip([Value::Null, json!("Before")])
    {
        let mut feed = feed(person, cursor.as_str()).await;
        // That of the deletion.
        feed.next().await;
        let event = feed.next().await;
        assert_eq!(event["message"]["body"], reply["body"]);
        assert_eq!(event["message"]["replyTo"]["body"], expected);
    }
    assert_eq!(alan.message(&started["id"]).await["replyTo"], Value::Null);
}

async fn members_are_mentioned_in_their_order(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (alan, emmy) = tokio::join!(app.person("alan"), app.person("emmy"));
    let group = ada.found("Walks", "PUBLIC", &[&grace, &alan]).await;
    let mut feed = feed(&grace, None).await;
    let text = format!(
        "(@{}) and @{}. Not {}@{}; nobody@example.org; @{} again, @{}, @nobody, @{}!",
        alan.username.to_uppercase(),
        ada.username,
        "x",
        grace.username,
        alan.username,
        emmy.username,
        grace.username,
    );
    let input = json!({ "to": { "conversationId": group }, "body": text });
    let sent = ada.send_input(input).await.unwrap();
    let expected = [&*alan.username, &*ada.username, &*grace.username];
    assert_eq!(mentioned(&sent), expected);
    assert_eq!(mentioned(&grace.message(&sent["id"]).await), expected);
    assert_eq!(mentioned(&feed.next().await["message"]), expected);

    // Of two, only the two.
    let text = format!("@{} @{} @{}", alan.username, grace.username, ada.username);
    let sent = ada.send_input(json!({ "to": { "userId": grace.id }, "body": text })).await.unwrap();
    assert_eq!(mentioned(&sent), [&*grace.username, &*ada.username]);
    let nobody = ada.send_input(json!({ "to": { "userId": grace.id }, "body": "@ @@ @x" })).await;
    assert!(mentioned(&nobody.unwrap()).is_empty());
}

async fn an_edit_mentions_anew(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    let text = format!("Hello @{}", grace.username);
    let sent = ada.send_input(json!({ "to": { "conversationId": group }, "body": text })).await;
    let sent = sent.unwrap();
    let mut feed = grace.feed().await;
    let edited = ada.edit(&sent["id"], &format!("Hello @{}", ada.username)).await.unwrap();
    assert_eq!(mentioned(&edited), [&*ada.username]);
    assert_eq!(mentioned(&feed.hears("MessageEdited").await), [&*ada.username]);
    let edited = ada.edit(&sent["id"], "Hello all").await.unwrap();
    assert!(mentioned(&edited).is_empty());
    ada.edit(&sent["id"], &text).await.unwrap();
    grace.leave_group(&group).await.unwrap();
    // They were there then.
    assert_eq!(mentioned(&ada.message(&sent["id"]).await), [&*grace.username]);
    let edited = ada.edit(&sent["id"], &format!("{text}!")).await.unwrap();
    assert!(mentioned(&edited).is_empty());
    ada.delete_message(&sent["id"]).await.unwrap();
    assert!(mentioned(&ada.message(&sent["id"]).await).is_empty());
}

async fn who_is_not_there_is_not_mentioned(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let text = format!("@{} @{}", grace.username, ada.username);
    let sent = ada.send_input(json!({ "to": { "userId": grace.id }, "body": text })).await.unwrap();
    assert_eq!(mentioned(&sent).len(), 2);
    grace.delete_account(PASSWORD).await.unwrap();
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(mentioned(&ada.message(&sent["id"]).await), [&*ada.username]);
}
