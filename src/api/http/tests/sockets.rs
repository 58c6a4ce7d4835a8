//! GraphQL over WebSocket.

use futures::{SinkExt, stream::FusedStream};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};

use super::*;

pub(super) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(server: &Server) -> Self {
        Self(dial(server, "graphql-transport-ws", None).await.expect("a socket"))
    }

    /// With the good token.
    pub(super) async fn acknowledged(server: &Server) -> Self {
        let mut client = Self::connect(server).await;
        client.init(json!({ "authorization": format!("Bearer {TOKEN}") })).await;
        assert_eq!(client.message().await, json!({ "type": "connection_ack" }));
        client
    }

    /// The status with which a socket is refused.
    pub(super) async fn refused(server: &Server, protocol: &str, origin: Option<&str>) -> u16 {
        match dial(server, protocol, origin).await {
            Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn init(&mut self, payload: Value) {
        self.send(json!({ "type": "connection_init", "payload": payload })).await;
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("sent");
    }

    pub(super) async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({ "type": "subscribe", "id": id, "payload": { "query": query } })).await;
    }

    /// The next message that is none of the WebSocket's own.
    pub(super) async fn message(&mut self) -> Value {
        loop {
            match self.frame().await.expect("a message") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("no message: {other:?}"),
            }
        }
    }

    /// The code with which the socket is closed, whatever comes before.
    pub(super) async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(close) = self.frame().await.expect("a close") {
                // Agrees.
                let _gone_already = self.0.flush().await;
                return close.expect("a reason").code.into();
            }
        }
    }

    async fn frame(&mut self) -> Option<Message> {
        let frame = tokio::time::timeout(Duration::from_secs(5), self.0.next()).await;
        frame.expect("in time").map(|frame| frame.expect("a frame"))
    }
}

