//! Who may write to whom, when that is changed on another node.

use serde_json::json;

use super::Cluster;
use crate::{away::stores_stay, support::Client};

/// The one node has no bus, and has not looked at the log since: what was answered on another one
/// holds nevertheless.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_write_any_more_may_not_on_any_node() {
    let _stay = stores_stay().await;
    let cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    grace.change_settings(json!({ "messagesFrom": "FRIENDS" })).await;
    cluster.gates[1].bus().shut();
    cluster.are([1], "degraded").await;
    let nodes = [cluster.at(1, &ada), cluster.at(2, &ada)];
    for turn in 0..5 {
        ada.befriend(&grace).await;
        let round = format!("friends {turn}");
        writes(&nodes, &grace, &round).await;
        grace.act("removeFriend", &ada).await.unwrap();
        is_refused(&nodes, &grace, &round).await;
    }
    ada.befriend(&grace).await;
    writes(&nodes, &grace, "before the block").await;
    grace.act("blockUser", &ada).await.unwrap();
    is_refused(&nodes, &grace, "blocked").await;
    grace.act("unblockUser", &ada).await.unwrap();
    ada.befriend(&grace).await;
    writes(&nodes, &grace, "before the setting").await;
    grace.change_settings(json!({ "messagesFrom": "NOBODY" })).await;
    is_refused(&nodes, &grace, "set").await;
    cluster.end().await;
}

/// Twice, so that it is known by heart that they may.
async fn writes(nodes: &[Client], to: &Client, what: &str) {
    for turn in 0..2 {
        for node in nodes {
            node.send(to, &format!("{what}, {turn}")).await;
        }
    }
}

async fn is_refused(nodes: &[Client], to: &Client, what: &str) {
    for node in nodes {
        let sent = node.send_to(json!({ "userId": to.id }), what, None).await;
        assert_eq!(sent.unwrap_err().code, "FORBIDDEN", "{what}");
    }
}
