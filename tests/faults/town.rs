//! People who use a service that may die at any moment.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use chatterbox::{live::Cursor, messaging::Position};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection};
use tokio::{sync::oneshot, task::AbortHandle};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::support::{
    Client, DEADLINE, eventually,
    process::Process,
    stores::{StoreUrls, unique},
};

/// How long somebody waits before they try again.
pub const PAUSE: Duration = Duration::from_millis(20);

/// What went well is no news here.
const LOG: &str = "info,neo4rs=warn,chatterbox::api::http::request=warn";

/// How each service here is started.
pub const OPTIONS: &[&str] = &["--verify-email", "off", "--rate-limits", "off", "--log", LOG];

/// A message that was acknowledged.
#[derive(Clone, Debug)]
pub struct Sent {
    pub id: String,
    pub seq: i64,
    pub body: String,
}

/// A service in a process of its own, and its data.
pub struct Town {
    pub service: Process,
    pub stores: StoreUrls,
    pub data: PathBuf,
    name: String,
    _folder: tempfile::TempDir,
}

impl Town {
    pub async fn embedded() -> Self {
        Self::start(StoreUrls::embedded()).await
    }

    pub async fn servers() -> Self {
        Self::start(StoreUrls::servers().await).await
    }

    pub async fn start(stores: StoreUrls) -> Self {
        Self::start_behind(stores.clone(), stores, &[], &[]).await
    }

    /// A service that reaches its stores `through` other addresses, and is
    /// started by a command, which may be empty, with more options.
    pub async fn start_behind(
        stores: StoreUrls,
        through: StoreUrls,
        command: &[&str],
        more: &[&str],
    ) -> Self {
        let mut town = Self::new(stores, through, command, more);
        town.service.restart().await;
        town
    }

    /// As [`Town::start_behind`], with the service still to be started.
    pub fn new(stores: StoreUrls, through: StoreUrls, command: &[&str], more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let options = [OPTIONS, more].concat();
        let service = Process::new(command, data.clone(), through, &options);
        Self { service, stores, data, name: unique(), _folder: folder }
    }

    /// Somebody new, signed in.
    pub async fn person(&self, name: &str) -> Client {
        let username = format!("{name}_{}", self.name);
        let nobody = Client::new(self.service.address, None);
        let email = format!("{username}@example.org");
        nobody
            .data(
                "mutation ($input: RegisterInput!) { register(input: $input) { id } }",
                json!({ "input": { "username": username, "email": email, "password": "password" } }),
            )
            .await;
        let data = nobody
            .data(
                "mutation ($input: SignInInput!) { signIn(input: $input) { accessToken refreshToken
                    viewer { user { id username } } } }",
                json!({ "input": { "login": username, "password": "password" } }),
            )
            .await;
        Client::signed_in(self.service.address, &data["signIn"])
    }

    /// Fails unless the positions in the log are 1, 2, 3 …; returns how many
    /// there are. Asks the table itself, past the service's own way to read it.
    pub async fn positions(&self) -> usize {
        let mut connection = self.connect().await;
        let positions: Vec<i64> = sqlx::query_scalar("SELECT pos FROM log ORDER BY pos")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let head: i64 =
            sqlx::query_scalar("SELECT pos FROM head").fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        assert_eq!(positions, (1..=head).collect::<Vec<_>>(), "gaps or duplicates in the log");
        positions.len()
    }

    /// A connection to the SQL store, past the service.
    pub async fn connect(&self) -> AnyConnection {
        let file = || format!("sqlite:{}", self.data.join("chatterbox.db").display());
        let url = self.stores.sql.clone().unwrap_or_else(file);
        sqlx::any::install_default_drivers();
        AnyConnection::connect(&url).await.unwrap()
    }

    /// The value of a metric; all of those with this name together, and none
    /// as long as nothing was measured.
    pub async fn metric(&self, name: &str) -> f64 {
        let url = format!("http://{}/metrics", self.service.address);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let of_name =
            |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        text.lines().filter(of_name).map(value).sum()
    }

    /// Drops the database.
    pub async fn end(self) {
        let Self { mut service, stores, .. } = self;
        service.kill();
        stores.drop().await;
    }
}

