//! What may happen to those who follow the events, one thing at a time. Each
//! leaves nothing open behind.

use std::time::{Duration, Instant};

use chatterbox::{api::http::SOCKET_PLACES, live::Cursor, messaging::Position};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    drain::UnderWay,
    scenarios,
    sockets::until_closed,
    support::{Client, Feed, accounts::sign_in, client::Refusal, eventually, within},
    town::{Subscriber, Town, history, kept, send_until_acknowledged},
};

scenarios! {
    a_subscriber_that_does_not_read_is_told_to_resume_and_others_notice_nothing,
    what_nobody_reads_is_not_made_for_each_subscription,
    a_restart_under_load_loses_nothing,
    a_thousand_reconnects_leak_nothing,
    who_leaves_a_group_gets_nothing_more_and_who_joins_nothing_before,
    a_cursor_ahead_of_the_log_expires,
    the_answer_that_a_crash_swallowed_is_given_again,
}

/// The numbers of the messages among events.
fn seqs(events: &[Value]) -> Vec<i64> {
    events.iter().filter_map(|event| event["message"]["seq"].as_i64()).collect()
}

fn range(first: i64, last: i64) -> Vec<i64> {
    (first..=last).collect()
}

/// How many messages a request carries, and how many requests run at a time.
const BATCH: usize = 10;
const REQUESTS: usize = 10;

/// Sends so many long messages.
async fn flood(from: &Client, conversation: &str) {
    let body = "\u{1f4ac}".repeat(4_000);
    let query = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { seq } }";
    let input = json!({ "to": { "conversationId": conversation }, "body": body });
    let one = json!({ "query": query, "variables": { "input": input } });
    let batch = Value::from(vec![one; BATCH]);
    join_all((0..REQUESTS).map(|_| async {
        let request = from.http.post(format!("http://{}/graphql", from.address));
        let request = request.bearer_auth(from.token.as_deref().unwrap()).json(&batch);
        let answers: Vec<Value> = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answers.len(), BATCH);
        assert!(answers.iter().all(|answer| answer["errors"].is_null()), "{:#}", answers[0]);
    }))
    .await;
}

async fn a_subscriber_that_does_not_read_is_told_to_resume_and_others_notice_nothing(
    town: &mut Town,
) {
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let sent = ada.send(&grace, "Hello").await;
    let conversation = sent["conversation"]["id"].as_str().unwrap();
    let mut slow = grace.feed().await;
    let others = [Subscriber::start(&grace).await, Subscriber::start(&ada).await];
    let (mut last, mut longest) = (1, Duration::ZERO);
    while town.metric("chatterbox_slow_subscribers_total").await == 0.0 {
        flood(&ada, conversation).await;
        last += (BATCH * REQUESTS) as i64;
        let acknowledged = Instant::now();
        for other in &others {
            eventually("the others to hear it", || async {
                (other.count() as i64 == last - 1).then_some(())
            })
            .await;
        }
        longest = longest.max(acknowledged.elapsed());
        assert!(last < 5_000, "nobody is too slow");
    }
    ada.send(&grace, "behind it").await;
    last += 1;

    let (events, closed) = until_closed(&mut slow).await;
    drop(slow);
    assert_eq!(closed.code, 1013, "{closed:?}");
    let until = seqs(&events).len() as i64 + 1;
    assert_eq!(seqs(&events), range(2, until), "what was queued, without a gap");
    assert!(until < last, "it heard all");
    let cursor = events.last().unwrap()["cursor"].as_str().unwrap();
    let mut resumed = grace.feed_after(cursor).await;
    let mut rest = Vec::new();
    while (seqs(&rest).len() as i64) < last - until {
        rest.push(resumed.next().await);
    }
    assert_eq!(seqs(&rest), range(until + 1, last), "the rest, each once");
    ada.send(&grace, "live again").await;
    assert_eq!(resumed.message().await, "live again");
    eprintln!(
        "{last} messages, {} heard before the close, {} after it; the others had all of them \
         {longest:?} after the answer at most",
        until - 1,
        last - until,
    );
    for other in &others {
        eventually("the last one", || async { (other.count() as i64 == last).then_some(()) }).await;
        assert_eq!(seqs(&other.events()), range(2, last + 1));
        assert_eq!(other.breaks(), 0);
    }
    assert_eq!(town.metric("chatterbox_slow_subscribers_total").await, 1.0);
}

