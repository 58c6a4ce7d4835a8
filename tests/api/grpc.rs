//! `ChatService` as its clients meet it: the same messages as over GraphQL.

mod bursts;
mod ends;
mod refusals;
mod resuming;
mod served;
mod tls;

use chatterbox::api::grpc::generated::{ChatMessage, chat_message::To};
use futures::stream;
use serde_json::json;

use crate::{
    stories,
    support::{
        TestApp,
        grpc::{into, to},
    },
};

stories! {
    what_is_sent_by_grpc_is_heard_over_graphql,
    what_is_sent_over_graphql_is_heard_by_grpc,
    a_key_is_one_message,
    a_stream_of_messages_is_kept_in_order,
    a_stream_of_messages_stops_at_the_first_failure,
    each_message_on_a_stream_is_answered_in_order,
    all_devices_hear_what_one_sends,
    a_reply_shows_only_what_one_may_read,
}

async fn what_is_sent_by_grpc_is_heard_over_graphql(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    let caller = app.caller(&ada).await;
    let sent = caller.send(to(&grace, "Hello")).await.unwrap();
    let event = feed.next().await;
    assert_eq!(event["__typename"], "MessageSent", "{event:#}");
    let heard = &event["message"];
    assert_eq!((&heard["id"], &heard["seq"]), (&json!(sent.id), &json!(sent.seq)));
    assert_eq!((&heard["body"], &heard["sender"]["id"]), (&json!("Hello"), &json!(ada.id)));
    assert_eq!(
        sent.to,
        Some(To::ConversationId(heard["conversation"]["id"].as_str().unwrap().into()))
    );
    let by_name =
        ChatMessage { to: Some(To::Username(grace.username.clone())), ..to(&grace, "By name") };
    assert_eq!(caller.send(by_name).await.unwrap().seq, 2);
    assert_eq!(feed.message().await, "By name");
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    let told = caller.send(into(&group, "To all")).await.unwrap();
    assert_eq!(told.to, Some(To::ConversationId(group.clone())));
    assert_eq!(grace.reads(&group).await, ["To all"]);
}

