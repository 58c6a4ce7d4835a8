//! Speaks HTTP/2 with those who connect, with or without TLS.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use axum::{Router, http::Response};
use futures::TryFutureExt;
use hyper::{Request, body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::either::Either;
use tonic::{
    Code as StatusCode, Status, body::Body, codegen::Service as _, server::NamedService,
    service::Routes,
};
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder as Reflection;
use tracing::{debug, warn};

use super::{
    CONNECTION_CALLS, GrpcParts, Tls,
    call::count,
    errors::{Refusal, misread, name},
    generated::{DESCRIPTORS, chat_service_server::ChatServiceServer},
    health::Health,
    service::Chat,
};
use crate::{
    api::http::{
        BODY_LIMIT, TRACE_HEADER,
        client::Peer,
        request::mark,
        serve::{HEAD_TIME, accept},
    },
    error::{Error, Result},
    telemetry::TraceId,
};

/// How much of a stream waits here for a caller that does not read, in bytes.
const SEND_BUFFER: usize = 64 * 1024;

/// All that is served over gRPC.
#[derive(Clone)]
pub struct Service {
    parts: Arc<GrpcParts>,
    chat: ChatServiceServer<Chat>,
    /// Health and reflection.
    others: Router,
    tls: Option<Tls>,
}

impl Service {
    /// Puts it together; encrypted with `tls`, else not.
    ///
    /// # Errors
    ///
    /// A defect, where the descriptors that were generated can't be read.
    pub fn new(parts: GrpcParts, tls: Option<Tls>) -> Result<Self> {
        let parts = Arc::new(parts);
        let reflection = || {
            Reflection::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let others = Routes::new(HealthServer::new(Health(parts.clone())))
            .add_service(reflection().build_v1().map_err(Error::internal)?)
            .add_service(reflection().build_v1alpha().map_err(Error::internal)?)
            .prepare()
            .into_axum_router();
        let chat =
            ChatServiceServer::new(Chat(parts.clone())).max_decoding_message_size(BODY_LIMIT);
        Ok(Self { parts, chat, others, tls })
    }

    /// Serves until the service is told to stop: then takes nothing new, lets calls end, and
    /// returns once they did, after `drain` at the latest.
    pub async fn serve(self, listener: TcpListener, drain: Duration) {
        let stop = self.parts.stop.clone();
        let connections =
            accept(listener, &stop, |stream, peer| self.clone().connection(stream, peer)).await;
        if timeout(drain, connections.wait()).await.is_err() {
            let connections = connections.len();
            warn!(connections, "stopped without waiting for the last gRPC clients");
        }
    }

    async fn connection(self, stream: TcpStream, peer: Peer) {
        match timeout(HEAD_TIME, self.greet(stream)).await {
            Ok(Ok(stream)) => self.converse(stream, peer).await,
            Ok(Err(error)) => debug!(%error, "a gRPC client was not understood"),
            Err(_) => debug!("a gRPC client says nothing"),
        }
    }

    /// Waits for the client's first words.
    async fn greet(&self, stream: TcpStream) -> io::Result<impl AsyncReadWrite> {
        match &self.tls {
            Some(tls) => tls.acceptor().accept(stream).await.map(Either::Left),
            None => stream.readable().await.map(|()| Either::Right(stream)),
        }
    }

    async fn converse(self, stream: impl AsyncReadWrite, peer: Peer) {
        let (ping, stop) = (self.parts.times.ping, self.parts.stop.clone());
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .keep_alive_interval(ping)
            .keep_alive_timeout(ping)
            .max_concurrent_streams(CONNECTION_CALLS)
            .max_send_buf_size(SEND_BUFFER);
        let service = service_fn(move |mut request| {
            request.extensions_mut().insert(peer);
            self.clone().call(request)
        });
        let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service));
        let result = tokio::select! {
            result = &mut serving => result,
            () = stop.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = result {
            debug!(%error, "a gRPC connection broke off");
        }
    }

    async fn call(mut self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let Some(method) = method(request.uri().path()) else {
            return self.others.call(request).map_ok(|answer| answer.map(Body::new)).await;
        };
        let answer = self.chat.call(request).await?;
        Ok(self.explained(method, answer))
    }

    /// The answer, which says by a code of ours and with a trace id what tonic has refused before
    /// the call began.
    fn explained(&self, method: &'static str, answer: Response<Body>) -> Response<Body> {
        if answer.headers().contains_key(TRACE_HEADER) {
            return answer;
        }
        let Some(status) = Status::from_header_map(answer.headers()) else { return answer };
        let trace = TraceId::new(&self.parts.ambient);
        let mut explained = match status.code() {
            StatusCode::OutOfRange | StatusCode::Internal => {
                Refusal::Told(misread(&status)).into_status(&trace)
            }
            _ => status,
        };
        mark(explained.metadata_mut().as_mut(), &trace);
        count(method, name(explained.code()));
        explained.into_http()
    }
}

/// The method of `ChatService` that this path names, for the metrics; nothing where it names
/// another service.
fn method(path: &str) -> Option<&'static str> {
    let own = path.strip_prefix('/')?.strip_prefix(ChatServiceServer::<Chat>::NAME)?;
    Some(match own.strip_prefix('/')? {
        "SendMessage" => "SendMessage",
        "StreamMessage" => "StreamMessage",
        "SendMessagesGRPC" => "SendMessagesGRPC",
        _ => "unknown",
    })
}

/// What is read from and written to.
trait AsyncReadWrite: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> AsyncReadWrite for T {}
