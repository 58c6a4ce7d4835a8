//! Stores that go away, and come back.

use std::{
    path::Path,
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

/// As long as this is held nobody else uses a store.
pub async fn stores_alone() -> RwLockWriteGuard<'static, ()> {
    STORES.write().await
}

/// A store that is away until this is dropped, also by a test that fails.
pub struct Away {
    name: &'static str,
    alone: Option<RwLockWriteGuard<'static, ()>>,
}

impl Away {
    pub fn kill(name: &'static str, alone: RwLockWriteGuard<'static, ()>) -> Self {
        stores("kill", name);
        Self { name, alone: Some(alone) }
    }

    pub fn end(mut self) -> RwLockWriteGuard<'static, ()> {
        stores("start", self.name);
        self.alone.take().unwrap()
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if self.alone.is_some() {
            // A second panic would hide the first.
            let started = std::panic::catch_unwind(|| stores("start", self.name));
            if started.is_err() {
                eprintln!("{} is still away", self.name);
            }
        }
    }
}

fn stores(command: &str, name: &str) {
    let script = required("CHATTERBOX_TEST_STORES");
    let output = Command::new(script).args([command, name]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_ne!(
        output.status.code(),
        Some(3),
        "this test needs a {name} that it may kill: unset the address that was given for it, and \
         let scripts/stores start one ({said})"
    );
    assert!(output.status.success(), "scripts/stores {command} {name}: {said}");
}

/// A store that is there and does nothing, until this is dropped.
pub struct Halted(&'static str);

impl Halted {
    pub fn new(name: &'static str, _alone: &RwLockWriteGuard<'static, ()>) -> Self {
        let halted = Self(name);
        halted.tell("STOP", "pause");
        halted
    }

    /// Where it runs is what `scripts/stores` has written down of it.
    fn tell(&self, signal: &str, engine_command: &str) {
        const TELL: &str = r#". "$0/state"; case $KIND in
            process) kill -s "$1" "$(cat "$0/pid")" ;;
            container) "$ENGINE" "$2" "$CONTAINER" ;;
            *) false ;;
        esac"#;
        let script = required("CHATTERBOX_TEST_STORES");
        let root = Path::new(&script).ancestors().nth(2).unwrap();
        let state = root.join("target/stores").join(self.0);
        let mut command = Command::new("bash");
        command.args(["-c", TELL]).arg(state).args([signal, engine_command]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{engine_command} {}: {said}", self.0);
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        self.tell("CONT", "unpause");
    }
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

/// Fails unless `query` is refused within this time.
async fn unavailable_within(limit: Duration, client: &Client, query: &str, variables: Value) {
    let started = Instant::now();
    assert_eq!(client.code(query, variables).await, "UNAVAILABLE", "{query}");
    let took = started.elapsed();
    assert!(took < limit, "{query}: {took:?}");
    eprintln!("UNAVAILABLE after {took:?}: {}", query.get(..60).unwrap_or(query));
}

/// Also right after the store went, before anybody noticed.
const AT_FIRST: Duration = Duration::from_secs(2);
const ONCE_NOTICED: Duration = Duration::from_secs(1);

/// Waits until the outage of `part` is noticed; the process counts as alive
/// all the while.
async fn noticed(client: &Client, part: &str) {
    let begun = Instant::now();
    eventually("the outage to be noticed", || async {
        says_away(client, part).await.then_some(())
    })
    .await;
    eprintln!("/health/ready named {part} {:?} later", begun.elapsed());
    let (_, report) = ready(client).await;
    let others = report["parts"].as_array().unwrap().iter().filter(|entry| entry["name"] != part);
    assert!(others.clone().count() >= 3, "{report}");
    assert!(others.clone().all(|entry| entry["ok"] == true), "only {part} is away: {report}");
    let live = reqwest::get(format!("http://{}/health/live", client.address)).await.unwrap();
    assert_eq!(live.status(), 200);
}

/// Starts the store again and waits until the service is ready. As long as
/// what is returned is held nobody else takes a store away.
async fn back(away: Away, client: &Client) -> RwLockReadGuard<'static, ()> {
    let alone = away.end();
    let begun = Instant::now();
    eventually("the service to be ready again", || async {
        (ready(client).await.0 == 200).then_some(())
    })
    .await;
    eprintln!("ready again {:?} after the store was", begun.elapsed());
    alone.downgrade()
}

