//! The calls of `ChatService`.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use tonic::{Request, Response, Status, Streaming};

use super::{
    GrpcParts, LAST_CURSOR,
    call::Call,
    errors::Refusal,
    exchange::Exchange,
    generated::{ChatMessage, ChatMessageResponse, chat_service_server::ChatService},
};
use crate::{
    accounts::Viewer,
    api::codes::Code,
    error::{Error, Result as Outcome},
    live::Cursor,
};

/// The service.
pub(super) struct Chat(pub(super) Arc<GrpcParts>);

#[tonic::async_trait]
impl ChatService for Chat {
    type SendMessagesGRPCStream = BoxStream<'static, Result<ChatMessage, Status>>;

    async fn send_message(
        &self,
        request: Request<ChatMessage>,
    ) -> Result<Response<ChatMessageResponse>, Status> {
        let Self(parts) = self;
        let call = Call::begin("SendMessage", &request, &parts.ambient);
        let work = async {
            let viewer = parts.viewer(&request)?;
            let sent = parts.send(viewer.user, request.into_inner()).await?;
            Ok(ChatMessageResponse { kept: 1, last: Some(sent), ..Default::default() })
        };
        call.answer(Some(parts.times.call), work).await
    }

    async fn stream_message(
        &self,
        request: Request<Streaming<ChatMessage>>,
    ) -> Result<Response<ChatMessageResponse>, Status> {
        let Self(parts) = self;
        let call = Call::begin("StreamMessage", &request, &parts.ambient);
        let work = async {
            let viewer = parts.viewer(&request)?;
            let mut inbound = request.into_inner();
            tokio::select! {
                biased;
                refusal = over(parts, viewer) => Err(refusal),
                answer = parts.send_all(viewer.user, &mut inbound) => Ok(answer),
            }
        };
        call.answer(None, work).await
    }

    async fn send_messages_grpc(
        &self,
        request: Request<Streaming<ChatMessage>>,
    ) -> Result<Response<Self::SendMessagesGRPCStream>, Status> {
        let Self(parts) = self;
        let mut call = Call::begin("SendMessagesGRPC", &request, &parts.ambient);
        match self.follow(&call, request).await {
            Ok(exchange) => Ok(call.begin_answer(()).map(|()| exchange.into_stream(call))),
            Err(refusal) => Err(call.refuse(refusal)),
        }
    }
}

impl Chat {
    async fn follow(
        &self,
        call: &Call,
        request: Request<Streaming<ChatMessage>>,
    ) -> Result<Exchange, Refusal> {
        let parts = self.0.clone();
        let viewer = parts.viewer(&request)?;
        let after = last_cursor(&request)?;
        let late = call.late();
        let over = over(&parts, viewer);
        let over = async move {
            tokio::select! {
                biased;
                refusal = over => refusal,
                () = late => Refusal::TooLate,
            }
        };
        let subscription = parts.hub.subscribe(viewer.user, after, None).await?;
        Ok(Exchange::new(parts, viewer.user, over.boxed(), request.into_inner(), subscription))
    }
}

/// Returns, with the reason, once whatever the viewer does here has to end.
fn over(parts: &GrpcParts, viewer: Viewer) -> BoxFuture<'static, Refusal> {
    let (stop, session) = (parts.stop.clone(), parts.ended.open(viewer.session));
    let over = async move {
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                let message = "the service is about to stop: come back with the last cursor";
                Refusal::new(Code::Unavailable, message)
            }
            () = session.ended() => {
                Refusal::new(Code::Unauthenticated, "the session has ended")
            }
        }
    };
    over.boxed()
}

fn last_cursor<T>(request: &Request<T>) -> Outcome<Option<Cursor>> {
    let Some(given) = request.metadata().get(LAST_CURSOR) else { return Ok(None) };
    let parsed = given.to_str().ok().and_then(|text| Cursor::parse(text).ok());
    parsed.map(Some).ok_or_else(|| Error::invalid(LAST_CURSOR, "is not a cursor of a message"))
}