async fn dial(
    server: &Server,
    protocol: &str,
    origin: Option<&str>,
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, tungstenite::Error> {
    let mut request = format!("ws://{}/graphql", server.address).into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_str(protocol).expect("a value"));
    if let Some(origin) = origin {
        headers.insert("origin", HeaderValue::from_str(origin).expect("a value"));
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

fn next(id: &str, data: Value) -> Value {
    let mut message = json!({ "type": "next", "id": id, "payload": {} });
    message["payload"]["data"] = data;
    message
}

fn complete(id: &str) -> Value {
    json!({ "type": "complete", "id": id })
}

#[tokio::test]
async fn operations_of_every_kind_run_over_a_socket() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    let user = VIEWER.user.to_string();
    for (query, results) in [
        ("{ viewer }", vec![json!({ "viewer": user })]),
        ("mutation { bump }", vec![json!({ "bump": 1 })]),
        ("subscription { count(to: 2) }", vec![json!({ "count": 1 }), json!({ "count": 2 })]),
    ] {
        socket.subscribe("1", query).await;
        for result in results {
            assert_eq!(socket.message().await, next("1", result));
        }
        assert_eq!(socket.message().await, complete("1"));
    }
    assert_eq!(server.seen.prepared.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_subscription_ends_when_its_client_says_so_or_goes() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    socket.subscribe("a", "subscription { feed }").await;
    socket.subscribe("b", "subscription { feed }").await;
    socket.message().await;
    socket.message().await;
    assert_eq!(server.seen.feeds.load(Ordering::SeqCst), 2);
    socket.send(complete("a")).await;
    socket.send(complete("never there")).await;
    until(|| server.seen.feeds.load(Ordering::SeqCst) == 1).await;
    // The id is free again, and nothing of its first use is heard.
    socket.subscribe("a", "{ one }").await;
    assert_eq!(socket.message().await, next("a", json!({ "one": 1 })));
    assert_eq!(socket.message().await, complete("a"));
    drop(socket);
    until(|| server.seen.feeds.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn without_a_token_public_operations_work() {
    let server = Server::start().await;
    for message in
        [json!({ "type": "connection_init" }), json!({ "type": "connection_init", "payload": {} })]
    {
        let mut socket = Client::connect(&server).await;
        socket.send(message).await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        socket.subscribe("1", "{ one }").await;
        assert_eq!(socket.message().await, next("1", json!({ "one": 1 })));
        socket.message().await;
        socket.subscribe("2", "{ viewer }").await;
        assert_eq!(
            code(&json!({ "errors": socket.message().await["payload"] })),
            "UNAUTHENTICATED"
        );
    }
}

#[tokio::test]
async fn what_never_began_is_an_error_and_nothing_follows() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    for (query, expected) in [
        ("{ one", "BAD_USER_INPUT"),
        ("{ two }", "BAD_USER_INPUT"),
        ("subscription { refused }", "CURSOR_EXPIRED"),
    ] {
        socket.subscribe("1", query).await;
        let message = socket.message().await;
        assert_eq!(
            (&message["type"], &message["payload"][0]["extensions"]["code"]),
            (&json!("error"), &json!(expected))
        );
        socket.subscribe("1", "{ one }").await;
        assert_eq!(socket.message().await, next("1", json!({ "one": 1 })));
        assert_eq!(socket.message().await, complete("1"));
    }
}

#[tokio::test]
async fn what_breaks_the_protocol_closes_the_socket() {
    let server = Server::with(|parts| parts.socket_times.init = Duration::from_millis(200)).await;
    let mut silent = Client::connect(&server).await;
    assert_eq!(silent.close_code().await, 4408);

    let subscribe =
        json!({ "type": "subscribe", "id": "1", "payload": { "query": "subscription { feed }" } });
    let init = json!({ "type": "connection_init" });
    for (messages, expected) in [
        (vec![subscribe.clone()], 4401),
        (vec![init.clone(), init.clone()], 4429),
        (vec![init.clone(), subscribe.clone(), subscribe.clone()], 4409),
        (vec![json!({ "type": "start" })], 4400),
        (vec![json!("connection_init")], 4400),
        (vec![init.clone(), json!({ "type": "subscribe", "id": "1" })], 4400),
        (
            vec![
                json!({ "type": "connection_init", "payload": { "Authorization": "Bearer bad" } }),
            ],
            4403,
        ),
        (vec![json!({ "type": "connection_init", "payload": { "authorization": 7 } })], 4403),
    ] {
        let mut socket = Client::connect(&server).await;
        for message in &messages {
            socket.send(message.clone()).await;
        }
        assert_eq!(socket.close_code().await, expected, "{messages:?}");
    }
    for frame in [
        Message::binary(init.to_string()),
        Message::text("{"),
        Message::text(" ".repeat(BODY_LIMIT + 1)),
    ] {
        let mut socket = Client::connect(&server).await;
        socket.0.send(frame).await.expect("sent");
        assert_eq!(socket.close_code().await, 4400);
    }
}

#[tokio::test]
async fn pings_are_answered() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong" }));
    socket.send(json!({ "type": "ping", "payload": { "at": 7 } })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong", "payload": { "at": 7 } }));
    socket.send(json!({ "type": "pong" })).await;
    socket.0.send(Message::Ping(vec![1].into())).await.expect("sent");
    assert_eq!(socket.frame().await, Some(Message::Pong(vec![1].into())));
}

#[tokio::test]
async fn who_does_not_answer_pings_is_dropped() {
    let server = Server::with(|parts| {
        parts.socket_times.ping = Duration::from_millis(50);
    })
    .await;
    let mut answering = Client::acknowledged(&server).await;
    let mut mute = Client::acknowledged(&server).await;
    for socket in [&mut answering, &mut mute] {
        socket.subscribe("1", "subscription { feed }").await;
        socket.message().await;
    }
    // Only who reads answers.
    let reading = tokio::spawn(async move { while let Some(Ok(_)) = answering.0.next().await {} });
    until(|| server.seen.feeds.load(Ordering::SeqCst) == 1).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(server.seen.feeds.load(Ordering::SeqCst), 1);
    assert!(!reading.is_finished());
    assert!(!mute.0.is_terminated());
    reading.abort();
}

#[tokio::test]
async fn a_socket_has_room_for_a_hundred_operations() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    for id in 0..SOCKET_OPERATIONS {
        socket.subscribe(&id.to_string(), "subscription { feed }").await;
        socket.message().await;
    }
    socket.subscribe("more", "subscription { feed }").await;
    let message = socket.message().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("more")));
    assert_eq!(message["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
    socket.send(complete("7")).await;
    socket.subscribe("more", "{ one }").await;
    assert_eq!(socket.message().await, next("more", json!({ "one": 1 })));
}

#[tokio::test]
async fn foreign_pages_and_other_protocols_get_no_socket() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address);
    for origin in [own.as_str(), "https://web.example"] {
        dial(&server, "graphql-transport-ws", Some(origin)).await.expect("a socket");
    }
    assert_eq!(
        Client::refused(&server, "graphql-transport-ws", Some("https://evil.example")).await,
        403
    );
    assert_eq!(Client::refused(&server, "graphql-transport-ws", Some("null")).await, 403);
    assert_eq!(Client::refused(&server, "mqtt", None).await, 400);
    dial(&server, "mqtt, graphql-transport-ws", None).await.expect("a socket");
}

