//! A client that speaks gRPC.

use std::{collections::BTreeMap, net::SocketAddr};

use chatterbox::api::grpc::{
    LAST_CURSOR,
    generated::{
        ChatMessage, ChatMessageResponse, chat_message::To, chat_service_client::ChatServiceClient,
    },
};
use futures::{Stream, stream};
use tokio::sync::mpsc;
use tonic::{
    Request, Status, Streaming,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use super::{Client, TestApp, within};

/// Somebody who speaks gRPC.
#[derive(Clone)]
pub struct Caller {
    pub stub: ChatServiceClient<Channel>,
    pub token: Option<String>,
}

/// A stream of `SendMessagesGRPC`.
pub struct Talk {
    outbound: Option<mpsc::UnboundedSender<ChatMessage>>,
    inbound: Streaming<ChatMessage>,
}

/// A refusal as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: tonic::Code,
    pub code: String,
    pub more: BTreeMap<String, String>,
}

/// A connection to this address.
pub async fn channel(address: SocketAddr) -> Channel {
    connect(endpoint(address)).await
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::from_shared(format!("http://{address}")).unwrap()
}

async fn connect(endpoint: Endpoint) -> Channel {
    within("a connection", endpoint.connect()).await.unwrap()
}

impl TestApp {
    /// The same person, over gRPC.
    pub async fn caller(&self, client: &Client) -> Caller {
        Caller::over(channel(self.grpc).await, client)
    }

    /// The same, with little room for what is not read.
    pub async fn caller_of_little(&self, client: &Client) -> Caller {
        const ROOM: u32 = 65_535;
        let endpoint = endpoint(self.grpc)
            .initial_stream_window_size(ROOM)
            .initial_connection_window_size(ROOM);
        Caller::over(connect(endpoint).await, client)
    }
}

impl Caller {
    /// The client, over this channel.
    pub fn over(channel: Channel, client: &Client) -> Self {
        Self { stub: ChatServiceClient::new(channel), token: client.token.clone() }
    }

    /// What is asked, with the token.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// Sends a message and returns it.
    pub async fn send(&self, message: ChatMessage) -> Result<ChatMessage, Status> {
        let request = self.request(message);
        let answer = within("an answer", self.stub.clone().send_message(request)).await?;
        let ChatMessageResponse { kept, last, failed_at, failure } = answer.into_inner();
        assert_eq!((kept, failed_at, failure), (1, None, None));
        Ok(last.expect("the message"))
    }

    /// How a message is refused.
    pub async fn refused(&self, message: ChatMessage) -> Refused {
        let status = self.send(message).await.expect_err("refused");
        assert_eq!(status.metadata().get("x-trace-id").expect("a trace id").len(), 32);
        Refused::of(&status)
    }

    /// Sends messages one after the other.
    pub async fn send_all(
        &self,
        messages: impl Stream<Item = ChatMessage> + Send + 'static,
    ) -> Result<ChatMessageResponse, Status> {
        let request = self.request(messages);
        let answer = within("an answer", self.stub.clone().stream_message(request)).await?;
        Ok(answer.into_inner())
    }

    /// Opens a stream, from now on or behind a cursor.
    pub async fn talk(&self, after: Option<&str>) -> Result<Talk, Status> {
        let (outbound, mut said) = mpsc::unbounded_channel();
        let mut request = self.request(stream::poll_fn(move |cx| said.poll_recv(cx)));
        if let Some(after) = after {
            request.metadata_mut().insert(LAST_CURSOR, after.parse().unwrap());
        }
        let answer = within("a stream", self.stub.clone().send_messages_grpc(request)).await?;
        assert_eq!(answer.metadata().get("x-trace-id").expect("a trace id").len(), 32);
        Ok(Talk { outbound: Some(outbound), inbound: answer.into_inner() })
    }

    /// How a stream is refused, at once or with what it says first.
    pub async fn talk_refused(&self, after: Option<&str>) -> Refused {
        match self.talk(after).await {
            Ok(mut talk) => talk.end().await.expect_err("refused"),
            Err(status) => Refused::of(&status),
        }
    }
}

impl Talk {
    /// Sends a message.
    pub fn say(&self, message: ChatMessage) {
        self.outbound.as_ref().unwrap().send(message).unwrap();
    }

    /// Sends no more.
    pub fn close(&mut self) {
        self.outbound = None;
    }

    /// What comes next.
    pub async fn next(&mut self) -> ChatMessage {
        let next = within("a message", self.inbound.message()).await;
        next.unwrap().expect("the stream ended")
    }

    /// The next answer to what was sent; events before it are passed over.
    pub async fn answer(&mut self) -> ChatMessage {
        loop {
            let next = self.next().await;
            if next.cursor.is_empty() {
                return next;
            }
        }
    }

    /// The next event; answers before it are passed over.
    pub async fn event(&mut self) -> ChatMessage {
        loop {
            let next = self.next().await;
            if !next.cursor.is_empty() {
                return next;
            }
        }
    }

    /// All that still comes, and how the stream ends.
    pub async fn rest(&mut self) -> (Vec<ChatMessage>, Result<(), Refused>) {
        let mut said = Vec::new();
        loop {
            match within("the end of a stream", self.inbound.message()).await {
                Ok(Some(message)) => said.push(message),
                Ok(None) => return (said, Ok(())),
                Err(status) => return (said, Err(Refused::of(&status))),
            }
        }
    }

    /// How the stream ends, whatever comes before.
    pub async fn end(&mut self) -> Result<(), Refused> {
        self.rest().await.1
    }
}

impl Refused {
    pub fn of(status: &Status) -> Self {
        let info = status.get_details_error_info().unwrap_or_else(|| panic!("no code: {status:?}"));
        assert_eq!(info.domain, "chatterbox");
        Self { status: status.code(), code: info.reason, more: info.metadata.into_iter().collect() }
    }

    /// The code, and the argument that is at fault.
    pub fn what(&self) -> (&str, &str) {
        (&self.code, self.more.get("field").map_or("", String::as_str))
    }
}

/// A message to somebody.
pub fn to(client: &Client, body: &str) -> ChatMessage {
    ChatMessage {
        to: Some(To::UserId(client.id.clone())),
        body: body.to_owned(),
        ..ChatMessage::default()
    }
}

/// A message into a conversation.
pub fn into(conversation: &str, body: &str) -> ChatMessage {
    ChatMessage {
        to: Some(To::ConversationId(conversation.to_owned())),
        body: body.to_owned(),
        ..ChatMessage::default()
    }
}
