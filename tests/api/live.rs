//! The stream of events: in order, nothing lost, nothing twice, and nothing
//! of others.

use std::collections::HashMap;

use chatterbox::{live::Cursor, messaging::Position};
use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, Feed, TestApp},
};

stories! {
    a_cursor_may_be_used_again,
    a_stream_goes_on_over_a_restart,
    a_stream_that_can_not_be_is_refused,
    a_socket_carries_several_streams,
    a_stream_may_be_asked_for_in_fragments,
    others_events_never_arrive,
    a_burst_arrives_complete_and_in_order_everywhere,
    events_of_all_kinds_keep_one_order,
}

fn cursor(event: &Value) -> String {
    event["cursor"].as_str().unwrap().to_owned()
}

fn body(event: &Value) -> &str {
    event["message"]["body"].as_str().unwrap_or_else(|| panic!("not a message: {event:#}"))
}

/// The place of an event. Clients don't look into a cursor; this test does,
/// to see that cursors grow.
fn place(event: &Value) -> Position {
    Cursor::parse(event["cursor"].as_str().unwrap()).unwrap().0
}

async fn a_cursor_may_be_used_again(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    ada.send(&grace, "one").await;
    let first = cursor(&feed.next().await);
    ada.send(&grace, "two").await;
    let second = cursor(&feed.next().await);
    ada.send(&grace, "three").await;
    assert_eq!(feed.message().await, "three");

    let (mut again, mut once_more, mut later) =
        tokio::join!(grace.feed_after(&first), grace.feed_after(&first), grace.feed_after(&second));
    for feed in [&mut again, &mut once_more] {
        let event = feed.next().await;
        assert_eq!((body(&event), cursor(&event)), ("two", second.clone()), "the same cursor");
        assert_eq!(feed.message().await, "three");
    }
    assert_eq!(later.message().await, "three");
    ada.send(&grace, "four").await;
    for feed in [&mut feed, &mut again, &mut once_more, &mut later] {
        assert_eq!(feed.message().await, "four");
    }
}

async fn a_stream_goes_on_over_a_restart(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    ada.send(&grace, "before").await;
    let last = cursor(&feed.next().await);
    ada.send(&grace, "just before").await;
    ada.act("removeFriend", &grace).await.unwrap();
    let ended = app.device("ada", "ended").await;
    ended.data("mutation { signOut }", Value::Null).await;

    app.restart().await;
    assert_eq!(feed.closed().await, 1001);
    assert!(!ended.is_signed_in().await, "a session that was ended stays so");
    ada.send(&grace, "after").await;

    let mut feed = grace.feed_after(&last).await;
    assert_eq!(feed.message().await, "just before");
    assert_eq!(feed.friendship().await, (ada.username.clone(), "NONE".to_owned()));
    let event = feed.next().await;
    assert_eq!((body(&event), &event["message"]["seq"]), ("after", &json!(3)));
    ada.send(&grace, "live again").await;
    assert_eq!(feed.message().await, "live again");
    assert_eq!(ada.refresh().await.unwrap().sessions().await.len(), 1);
}

/// GraphQL, section 5.2.4.1: what has one name is one field, wherever it stands.
async fn a_stream_may_be_asked_for_in_fragments(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let first = cursor(&{
        let mut feed = grace.feed().await;
        ada.send(&grace, "one").await;
        feed.next().await
    });
    ada.send(&grace, "two").await;
    for query in [
        "subscription ($after: String) { ...Root } fragment Root on Subscription {
            events(after: $after) { cursor ... on MessageSent { message { body } } } }",
        "subscription ($after: String) { ... on Subscription { ... { events(after: $after) {
            cursor ... on MessageSent { message { body } } } } } }",
        "subscription ($after: String) { events(after: $after) { cursor } ...More }
            fragment More on Subscription { events(after: $after) {
                ... on MessageSent { message { body } } } }",
    ] {
        let mut feed = Feed::connect(&grace).await;
        let payload = json!({ "query": query, "variables": { "after": first } });
        feed.send(json!({ "id": "events", "type": "subscribe", "payload": payload })).await;
        let event = feed.next().await;
        assert_eq!(body(&event), "two", "{query}");
        assert!(event["cursor"].is_string(), "{query}");
    }
}

