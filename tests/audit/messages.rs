//! What messages cost with all that belongs to them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    audits,
    counting::{certain, made_by, projected},
    support::{Client, TestApp},
};

audits! {
    a_page_of_messages_costs_the_same_however_long_it_is,
    what_becomes_of_a_message_reads_no_store_on_its_way,
    a_change_of_a_message_costs_little,
}

type Made = BTreeMap<String, u64>;

fn sum(made: &Made) -> u64 {
    made.values().sum()
}

/// A group in which two have said this much; each but the first message
/// replies, mentions one of them and has reactions.
async fn talk(app: &TestApp, count: usize) -> (Client, Client, String, Vec<Value>) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    let first = ada.tell(&group, "Hello").await;
    let mut said = vec![first["id"].clone()];
    for n in 1..count {
        let (by, other) = if n % 2 == 0 { (&ada, &grace) } else { (&grace, &ada) };
        let (to, body) = (json!({ "conversationId": group }), format!("{n} @{}", other.username));
        let message = by.reply(to, &body, &said[n - 1]).await.unwrap();
        for emoji in ["👍", "❤️"] {
            other.react(&message["id"], emoji).await.unwrap();
        }
        said.push(message["id"].clone());
    }
    projected(&ada, 1).await;
    (ada, grace, group, said)
}

async fn a_page_of_messages_costs_the_same_however_long_it_is(app: &TestApp) {
    let (_, grace, group, _) = talk(app, 51).await;
    let query = "query ($group: ID!, $n: Int!) { node(id: $group) { ... on Group {
        messages(last: $n) { nodes { seq body editedAt deletedAt sender { displayName }
            replyTo { body sender { username } } mentions { username }
            reactions { emoji count viewerReacted users { username } } } } } } }";
    let page = async |n: usize| {
        let variables = json!({ "group": group, "n": n });
        let (data, made) = made_by(app, grace.data(query, variables)).await;
        let nodes = data["node"]["messages"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), n);
        for node in nodes {
            assert!(node["replyTo"]["body"].is_string() && !node["mentions"][0].is_null());
            assert_eq!(node["reactions"].as_array().unwrap().len(), 2);
        }
        made
    };
    let (few, many) = (page(5).await, page(50).await);
    assert!(certain(&few).eq(certain(&many)), "{few:#?} {many:#?}");
    for statement in ["messages.history", "messages.readable", "reactions.read"] {
        assert_eq!(many[statement], 1, "{statement}");
    }
    assert!(sum(&many) <= 6, "{many:#?}");
}

async fn what_becomes_of_a_message_reads_no_store_on_its_way(app: &TestApp) {
    let (ada, grace, _, said) = talk(app, 3).await;
    let last = said.last().unwrap();
    let mut feeds = Vec::new();
    for _ in 0..5 {
        feeds.extend([ada.feed().await, grace.feed().await]);
    }
    // What is known by heart from then on.
    ada.react(last, "🥾").await.unwrap();
    for feed in &mut feeds {
        feed.hears("ReactionsChanged").await;
    }
    macro_rules! change {
        ($kind:literal, $change:expr) => {
            let change = $change;
            let ((), made) = made_by(app, async {
                change.await.unwrap();
                for feed in &mut feeds {
                    feed.hears($kind).await;
                }
            })
            .await;
            let often: Vec<_> = made.iter().filter(|(_, count)| **count > 2).collect();
            assert!(often.is_empty(), "{} listeners cost {made:#?}", feeds.len());
        };
    }
    change!("ReactionsChanged", grace.react(last, "🥾"));
    change!("MessageEdited", ada.edit(last, "Something else"));
    change!("MessageDeleted", ada.delete_message(last));
}

/// The answers show all of the message.
async fn a_change_of_a_message_costs_little(app: &TestApp) {
    let (ada, _, _, said) = talk(app, 3).await;
    let last = said.last().unwrap();
    ada.take_back(last, "🥾").await.unwrap();
    macro_rules! cost {
        ($most:literal, $change:expr) => {
            let (done, made) = made_by(app, $change).await;
            done.unwrap();
            assert!(sum(&made) <= $most, "{} took {}: {made:#?}", stringify!($change), sum(&made));
        };
    }
    cost!(14, ada.react(last, "🥾"));
    cost!(9, ada.react(last, "🥾"));
    cost!(14, ada.take_back(last, "🥾"));
    cost!(15, ada.edit(last, "Something else"));
    cost!(5, ada.edit(last, "Something else"));
    cost!(15, ada.delete_message(last));
    cost!(9, ada.delete_message(last));
}
