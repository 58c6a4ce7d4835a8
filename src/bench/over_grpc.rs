//! Senders who speak gRPC. Some share a connection, as calls of one program do.

use axum::http::{HeaderValue, header};
use futures::stream;
use tokio::sync::mpsc;
use tonic::{
    Code, Request, Status, Streaming,
    transport::{Channel, Endpoint},
};

use super::{Error, Result, client::Client};
use crate::{
    api::grpc::generated::{ChatMessage, chat_message::To, chat_service_client::ChatServiceClient},
    config::PublicUrl,
};

/// How many share a connection.
const SHARED: u32 = 32;

/// Where a service speaks gRPC.
pub(super) struct Line {
    url: String,
    streams: bool,
    channel: Option<Channel>,
    callers: u32,
}

impl Line {
    /// That of this URL; each caller sends by calls, or on a stream of their own.
    pub(super) fn to(url: &PublicUrl, streams: bool) -> Self {
        Self { url: url.as_str().to_owned(), streams, channel: None, callers: 0 }
    }

    /// The same person, over gRPC.
    pub(super) async fn caller(&mut self, client: Client) -> Result<GrpcClient> {
        let (authorization, name) = client.into_parts();
        let mut stub = ChatServiceClient::new(self.channel().await?);
        let way = if self.streams {
            let (outbound, mut said) = mpsc::unbounded_channel();
            let said = stream::poll_fn(move |cx| said.poll_recv(cx));
            let opened = stub.send_messages_grpc(signed(said, &authorization)).await;
            Way::Stream {
                outbound,
                inbound: opened.map_err(|status| refused(&status))?.into_inner(),
            }
        } else {
            Way::Calls(stub)
        };
        Ok(GrpcClient { way, authorization, name, sent: 0 })
    }

    async fn channel(&mut self) -> Result<Channel> {
        let unreachable = |error: tonic::transport::Error| Error::Unreachable {
            url: self.url.clone(),
            source: error.into(),
        };
        if self.callers.is_multiple_of(SHARED) {
            let endpoint = Endpoint::from_shared(self.url.clone()).map_err(unreachable)?;
            let endpoint = endpoint.tcp_nodelay(true);
            self.channel = Some(endpoint.connect().await.map_err(unreachable)?);
        }
        self.callers += 1;
        let none = || crate::error::Error::internal("there is no connection");
        Ok(self.channel.clone().ok_or_else(none)?)
    }
}

/// Somebody who is signed in and speaks gRPC.
pub(super) struct GrpcClient {
    way: Way,
    authorization: HeaderValue,
    name: String,
    sent: u64,
}

enum Way {
    Calls(ChatServiceClient<Channel>),
    Stream { outbound: mpsc::UnboundedSender<ChatMessage>, inbound: Streaming<ChatMessage> },
}

impl GrpcClient {
    /// Sends a message and waits until it is durable.
    pub(super) async fn say(&mut self, conversation: &str, text: &str) -> Result<()> {
        self.sent += 1;
        let message = ChatMessage {
            to: Some(To::ConversationId(conversation.to_owned())),
            body: text.to_owned(),
            key: format!("{}-{}", self.name, self.sent),
            ..ChatMessage::default()
        };
        match &mut self.way {
            Way::Calls(stub) => {
                let answered = stub.send_message(signed(message, &self.authorization)).await;
                answered.map(drop).map_err(|status| refused(&status))
            }
            Way::Stream { outbound, inbound } => {
                // Where it has ended, that comes in.
                let _sent = outbound.send(message);
                answer(inbound).await
            }
        }
    }
}

/// Waits for the answer; events come between.
async fn answer(inbound: &mut Streaming<ChatMessage>) -> Result<()> {
    loop {
        let next = inbound.message().await.map_err(|status| refused(&status))?;
        let next = next.ok_or_else(|| Error::Closed("the stream has ended".to_owned()))?;
        match next.failure {
            Some(failure) => {
                return Err(Error::Answered(format!("{}: {}", failure.code, failure.message)));
            }
            None if next.cursor.is_empty() => return Ok(()),
            None => {}
        }
    }
}

fn signed<T>(message: T, authorization: &HeaderValue) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().as_mut().insert(header::AUTHORIZATION, authorization.clone());
    request
}

fn refused(status: &Status) -> Error {
    match status.code() {
        Code::Unauthenticated => Error::NotAccepted,
        code => Error::Answered(format!("{code:?}: {}", status.message())),
    }
}
