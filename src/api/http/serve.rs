//! Accepts connections, and lets them end in peace.

use std::{io, pin::pin, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::client::Peer;

/// How long a client may take to send the head of a request, and how long a
/// connection may wait for the next one.
pub(in crate::api) const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long a client may leave unacknowledged what it was sent, or have no
/// room for more (`TCP_USER_TIMEOUT`, tcp(7)): the system ends the connection then. So who
/// vanished is found at the next sign of life of a stream.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);
/// How long to wait where the process has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(500);

/// Serves HTTP/1.1 until `stop`: then takes nothing new, lets requests and
/// `sockets` end, and returns once they did, after `drain` at the latest.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    sockets: TaskTracker,
    stop: CancellationToken,
    drain: Duration,
) {
    let connections = accept(listener, &stop, |stream, peer| {
        connection(stream, peer, router.clone(), stop.clone())
    });
    let connections = connections.await;
    sockets.close();
    let ended = async {
        connections.wait().await;
        sockets.wait().await;
    };
    if tokio::time::timeout(drain, ended).await.is_err() {
        let (connections, sockets) = (connections.len(), sockets.len());
        warn!(connections, sockets, "stopped without waiting for the last clients");
    }
}

/// Accepts connections until `stop`, each served by what `serve` gives; returns those that are
/// still open then.
pub(in crate::api) async fn accept<F>(
    listener: TcpListener,
    stop: &CancellationToken,
    serve: impl Fn(TcpStream, Peer) -> F,
) -> TaskTracker
where
    F: Future<Output = ()> + Send + 'static,
{
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, address)) => {
                if let Err(error) = prepare(&stream) {
                    debug!(%error, "could not prepare a connection");
                }
                connections.spawn(serve(stream, Peer(address.ip())));
            }
            Err(error) => refused(&error).await,
        }
    }
    connections.close();
    connections
}

async fn connection(stream: TcpStream, peer: Peer, router: Router, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let serving = http.serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving.with_upgrades());
    let result = tokio::select! {
        result = &mut serving => result,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        debug!(%error, "a connection broke off");
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    SockRef::from(stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    stream.set_nodelay(true)
}

async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        warn!(%error, "could not accept a connection");
        tokio::time::sleep(NO_ROOM).await;
    }
}