#[tokio::test]
async fn a_socket_ends_with_its_session() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    let mut public = Client::connect(&server).await;
    public.init(json!({})).await;
    public.message().await;
    let now = Ambient::system().now();
    server.ended.end(server.session(), now);
    let code = tokio::time::timeout(Duration::from_secs(1), socket.close_code()).await;
    assert_eq!(code, Ok(4403));
    public.subscribe("1", "{ one }").await;
    assert_eq!(public.message().await["type"], "next");
    // One that opens after that is closed too.
    let mut late = Client::connect(&server).await;
    late.init(json!({ "authorization": "Bearer good" })).await;
    assert_eq!(late.close_code().await, 4403);
}

#[tokio::test]
async fn who_is_too_slow_is_told_to_resume() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    socket.subscribe("1", "subscription { slow }").await;
    assert_eq!(socket.message().await, next("1", json!({ "slow": 1 })));
    assert_eq!(socket.close_code().await, 1013);
}

#[tokio::test]
async fn who_does_not_read_holds_up_only_itself() {
    let server = Server::start().await;
    let mut stuck = Client::acknowledged(&server).await;
    stuck.subscribe("1", "subscription { flood }").await;
    let floods = || server.seen.floods.load(Ordering::SeqCst);
    // Once the kernel's buffers are full no more is made.
    let mut before = 0;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if floods() > 0 && floods() == before {
            break;
        }
        before = floods();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(floods(), before);
    let mut other = Client::acknowledged(&server).await;
    other.subscribe("1", "{ one }").await;
    assert_eq!(other.message().await, next("1", json!({ "one": 1 })));
    // Reading again lets it go on, and it can still be closed.
    for _ in 0..before + 20 {
        stuck.message().await;
    }
    server.ended.end(server.session(), Ambient::system().now());
    assert_eq!(stuck.close_code().await, 4403);
}

#[tokio::test]
async fn a_panic_ends_its_operation_only() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    socket.subscribe("1", "subscription { panics }").await;
    assert_eq!(socket.message().await, next("1", json!({ "panics": 1 })));
    let message = socket.message().await;
    assert_eq!(code(&message["payload"]), "INTERNAL");
    assert_eq!(
        message["payload"]["errors"][0]["extensions"]["traceId"].as_str().map(str::len),
        Some(32)
    );
    assert_eq!(socket.message().await, complete("1"));
    socket.subscribe("2", "{ panic }").await;
    assert_eq!(socket.message().await["payload"][0]["extensions"]["code"], "INTERNAL");
    socket.subscribe("3", "{ one }").await;
    assert_eq!(socket.message().await, next("3", json!({ "one": 1 })));
}
