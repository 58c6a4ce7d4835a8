//! Several nodes that tell each other by a bus what happens, and act as one.

mod audience;
mod bus;
mod crossing;
mod members;
mod passing;
mod sessions;
mod start;
mod vanished;

use std::{net::SocketAddr, path::PathBuf};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    proxy::Proxy,
    support::{
        Client, eventually,
        process::Process,
        stores::{StoreUrls, required},
    },
    town::{OPTIONS, Town},
};

/// Nodes on the same stores, with connections that can be cut.
pub struct Cluster {
    pub town: Town,
    /// What lies before and behind each node, the first of which is the town's own service.
    pub gates: Vec<Gates>,
    others: Vec<Process>,
    /// What all of them are told, beside where the bus is.
    options: Vec<String>,
    folder: tempfile::TempDir,
}

/// What lies between a node and all that it is connected with.
pub struct Gates {
    pub clients: Proxy,
    /// SQL first, then the graph; none where they are embedded.
    pub stores: Vec<Proxy>,
    /// Where there is more than one node.
    pub bus: Option<Proxy>,
}

/// Where a node finds what it needs.
struct Through {
    stores: StoreUrls,
    bus: Option<String>,
    gates: (Vec<Proxy>, Option<Proxy>),
}

impl Through {
    async fn new(stores: &StoreUrls, with_bus: bool) -> Self {
        let (mut through, mut proxies) = (stores.clone(), Vec::new());
        for url in [&mut through.sql, &mut through.graph].into_iter().flatten() {
            let (proxy, by) = Proxy::before_url(url).await;
            proxies.push(proxy);
            *url = by;
        }
        let (mut bus, mut to_bus) = (None, None);
        if with_bus {
            let (proxy, url) = Proxy::before_url(&required("CHATTERBOX_TEST_BUS_URL")).await;
            (bus, to_bus) = (Some(url), Some(proxy));
        }
        Self { stores: through, bus, gates: (proxies, to_bus) }
    }

    fn options<'a>(&'a self, shared: &'a [String]) -> Vec<&'a str> {
        let bus = self.bus.iter().flat_map(|url| ["--bus-url", url]);
        shared.iter().map(String::as_str).chain(bus).collect()
    }

    async fn gates(self, service: SocketAddr) -> Gates {
        let (stores, bus) = self.gates;
        Gates { clients: Proxy::before(service).await, stores, bus }
    }
}

impl Gates {
    pub fn sql(&self) -> &Proxy {
        &self.stores[0]
    }

    pub fn bus(&self) -> &Proxy {
        self.bus.as_ref().unwrap()
    }
}

impl Cluster {
    /// Three nodes on the servers.
    pub async fn start() -> Self {
        Self::of(StoreUrls::servers().await, 3).await
    }

    /// So many nodes, which start at the same time; one alone has no bus.
    pub async fn of(stores: StoreUrls, nodes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Vec::new();
        if nodes > 1 {
            let key = signing_key(&folder).to_str().unwrap().to_owned();
            options = vec!["--signing-key-file".to_owned(), key];
        }
        let through = Through::new(&stores, nodes > 1).await;
        let (by, shared) = (through.stores.clone(), through.options(&options));
        let town = Town::new(stores, by, &[], &shared);
        // Each takes the tokens of the first.
        let public = format!("http://{}", town.service.address);
        options.extend(["--public-url".to_owned(), public]);
        let gates = vec![through.gates(town.service.address).await];
        let mut cluster = Self { town, gates, others: Vec::new(), options, folder };
        for _ in 1..nodes {
            cluster.add().await;
        }
        (0..nodes).for_each(|node| cluster.service(node).spawn());
        for node in 0..nodes {
            cluster.service(node).ready().await;
        }
        cluster
    }

    /// Starts one more node; returns which, once it is ready.
    pub async fn join(&mut self) -> usize {
        self.add().await;
        let node = self.gates.len() - 1;
        self.service(node).restart().await;
        node
    }

    async fn add(&mut self) {
        let through = Through::new(&self.town.stores, true).await;
        let data = self.folder.path().join(format!("node{}", self.gates.len()));
        let options = [OPTIONS, &through.options(&self.options)].concat();
        let node = Process::new(&[], data, through.stores.clone(), &options);
        self.gates.push(through.gates(node.address).await);
        self.others.push(node);
    }

    pub fn service(&mut self, node: usize) -> &mut Process {
        match node.checked_sub(1) {
            None => &mut self.town.service,
            Some(other) => &mut self.others[other],
        }
    }

    /// Where clients find the nodes, beginning with this one.
    pub fn nodes_from(&self, node: usize) -> Vec<SocketAddr> {
        let all = self.gates.iter().map(|gates| gates.clients.address);
        all.clone().cycle().skip(node % self.gates.len()).take(self.gates.len()).collect()
    }

    /// The same person, at a node.
    pub fn at(&self, node: usize, client: &Client) -> Client {
        Client { address: self.gates[node].clients.address, ..client.clone() }
    }

    /// Waits until each of these nodes says that it is that.
    async fn are(&self, nodes: impl IntoIterator<Item = usize>, status: &str) {
        join_all(nodes.into_iter().map(|node| async move {
            let url = format!("http://{}/health/ready", self.gates[node].clients.address);
            eventually(&format!("node {node} to be {status}"), || async {
                let answer = reqwest::get(&url).await.ok()?;
                let code = answer.status();
                let answer: Value = answer.json().await.ok()?;
                assert_eq!(code == 200, answer["status"] != "unavailable", "{answer}");
                (answer["status"] == status).then_some(())
            })
            .await;
        }))
        .await;
    }

    pub async fn end(self) {
        let Self { town, gates, others, folder, .. } = self;
        drop((others, gates));
        town.end().await;
        folder.close().unwrap();
    }
}

fn signing_key(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("key.pem");
    let made = std::process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    path
}

/// The conversation of two who have talked.
async fn talk(of: &Client, with: &Client) -> String {
    let query = "query ($name: String!) { user(username: $name) { directConversation { id } } }";
    let data = of.data(query, json!({ "name": with.username })).await;
    data["user"]["directConversation"]["id"].as_str().unwrap().to_owned()
}
