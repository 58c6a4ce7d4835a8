//! Connections that break when they are told to.

use std::{
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex},
};

use rand::{RngExt, rngs::StdRng};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
};
use url::Url;

/// Stands before a server and passes on what comes, until it is dropped.
pub struct Proxy {
    pub address: SocketAddr,
    way: watch::Sender<Way>,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    accepting: AbortHandle,
}

/// What becomes of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// Nothing comes through, and nobody is told.
    Held,
    /// All end at once.
    Shut,
}

impl Proxy {
    /// Listens on a port of its own.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<Mutex<Vec<AbortHandle>>>::default();
        let way = watch::Sender::new(Way::Open);
        let accepting = accept(listener, server, way.subscribe(), connections.clone());
        let accepting = tokio::spawn(accepting).abort_handle();
        Self { address, way, connections, accepting }
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

    /// Nobody is there any more, until it is open again.
    pub fn shut(&self) {
        self.way.send_replace(Way::Shut);
    }

    /// Nothing comes through, as by a wire that was cut, until it is open again.
    pub fn hold(&self) {
        self.way.send_replace(Way::Held);
    }

    /// Passes on what comes.
    pub fn open(&self) {
        self.way.send_replace(Way::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.connections.lock().unwrap().iter().for_each(AbortHandle::abort);
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    way: watch::Receiver<Way>,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let passing = tokio::spawn(pass(client, server, way.clone())).abort_handle();
        let mut connections = connections.lock().unwrap();
        connections.retain(|connection| !connection.is_finished());
        connections.push(passing);
    }
}

/// Nobody answers where the server is away.
async fn pass(mut client: TcpStream, server: SocketAddr, mut way: watch::Receiver<Way>) {
    if *way.borrow() == Way::Shut {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let mut passing = pin!(copy_bidirectional(&mut client, &mut server));
    loop {
        let now = *way.borrow_and_update();
        if now == Way::Shut {
            return;
        }
        tokio::select! {
            // It ends like this for both sides.
            _broken = &mut passing, if now == Way::Open => return,
            changed = way.changed() => if changed.is_err() { return },
        }
    }
}
