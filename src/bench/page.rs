//! Reading: the newest page of a conversation, with senders and reactions.

use std::sync::Arc;

use axum::http::HeaderValue;
use chatterbox_graph::sample::Draws;
use futures::future::BoxFuture;
use serde::Serialize;

use super::{
    Benchmark, Error, Result,
    callers::{self, Caller},
    connection::Connection,
    history::{self, Reader},
    people::People,
    report::{Findings, Report, Table, Times, count, each},
};
use crate::{app::Stores, cli::PageBench, config::Config};

/// How many messages a page has.
pub(super) const PAGE: u32 = 50;
/// How many people read, at most, each a conversation. Their tokens are
/// signed before it is measured.
const READERS: usize = 4_096;

impl Benchmark for PageBench {
    fn run(self, config: Config) -> BoxFuture<'static, Result<String>> {
        Box::pin(async move {
            let stores = Stores::open_existing(&config)?;
            let measured = measure(&config, &self, &stores).await;
            stores.sql.close().await;
            measured
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pages {
    /// How many messages the store has.
    stored: u64,
    callers: u32,
    seconds: f64,
    pages: u64,
    per_second: f64,
    #[serde(flatten)]
    times: Times,
}

async fn measure(config: &Config, bench: &PageBench, stores: &Stores) -> Result<String> {
    let people = People::of(config, bench.running.urls()).await?;
    let (sql, _) = stores.sql.connections();
    if let Some(messages) = bench.load {
        history::load(config, &people, &sql, messages).await?;
    }
    let readers = readers(&people, &history::readers(&sql, PAGE).await?)?;
    let mut callers = Vec::new();
    for n in 0..bench.callers {
        let connection = people.connection().await?;
        let draws = Draws::seeded(n.into());
        callers.push(PageCaller { connection, readers: readers.clone(), draws });
    }
    let waits = callers::measure_shown("reading", callers, bench.seconds).await?;
    let found = Pages {
        stored: history::stored(&sql).await?,
        callers: bench.callers,
        seconds: bench.seconds,
        pages: waits.times.len(),
        per_second: each(waits.times.len(), waits.lasted.as_secs_f64()),
        times: Times::of(&waits.times),
    };
    Report::new(people.stores, found).print(bench.running.json)
}

/// Who is asked as, and the whole question.
type Question = (HeaderValue, String);

/// Some of those who can read a whole page.
fn readers(people: &People, all: &[Reader]) -> Result<Arc<[Question]>> {
    if all.is_empty() {
        return Err(Error::NothingToRead);
    }
    let query = format!(
        "query ($id: ID!) {{ conversation(id: $id) {{ messages(last: {PAGE}) {{ nodes {{ \
         id seq body sentAt editedAt sender {{ id username displayName avatarUrl }} \
         reactions {{ emoji count viewerReacted }} }} \
         pageInfo {{ hasPreviousPage startCursor }} }} }} }}"
    );
    let mut draws = Draws::seeded(u64::MAX);
    let some = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let drawn = (0..all.len().min(READERS)).map(|_| &all[draws.below(some) as usize]);
    let questions = drawn.map(|Reader { user, conversation }| {
        let variables = serde_json::json!({ "id": conversation });
        let body = serde_json::json!({ "query": query, "variables": variables });
        Ok((people.signing.sign(*user)?, body.to_string()))
    });
    questions.collect()
}

struct PageCaller {
    connection: Connection,
    readers: Arc<[Question]>,
    draws: Draws,
}

impl Caller for PageCaller {
    async fn call(&mut self) -> Result<()> {
        let some = u32::try_from(self.readers.len()).unwrap_or(u32::MAX);
        let (authorization, body) = &self.readers[self.draws.below(some) as usize];
        let answer = self.connection.ask(authorization, body.clone()).await?;
        let messages = memchr::memmem::find_iter(&answer, b"\"seq\":").count();
        if messages == PAGE as usize { Ok(()) } else { Err(Error::ShortPage(messages)) }
    }
}

impl Findings for Pages {
    fn how(&self) -> String {
        let Self { stored, callers, seconds, .. } = self;
        let (stored, callers) = (count(*stored), count(*callers));
        format!(
            "pages of {PAGE} out of {stored} messages, for {seconds} s, \
             by {callers} at the same time,"
        )
    }

    fn table(&self) -> Table {
        let titles = [&["per second"][..], &Times::TITLES].concat();
        let figures = [format!("{:.0}", self.per_second)];
        Table::new(&[], &titles).line(figures.into_iter().chain(self.times.cells()))
    }
}
