//! Subscribers who ask for the same share what is made of an event.

use serde_json::{Value, json};

use crate::{
    audits,
    counting::made_by,
    support::{Client, Feed, TestApp},
};

audits! {
    one_execution_serves_all_who_ask_for_the_same,
    who_asks_for_what_is_theirs_is_told_apart,
    who_comes_back_shares_with_the_others,
}

const TEXTS: &str = "subscription ($after: String) { events(after: $after) {
    cursor ... on MessageSent { message { seq body sender { username }
        conversation { id ... on Group { name } } } } } }";
const PERSONAL: &str = "subscription { events { ... on MessageSent { message { seq
    sender { username friendship } } } } }";
const DEVICES: usize = 3;
const MESSAGES: u64 = 4;

/// How often an event was executed, for all who ask and for one of them.
async fn executions(app: &TestApp) -> (u64, u64) {
    let text = reqwest::get(app.url("/metrics")).await.unwrap().text().await.unwrap();
    let count = |of: &str| {
        let name = format!("chatterbox_event_executions_total{{for=\"{of}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
    };
    (count("all"), count("one"))
}

/// A group of four, and a device of each that listens in these words, several
/// times over.
async fn listening(app: &TestApp, words: &str) -> (Client, String, Vec<(String, Feed)>) {
    let ada = app.person("ada").await;
    let mut people = vec![ada.clone()];
    for name in ["grace", "alan", "edsger"] {
        people.push(app.person(name).await);
    }
    let group = ada.found("Walks", "PRIVATE", &people[1..].iter().collect::<Vec<_>>()).await;
    let mut feeds = Vec::new();
    for person in &people {
        for _ in 0..DEVICES {
            feeds.push((person.username.clone(), listen(person, words, Value::Null).await));
        }
    }
    (ada, group, feeds)
}

async fn listen(person: &Client, words: &str, after: Value) -> Feed {
    let mut feed = Feed::connect(person).await;
    let payload = json!({ "query": words, "variables": { "after": after } });
    feed.send(json!({ "id": "events", "type": "subscribe", "payload": payload })).await;
    if after.is_null() {
        feed.is_served().await;
    }
    feed
}

async fn talk(ada: &Client, group: &str) {
    for n in 1..=MESSAGES {
        ada.tell(group, &n.to_string()).await;
    }
}

async fn one_execution_serves_all_who_ask_for_the_same(app: &TestApp) {
    let (ada, group, mut feeds) = listening(app, TEXTS).await;
    let (all, one) = executions(app).await;
    talk(&ada, &group).await;
    for (_, feed) in &mut feeds {
        for n in 1..=MESSAGES {
            let event = feed.next().await;
            let message = &event["message"];
            assert_eq!((&message["seq"], &message["body"]), (&json!(n), &json!(n.to_string())));
            assert_eq!(message["sender"]["username"], ada.username.as_str());
            assert_eq!(message["conversation"], json!({ "id": group, "name": "Walks" }));
        }
    }
    assert_eq!(executions(app).await, (all + MESSAGES, one));
}

async fn who_asks_for_what_is_theirs_is_told_apart(app: &TestApp) {
    let (ada, group, mut feeds) = listening(app, PERSONAL).await;
    let (all, one) = executions(app).await;
    talk(&ada, &group).await;
    for (listener, feed) in &mut feeds {
        let friendship = if *listener == ada.username { "SELF" } else { "NONE" };
        for _ in 0..MESSAGES {
            let event = feed.next().await;
            assert_eq!(event["message"]["sender"]["friendship"], friendship, "{listener}");
        }
    }
    let for_each = MESSAGES * feeds.len() as u64;
    assert_eq!(executions(app).await, (all + MESSAGES, one + for_each));
}

async fn who_comes_back_shares_with_the_others(app: &TestApp) {
    let (ada, group, mut feeds) = listening(app, TEXTS).await;
    ada.tell(&group, "before").await;
    let cursor = feeds[0].1.next().await["cursor"].clone();
    drop(feeds);
    talk(&ada, &group).await;
    let (all, one) = executions(app).await;

    let back = async {
        let mut feeds = Vec::new();
        for _ in 0..DEVICES {
            feeds.push(listen(&ada, TEXTS, cursor.clone()).await);
        }
        for feed in &mut feeds {
            for n in 1..=MESSAGES {
                assert_eq!(feed.next().await["message"]["body"], n.to_string());
            }
        }
    };
    let ((), made) = made_by(app, back).await;
    assert_eq!(executions(app).await, (all + MESSAGES, one));
    let devices = DEVICES as u64;
    assert_eq!(made.get("log.read_for"), Some(&devices), "{made:#?}");
}