const SIGN_IN: &str = "mutation ($login: String!) { signIn(input: { login: $login, password: \"password\" }) { expiresAt } }";
const SEND: &str = "mutation ($id: ID!) { sendMessage(input: { to: { userId: $id }, body: \"away\", key: \"away\" }) { id } }";
const ASK: &str = "mutation ($id: ID!) { sendFriendRequest(userId: $id) { friendship } }";
const FRIENDS: &str = "{ viewer { friends { totalCount nodes { username friendship } } } }";
const USER: &str = "query ($name: String!) { user(username: $name) { displayName friendship } }";
const GROUP: &str =
    "mutation ($id: ID!) { createGroup(input: { name: \"away\", memberIds: [$id] }) { id } }";
const TELL: &str = "mutation ($id: ID!) { sendMessage(input: { to: { conversationId: $id }, body: \"for the first time\" }) { id } }";
const SETTINGS: &str = "mutation { updateSettings(input: { messagesFrom: NOBODY, discoverable: false }) { messagesFrom } }";
const HISTORY: &str =
    "query ($id: ID!) { conversation(id: $id) { messages(last: 100) { nodes { seq body } } } }";

/// Fails unless somebody is in this group alone, and has the settings that all begin with.
async fn is_in_nothing_else(client: &Client, group: &str) {
    let query = "{ viewer { settings { messagesFrom discoverable }
        conversations { nodes { ... on Group { id } } } } }";
    let mut viewer = client.data(query, Value::Null).await["viewer"].take();
    assert_eq!(viewer["settings"], json!({ "messagesFrom": "EVERYONE", "discoverable": true }));
    let conversations = viewer["conversations"]["nodes"].as_array_mut().unwrap();
    conversations.retain(|conversation| !conversation["id"].is_null());
    assert_eq!(*conversations, [json!({ "id": group })]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_sql_the_graph_still_answers_and_all_heals() {
    let alone = stores_alone().await;
    let town = Town::servers().await;
    let (ada, grace, alan) =
        (town.person("ada").await, town.person("grace").await, town.person("alan").await);
    ada.befriend(&grace).await;
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    let heard = Subscriber::start(&alan).await;
    send_until_acknowledged(&ada, &alan.id, "before").await;

    let away = Away::kill("mysql", alone);
    unavailable_within(AT_FIRST, &ada, SEND, json!({ "id": alan.id })).await;
    unavailable_within(AT_FIRST, &ada, SIGN_IN, json!({ "login": ada.username })).await;
    noticed(&ada, "sql").await;
    unavailable_within(ONCE_NOTICED, &ada, SEND, json!({ "id": alan.id })).await;
    unavailable_within(ONCE_NOTICED, &ada, SIGN_IN, json!({ "login": ada.username })).await;
    unavailable_within(ONCE_NOTICED, &ada, ASK, json!({ "id": alan.id })).await;
    unavailable_within(ONCE_NOTICED, &ada, GROUP, json!({ "id": alan.id })).await;
    unavailable_within(ONCE_NOTICED, &ada, SETTINGS, Value::Null).await;
    let conversations = "{ viewer { conversations { nodes { id } } } }";
    unavailable_within(ONCE_NOTICED, &ada, conversations, Value::Null).await;
    let friends = ada.data(FRIENDS, Value::Null).await;
    assert_eq!(friends["viewer"]["friends"]["nodes"][0]["username"], grace.username.as_str());
    let user = ada.data(USER, json!({ "name": alan.username })).await;
    assert_eq!(user["user"]["friendship"], "NONE");
    assert_eq!(ada.group(&group).await["memberCount"], 2);
    let _stay = back(away, &ada).await;

    send_until_acknowledged(&ada, &alan.id, "after").await;
    ada.data(SIGN_IN, json!({ "login": ada.username })).await;
    let bodies: Vec<String> =
        history(&ada, &alan).await.into_iter().map(|sent| sent.body).collect();
    assert_eq!(bodies, ["before", "after"], "what was refused was not sent");
    is_in_nothing_else(&ada, &group).await;
    eventually("both messages", || async { (heard.bodies().len() == 2).then_some(()) }).await;
    assert_eq!(heard.bodies(), bodies);
    ada.act("sendFriendRequest", &alan).await.unwrap();
    assert_eq!(alan.friendship(&ada).await, "REQUEST_RECEIVED");
    town.end().await;
}

/// A server that has just started may take its time over the first write. What
/// it did without an answer in time is so already.
async fn ask_until_answered(from: &Client, to: &Client) {
    eventually("the graph to be written again", || async {
        match from.act("sendFriendRequest", to).await {
            Ok(_) => Some(()),
            Err(refusal) if refusal.code == "CONFLICT" => Some(()),
            Err(refusal) => {
                assert_eq!(refusal.code, "UNAVAILABLE", "{refusal:?}");
                None
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_graph_friends_who_talk_go_on_and_all_heals() {
    let alone = stores_alone().await;
    let town = Town::servers().await;
    let (ada, grace, alan) =
        (town.person("ada").await, town.person("grace").await, town.person("alan").await);
    ada.befriend(&grace).await;
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    ada.tell(&group, "before").await;
    let sent = ada.send(&grace, "before").await;
    let conversation = json!({ "id": sent["conversation"]["id"] });

    let away = Away::kill("neo4j", alone);
    unavailable_within(AT_FIRST, &ada, ASK, json!({ "id": alan.id })).await;
    noticed(&ada, "graph").await;
    unavailable_within(ONCE_NOTICED, &ada, ASK, json!({ "id": alan.id })).await;
    unavailable_within(ONCE_NOTICED, &ada, FRIENDS, Value::Null).await;
    unavailable_within(ONCE_NOTICED, &ada, GROUP, json!({ "id": alan.id })).await;
    unavailable_within(ONCE_NOTICED, &ada, SETTINGS, Value::Null).await;
    // Somebody new has to be asked about first.
    unavailable_within(ONCE_NOTICED, &ada, SEND, json!({ "id": alan.id })).await;
    assert!(try_send(&ada, &grace.id, "meanwhile").await.is_some());
    // Who is in a group is known without it.
    ada.tell(&group, "meanwhile").await;
    grace.data(TELL, json!({ "id": group })).await;
    let history = ada.data(HISTORY, conversation.clone()).await;
    assert_eq!(
        history["conversation"]["messages"]["nodes"],
        json!([{ "seq": 1, "body": "before" }, { "seq": 2, "body": "meanwhile" }])
    );
    ada.data("{ viewer { email conversations { nodes { id } } } }", Value::Null).await;
    ada.data(SIGN_IN, json!({ "login": ada.username })).await;
    let _stay = back(away, &ada).await;

    assert_eq!(ada.friendship(&grace).await, "FRIENDS", "acknowledged before");
    assert_eq!(alan.friendship(&ada).await, "NONE", "what was refused was not done");
    is_in_nothing_else(&ada, &group).await;
    assert_eq!(grace.reads(&group).await, ["before", "meanwhile", "for the first time"]);
    ask_until_answered(&ada, &alan).await;
    assert_eq!(alan.friendship(&ada).await, "REQUEST_RECEIVED");
    send_until_acknowledged(&ada, &alan.id, "to somebody new").await;
    let chatted =
        "{ viewer { lastChatted { with { ... on User { username } ... on Group { name } } } } }";
    eventually("the LAST_CHATTED edges", || async {
        let data = ada.data(chatted, Value::Null).await;
        let expected = json!([
            { "with": { "username": alan.username } },
            { "with": { "name": "Walks" } },
            { "with": { "username": grace.username } },
        ]);
        (data["viewer"]["lastChatted"] == expected).then_some(())
    })
    .await;
    town.end().await;
}
