//! Where the service is reached.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tracing::info;

use crate::{
    demo,
    error::{Error, Result},
};

/// What takes connections, and where.
pub(super) async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await;
    let wrong = |error| Error::Start(format!("can't listen on {address}: {error}"));
    let listener = listener.map_err(wrong)?;
    let listening = listener.local_addr().map_err(wrong)?;
    Ok((listener, listening))
}

/// Says in the log where what is served.
pub(super) fn announce(url: &str, http: SocketAddr, grpc: Option<SocketAddr>, with_demo: bool) {
    info!(listening = %http, "listening");
    if let Some(grpc) = grpc {
        info!(listening = %grpc, "listening for gRPC");
    }
    info!("GraphQL    {url}/graphql");
    info!("playground {url}/playground");
    info!("web page   {url}/");
    if with_demo {
        let names = demo::usernames().collect::<Vec<_>>().join(", ");
        info!("the demo town: sign in as {names}; password: {}", demo::PASSWORD);
    }
}
