//! Stores that go away, and come back.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{
    support::{Client, eventually, stores::required},
    town::{Subscriber, Town, history, send_until_acknowledged, try_send},
};

/// Tests that take a store away have it for themselves.
static STORES: RwLock<()> = RwLock::const_new(());

/// As long as this is held no store is taken away.
pub async fn stores_stay() -> RwLockReadGuard<'static, ()> {
    STORES.read().await
}

/// A store that is away until this is dropped, also by a test that fails.
struct Away {
    name: &'static str,
    _alone: RwLockWriteGuard<'static, ()>,
}

impl Away {
    fn kill(name: &'static str, alone: RwLockWriteGuard<'static, ()>) -> Self {
        stores("kill", name);
        Self { name, _alone: alone }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        stores("start", self.name);
    }
}

fn stores(command: &str, name: &str) {
    let script = required("CHATTERBOX_TEST_STORES");
    let output = Command::new(script).args([command, name]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(3), "this test needs a {name} that it may kill: {said}");
    assert!(output.status.success(), "scripts/stores {command} {name}: {said}");
}

async fn ready(client: &Client) -> (u16, Value) {
    let url = format!("http://{}/health/ready", client.address);
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Whether the named part is said to be away.
async fn says_away(client: &Client, part: &str) -> bool {
    let (status, report) = ready(client).await;
    let parts = report["parts"].as_array().unwrap();
    status == 503 && parts.iter().any(|entry| entry["name"] == part && entry["ok"] == false)
}

async fn unavailable_at_once(client: &Client, query: &str, variables: Value) {
    let started = Instant::now();
    assert_eq!(client.code(query, variables).await, "UNAVAILABLE", "{query}");
    assert!(started.elapsed() < Duration::from_secs(2), "{query}: {:?}", started.elapsed());
}

const SIGN_IN: &str = "mutation ($login: String!) { signIn(input: { login: $login, password: \"password\" }) { expiresAt } }";
const FRIENDS: &str = "{ viewer { friends { totalCount nodes { username friendship } } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_sql_the_graph_still_answers_and_all_heals() {
    let alone = STORES.write().await;
    let town = Town::servers().await;
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    ada.befriend(&grace).await;
    let heard = Subscriber::start(&grace).await;
    send_until_acknowledged(&ada, &grace.id, "before").await;

    let away = Away::kill("mysql", alone);
    eventually("the outage to be noticed", || async { says_away(&ada, "sql").await.then_some(()) })
        .await;
    let live = reqwest::get(format!("http://{}/health/live", ada.address)).await.unwrap();
    assert_eq!(live.status(), 200);
    unavailable_at_once(&ada, SIGN_IN, json!({ "login": ada.username })).await;
    unavailable_at_once(&ada, "{ viewer { conversations { nodes { id } } } }", Value::Null).await;
    assert!(try_send(&ada, &grace.id, "meanwhile").await.is_none());
    let friends = ada.data(FRIENDS, Value::Null).await;
    assert_eq!(friends["viewer"]["friends"]["nodes"][0]["username"], grace.username.as_str());
    drop(away);

    let _stay = stores_stay().await;
    send_until_acknowledged(&ada, &grace.id, "after").await;
    ada.data(SIGN_IN, json!({ "login": ada.username })).await;
    assert_eq!(ready(&ada).await.0, 200);
    let bodies: Vec<String> =
        history(&ada, &grace).await.into_iter().map(|sent| sent.body).collect();
    assert_eq!(bodies, ["before", "after"]);
    eventually("both messages", || async { (heard.bodies().len() == 2).then_some(()) }).await;
    town.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_graph_friends_who_talk_go_on_and_all_heals() {
    let alone = STORES.write().await;
    let town = Town::servers().await;
    let (ada, grace, alan) =
        (town.person("ada").await, town.person("grace").await, town.person("alan").await);
    send_until_acknowledged(&ada, &grace.id, "before").await;

    let away = Away::kill("neo4j", alone);
    eventually("the outage to be noticed", || async {
        says_away(&ada, "graph").await.then_some(())
    })
    .await;
    let ask = "mutation ($id: ID!) { sendFriendRequest(userId: $id) { friendship } }";
    unavailable_at_once(&ada, ask, json!({ "id": alan.id })).await;
    unavailable_at_once(&ada, FRIENDS, Value::Null).await;
    assert!(try_send(&ada, &alan.id, "to somebody new").await.is_none());
    assert!(try_send(&ada, &grace.id, "meanwhile").await.is_some());
    let read = "{ viewer { email conversations { nodes { id lastMessage { body } } } } }";
    let data = ada.data(read, Value::Null).await;
    let last = &data["viewer"]["conversations"]["nodes"][0]["lastMessage"]["body"];
    assert_eq!(last, "meanwhile");
    drop(away);

    let _stay = stores_stay().await;
    eventually("the graph to be used again", || async {
        ada.act("sendFriendRequest", &alan).await.ok()
    })
    .await;
    assert_eq!(alan.friendship(&ada).await, "REQUEST_RECEIVED");
    let chatted = "{ viewer { lastChatted { with { ... on User { username } } } } }";
    eventually("the LAST_CHATTED edge", || async {
        let data = ada.data(chatted, Value::Null).await;
        (data["viewer"]["lastChatted"][0]["with"]["username"] == grace.username.as_str())
            .then_some(())
    })
    .await;
    town.end().await;
}