/// Sends a message, with its key, until it is acknowledged.
pub async fn send_until_acknowledged(client: &Client, to: &str, body: &str) -> Sent {
    loop {
        if let Some(sent) = try_send(client, to, body).await {
            return sent;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Sends a message, once. The body is its key.
pub async fn try_send(client: &Client, to: &str, body: &str) -> Option<Sent> {
    try_send_to(client, json!({ "userId": to }), body).await
}

/// Sends a message to a target, once. The body is its key.
pub async fn try_send_to(client: &Client, to: Value, body: &str) -> Option<Sent> {
    try_send_by_key(client, to, body, body).await
}

/// Sends a message to a target, once.
pub async fn try_send_by_key(client: &Client, to: Value, body: &str, key: &str) -> Option<Sent> {
    let query =
        "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id seq body } }";
    let input = json!({ "to": to, "body": body, "key": key });
    let data = try_data(client, query, json!({ "input": input })).await?.unwrap();
    let sent = &data["sendMessage"];
    Some(Sent {
        id: sent["id"].as_str()?.to_owned(),
        seq: sent["seq"].as_i64()?,
        body: sent["body"].as_str()?.to_owned(),
    })
}

/// What a service that may die at any moment answers, once: nothing where the
/// connection broke or a store was away, else the data or the code of the error.
pub async fn try_data(
    client: &Client,
    query: &str,
    variables: Value,
) -> Option<Result<Value, String>> {
    let response = client
        .http
        .post(format!("http://{}/graphql", client.address))
        .bearer_auth(client.token.as_deref().unwrap())
        .json(&json!({ "query": query, "variables": variables }))
        .timeout(DEADLINE)
        .send()
        .await
        .ok()?;
    let mut response: Value = response.json().await.ok()?;
    match response["errors"][0]["extensions"]["code"].as_str() {
        Some("UNAVAILABLE") => None,
        Some(code) => Some(Err(code.to_owned())),
        None => Some(Ok(response["data"].take())),
    }
}

/// All messages with somebody, read page by page.
pub async fn history(client: &Client, other: &Client) -> Vec<Sent> {
    let query = "query ($name: String!) { user(username: $name) { directConversation { id } } }";
    let data = client.data(query, json!({ "name": other.username })).await;
    kept(client, data["user"]["directConversation"]["id"].as_str().unwrap()).await
}

const PAGE: &str = "query ($id: ID!, $after: String) { conversation(id: $id) {
    messages(first: 100, after: $after) { nodes { id seq body }
        pageInfo { hasNextPage endCursor } } } }";

/// All messages of a conversation, read page by page. What breaks just now is asked again.
pub async fn kept(client: &Client, conversation: &str) -> Vec<Sent> {
    let mut all = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({ "id": conversation, "after": after });
        let data = eventually("a page of messages", || async {
            Some(try_data(client, PAGE, variables.clone()).await?.unwrap())
        });
        let data = data.await;
        let page = &data["conversation"]["messages"];
        all.extend(page["nodes"].as_array().unwrap().iter().map(|node| Sent {
            id: node["id"].as_str().unwrap().to_owned(),
            seq: node["seq"].as_i64().unwrap(),
            body: node["body"].as_str().unwrap().to_owned(),
        }));
        if page["pageInfo"]["hasNextPage"] == false {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Somebody who follows their events and comes back with their cursor
/// whenever the connection breaks, until this is dropped. Who has heard nothing
/// by then comes back for all that there ever was.
pub struct Subscriber {
    heard: Arc<Mutex<Heard>>,
    following: AbortHandle,
}

/// What somebody heard.
#[derive(Default)]
struct Heard {
    events: Vec<Value>,
    /// How often the connection broke, or was refused.
    breaks: usize,
    /// The codes with which the server closed.
    closes: Vec<u16>,
    refused: Option<Value>,
}

impl Subscriber {
    /// Starts to follow; returns once events are sure to be heard.
    pub async fn start(client: &Client) -> Self {
        Self::start_at(client, vec![client.address]).await
    }

    /// As [`Subscriber::start`], at the first of these nodes; comes back at the next one
    /// each time.
    pub async fn start_at(client: &Client, nodes: Vec<SocketAddr>) -> Self {
        let heard = Arc::<Mutex<Heard>>::default();
        let (started, waiting) = oneshot::channel();
        let mut follower = Follower {
            client: client.clone(),
            nodes,
            heard: heard.clone(),
            cursor: Value::Null,
            started: Some(started),
        };
        let following = tokio::spawn(async move { follower.follow_on().await });
        crate::support::within("a subscription", waiting).await.unwrap();
        Self { heard, following: following.abort_handle() }
    }

    /// The bodies that were heard, in the order in which they were.
    pub fn bodies(&self) -> Vec<String> {
        let body = |event: &Value| event["message"]["body"].as_str().map(ToOwned::to_owned);
        self.events().iter().filter_map(body).collect()
    }

    /// The events that were heard, in the order in which they were. Fails
    /// where the stream was refused.
    pub fn events(&self) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        assert!(heard.refused.is_none(), "the stream was refused: {:?}", heard.refused);
        heard.events.clone()
    }

    /// How many messages were heard.
    pub fn count(&self) -> usize {
        let heard = self.heard.lock().unwrap();
        heard.events.iter().filter(|event| event["message"].is_object()).count()
    }

    /// How often the connection broke, or was refused.
    pub fn breaks(&self) -> usize {
        self.heard.lock().unwrap().breaks
    }

    /// The codes with which the server closed, one after the other.
    pub fn closes(&self) -> Vec<u16> {
        self.heard.lock().unwrap().closes.clone()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.following.abort();
    }
}

struct Follower {
    client: Client,
    nodes: Vec<SocketAddr>,
    heard: Arc<Mutex<Heard>>,
    cursor: Value,
    started: Option<oneshot::Sender<()>>,
}

impl Follower {
    async fn follow_on(&mut self) {
        for node in self.nodes.clone().into_iter().cycle() {
            let refused = self.follow(node).await;
            let over = refused.is_some();
            {
                let mut heard = self.heard.lock().unwrap();
                heard.breaks += 1;
                heard.refused = refused;
            }
            if over {
                return;
            }
            if self.cursor.is_null() {
                // Nothing was heard that would say from where on.
                self.cursor = Cursor(Position(0)).to_string().into();
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Nothing where the connection broke; what the server said where it refused.
    async fn follow(&mut self, node: SocketAddr) -> Option<Value> {
        let url = format!("ws://{node}/graphql");
        let mut request = url.into_client_request().unwrap();
        let protocol = HeaderValue::from_static("graphql-transport-ws");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (mut socket, _) = connect_async(request).await.ok()?;
        let token = self.client.token.as_deref().unwrap();
        let query = "subscription ($after: String) { events(after: $after) {
            __typename cursor ... on MessageSent { message { seq body conversation { id } } }
            ... on GroupChanged { group { id name } }
            ... on MembershipChanged { group { id } user { username } role }
            ... on FriendshipChanged { user { displayName friendship } } } }";
        for message in [
            json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }),
            json!({ "id": "1", "type": "subscribe",
                "payload": { "query": query, "variables": { "after": self.cursor } } }),
            json!({ "type": "ping" }),
        ] {
            socket.send(Message::text(message.to_string())).await.ok()?;
        }
        while let Some(Ok(message)) = socket.next().await {
            let text = match message {
                Message::Text(text) => text,
                Message::Close(Some(close)) => {
                    self.heard.lock().unwrap().closes.push(close.code.into());
                    continue;
                }
                _ => continue,
            };
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["type"].as_str().unwrap() {
                "pong" => drop(self.started.take().map(|started| started.send(()))),
                "connection_ack" => {}
                "next" if frame["payload"]["errors"].is_null() => {
                    let event = &frame["payload"]["data"]["events"];
                    self.cursor = event["cursor"].clone();
                    assert!(self.cursor.is_string(), "{frame:#}");
                    // Who comes and goes differs from time to time.
                    if event["__typename"] != "PresenceChanged" {
                        self.heard.lock().unwrap().events.push(event.clone());
                    }
                }
                _ if text.contains("\"UNAVAILABLE\"") => return None,
                _ => return Some(frame),
            }
        }
        None
    }
}