async fn what_nobody_reads_is_not_made_for_each_subscription(town: &mut Town) {
    const MANY: usize = 60;
    const MADE: &str = "chatterbox_event_executions_total{for=\"one\"}";
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let copies: String = (0..40).map(|number| format!("copy{number}: body ")).collect();
    let mut unread = Feed::connect(&grace).await;
    for number in 0..MANY {
        // What stands between the two is told to each for themselves.
        let query = format!(
            "subscription {{ events {{ ... on MessageSent {{ message {{
                of{number}: seq sender {{ friendship }} {copies} }} }} }} }}"
        );
        unread.begin(&number.to_string(), json!({ "query": query })).await;
    }
    eventually("all to be subscribed", || async {
        (town.metric("chatterbox_hub_subscriptions").await == MANY as f64).then_some(())
    })
    .await;
    let mut reads = grace.feed().await;
    ada.send(&grace, &"\u{1f4ac}".repeat(4_000)).await;
    eventually("the first answers", || async {
        (town.metric(MADE).await >= SOCKET_PLACES as f64).then_some(())
    })
    .await;
    ada.send(&grace, "others hear").await;
    assert_eq!(reads.next().await["message"]["seq"], 1);
    assert_eq!(reads.message().await, "others hear");
    // Nothing tells that no more is made, but that none is for a while.
    let (mut made, mut same) = (0.0, 0);
    while same < 5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = town.metric(MADE).await;
        same = if now == made { same + 1 } else { 0 };
        made = now;
    }
    assert!(made < MANY as f64, "{made} were made");
    for _ in 0..2 * MANY {
        assert_eq!(unread.frame().await.unwrap()["type"], "next");
    }
    // That of the other socket is told for herself too: who her peer is.
    assert_eq!(town.metric(MADE).await, 2.0 * (MANY + 1) as f64);
}

