//! What those cost who come and go, and who type.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    audits,
    counting::{all_statements, made_by},
    support::{Client, Feed, TestApp, eventually},
};

audits! {
    a_crowd_that_comes_back_at_once_is_told_of_together,
    a_list_of_people_costs_the_same_with_their_presence,
    typing_costs_next_to_nothing,
}

const CROWD: usize = 200;

/// How often it was asked whose friends are to be told, and how many events there were.
async fn looks(app: &TestApp) -> (u64, u64) {
    let circles = all_statements(app).await.get("people/circles").copied().unwrap_or_default();
    let text = reqwest::get(app.url("/metrics")).await.unwrap().text().await.unwrap();
    let changes = text
        .lines()
        .find_map(|line| line.strip_prefix("chatterbox_presence_changes_total ")?.parse().ok());
    (circles, changes.unwrap_or_default())
}

async fn connect(crowd: &[Client]) -> Vec<Feed> {
    join_all(crowd.iter().map(Feed::connect)).await
}

async fn a_crowd_that_comes_back_at_once_is_told_of_together(app: &TestApp) {
    let crowd = app.let_in(app.crowd("c", CROWD).await);
    let grace = app.person("grace").await;
    app.acquaint(crowd.iter().map(|person| (&grace, person))).await;
    // Everybody has friends among the others.
    app.acquaint(crowd.windows(2).map(|two| (&two[0], &two[1]))).await;
    let (_, told_before) = looks(app).await;
    let mut feed = grace.feed().await;
    let hear = async |feed: &mut Feed, online: bool| {
        let mut heard = Vec::new();
        for _ in 0..CROWD {
            let event = feed.presence().await;
            assert_eq!(event["user"]["presence"]["online"], online, "{event:#}");
            heard.push(event["user"]["id"].as_str().unwrap().to_owned());
        }
        heard.sort_unstable();
        let mut all: Vec<String> = crowd.iter().map(|person| person.id.clone()).collect();
        all.sort_unstable();
        assert_eq!(heard, all, "each once");
    };
    eventually("her own arrival to be told of", || async {
        (looks(app).await.1 > told_before).then_some(())
    })
    .await;

    let (before, told_before) = looks(app).await;
    let sockets = connect(&crowd).await;
    hear(&mut feed, true).await;
    let (came, told) = looks(app).await;
    assert_eq!(told - told_before, CROWD as u64);
    assert!(came - before <= 20, "{} statements", came - before);

    // A reconnect of all is no change at all.
    drop(sockets);
    let sockets = connect(&crowd).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(looks(app).await, (came, told));

    drop(sockets);
    hear(&mut feed, false).await;
    let (went, told_last) = looks(app).await;
    assert_eq!(told_last - told, CROWD as u64);
    assert!(went - came <= 5, "{} statements", went - came);
}

async fn a_list_of_people_costs_the_same_with_their_presence(app: &TestApp) {
    let ada = app.person("ada").await;
    let friends = app.crowd("f", 12).await;
    app.acquaint(friends.iter().map(|friend| (&ada, friend))).await;
    let query = "query ($n: Int!) { viewer { friends(first: $n) { nodes {
        username presence { online lastSeenAt } } } } }";
    let ask = async |n: usize| {
        let (data, made) = made_by(app, ada.data(query, json!({ "n": n }))).await;
        assert_eq!(data["viewer"]["friends"]["nodes"].as_array().unwrap().len(), n);
        made
    };
    let (two, twelve) = (ask(2).await, ask(12).await);
    assert_eq!(two, twelve);
    assert!(twelve.values().all(|count| *count == 1) && twelve.len() <= 3, "{twelve:#?}");
}

async fn typing_costs_next_to_nothing(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let talk = ada.send(&grace, "Hello").await["conversation"]["id"].take();
    let group = json!(ada.found("Walks", "PRIVATE", &[&grace]).await);
    let types = async |conversation: &Value, typing: bool| {
        let query = "mutation ($id: ID!, $typing: Boolean!) {
            setTyping(conversationId: $id, typing: $typing) }";
        ada.data(query, json!({ "id": conversation, "typing": typing })).await;
    };
    for (conversation, each) in [(&talk, 0), (&group, 1)] {
        types(conversation, true).await;
        let (_, made) = made_by(app, async {
            for _ in 0..5 {
                types(conversation, true).await;
            }
            types(conversation, false).await;
            types(conversation, true).await;
        })
        .await;
        assert!(made.values().sum::<u64>() <= 7 * each, "{made:#?}");
    }
}
