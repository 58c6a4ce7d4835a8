//! A client of the live events, over graphql-transport-ws.

use std::collections::VecDeque;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{Client, within};

const EVENTS: &str = "subscription ($after: String, $conversationId: ID) {
    events(after: $after, conversationId: $conversationId) {
        __typename cursor at
        ... on MessageSent { message { id seq body sentAt sender { id username displayName }
            conversation { id ... on DirectConversation { peer { id username } }
                ... on Group { name } } } }
        ... on MessageEdited { message { ...Revised } }
        ... on MessageDeleted { message { ...Revised } }
        ... on ReactionsChanged { message { ...Revised } }
        ... on ReadMarkerMoved { conversation { id } marker { user { id username } seq at } }
        ... on MuteChanged { conversation { id } }
        ... on FriendshipChanged { user { id username displayName friendship } }
        ... on MembershipChanged { group { id name } user { id username displayName } role }
        ... on GroupChanged { group { id name description visibility } }
        ... on TypingChanged { conversation { id } user { id username } typing }
        ... on PresenceChanged { user { id username presence { online lastSeenAt } } }
    } }
    fragment Revised on Message { id seq body editedAt deletedAt sender { id username }
        mentions { username } reactions { emoji count users { username } } }";

/// A socket with one subscription to `events`.
pub struct Feed {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What came before it was asked for.
    early: VecDeque<Value>,
    /// Events of presence, which come whenever somebody connects: kept apart
    /// from what people do.
    presences: VecDeque<Value>,
}

/// How a socket came to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Closed {
    pub code: u16,
    pub reason: String,
}

impl Feed {
    /// Opens the socket and subscribes.
    pub async fn open(client: &Client, variables: Value) -> Self {
        let mut feed = Self::connect(client).await;
        feed.subscribe("events", variables).await;
        // Answers come in order: what the ping is answered behind is running.
        feed.send(json!({ "type": "ping" })).await;
        let mut early = VecDeque::new();
        loop {
            let frame = feed.frame().await.expect("the socket closed");
            if frame["type"] == "pong" {
                feed.early = early;
                return feed;
            }
            early.push_back(frame);
        }
    }

    /// Opens the socket and waits until the server has taken the token.
    pub async fn connect(client: &Client) -> Self {
        Self::admitted(client).await.expect("the socket closed")
    }

    /// Opens the socket; tells how the server closed it where it does not
    /// take the token.
    pub async fn admitted(client: &Client) -> Result<Self, Closed> {
        let mut request = format!("ws://{}/graphql", client.address).into_client_request().unwrap();
        let protocol = HeaderValue::from_static("graphql-transport-ws");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (socket, _) = within("a socket", connect_async(request)).await.unwrap();
        let (early, presences) = (VecDeque::new(), VecDeque::new());
        let mut feed = Self { socket, early, presences };
        let payload = client
            .token
            .as_ref()
            .map(|token| json!({ "authorization": format!("Bearer {token}") }));
        feed.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(feed.frame().await?["type"], "connection_ack");
        Ok(feed)
    }

    /// Starts a subscription to `events` under this id.
    pub async fn subscribe(&mut self, id: &str, variables: Value) {
        let variables = if variables.is_null() { json!({}) } else { variables };
        self.begin(id, json!({ "query": EVENTS, "variables": variables })).await;
    }

    /// Starts an operation under this id.
    pub async fn begin(&mut self, id: &str, payload: Value) {
        self.send(json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    }

    pub async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message of the protocol that is not about presence, or how
    /// the socket was closed.
    pub async fn frame(&mut self) -> Result<Value, Closed> {
        loop {
            let frame = match self.early.pop_front() {
                Some(frame) => frame,
                None => within("a frame", self.read()).await?,
            };
            match presence(&frame) {
                Some(event) => self.presences.push_back(event.clone()),
                None => return Ok(frame),
            }
        }
    }

    /// The next event of presence.
    pub async fn presence(&mut self) -> Value {
        within("somebody's presence", async {
            loop {
                if let Some(event) = self.presences.pop_front() {
                    return event;
                }
                let frame = self.read().await.expect("the socket closed");
                match presence(&frame) {
                    Some(event) => self.presences.push_back(event.clone()),
                    None => self.early.push_back(frame),
                }
            }
        })
        .await
    }

    /// Whether an event of presence came so far.
    pub fn heard_presence(&self) -> bool {
        !self.presences.is_empty()
    }

    /// Fails unless the next event of presence is that `who` is online, or
    /// not; returns it.
    pub async fn sees(&mut self, who: &Client, online: bool) -> Value {
        let event = self.presence().await;
        let seen = (&event["user"]["id"], &event["user"]["presence"]["online"]);
        assert_eq!(seen, (&json!(who.id), &json!(online)), "{event:#}");
        event
    }

    /// The deadline is around this, since each ping would put it off.
    async fn read(&mut self) -> Result<Value, Closed> {
        loop {
            let next = self.socket.next().await;
            match next.expect("the connection ended without a close").unwrap() {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(Some(frame)) => {
                    let (code, reason) = (frame.code.into(), frame.reason.to_string());
                    return Err(Closed { code, reason });
                }
                Message::Close(None) => return Err(Closed { code: 1005, reason: String::new() }),
                _ => {}
            }
        }
    }

    /// The next event.
    pub async fn next(&mut self) -> Value {
        let mut frame = self.frame().await.expect("the socket closed");
        assert_eq!(frame["type"], "next", "{frame:#}");
        assert!(frame["payload"].get("errors").is_none(), "{frame:#}");
        frame["payload"]["data"]["events"].take()
    }

    /// The next event, which has to be a message; returns its body.
    pub async fn message(&mut self) -> String {
        let event = self.next().await;
        assert_eq!(event["__typename"], "MessageSent", "{event:#}");
        event["message"]["body"].as_str().unwrap().to_owned()
    }

    /// The next event, which has to be about a friendship; returns who the
    /// other one is, and what the friendship is.
    pub async fn friendship(&mut self) -> (String, String) {
        let event = self.next().await;
        assert_eq!(event["__typename"], "FriendshipChanged", "{event:#}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&event["user"]["username"]), text(&event["user"]["friendship"]))
    }

    /// The code with which the server closes the socket, once it does.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(closed) = self.frame().await {
                return closed.code;
            }
        }
    }

    /// Fails unless the socket is still served.
    pub async fn is_served(&mut self) {
        self.send(json!({ "type": "ping" })).await;
        assert_eq!(self.frame().await.expect("the socket closed")["type"], "pong");
    }

    /// How the subscription is refused.
    pub async fn refused(&mut self) -> String {
        let frame = self.frame().await.expect("the socket closed");
        let errors = match frame["type"].as_str() {
            Some("error") => frame["payload"].clone(),
            _ => frame["payload"]["errors"].clone(),
        };
        errors[0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{frame:#}")).to_owned()
    }
}

/// The event of a frame that is about presence.
fn presence(frame: &Value) -> Option<&Value> {
    let event = &frame["payload"]["data"]["events"];
    (event["__typename"] == "PresenceChanged").then_some(event)
}
