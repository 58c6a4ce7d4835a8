//! Who types, on whichever node they say so, and who is online.

use std::time::Instant;

use serde_json::json;

use super::{Cluster, talk};
use crate::{
    away::stores_stay,
    support::{Client, Feed, eventually},
};

/// Two friends who have talked; one of them follows their events at the first and the last node.
async fn two(cluster: &Cluster) -> (Client, Client, String, [Feed; 2]) {
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    ada.send(&grace, "Hello").await;
    let mut feeds = [cluster.at(0, &grace).feed().await, cluster.at(2, &grace).feed().await];
    // Behind it nothing of before is on its way.
    ada.send(&grace, "Are you there?").await;
    for feed in &mut feeds {
        feed.until_message("Are you there?").await;
    }
    let talk = talk(&ada, &grace).await;
    (ada, grace, talk, feeds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_ends_with_the_node_that_it_was_said_to() {
    let _stay = stores_stay().await;
    let mut cluster = Cluster::start().await;
    let (ada, _grace, talk, mut feeds) = two(&cluster).await;
    cluster.at(1, &ada).types(&talk, true).await.unwrap();
    for feed in &mut feeds {
        feed.hears_typing(&ada, &talk, true).await;
    }
    cluster.service(1).kill();
    let died = Instant::now();
    for feed in &mut feeds {
        feed.hears_typing(&ada, &talk, false).await;
    }
    eprintln!("typing ended {:?} after its node died", died.elapsed());

    // The same where only its end gets lost.
    cluster.service(1).restart().await;
    cluster.are(0..3, "ready").await;
    cluster.at(1, &ada).types(&talk, true).await.unwrap();
    for feed in &mut feeds {
        feed.hears_typing(&ada, &talk, true).await;
    }
    cluster.gates[1].bus().shut();
    cluster.are([1], "degraded").await;
    cluster.at(1, &ada).types(&talk, false).await.unwrap();
    for feed in &mut feeds {
        feed.hears_typing(&ada, &talk, false).await;
    }
    cluster.end().await;
}

/// Requests of one client go to any node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_types_does_so_on_all_nodes_at_once() {
    let _stay = stores_stay().await;
    let cluster = Cluster::start().await;
    let (ada, _grace, talk, mut feeds) = two(&cluster).await;
    for (says, ends) in [(0, 1), (1, 2), (2, 0)] {
        cluster.at(says, &ada).types(&talk, true).await.unwrap();
        for feed in &mut feeds {
            feed.hears_typing(&ada, &talk, true).await;
        }
        for node in [1, 2, 0, 1, 2, 0] {
            cluster.at(node, &ada).types(&talk, true).await.unwrap();
        }
        cluster.at(ends, &ada).types(&talk, false).await.unwrap();
        for feed in &mut feeds {
            feed.hears_typing(&ada, &talk, false).await;
        }
    }
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_online_on_whichever_node_they_are() {
    let _stay = stores_stay().await;
    let mut cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    let mut feed = grace.feed().await;
    let here = Feed::connect(&cluster.at(1, &ada)).await;
    feed.sees(&ada, true).await;
    for viewer in [&grace, &cluster.at(2, &grace)] {
        seen(viewer, &ada, true).await;
    }

    // She moves on, and nobody notices.
    let there = Feed::connect(&cluster.at(2, &ada)).await;
    drop(here);
    cluster.service(1).terminate();
    cluster.service(1).ended().await;
    feed.is_served().await;

    cluster.service(2).kill();
    drop(there);
    feed.sees(&ada, false).await;
    seen(&grace, &ada, false).await;
    assert!(!feed.heard_presence(), "once");
    cluster.end().await;
}

/// Waits until `viewer` sees that the other one is online, or not: each node
/// hears of it by itself.
async fn seen(viewer: &Client, of: &Client, online: bool) {
    let query = "query ($name: String!) { user(username: $name) { presence { online } } }";
    eventually("somebody's presence", || async {
        let data = viewer.data(query, json!({ "name": of.username })).await;
        (data["user"]["presence"]["online"] == online).then_some(())
    })
    .await;
}
