//! Connections that break when they are told to.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rand::{RngExt, rngs::StdRng};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use url::Url;

/// Stands before a server and passes on what comes, until it is dropped.
pub struct Proxy {
    pub address: SocketAddr,
    pub server: SocketAddr,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    accepting: AbortHandle,
}

impl Proxy {
    /// Listens on a port of its own.
    pub async fn before(server: SocketAddr) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), server).await
    }

    /// The same, on a port that was used before.
    pub async fn at(address: SocketAddr, server: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<Mutex<Vec<AbortHandle>>>::default();
        let accepting = tokio::spawn(accept(listener, server, connections.clone())).abort_handle();
        Self { address, server, connections, accepting }
    }

    /// One before the server of this URL, and the URL by which to go through it.
    pub async fn before_url(url: &str) -> (Self, String) {
        let mut url = Url::parse(url).unwrap();
        let host = url.host_str().unwrap();
        let server = tokio::net::lookup_host((host, url.port().unwrap())).await.unwrap().next();
        let proxy = Self::before(server.unwrap()).await;
        url.set_host(Some(&proxy.address.ip().to_string())).unwrap();
        url.set_port(Some(proxy.address.port())).unwrap();
        (proxy, url.into())
    }

    /// Cuts some of the connections, or all, and returns how many.
    pub fn cut(&self, random: &mut StdRng) -> usize {
        let all = random.random_bool(0.5);
        let mut connections = self.connections.lock().unwrap();
        connections.retain(|connection| !connection.is_finished());
        let before = connections.len();
        connections.retain(|connection| {
            let spared = !all && random.random_bool(0.5);
            if !spared {
                connection.abort();
            }
            spared
        });
        before - connections.len()
    }
}

impl Proxy {
    /// Nobody is there any more.
    pub fn close(&self) {
        self.accepting.abort();
        self.connections.lock().unwrap().iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.close();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let passing = tokio::spawn(pass(client, server)).abort_handle();
        connections.lock().unwrap().push(passing);
    }
}

/// Nobody answers where the server is away.
async fn pass(mut client: TcpStream, server: SocketAddr) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    // It ends like this for both sides.
    let _broken = copy_bidirectional(&mut client, &mut server).await;
}
