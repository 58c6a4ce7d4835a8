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
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::client::Peer;

/// How long a client may take to send the head of a request, and how long a
/// connection may wait for the next one.
const HEAD_TIME: Duration = Duration::from_secs(30);
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
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, address)) => {
                let peer = Peer(address.ip());
                connections.spawn(connection(stream, peer, router.clone(), stop.clone()));
            }
            Err(error) => refused(&error).await,
        }
    }
    drop(listener);
    connections.close();
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

async fn connection(stream: TcpStream, peer: Peer, router: Router, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "could not send without delay");
    }
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

async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        warn!(%error, "could not accept a connection");
        tokio::time::sleep(NO_ROOM).await;
    }
}
