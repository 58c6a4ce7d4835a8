//! Senders who speak gRPC. Some share a connection, as calls of one program do.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{HeaderValue, header};
use futures::stream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;
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
    /// How many messages wait on each stream, where those are spoken on.
    window: Option<u32>,
    channel: Option<Channel>,
    callers: u32,
}

impl Line {
    /// That of this URL; each caller sends by calls, or on a stream of their own with as many
    /// messages under way.
    pub(super) fn to(url: &PublicUrl, window: Option<u32>) -> Self {
        Self { url: url.as_str().to_owned(), window, channel: None, callers: 0 }
    }

    /// The same person, over gRPC: once for each message that they have under way.
    pub(super) async fn callers(&mut self, client: Client) -> Result<Vec<GrpcClient>> {
        let (authorization, name) = client.into_parts();
        let stub = ChatServiceClient::new(self.channel().await?);
        let Some(window) = self.window else {
            return Ok(vec![GrpcClient { way: Way::Calls(stub), authorization, name, sent: 0 }]);
        };
        let talk = Arc::new(Talk::open(stub, &authorization).await?);
        let callers = (0..window).map(|n| GrpcClient {
            way: Way::Stream(talk.clone()),
            authorization: authorization.clone(),
            name: format!("{name}-{n}"),
            sent: 0,
        });
        Ok(callers.collect())
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
    Stream(Arc<Talk>),
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
            Way::Stream(talk) => talk.say(message).await,
        }
    }
}

/// A stream on which several messages may be under way. They are answered in their order.
struct Talk {
    waiting: Arc<Mutex<Waiting>>,
    _listening: AbortOnDropHandle<()>,
}

struct Waiting {
    outbound: mpsc::UnboundedSender<ChatMessage>,
    answers: VecDeque<oneshot::Sender<Result<()>>>,
}

impl Talk {
    async fn open(
        mut stub: ChatServiceClient<Channel>,
        authorization: &HeaderValue,
    ) -> Result<Self> {
        let (outbound, mut said) = mpsc::unbounded_channel();
        let said = stream::poll_fn(move |cx| said.poll_recv(cx));
        let opened = stub.send_messages_grpc(signed(said, authorization)).await;
        let inbound = opened.map_err(|status| refused(&status))?.into_inner();
        let waiting = Arc::new(Mutex::new(Waiting { outbound, answers: VecDeque::new() }));
        let listening = tokio::spawn(listen(inbound, waiting.clone()));
        Ok(Self { waiting, _listening: AbortOnDropHandle::new(listening) })
    }

    async fn say(&self, message: ChatMessage) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.answers.push_back(answer);
            // Where the stream has ended nobody answers.
            let _sent = waiting.outbound.send(message);
        }
        answered.await.unwrap_or_else(|_| Err(Error::Closed("the stream has ended".to_owned())))
    }
}

/// Hands answers to those who wait for them; events come between.
async fn listen(mut inbound: Streaming<ChatMessage>, waiting: Arc<Mutex<Waiting>>) {
    loop {
        let next = inbound.message().await;
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, goes_on) = match next {
            Ok(Some(message)) if !message.cursor.is_empty() => continue,
            Ok(Some(ChatMessage { failure: None, .. })) => (Ok(()), true),
            Ok(Some(ChatMessage { failure: Some(failure), .. })) => {
                (Err(Error::Answered(format!("{}: {}", failure.code, failure.message))), true)
            }
            Ok(None) => (Err(Error::Closed("the stream has ended".to_owned())), false),
            Err(status) => (Err(refused(&status)), false),
        };
        if let Some(first) = waiting.answers.pop_front() {
            let _gone = first.send(answer);
        }
        if !goes_on {
            waiting.answers.clear();
            return;
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