async fn a_restart_under_load_loses_nothing(town: &mut Town) {
    const PAIRS: usize = 2;
    const RESTARTS: usize = 2;
    let names: Vec<String> = (0..2 * PAIRS).map(|number| format!("p{number}")).collect();
    let people = join_all(names.iter().map(|name| town.person(name))).await;
    let heard = join_all(people.iter().map(Subscriber::start)).await;
    let over = CancellationToken::new();
    let writing = people.iter().enumerate().map(|(number, person)| {
        let (from, to, over) = (person.clone(), people[number ^ 1].id.clone(), over.clone());
        tokio::spawn(async move {
            let mut count = 0;
            while !over.is_cancelled() {
                let body = format!("{} {count}", from.username);
                send_until_acknowledged(&from, &to, &body).await;
                count += 1;
            }
            count
        })
    });
    let writing: Vec<_> = writing.collect();
    for _ in 0..RESTARTS {
        tokio::time::sleep(Duration::from_millis(500)).await;
        town.service.terminate();
        assert!(within("the end", town.service.ended()).await.success());
        town.service.restart().await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    over.cancel();
    let sent = join_all(writing).await.into_iter().map(|count| count.unwrap());
    let sent: Vec<usize> = sent.collect();
    for pair in 0..PAIRS {
        let (one, other) = (2 * pair, 2 * pair + 1);
        let kept = history(&people[one], &people[other]).await;
        assert_eq!(kept.len(), sent[one] + sent[other], "each once");
        let last = kept.len() as i64;
        assert_eq!(kept.iter().map(|sent| sent.seq).collect::<Vec<_>>(), range(1, last));
        for subscriber in &heard[one..=other] {
            eventually("all messages", || async {
                (seqs(&subscriber.events()).len() >= kept.len()).then_some(())
            })
            .await;
            assert_eq!(seqs(&subscriber.events()), range(1, last), "in order");
            assert_eq!(subscriber.closes(), [1001; RESTARTS]);
        }
    }
    eprintln!("{sent:?} messages over {RESTARTS} restarts");
}

async fn a_thousand_reconnects_leak_nothing(town: &mut Town) {
    const WAVES: usize = 20;
    const AT_ONCE: usize = 50;
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let mut stays = grace.feed().await;
    ada.send(&grace, "before").await;
    let first = stays.next().await;
    let (listener, cursor) = (&grace, first["cursor"].as_str().unwrap());
    let begun = Instant::now();
    for wave in 1..=WAVES {
        ada.send(&grace, &format!("wave {wave}")).await;
        // Some go before anything is read for them, some after, some while it is.
        join_all((0..AT_ONCE).map(|number| async move {
            if number % 3 == 0 {
                return drop(listener.feed().await);
            }
            let mut feed = Feed::connect(listener).await;
            feed.subscribe("events", json!({ "after": cursor })).await;
            if number % 3 == 1 {
                assert_eq!(feed.message().await, "wave 1");
            }
        }))
        .await;
    }
    eprintln!("{} sockets came and went in {:?}", WAVES * AT_ONCE, begun.elapsed());
    for wave in 1..=WAVES {
        assert_eq!(stays.message().await, format!("wave {wave}"), "who stayed heard all");
    }
    ada.send(&grace, "after").await;
    assert_eq!(stays.message().await, "after");
}

async fn who_leaves_a_group_gets_nothing_more_and_who_joins_nothing_before(town: &mut Town) {
    let [ada, grace, alan, emmy] = ["ada", "grace", "alan", "emmy"];
    let (ada, grace) = (town.person(ada).await, town.person(grace).await);
    let (alan, emmy) = (town.person(alan).await, town.person(emmy).await);
    let starts = join_all([&grace, &alan, &emmy].map(|who| start(&ada, who))).await;
    let group = ada.found("Walks", "PRIVATE", &[&grace, &emmy]).await;
    let mut live = join_all([&grace, &alan, &emmy].map(|who| who.feed())).await;

    let tell = async |turns: std::ops::Range<u8>| {
        for turn in turns {
            ada.tell(&group, &format!("{turn}")).await;
        }
    };
    tell(1..4).await;
    ada.remove_member(&group, &grace).await.unwrap();
    emmy.leave_group(&group).await.unwrap();
    tell(4..6).await;
    ada.add_members(&group, &[&alan]).await.unwrap();
    tell(6..8).await;
    ada.add_members(&group, &[&grace]).await.unwrap();
    tell(8..10).await;
    ada.remove_member(&group, &alan).await.unwrap();
    tell(10..12).await;

    let expected: [&[&str]; 3] =
        [&["1", "2", "3", "8", "9", "10", "11"], &["6", "7", "8", "9"], &["1", "2", "3"]];
    for round in ["live", "resumed", "resumed after a restart"] {
        for (place, who) in [&grace, &alan, &emmy].into_iter().enumerate() {
            let feed = &mut live[place];
            ada.send(who, round).await;
            let before = feed.until_message(round).await;
            let said: Vec<_> =
                before.iter().filter_map(|event| event["message"]["body"].as_str()).collect();
            let said: Vec<_> = said.into_iter().filter(|body| body.parse::<u8>().is_ok()).collect();
            assert_eq!(said, expected[place], "{}, {round}", who.username);
        }
        if round == "resumed" {
            town.service.kill();
            town.service.restart().await;
        }
        live.clear();
        for (who, cursor) in [&grace, &alan, &emmy].into_iter().zip(&starts) {
            live.push(who.feed_after(cursor).await);
        }
    }
}

/// The cursor of somebody's first event.
async fn start(from: &Client, who: &Client) -> String {
    let mut feed = who.feed().await;
    from.send(who, "Hello").await;
    feed.next().await["cursor"].as_str().unwrap().to_owned()
}

async fn a_cursor_ahead_of_the_log_expires(town: &mut Town) {
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    ada.send(&grace, "one").await;
    let at = |position: usize| Cursor(Position(position as i64)).to_string();
    for restarted in [false, true] {
        if restarted {
            town.service.kill();
            town.service.restart().await;
        }
        let end = town.positions().await;
        let mut feed = Feed::connect(&grace).await;
        for ahead in [at(end + 1), at(end + 1_000)] {
            feed.subscribe("events", json!({ "after": ahead })).await;
            assert_eq!(feed.refused().await, "CURSOR_EXPIRED");
        }
        // The socket is good for one that exists, and so is the position once it does.
        feed.subscribe("events", json!({ "after": at(end) })).await;
        feed.is_served().await;
        ada.send(&grace, "two").await;
        assert_eq!(feed.message().await, "two");
        let mut later = grace.feed_after(&at(end + 1)).await;
        ada.send(&grace, "three").await;
        assert_eq!(later.message().await, "three");
        assert_eq!(feed.message().await, "three");
    }
}

async fn the_answer_that_a_crash_swallowed_is_given_again(town: &mut Town) {
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let alan = town.person("alan").await;
    let sent = ada.send(&grace, "before").await;
    ada.send(&alan, "before").await;
    let mut swallowed = UnderWay::begin(&ada, &grace.id, "once").await;
    swallowed.send().await;
    let conversation = sent["conversation"]["id"].as_str().unwrap();
    let first = eventually("the message to be there", || async {
        kept(&grace, conversation).await.into_iter().nth(1)
    })
    .await;
    town.service.kill();
    drop(swallowed);

    for _ in 0..2 {
        town.service.restart().await;
        // Another connection, and another session.
        let nobody = Client::new(town.service.address, None);
        let elsewhere = sign_in(&nobody, &ada.username, "password", None).await.unwrap();
        for client in [&ada, &elsewhere] {
            let send = async |to: &Client, body: &str| {
                client.send_to(json!({ "userId": to.id }), body, Some("once")).await
            };
            let again = send(&grace, "once").await.unwrap();
            assert_eq!((&again["id"], &again["seq"]), (&json!(first.id), &json!(first.seq)));
            for other in [send(&grace, "twice").await, send(&alan, "once").await] {
                let Refusal { code, field, .. } = other.unwrap_err();
                assert_eq!((code.as_str(), field.as_deref()), ("CONFLICT", Some("key")));
            }
        }
        let bodies: Vec<String> =
            kept(&grace, conversation).await.into_iter().map(|sent| sent.body).collect();
        assert_eq!(bodies, ["before", "once"]);
        town.service.kill();
    }
    town.service.restart().await;
}
