//! The graph as clients see it: over the API of a running service.
//!
//! Access tokens are signed with the service's own key, so that those of the
//! sample need no account.

use std::{sync::Arc, time::Duration};

use axum::http::HeaderValue;
use chatterbox_graph::sample::{self, Draws, Sample};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Error, Result,
    callers::Caller,
    connection::{Address, Connection},
    questions::{self, Asking, Crowd, HOPS, PAGE, Target},
    report::Report,
};
use crate::{
    accounts::{Tokens, Viewer},
    ambient::Ambient,
    app::keys,
    cli::{GraphBench, Question},
    config::{Config, PublicUrl},
};

/// How long a token is valid: longer than it is measured.
const TOKEN_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many of a crowd ask. Their tokens are signed before it is measured.
const VIEWERS: usize = 4_096;

/// Measures; returns what is to be printed.
pub(super) async fn measure(
    config: &Config,
    bench: &GraphBench,
    url: &PublicUrl,
) -> Result<String> {
    let mut wanted = questions::wanted(bench);
    wanted.retain(|question| query(*question).is_some());
    if wanted.is_empty() {
        return Err(Error::NoQuestion);
    }
    let address = Address::of(url)?;
    let mut connection = Connection::open(&address).await?;
    let issuer = config.public_url.as_ref().unwrap_or(url);
    let signing = Signing::new(config, issuer)?;
    // They were loaded in this order.
    look_for(&mut connection, &signing, bench.users).await?;
    let graph = version(&mut connection).await?;
    let service = Service::new(address, &signing, Sample::new(bench.users))?;
    let lines = questions::ask(&service, &wanted, bench).await?;
    Report::new(graph, Some(url), bench, lines).print(bench)
}

/// What is asked; `None` where the API has no such question. Those about
/// somebody name them `$id`.
fn query(question: Question) -> Option<String> {
    Some(match question {
        Question::Friends => format!(
            "{{ viewer {{ friends(first: {PAGE}) {{ nodes {{ id username displayName }} \
             pageInfo {{ hasNextPage endCursor }} totalCount }} }} }}"
        ),
        Question::MutualFriends => format!(
            "query ($id: ID!) {{ node(id: $id) {{ ... on User {{ mutualFriends(first: {PAGE}) \
             {{ nodes {{ id username displayName }} pageInfo {{ hasNextPage endCursor }} \
             totalCount }} }} }} }}"
        ),
        Question::Suggestions => format!(
            "{{ viewer {{ suggestions(first: {PAGE}) {{ user {{ id username displayName }} \
             mutualFriendCount sharedGroupCount }} }} }}"
        ),
        Question::Distance => format!(
            "query ($id: ID!) {{ node(id: $id) {{ ... on User {{ distance(max: {HOPS}) }} }} }}"
        ),
        Question::Reach => return None,
    })
}

async fn look_for(connection: &mut Connection, signing: &Signing, users: u32) -> Result<()> {
    let last = users - 1;
    let body = json!({
        "query": "query ($id: ID!) { node(id: $id) { id } }",
        "variables": { "id": sample::id(last) },
    });
    let answer = connection.ask(&signing.sign(last)?, body.to_string()).await?;
    let answer: Value = serde_json::from_slice(&answer).map_err(crate::error::Error::internal)?;
    if answer["data"]["node"].is_null() { Err(Error::NotLoaded(users)) } else { Ok(()) }
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

/// The store of the service's graph and its version.
async fn version(connection: &mut Connection) -> Result<String> {
    let Ready { parts } = connection.get("/health/ready").await?;
    let graph = parts.into_iter().find(|part| part.name == "graph");
    Ok(graph.and_then(|part| part.version).unwrap_or_else(|| "an unknown store".to_owned()))
}

/// What makes access tokens.
struct Signing {
    tokens: Tokens,
    ambient: Ambient,
}

impl Signing {
    fn new(config: &Config, issuer: &PublicUrl) -> Result<Self> {
        let ambient = Ambient::system();
        let pem = keys::signing_key(config, &ambient)?;
        Ok(Self { tokens: Tokens::from_pem(&pem, issuer.as_str(), TOKEN_TTL)?, ambient })
    }

    /// The header of the person with this number, in a session of their own.
    fn sign(&self, n: u32) -> Result<HeaderValue> {
        let viewer = Viewer { user: sample::id(n), session: self.ambient.id() };
        let token = self.tokens.sign(viewer, self.ambient.now())?.text;
        let header = HeaderValue::from_str(&format!("Bearer {token}"));
        Ok(header.map_err(crate::error::Error::internal)?)
    }
}

/// People of a crowd, each with the header that shows who they are.
type Viewers = Arc<[(u32, HeaderValue)]>;

struct Service {
    address: Address,
    anyone: Viewers,
    hubs: Viewers,
}

impl Service {
    fn new(address: Address, signing: &Signing, sample: Sample) -> Result<Self> {
        let viewers = |crowd: Crowd| -> Result<Viewers> {
            let mut draws = Draws::seeded(u64::MAX);
            let numbers = (0..VIEWERS).map(|_| crowd.draw(sample, &mut draws));
            numbers.map(|n| Ok((n, signing.sign(n)?))).collect()
        };
        Ok(Self { address, anyone: viewers(Crowd::Anyone)?, hubs: viewers(Crowd::Hubs)? })
    }
}

impl Target for Service {
    type Caller = ApiCaller;

    async fn caller(&self, asking: Asking, draws: Draws) -> Result<ApiCaller> {
        let viewers = match asking.crowd {
            Crowd::Anyone => self.anyone.clone(),
            Crowd::Hubs => self.hubs.clone(),
        };
        let query = query(asking.question).ok_or(Error::NoQuestion)?;
        let connection = Connection::open(&self.address).await?;
        Ok(ApiCaller { connection, viewers, query, asking, draws })
    }
}

struct ApiCaller {
    connection: Connection,
    viewers: Viewers,
    query: String,
    asking: Asking,
    draws: Draws,
}

impl Caller for ApiCaller {
    async fn call(&mut self) -> Result<()> {
        let Self { connection, viewers, query, asking, draws } = self;
        let (viewer, authorization) = &viewers[draws.below(VIEWERS as u32) as usize];
        let other = sample::id(asking.other(*viewer, draws));
        let body = json!({ "query": query, "variables": { "id": other } });
        connection.ask(authorization, body.to_string()).await.map(drop)
    }
}
