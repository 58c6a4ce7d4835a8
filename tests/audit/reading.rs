//! What it costs to know what is unread, and to say what was read.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    audits,
    counting::{certain, made_by},
    support::{Client, TestApp},
};

audits! {
    a_list_tells_what_is_unread_at_the_same_cost_however_long_it_is,
    reading_costs_the_same_whoever_hears_of_it,
    marks_at_once_are_committed_together,
}

type Made = BTreeMap<String, u64>;

const READ: &str =
    "mutation ($id: ID!, $seq: Int!) { markRead(conversationId: $id, seq: $seq) { id } }";

async fn read(client: &Client, id: &Value, seq: usize) {
    client.data(READ, json!({ "id": id, "seq": seq })).await;
}

async fn a_list_tells_what_is_unread_at_the_same_cost_however_long_it_is(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let friends = app.crowd("friend", 6).await;
    app.acquaint(friends.iter().map(|friend| (&ada, friend))).await;
    for (n, friend) in friends.iter().enumerate() {
        let id = ada.send(friend, "Hello").await["conversation"]["id"].take();
        read(&ada, &id, 1).await;
        let group = json!(ada.found(&format!("Walks {n}"), "PRIVATE", &[friend, &grace]).await);
        grace.tell(group.as_str().unwrap(), "Hello").await;
        grace.tell(group.as_str().unwrap(), "Hello again").await;
        read(&grace, &group, 2).await;
        read(&ada, &group, 1).await;
    }
    let query = "query ($n: Int!) { viewer { unreadCount conversations(first: $n) { nodes {
        unreadCount muted readMarkers { seq at user { username } } } } } }";
    let ask = async |n: usize| {
        let (data, made) = made_by(app, ada.data(query, json!({ "n": n }))).await;
        assert_eq!(data["viewer"]["unreadCount"], 6);
        let nodes = data["viewer"]["conversations"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), n);
        assert!(nodes.iter().all(|node| !node["readMarkers"][0].is_null()), "{nodes:#?}");
        made
    };
    let (three, twelve) = (ask(3).await, ask(12).await);
    let statements = [
        "conversations.list",
        "memberships.markers",
        "memberships.read_states",
        "memberships.unread",
    ];
    for made in [three, twelve] {
        assert!(certain(&made).eq(statements), "{made:#?}");
        assert!(made.values().all(|count| *count == 1), "{made:#?}");
    }
}

async fn reading_costs_the_same_whoever_hears_of_it(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let crowd = app.crowd("member", 24).await;
    let cost = async |members: &[Client]| -> Made {
        let members: Vec<&Client> = members.iter().chain([&grace]).collect();
        let group = json!(ada.found("Walks", "PRIVATE", &members).await);
        ada.tell(group.as_str().unwrap(), "Hello").await;
        // What is known by heart from then on.
        read(&grace, &group, 1).await;
        ada.tell(group.as_str().unwrap(), "Hello").await;
        let mut feed = grace.feed().await;
        let (_, made) = made_by(app, async {
            read(&grace, &group, 2).await;
            assert_eq!(feed.next().await["marker"]["seq"], 2);
        })
        .await;
        made
    };
    let (few, many) = (cost(&crowd[..2]).await, cost(&crowd).await);
    for made in [few, many] {
        let statements = [
            ("conversations.logged", 1),
            ("head.advance", 2),
            ("log.insert", 1),
            ("memberships.read", 1),
            ("memberships.readers", 1),
        ];
        let expected = statements.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(made, Made::from(expected));
    }
}

async fn marks_at_once_are_committed_together(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut id = Value::Null;
    for _ in 0..64 {
        id = ada.send(&grace, "Hello").await["conversation"]["id"].take();
    }
    let (_, made) = made_by(app, join_all((1..=64).map(|seq| read(&grace, &id, seq)))).await;
    let commits = made["memberships.readers"];
    assert!(commits <= 32, "64 marks at once took {commits} commits: {made:#?}");
    assert!(made["log.insert"] <= commits);
}