async fn a_stream_that_can_not_be_is_refused(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let sent = ada.send(&grace, "for two").await;
    let theirs = sent["conversation"]["id"].as_str().unwrap();
    let nowhere = format!("{}zz", &theirs[..theirs.len() - 2]);
    let future = Cursor(Position(1_000_000)).to_string();
    let past_all = Cursor(Position(i64::MAX)).to_string();

    let mut feed = Feed::connect(&alan).await;
    for (variables, code) in [
        (json!({ "conversationId": theirs }), "NOT_FOUND"),
        (json!({ "conversationId": nowhere }), "NOT_FOUND"),
        (json!({ "conversationId": "nonsense" }), "BAD_USER_INPUT"),
        (json!({ "conversationId": alan.id }), "BAD_USER_INPUT"),
        (json!({ "after": "" }), "BAD_USER_INPUT"),
        (json!({ "after": "nonsense" }), "BAD_USER_INPUT"),
        (json!({ "after": "c1-1" }), "BAD_USER_INPUT"),
        (json!({ "after": 7 }), "BAD_USER_INPUT"),
        (json!({ "after": sent["id"] }), "BAD_USER_INPUT"),
        (json!({ "after": future }), "CURSOR_EXPIRED"),
        (json!({ "after": past_all }), "CURSOR_EXPIRED"),
    ] {
        feed.subscribe("refused", variables.clone()).await;
        assert_eq!(feed.refused().await, code, "{variables}");
    }
    // The socket and the id are free for something better.
    feed.subscribe("refused", Value::Null).await;
    feed.is_served().await;
    grace.send(&alan, "welcome").await;
    assert_eq!(feed.message().await, "welcome");

    let mut stranger = Feed::connect(&app.stranger()).await;
    stranger.subscribe("events", Value::Null).await;
    assert_eq!(stranger.refused().await, "UNAUTHENTICATED");
}

async fn a_socket_carries_several_streams(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let first = ada.send(&grace, "zero").await;
    let mut seen = grace.feed().await;
    ada.send(&grace, "one").await;
    let after = cursor(&seen.next().await);
    ada.send(&grace, "two").await;

    let mut feed = Feed::connect(&grace).await;
    let conversation = &first["conversation"]["id"];
    feed.subscribe("all", Value::Null).await;
    feed.subscribe("behind", json!({ "after": after })).await;
    feed.subscribe("only", json!({ "conversationId": conversation })).await;
    let mut heard = HashMap::<String, Vec<String>>::new();
    let mut hear = async |feed: &mut Feed, count: usize| {
        for _ in 0..count {
            let frame = feed.frame().await.unwrap();
            assert_eq!(frame["type"], "next", "{frame:#}");
            let id = frame["id"].as_str().unwrap().to_owned();
            let event = &frame["payload"]["data"]["events"];
            heard.entry(id).or_default().push(body(event).to_owned());
        }
        heard.clone()
    };
    assert_eq!(hear(&mut feed, 1).await, HashMap::from([("behind".into(), vec!["two".into()])]));
    feed.is_served().await;
    alan.send(&grace, "three").await;
    ada.send(&grace, "four").await;
    let heard_so_far = hear(&mut feed, 5).await;
    assert_eq!(heard_so_far["all"], ["three", "four"]);
    assert_eq!(heard_so_far["behind"], ["two", "three", "four"]);
    assert_eq!(heard_so_far["only"], ["four"]);

    // One may end while the others go on.
    feed.send(json!({ "id": "behind", "type": "complete" })).await;
    feed.is_served().await;
    ada.send(&grace, "five").await;
    let heard_at_last = hear(&mut feed, 2).await;
    assert_eq!(heard_at_last["all"].last().unwrap(), "five");
    assert_eq!(heard_at_last["only"], ["four", "five"]);
    assert_eq!(heard_at_last["behind"].len(), 3);
}

async fn others_events_never_arrive(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let mut start = alan.feed().await;
    grace.send(&alan, "zero").await;
    let after = cursor(&start.next().await);
    let mut live = alan.feed().await;

    for n in 0..20 {
        ada.send(&grace, &format!("secret {n}")).await;
    }
    ada.act("removeFriend", &grace).await.unwrap();
    grace.act("blockUser", &ada).await.unwrap();
    let own = grace.send(&alan, "one").await;
    alan.act("sendFriendRequest", &grace).await.unwrap();

    let mut resumed = alan.feed_after(&after).await;
    for feed in [&mut live, &mut resumed] {
        assert_eq!(feed.message().await, "one");
        assert_eq!(feed.friendship().await, (grace.username.clone(), "REQUEST_SENT".to_owned()));
    }
    let variables = json!({ "after": after, "conversationId": own["conversation"]["id"] });
    let mut filtered = Feed::open(&alan, variables).await;
    assert_eq!(filtered.message().await, "one");
    grace.send(&alan, "two").await;
    assert_eq!(filtered.message().await, "two", "a request is no event of a conversation");
}

const SENDERS: usize = 8;
const EACH: usize = 38;

