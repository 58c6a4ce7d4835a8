//! Several nodes that tell each other by a bus what happens.

use std::{path::PathBuf, time::Duration};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    away::stores_stay,
    proxy::Proxy,
    support::{
        Client, Feed, eventually,
        process::Process,
        stores::{StoreUrls, required},
    },
    town::{Subscriber, Town, history, send_until_acknowledged},
};

/// What is promised of ended sessions.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Three nodes on the same servers, and a bus that can be taken away.
struct Cluster {
    town: Town,
    others: [Process; 2],
    bus: Proxy,
    folder: tempfile::TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (bus, url) = Proxy::before_url(&required("CHATTERBOX_TEST_BUS_URL")).await;
        let key = signing_key(&folder);
        let key = key.to_str().unwrap();
        let stores = StoreUrls::servers().await;
        let shared = ["--bus-url", &url, "--signing-key-file", key];
        let town = Town::start_behind(stores.clone(), stores, &[], &shared).await;
        let public = format!("http://{}", town.service.address);
        let options = [&shared[..], &["--public-url", &public, "--verify-email", "off"]].concat();
        let node =
            |name: &str| Process::start(folder.path().join(name), town.stores.clone(), &options);
        let others = [node("second").await, node("third").await];
        Self { town, others, bus, folder }
    }

    /// The same person, at another node.
    fn at(&self, node: usize, client: &Client) -> Client {
        Client { address: self.others[node].address, ..client.clone() }
    }

    /// How each node says it is, as soon as all say that.
    async fn all_are(&self, status: &str) {
        let addresses = [self.town.service.address, self.others[0].address, self.others[1].address];
        for address in addresses {
            eventually(&format!("{address} to be {status}"), || async {
                let url = format!("http://{address}/health/ready");
                let answer = reqwest::get(url).await.ok()?;
                assert_eq!(answer.status(), 200, "a node without its bus is of use");
                let answer: Value = answer.json().await.ok()?;
                (answer["status"] == status).then_some(())
            })
            .await;
        }
    }

    async fn end(self) {
        let Self { town, others, bus, folder } = self;
        drop((others, bus));
        town.end().await;
        folder.close().unwrap();
    }
}

fn signing_key(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("key.pem");
    let made = std::process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_on_one_node_is_heard_on_the_others() {
    let _stay = stores_stay().await;
    let cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    let (ada_there, grace_there) = (cluster.at(0, &ada), cluster.at(1, &grace));
    let mut feed = grace_there.feed().await;
    let read_before = gaps(&grace_there).await;
    for turn in 0..20 {
        let from = if turn % 2 == 0 { &ada } else { &ada_there };
        let body = format!("message {turn}");
        from.send(&grace, &body).await;
        // Her node may hear of the friendship only now.
        let before = feed.until_message(&body).await.len();
        assert!(before <= 2 && (before == 0 || turn == 0), "{before} events before {body}");
    }
    assert_eq!(gaps(&grace_there).await, read_before, "the bus brought all of it");

    // What passes comes by the bus or not at all.
    let talk = "query ($name: String!) { user(username: $name) { directConversation { id } } }";
    let talk = ada.data(talk, json!({ "name": grace.username })).await;
    let talk = &talk["user"]["directConversation"]["id"];
    let typing = "mutation ($id: ID!) { setTyping(conversationId: $id, typing: true) }";
    ada.data(typing, json!({ "id": talk })).await;
    assert_eq!(feed.next().await["__typename"], "TypingChanged");

    // A session that ends on one node has no socket on the others.
    let mut closing = ada_there.feed().await;
    ada.data("mutation { signOut }", Value::Null).await;
    let closed = tokio::time::timeout(AT_ONCE, closing.closed()).await;
    assert_eq!(closed.expect("a close at once"), 4403);
    cluster.end().await;
}

/// How many entries the hub of a node read from the log, because the bus did
/// not bring them.
async fn gaps(client: &Client) -> String {
    let url = format!("http://{}/metrics", client.address);
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with("chatterbox_hub_gap_entries_total "));
    line.unwrap_or("none").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_bus_nothing_is_lost_and_all_heals() {
    let _stay = stores_stay().await;
    let mut cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    let nodes = [ada.clone(), cluster.at(0, &ada), cluster.at(1, &ada)];
    let listeners = [grace.clone(), cluster.at(0, &grace), cluster.at(1, &grace)];
    let heard = join_all(listeners.iter().map(Subscriber::start)).await;
    let say = |part: &'static str| {
        let (nodes, grace) = (&nodes, &grace);
        async move {
            join_all(nodes.iter().enumerate().map(|(node, from)| async move {
                for turn in 0..10 {
                    let body = format!("{part} {node} {turn}");
                    send_until_acknowledged(from, &grace.id, &body).await;
                }
            }))
            .await;
        }
    };
    say("with").await;
    cluster.all_are("ready").await;
    let address = cluster.bus.address;
    let server = cluster.bus.server;
    cluster.bus.close();
    cluster.all_are("degraded").await;
    say("without").await;
    cluster.bus = Proxy::at(address, server).await;
    cluster.all_are("ready").await;
    say("again").await;

    let kept = history(&ada, &grace).await;
    assert_eq!(kept.iter().map(|sent| sent.seq).collect::<Vec<_>>(), (1..=90).collect::<Vec<_>>());
    let bodies: Vec<String> = kept.into_iter().map(|sent| sent.body).collect();
    for subscriber in &heard {
        eventually("all messages, on all nodes", || async {
            (subscriber.count() >= bodies.len()).then_some(())
        })
        .await;
        assert_eq!(subscriber.bodies(), bodies);
        assert_eq!(subscriber.breaks(), 0);
    }
    cluster.town.positions().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_online_on_whichever_node_they_are() {
    let _stay = stores_stay().await;
    let mut cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    let mut feed = grace.feed().await;
    let here = Feed::connect(&cluster.at(0, &ada)).await;
    feed.sees(&ada, true).await;
    for viewer in [&grace, &cluster.at(1, &grace)] {
        seen(viewer, &ada, true).await;
    }

    // She moves on, and nobody notices.
    let there = Feed::connect(&cluster.at(1, &ada)).await;
    drop(here);
    cluster.others[0].terminate();
    cluster.others[0].ended().await;
    feed.is_served().await;

    cluster.others[1].kill();
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
