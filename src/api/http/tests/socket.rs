//! A client of sockets, in either dialect.

use futures::{SinkExt, stream::FusedStream};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};

use super::*;

/// The subprotocol of today, and the one that was there before it.
pub(super) const CURRENT: &str = "graphql-transport-ws";
pub(super) const OLDER: &str = "graphql-ws";

/// A client, from its socket's opening on.
pub(super) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The subprotocol that the server chose.
    pub(super) protocol: String,
}

impl Client {
    /// That speaks today's dialect.
    pub(super) async fn connect(server: &Server) -> Self {
        Self::dial(server, CURRENT, None).await.expect("a socket")
    }

    /// That speaks the older one.
    pub(super) async fn older(server: &Server) -> Self {
        Self::dial(server, OLDER, None).await.expect("a socket")
    }

    /// With the good token.
    pub(super) async fn acknowledged(server: &Server) -> Self {
        let mut client = Self::connect(server).await;
        client.init(json!({ "authorization": format!("Bearer {TOKEN}") })).await;
        assert_eq!(client.message().await, json!({ "type": "connection_ack" }));
        client
    }

    /// The same in the older dialect.
    pub(super) async fn older_acknowledged(server: &Server) -> Self {
        let mut client = Self::older(server).await;
        client.init(json!({ "Authorization": format!("Bearer {TOKEN}") })).await;
        assert_eq!(client.message().await, json!({ "type": "connection_ack" }));
        assert_eq!(client.message().await, json!({ "type": "ka" }));
        client
    }

    /// The status with which a socket is refused.
    pub(super) async fn refused(server: &Server, protocol: &str, origin: Option<&str>) -> u16 {
        match Self::dial(server, protocol, origin).await {
            Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("not refused: {error:?}"),
            Ok(_) => panic!("not refused"),
        }
    }

    /// That offers these subprotocols, from a page of this origin.
    pub(super) async fn dial(
        server: &Server,
        protocols: &str,
        origin: Option<&str>,
    ) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{}/graphql", server.address).into_client_request()?;
        let headers = request.headers_mut();
        let value = |text| HeaderValue::from_str(text).expect("a value");
        headers.insert("sec-websocket-protocol", value(protocols));
        if let Some(origin) = origin {
            headers.insert("origin", value(origin));
        }
        let (socket, response) = connect_async(request).await?;
        let protocol = &response.headers()["sec-websocket-protocol"];
        Ok(Self { socket, protocol: protocol.to_str().expect("text").to_owned() })
    }

    pub(super) async fn init(&mut self, payload: Value) {
        self.send(json!({ "type": "connection_init", "payload": payload })).await;
    }

    pub(super) async fn send(&mut self, message: Value) {
        self.send_frame(Message::text(message.to_string())).await;
    }

    pub(super) async fn send_frame(&mut self, frame: Message) {
        self.socket.send(frame).await.expect("sent");
    }

    /// Sends a frame so many times, or until the server has closed.
    pub(super) async fn flood(&mut self, frame: &Message, times: u32) {
        for _ in 0..times {
            if self.socket.feed(frame.clone()).await.is_err() {
                return;
            }
        }
        let _closed_already = self.socket.flush().await;
    }

    pub(super) async fn subscribe(&mut self, id: &str, query: &str) {
        let message = if self.protocol == OLDER { "start" } else { "subscribe" };
        self.send(json!({ "type": message, "id": id, "payload": { "query": query } })).await;
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
                let _gone_already = self.socket.flush().await;
                return close.expect("a reason").code.into();
            }
        }
    }

    pub(super) async fn frame(&mut self) -> Option<Message> {
        let frame = tokio::time::timeout(Duration::from_secs(5), self.socket.next()).await;
        frame.expect("in time").map(|frame| frame.expect("a frame"))
    }

    /// Reads, and so answers pings, until the server is gone.
    pub(super) async fn rest(mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    pub(super) fn is_terminated(&self) -> bool {
        self.socket.is_terminated()
    }
}