/// Sends [`EACH`] messages, some at the same time, and returns their `seq`s
/// by their bodies.
async fn talk(from: &Client, to: &Client) -> Vec<(String, i64)> {
    let send = async |n: usize| {
        let body = format!("{} {n}", from.username);
        let sent = from.send(to, &body).await;
        (body, sent["seq"].as_i64().unwrap())
    };
    let mut answered = Vec::new();
    for start in (0..EACH).step_by(4) {
        let few = (start..EACH.min(start + 4)).map(send);
        answered.extend(futures::future::join_all(few).await);
    }
    answered
}

/// Reads as many messages, and returns their bodies and `seq`s by the
/// conversation, after checking that cursors grow.
async fn collect(feed: &mut Feed, count: usize) -> HashMap<String, Vec<(String, i64)>> {
    let mut heard = HashMap::<String, Vec<_>>::new();
    let mut last = Position(0);
    for _ in 0..count {
        let event = feed.next().await;
        assert!(place(&event) > last, "cursors grow: {event:#}");
        last = place(&event);
        let conversation = event["message"]["conversation"]["id"].as_str().unwrap().to_owned();
        let seq = event["message"]["seq"].as_i64().unwrap();
        heard.entry(conversation).or_default().push((body(&event).to_owned(), seq));
    }
    heard
}

async fn a_burst_arrives_complete_and_in_order_everywhere(app: &TestApp) {
    let ada = app.person("ada").await;
    let names: Vec<String> = (0..SENDERS).map(|n| format!("s{n}")).collect();
    let senders = futures::future::join_all(names.iter().map(|name| app.person(name))).await;
    ada.send(&senders[0], "ready?").await;
    let mut feeds = [ada.feed().await, ada.feed().await];
    let mut of_sender = senders[0].feed().await;

    let talks = senders.iter().map(|sender| talk(sender, &ada));
    let sending = futures::future::join_all(talks);
    let [one, two] = &mut feeds;
    let (answered, heard, also_heard, by_sender) = tokio::join!(
        sending,
        collect(one, SENDERS * EACH),
        collect(two, SENDERS * EACH),
        collect(&mut of_sender, EACH)
    );
    assert_eq!(heard, also_heard, "all devices hear the same");
    assert_eq!(heard.len(), SENDERS);
    let mut conversations: Vec<_> = heard.into_values().collect();
    assert!(conversations.contains(by_sender.values().next().unwrap()));
    for mut answered in answered {
        answered.sort_by_key(|(_, seq)| *seq);
        // In the first conversation one message was there before.
        let first = answered[0].1;
        let gapless: Vec<i64> = (first..).take(EACH).collect();
        assert_eq!(answered.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), gapless);
        let found = conversations.iter().position(|heard| *heard == answered);
        conversations.remove(found.expect("what was answered arrives, in the order of seq"));
    }

    // And nothing after it, nor for a device that missed it all.
    senders[0].send(&ada, "done").await;
    for feed in &mut feeds {
        assert_eq!(feed.message().await, "done");
    }
}

async fn events_of_all_kinds_keep_one_order(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let mut feed = grace.feed().await;
    let mut expected = Vec::new();
    for n in 0..4 {
        ada.send(&grace, &format!("a {n}")).await;
        ada.act("sendFriendRequest", &grace).await.unwrap();
        grace.send(&ada, &format!("g {n}")).await;
        grace.act("acceptFriendRequest", &ada).await.unwrap();
        ada.send(&grace, &format!("b {n}")).await;
        ada.act("removeFriend", &grace).await.unwrap();
        let steps = [format!("a {n}"), "REQUEST_RECEIVED".into(), format!("g {n}")];
        expected.extend(steps);
        expected.extend(["FRIENDS".into(), format!("b {n}"), "NONE".into()]);
    }
    let mut events = Vec::new();
    for expected in &expected {
        let event = feed.next().await;
        let said = event["message"]["body"].as_str();
        assert_eq!(said.or(event["user"]["friendship"].as_str()).unwrap(), expected);
        events.push(event);
    }
    assert!(events.is_sorted_by(|one, next| place(one) < place(next)), "cursors grow");
    let times: Vec<&str> = events.iter().map(|event| event["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");

    // From any cursor on, what follows comes again: the same events in the
    // same order, a friendship as it is by now.
    for from in [0, 3, 10] {
        let mut feed = grace.feed_after(&cursor(&events[from])).await;
        for event in &events[from + 1..] {
            let again = feed.next().await;
            assert_eq!(again["cursor"], event["cursor"]);
            assert_eq!(again["at"], event["at"]);
            assert_eq!(again["message"], event["message"]);
            if event["__typename"] == "FriendshipChanged" {
                assert_eq!(again["user"]["friendship"], "NONE");
            }
        }
    }
}