async fn what_is_sent_over_graphql_is_heard_by_grpc(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut talk = app.caller(&grace).await.talk(None).await.unwrap();
    let sent = ada.send(&grace, "Hello").await;
    // Whatever else happens is no message.
    ada.react(&sent["id"], "👍").await.unwrap();
    ada.edit(&sent["id"], "Hello, Grace").await.unwrap();
    let reply = ada.reply(json!({ "userId": grace.id }), "And?", &sent["id"]).await.unwrap();
    let heard = talk.next().await;
    assert_eq!((&json!(heard.id), &json!(heard.seq)), (&sent["id"], &sent["seq"]));
    assert_eq!((heard.body.as_str(), heard.sender_id.as_str()), ("Hello", ada.id.as_str()));
    assert_eq!(
        heard.to,
        Some(To::ConversationId(sent["conversation"]["id"].as_str().unwrap().into()))
    );
    assert!(heard.key.is_empty() && heard.reply_to_id.is_empty() && heard.failure.is_none());
    let at = heard.sent_at.expect("when it was sent");
    let micros = at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000;
    let told: jiff::Timestamp = sent["sentAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(micros, told.as_microsecond());
    let next = talk.next().await;
    assert_eq!((&json!(next.id), &json!(next.reply_to_id)), (&reply["id"], &sent["id"]));
}

async fn a_key_is_one_message(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let caller = app.caller(&ada).await;
    let keyed = |body: &str| ChatMessage { key: "one".to_owned(), ..to(&grace, body) };
    let first = caller.send(keyed("Hello")).await.unwrap();
    assert_eq!(first.key, "one");
    assert_eq!(caller.send(keyed("Hello")).await.unwrap(), first);
    let over_graphql = ada.send_to(json!({ "userId": grace.id }), "Hello", Some("one")).await;
    assert_eq!(over_graphql.unwrap()["id"], first.id.as_str());
    let refused = caller.refused(keyed("Something else")).await;
    assert_eq!(refused.status, tonic::Code::AlreadyExists);
    assert_eq!(refused.what(), ("CONFLICT", "key"));
    let talk = &mut caller.talk(None).await.unwrap();
    talk.say(keyed("Hello"));
    assert_eq!(talk.answer().await.id, first.id);
    talk.say(keyed("Something else"));
    let failure = talk.answer().await.failure.expect("a failure");
    assert_eq!((failure.code.as_str(), failure.field.as_str()), ("CONFLICT", "key"));
}

async fn a_stream_of_messages_is_kept_in_order(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let caller = app.caller(&ada).await;
    let messages: Vec<_> = (1..=5).map(|n| to(&grace, &format!("Line {n}"))).collect();
    let answer = caller.send_all(stream::iter(messages)).await.unwrap();
    assert_eq!((answer.kept, answer.failed_at, answer.failure), (5, None, None));
    let last = answer.last.expect("the last message");
    assert_eq!((last.seq, last.body.as_str()), (5, "Line 5"));
    let none = caller.send_all(stream::empty()).await.unwrap();
    assert_eq!((none.kept, none.last, none.failed_at), (0, None, None));
}

async fn a_stream_of_messages_stops_at_the_first_failure(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let caller = app.caller(&ada).await;
    let messages = ["One", "Two", "", "Four"].map(|body| to(&grace, body));
    let answer = caller.send_all(stream::iter(messages)).await.unwrap();
    assert_eq!((answer.kept, answer.failed_at), (2, Some(2)));
    assert_eq!(answer.last.expect("the last one that was kept").body, "Two");
    let failure = answer.failure.expect("a failure");
    assert_eq!((failure.code.as_str(), failure.field.as_str()), ("BAD_USER_INPUT", "body"));
    assert_eq!(caller.send(to(&grace, "Three")).await.unwrap().seq, 3, "nothing came between");
    // It is told at once, also where the caller would go on.
    let messages = [to(&grace, ""), to(&grace, "Never")];
    let endless = futures::StreamExt::chain(stream::iter(messages), stream::pending());
    let answer = caller.send_all(endless).await.unwrap();
    assert_eq!((answer.kept, answer.failed_at, answer.last), (0, Some(0), None));
}

async fn each_message_on_a_stream_is_answered_in_order(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut talk = app.caller(&ada).await.talk(None).await.unwrap();
    for (key, body) in [("a", "One"), ("b", " "), ("c", "Two"), ("", "Three")] {
        talk.say(ChatMessage { key: key.to_owned(), ..to(&grace, body) });
    }
    talk.close();
    let (said, end) = talk.rest().await;
    assert_eq!(end, Ok(()), "who sends no more has heard all answers");
    let (events, answers): (Vec<_>, Vec<_>) =
        said.into_iter().partition(|message| !message.cursor.is_empty());
    let told: Vec<_> = answers.iter().map(|a| (a.key.as_str(), a.seq, a.body.as_str())).collect();
    assert_eq!(told, [("a", 1, "One"), ("b", 0, ""), ("c", 2, "Two"), ("", 3, "Three")]);
    let failed: Vec<_> = answers.iter().map(|answer| answer.failure.is_some()).collect();
    assert_eq!(failed, [false, true, false, false]);
    assert_eq!(answers[1].to, to(&grace, "").to);
    for event in events {
        assert!(event.key.is_empty() && answers.iter().any(|answer| answer.id == event.id));
    }
}

async fn all_devices_hear_what_one_sends(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let caller = app.caller(&ada).await;
    let phone = app.caller(&app.device("ada", "phone").await).await;
    let mut talks = [caller.talk(None).await.unwrap(), phone.talk(None).await.unwrap()];
    talks[0].say(ChatMessage { key: "k".to_owned(), ..to(&grace, "Hello") });
    let answer = talks[0].answer().await;
    // The event may have come before the answer.
    let sent = caller.send(to(&grace, "Again")).await.unwrap();
    for talk in &mut talks {
        let mut heard = talk.event().await;
        if heard.id == answer.id {
            heard = talk.event().await;
        }
        assert_eq!((&heard.id, &heard.key), (&sent.id, &String::new()));
    }
}

async fn a_reply_shows_only_what_one_may_read(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    let before = ada.tell(&group, "Before").await["id"].as_str().unwrap().to_owned();
    alan.join_group(&group).await.unwrap();
    let callers = [app.caller(&alan).await, app.caller(&grace).await];
    let mut cursors = Vec::new();
    let reply = |body| ChatMessage { reply_to_id: before.clone(), ..into(&group, body) };
    let mut talks = [callers[0].talk(None).await.unwrap(), callers[1].talk(None).await.unwrap()];
    let sent = app.caller(&ada).await.send(reply("Live")).await.unwrap();
    assert_eq!(sent.reply_to_id, before);
    for (talk, shown) in talks.iter_mut().zip(["", &before]) {
        let heard = talk.event().await;
        assert_eq!((heard.id.as_str(), heard.reply_to_id.as_str()), (sent.id.as_str(), shown));
        cursors.push(heard.cursor);
    }
    drop(talks);
    app.caller(&ada).await.send(reply("Later")).await.unwrap();
    for ((caller, cursor), shown) in callers.iter().zip(&cursors).zip(["", &before]) {
        let heard = caller.talk(Some(cursor)).await.unwrap().event().await;
        assert_eq!((heard.body.as_str(), heard.reply_to_id.as_str()), ("Later", shown));
    }
    let refused = callers[0].refused(reply("Hidden")).await;
    assert_eq!((refused.status, refused.what()), (tonic::Code::NotFound, ("NOT_FOUND", "")));
}
