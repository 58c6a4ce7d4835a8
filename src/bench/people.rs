//! Who takes part: people of the sample, whose access tokens are signed with
//! the service's own key, so that they need no account.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use axum::http::HeaderValue;
use chatterbox_graph::sample;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Error, Result,
    client::Client,
    connection::{Address, Connection},
    graph, report,
};
use crate::{
    accounts::{Tokens, Viewer},
    ambient::Ambient,
    app::{Stores, keys},
    config::{Config, PublicUrl},
    ids::UserId,
};

/// How long a token is valid: longer than it is measured.
const TOKEN_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What makes access tokens.
pub(super) struct Signing {
    tokens: Tokens,
    pub(super) ambient: Ambient,
}

impl Signing {
    /// Tokens for the service at `url`, or where the configuration says that
    /// its clients reach it.
    pub(super) fn new(config: &Config, url: &PublicUrl) -> Result<Self> {
        let ambient = Ambient::system();
        let pem = keys::existing(config)?;
        let issuer = config.public_url.as_ref().unwrap_or(url);
        Ok(Self { tokens: Tokens::from_pem(&pem, issuer.as_str(), TOKEN_TTL)?, ambient })
    }

    /// The header of this person, in a session of their own.
    pub(super) fn sign(&self, user: UserId) -> Result<HeaderValue> {
        let viewer = Viewer { user, session: self.ambient.id() };
        let token = self.tokens.sign(viewer, self.ambient.now())?.text;
        let header = HeaderValue::from_str(&format!("Bearer {token}"));
        Ok(header.map_err(crate::error::Error::internal)?)
    }
}

/// Whether the service knows a sample of so many people.
pub(super) async fn known(
    connection: &mut Connection,
    signing: &Signing,
    users: u32,
) -> Result<bool> {
    // They were loaded in this order.
    let last = sample::id(users - 1);
    let body = json!({
        "query": "query ($id: ID!) { node(id: $id) { id } }",
        "variables": { "id": last },
    });
    let answer = connection.ask(&signing.sign(last)?, body.to_string()).await?;
    let answer: Value = serde_json::from_slice(&answer).map_err(crate::error::Error::internal)?;
    Ok(!answer["data"]["node"].is_null())
}

#[derive(Deserialize)]
struct Ready {
    parts: Vec<PartVersion>,
}

#[derive(Deserialize)]
struct PartVersion {
    name: String,
    version: Option<String>,
}

/// The stores of the service and their versions.
pub(super) async fn stores(
    connection: &mut Connection,
    address: &Address,
) -> Result<report::Stores> {
    let Ready { parts } = connection.get("/health/ready").await?;
    let version = |name: &str| {
        let part = parts.iter().find(|part| part.name == name);
        part.and_then(|part| part.version.clone())
    };
    let graph = version("graph").unwrap_or_else(|| "an unknown store".to_owned());
    Ok(report::Stores { sql: version("sql"), graph, url: Some(address.url().to_owned()) })
}

/// The people of the sample, as clients of a running service. Its nodes have
/// them by turns.
pub(super) struct People {
    /// Those of the nodes; one at least.
    pub(super) addresses: Vec<Address>,
    pub(super) signing: Signing,
    pub(super) stores: report::Stores,
    /// A name that no other run has, and how many clients there were in this one.
    run: String,
    clients: AtomicU32,
}

impl People {
    /// Those whom the service knows already, whose nodes are at `urls`: one at
    /// least.
    pub(super) async fn of(config: &Config, urls: &[PublicUrl]) -> Result<Self> {
        let addresses = urls.iter().map(Address::of).collect::<Result<Vec<_>>>()?;
        let signing = Signing::new(config, &urls[0])?;
        let mut connection = Connection::open(&addresses[0]).await?;
        let mut stores = stores(&mut connection, &addresses[0]).await?;
        let all: Vec<_> = addresses.iter().map(Address::url).collect();
        stores.url = Some(all.join(", "));
        let run = signing.ambient.bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { addresses, signing, stores, run, clients: AtomicU32::new(0) })
    }

    /// So many at least: whom the service does not know yet is loaded into the
    /// graph that the configuration names.
    pub(super) async fn at_least(config: &Config, urls: &[PublicUrl], users: u32) -> Result<Self> {
        let people = Self::of(config, urls).await?;
        people.gather(config, users).await?;
        Ok(people)
    }

    /// As [`People::at_least`].
    pub(super) async fn gather(&self, config: &Config, users: u32) -> Result<()> {
        if self.known(users).await? {
            return Ok(());
        }
        // The service has made them.
        let stores = Stores::open_existing(config)?;
        let loaded = graph::load(&*stores.graph, users).await;
        stores.sql.close().await;
        loaded?;
        if self.known(users).await? { Ok(()) } else { Err(Error::OtherStores) }
    }

    /// Whether all nodes know so many.
    async fn known(&self, users: u32) -> Result<bool> {
        for address in &self.addresses {
            if !known(&mut Connection::open(address).await?, &self.signing, users).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Which node has the person of this number.
    pub(super) fn node_of(&self, n: u32) -> usize {
        n as usize % self.addresses.len()
    }

    /// The person of this number, with a connection of their own.
    pub(super) async fn client(&self, n: u32) -> Result<Client> {
        self.client_at(self.node_of(n), sample::id(n)).await
    }

    /// This person, with a connection of their own to the first node.
    pub(super) async fn client_of(&self, user: UserId) -> Result<Client> {
        self.client_at(0, user).await
    }

    /// A connection to the first node.
    pub(super) async fn connection(&self) -> Result<Connection> {
        Connection::open(&self.addresses[0]).await
    }

    async fn client_at(&self, node: usize, user: UserId) -> Result<Client> {
        let connection = Connection::open(&self.addresses[node]).await?;
        let authorization = self.signing.sign(user)?;
        let name = format!("{}-{}", self.run, self.clients.fetch_add(1, Ordering::Relaxed));
        Ok(Client::new(connection, authorization, name))
    }
}
