//! Sockets of old clients, and of pages: what they get, and how they end.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode},
    },
};

use crate::{
    stories,
    support::{Client, Feed, TestApp, within},
};

stories! {
    old_clients_hear_the_same,
    an_old_socket_ends_with_its_session_and_with_the_node,
    pages_of_others_get_no_socket,
    sockets_that_nobody_reads_hold_nobody_up,
}

const EVENTS: &str = "subscription { events { cursor at ... on MessageSent { message {
    id seq body sentAt sender { username } conversation { id } } } } }";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A client that speaks the subprotocol `graphql-ws`.
struct Old(Socket);

impl Old {
    /// Lets itself in and subscribes to all events.
    async fn open(client: &Client) -> Self {
        let mut old = Self(dial(client, "graphql-ws", None).await.unwrap());
        let token = client.token.as_deref().unwrap();
        let payload = json!({ "Authorization": format!("Bearer {token}") });
        old.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(old.frame().await, Ok(json!({ "type": "connection_ack" })));
        assert_eq!(old.frame().await, Ok(json!({ "type": "ka" })));
        old.send(json!({ "type": "start", "id": "1", "payload": { "query": EVENTS } })).await;
        // Answers come in order: what this is answered behind is running.
        old.send(json!({ "type": "unheard of" })).await;
        assert_eq!(old.frame().await.unwrap()["type"], "connection_error");
        old
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message that is not about presence, or the code with which the
    /// socket was closed.
    async fn frame(&mut self) -> Result<Value, u16> {
        within("a frame", async {
            loop {
                match self.0.next().await.unwrap().unwrap() {
                    Message::Text(text) => {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        let event = &frame["payload"]["data"]["events"];
                        if event.is_null() || event.get("message").is_some() {
                            return Ok(frame);
                        }
                    }
                    Message::Close(close) => return Err(close.unwrap().code.into()),
                    _ => {}
                }
            }
        })
        .await
    }
}

async fn dial(client: &Client, protocol: &str, origin: Option<&str>) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/graphql", client.address).into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_str(protocol).unwrap());
    if let Some(origin) = origin {
        headers.insert("origin", HeaderValue::from_str(origin).unwrap());
    }
    within("a socket", connect_async(request)).await.map(|(socket, _)| socket)
}

/// The event of a message under today's and the older name.
fn event(frame: &Value) -> &Value {
    assert!(["next", "data"].contains(&frame["type"].as_str().unwrap()), "{frame:#}");
    &frame["payload"]["data"]["events"]
}

async fn old_clients_hear_the_same(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut of_ada = ada.feed().await;
    let mut old = Old::open(&grace).await;
    of_ada.sees(&grace, true).await;
    let mut new = Feed::connect(&grace).await;
    new.send(json!({ "type": "subscribe", "id": "1", "payload": { "query": EVENTS } })).await;
    new.is_served().await;
    for body in ["one", "two", "\"three\" \u{1f44b}"] {
        let sent = ada.send(&grace, body).await;
        let (to_old, to_new) = (old.frame().await.unwrap(), new.frame().await.unwrap());
        assert_eq!(event(&to_old), event(&to_new));
        assert_eq!(event(&to_old)["message"]["id"], sent["id"]);
        assert_eq!(event(&to_old)["message"]["body"], body);
    }
    // And no more once it is stopped.
    old.send(json!({ "type": "stop", "id": "1" })).await;
    assert_eq!(old.frame().await, Ok(json!({ "type": "complete", "id": "1" })));
    ada.send(&grace, "four").await;
    assert_eq!(event(&new.frame().await.unwrap())["message"]["body"], "four");
    old.send(json!({ "type": "start", "id": "2", "payload": { "query": "{ __typename }" } })).await;
    let answer =
        json!({ "type": "data", "id": "2", "payload": { "data": { "__typename": "Query" } } });
    assert_eq!(old.frame().await, Ok(answer));
}

async fn an_old_socket_ends_with_its_session_and_with_the_node(app: &TestApp) {
    let ada = app.person("ada").await;
    let phone = app.device("ada", "phone").await;
    let (mut stays, mut ends) = (Old::open(&ada).await, Old::open(&phone).await);
    phone.data("mutation { signOut }", Value::Null).await;
    assert_eq!(ends.frame().await, Err(4403));
    app.restart().await;
    assert_eq!(stays.frame().await, Err(1001));
}

async fn pages_of_others_get_no_socket(app: &TestApp) {
    let ada = app.person("ada").await;
    let own = app.url("").trim_end_matches('/').to_owned();
    for protocol in ["graphql-transport-ws", "graphql-ws"] {
        dial(&ada, protocol, Some(&own)).await.unwrap();
        match dial(&ada, protocol, Some("https://evil.example")).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), StatusCode::FORBIDDEN),
            other => panic!("not refused: {other:?}"),
        }
    }
}

async fn sockets_that_nobody_reads_hold_nobody_up(app: &TestApp) {
    const SOCKETS: usize = 10;
    // Together more than the connections that either store has, and than fits on the way to a
    // reader.
    const OPERATIONS: usize = 16;
    let (ada, grace) = app.friends("ada", "grace").await;
    for _ in 0..20 {
        ada.send(&grace, &"x".repeat(4_000)).await;
    }
    let copies: String = (0..10).map(|number| format!("copy{number}: body ")).collect();
    let query = format!(
        "{{ viewer {{ conversations(first: 1) {{ nodes {{
            messages(last: 20) {{ nodes {{ {copies} }} }} }} }} }} }}"
    );
    let mut stuck = Vec::new();
    for _ in 0..SOCKETS {
        let mut socket = Feed::connect(&ada).await;
        for number in 0..OPERATIONS {
            socket.begin(&number.to_string(), json!({ "query": query })).await;
        }
        stuck.push(socket);
    }
    let read = within("an answer", grace.data(&query, Value::Null)).await;
    let messages = &read["viewer"]["conversations"]["nodes"][0]["messages"]["nodes"];
    assert_eq!(messages.as_array().unwrap().len(), 20);
}
