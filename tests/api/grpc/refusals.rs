//! What is refused, and how the caller is told.

use chatterbox::api::grpc::generated::{ChatMessage, chat_message::To};
use futures::stream;
use tonic::Code;

use crate::{
    stories,
    support::{
        TestApp,
        grpc::{Refused, into, to},
        stores::StoreUrls,
    },
};

stories! {
    nobody_calls_without_a_good_token,
    what_is_refused_has_the_codes_of_graphql,
    what_is_too_large_is_refused,
}

async fn nobody_calls_without_a_good_token(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut caller = app.caller(&ada).await;
    ada.data("mutation { signOut }", serde_json::Value::Null).await;
    let ended = ada.token.clone();
    for token in [None, Some(String::new()), Some("nonsense".to_owned()), ended] {
        caller.token = token;
        let refused = [
            caller.refused(to(&grace, "Hello")).await,
            caller.talk_refused(None).await,
            Refused::of(&caller.send_all(stream::empty()).await.expect_err("refused")),
        ];
        for refused in refused {
            assert_eq!(refused.status, Code::Unauthenticated, "{:?}", caller.token);
            assert_eq!(refused.what(), ("UNAUTHENTICATED", ""));
        }
    }
}

async fn what_is_refused_has_the_codes_of_graphql(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    grace.act("blockUser", &alan).await.unwrap();
    let caller = app.caller(&ada).await;
    let elsewhere = grace.send(&ada, "Hello").await;
    let elsewhere = elsewhere["conversation"]["id"].as_str().unwrap();
    let named = |to| ChatMessage { to: Some(to), ..to_nobody("Hello") };
    let invalid = Code::InvalidArgument;
    for (message, status, what) in [
        (to_nobody("Hello"), invalid, ("BAD_USER_INPUT", "to")),
        (to(&grace, ""), invalid, ("BAD_USER_INPUT", "body")),
        (to(&grace, &"x".repeat(4_001)), invalid, ("BAD_USER_INPUT", "body")),
        (to(&ada, "Me"), invalid, ("BAD_USER_INPUT", "userId")),
        (into("dm_", "Hello"), invalid, ("BAD_USER_INPUT", "conversationId")),
        (
            ChatMessage { key: "k".repeat(129), ..to(&grace, "Hello") },
            invalid,
            ("BAD_USER_INPUT", "key"),
        ),
        (
            ChatMessage { reply_to_id: "?".to_owned(), ..to(&grace, "Hello") },
            invalid,
            ("BAD_USER_INPUT", "replyTo"),
        ),
        (named(To::Username("nobody_at_all".to_owned())), Code::NotFound, ("NOT_FOUND", "")),
    ] {
        let refused = caller.refused(message.clone()).await;
        assert_eq!((refused.status, refused.what()), (status, what), "{message:?}");
        let answer = caller.send_all(stream::iter([message.clone()])).await.unwrap();
        let failure = answer.failure.expect("a failure");
        assert_eq!((failure.code.as_str(), failure.field.as_str()), what, "{message:?}");
    }
    let outsider = app.caller(&alan).await;
    let refused = outsider.refused(into(elsewhere, "Hello")).await;
    assert_eq!((refused.status, refused.what()), (Code::NotFound, ("NOT_FOUND", "")));
    let blocked = alan.send_to(serde_json::json!({ "userId": grace.id }), "Hello", None).await;
    let refused = outsider.refused(to(&grace, "Hello")).await;
    assert_eq!(refused.code, blocked.expect_err("blocked").code, "as over GraphQL");
}

fn to_nobody(body: &str) -> ChatMessage {
    ChatMessage { body: body.to_owned(), ..ChatMessage::default() }
}

async fn what_is_too_large_is_refused(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let caller = app.caller(&ada).await;
    let large = || to(&grace, &"x".repeat(300_000));
    let refused = caller.refused(large()).await;
    assert_eq!((refused.status, refused.what()), (Code::InvalidArgument, ("BAD_USER_INPUT", "")));
    let answer = caller.send_all(stream::iter([to(&grace, "Small"), large()])).await.unwrap();
    assert_eq!((answer.kept, answer.failed_at), (1, Some(1)));
    assert_eq!(answer.failure.expect("a failure").code, "BAD_USER_INPUT");
    let mut talk = caller.talk(None).await.unwrap();
    talk.say(large());
    let refused = talk.end().await.expect_err("it ends");
    assert_eq!((refused.status, refused.what()), (Code::InvalidArgument, ("BAD_USER_INPUT", "")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_often_is_refused() {
    let rates = ["--rate-limits=on", "--message-rate=1/m:2"];
    let app = TestApp::start(StoreUrls::embedded(), &rates).await;
    let (ada, grace) = app.friends("ada", "grace").await;
    let caller = app.caller(&ada).await;
    caller.send(to(&grace, "One")).await.unwrap();
    // They are counted together with those over GraphQL.
    ada.send(&grace, "Two").await;
    let refused = caller.refused(to(&grace, "Three")).await;
    assert_eq!((refused.status, refused.code.as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    assert!(refused.more["retryAfterMs"].parse::<u64>().unwrap() > 0);
    let mut talk = caller.talk(None).await.unwrap();
    talk.say(to(&grace, "Four"));
    let failure = talk.answer().await.failure.expect("a failure");
    assert_eq!(failure.code, "RATE_LIMITED");
    assert!(failure.retry_after_ms > 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_too_often_are_refused() {
    let rates = ["--rate-limits=on", "--request-rate=1/m:6"];
    let app = TestApp::start(StoreUrls::embedded(), &rates).await;
    let ada = app.person("ada").await;
    let caller = app.caller(&ada).await;
    let mut talk = caller.talk(None).await.unwrap();
    let mut refused = None;
    for _ in 0..6 {
        refused = refused.or(caller.talk(None).await.err());
    }
    let refused = Refused::of(&refused.expect("too many"));
    assert_eq!((refused.status, refused.code.as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    // What comes on an open stream counts too.
    talk.say(to_nobody("Hello"));
    assert_eq!(talk.answer().await.failure.expect("a failure").code, "RATE_LIMITED");
    // Those without a token are counted by where they are.
    let stranger = app.caller(&app.stranger()).await;
    let mut codes = Vec::new();
    for _ in 0..20 {
        codes.push(stranger.talk_refused(None).await.code);
    }
    assert!(codes.contains(&"RATE_LIMITED".to_owned()), "{codes:?}");
    app.stop().await;
}
