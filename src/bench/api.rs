//! The graph as clients see it: over the API of a running service.

use std::sync::Arc;

use axum::http::HeaderValue;
use chatterbox_graph::sample::{self, Draws, Sample};
use serde_json::json;

use super::{
    Error, Result,
    callers::Caller,
    connection::{Address, Connection},
    people::{self, Signing},
    questions::{self, Asking, Crowd, HOPS, PAGE, Target},
    report::{Report, Stores},
};
use crate::{
    cli::{GraphBench, Question},
    config::{Config, PublicUrl},
};

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
    let signing = Signing::new(config, url)?;
    if !people::known(&mut connection, &signing, bench.users).await? {
        return Err(Error::NotLoaded(bench.users));
    }
    let stores = Stores { sql: None, ..people::stores(&mut connection, &address).await? };
    let service = Service::new(address, &signing, Sample::new(bench.users))?;
    let asked = questions::ask(&service, &wanted, bench).await?;
    Report::new(stores, asked).print(bench.json)
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
            numbers.map(|n| Ok((n, signing.sign(sample::id(n))?))).collect()
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
