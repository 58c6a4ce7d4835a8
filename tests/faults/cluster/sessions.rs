//! Sessions that end on one node.

use std::time::Instant;

use serde_json::{Value, json};

use super::Cluster;
use crate::{
    away::stores_stay,
    support::{Client, Feed, accounts::sign_in, within},
};

/// The bus tells those at once who can't look at the log, and the log tells those whom the bus does
/// not reach; neither needs the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_on_one_node_ends_on_all() {
    let _stay = stores_stay().await;
    let cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    let nobody = Client::new(cluster.town.service.address, None);
    let device = sign_in(&nobody, &ada.username, "password", None).await.unwrap();
    let there = [1, 2].map(|node| cluster.at(node, &device));
    let mut stays = [cluster.at(1, &ada).feed().await, cluster.at(2, &ada).feed().await];
    let mut feeds = [there[0].feed().await, there[1].feed().await];
    let streams = [follow(&there[0]).await, follow(&there[1]).await];
    grace.send(&ada, "Hello").await;
    for feed in feeds.iter_mut().chain(&mut stays) {
        feed.until_message("Hello").await;
    }
    cluster.gates[1].sql().shut();
    cluster.gates[2].bus().shut();
    cluster.are([1], "unavailable").await;
    cluster.are([2], "degraded").await;

    let id = device.session().await;
    let asked = Instant::now();
    ada.end_session(&id).await.unwrap();
    for (feed, by) in feeds.iter_mut().zip(["by the bus", "by the log"]) {
        assert_eq!(feed.closed().await, 4403, "{by}");
        eprintln!("a socket was closed {:?} after the session ended, {by}", asked.elapsed());
    }
    for stream in streams {
        assert_eq!(said_last(stream).await, "UNAUTHENTICATED");
    }
    for node in &there {
        assert_eq!(node.code("{ viewer { email } }", Value::Null).await, "UNAUTHENTICATED");
        assert_eq!(Feed::admitted(node).await.err().unwrap().code, 4403);
    }
    for feed in &mut stays {
        feed.is_served().await;
    }
    cluster.gates[1].sql().open();
    cluster.gates[2].bus().open();
    cluster.are(0..3, "ready").await;
    cluster.end().await;
}

/// The events of somebody without a WebSocket.
async fn follow(client: &Client) -> reqwest::Response {
    let request = client
        .http
        .post(format!("http://{}/graphql", client.address))
        .bearer_auth(client.token.as_deref().unwrap())
        .header("accept", "text/event-stream")
        .json(&json!({ "query": "subscription { events { __typename } }" }));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

/// The code of the error with which a stream ends.
async fn said_last(stream: reqwest::Response) -> String {
    let text = within("the end of a stream", stream.text()).await.unwrap();
    let mut last_first = text.lines().rev().filter_map(|line| line.strip_prefix("data:"));
    let code = last_first.find_map(|data| {
        let told: Value = serde_json::from_str(data.trim()).ok()?;
        told["errors"][0]["extensions"]["code"].as_str().map(ToOwned::to_owned)
    });
    code.unwrap_or_else(|| panic!("no error: {text}"))
}
