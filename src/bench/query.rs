//! What the API adds: a page of friends with their last chats, through HTTP
//! and read from the stores as the API reads them.

use std::sync::Arc;

use axum::http::HeaderValue;
use chatterbox_graph::{
    FriendsOf, Graph,
    sample::{Draws, Sample},
};
use futures::{future::BoxFuture, try_join};
use serde::Serialize;
use tokio::runtime::{Handle, Runtime};

use super::{
    Benchmark, Error, Result,
    callers::{self, Caller},
    client::Client,
    connection::Connection,
    people::People,
    progress,
    report::{Findings, Report, Table, Times, count, each},
};
use crate::{
    ambient::Ambient,
    app::Stores,
    cli::QueryBench,
    config::Config,
    ids::{ConversationId, UserId},
    live::{InProcessBus, Online, Presences},
    messaging::{ConversationStore, ReadingStore},
    sql::Sql,
};

/// How many friends a page has.
const PAGE: usize = 20;
/// How many people read, at most, and how many are looked at for them at once.
const READERS: usize = 64;
const LOOKED_AT: u32 = 500;
const QUERY: &str = "query Friends { viewer { friends(first: 20) { \
     edges { since lastChattedAt node { id username displayName avatarUrl \
     presence { online lastSeenAt } \
     directConversation { id unreadCount lastMessage { id seq body sentAt } } } } \
     pageInfo { hasNextPage endCursor } totalCount } } }";

impl Benchmark for QueryBench {
    fn run(self, config: Config) -> BoxFuture<'static, Result<String>> {
        Box::pin(async move {
            let people = People::at_least(&config, self.running.urls(), self.users).await?;
            let stores = Stores::open_existing(&config)?;
            let threads = Runtime::new().map_err(crate::error::Error::internal)?;
            let measured = measure(&people, &self, &stores, threads.handle()).await;
            stores.sql.close().await;
            threads.shutdown_background();
            measured
        })
    }
}

/// What was read through.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Through {
    Stores,
    Api,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pages {
    through: Through,
    callers: u32,
    pages: u64,
    per_second: f64,
    #[serde(flatten)]
    times: Times,
}

#[derive(Serialize)]
struct Queried {
    users: u32,
    seconds: f64,
    pages: Vec<Pages>,
    /// What the API adds for one caller, at each quantile.
    added: Times,
}

/// Reads from the stores on threads like those of the service: what they cost each other by
/// waking up is not what the API adds.
async fn measure(
    people: &People,
    bench: &QueryBench,
    stores: &Stores,
    threads: &Handle,
) -> Result<String> {
    let direct = Direct::of(stores, people.signing.ambient.clone());
    let readers = direct.readers(bench.users).await?;
    chat(people, &direct, &readers).await?;
    let mut questions = Vec::with_capacity(readers.len());
    for reader in &readers {
        questions.push(people.signing.sign(*reader)?);
    }
    let (readers, questions): (Arc<[_]>, Arc<[_]>) = (readers.into(), questions.into());
    let body: Arc<str> = serde_json::json!({ "query": QUERY }).to_string().into();
    let mut pages = Vec::new();
    for callers in [1, bench.callers] {
        let draws = |n: u32| Draws::seeded(n.into());
        let read = (0..callers).map(|n| DirectCaller {
            direct: direct.clone(),
            readers: readers.clone(),
            draws: draws(n),
        });
        pages.push(Pages::read(Through::Stores, read.collect(), bench, threads).await?);
        let mut asked = Vec::new();
        for n in 0..callers {
            let connection = people.connection().await?;
            let (questions, body) = (questions.clone(), body.clone());
            asked.push(ApiCaller { connection, questions, body, draws: draws(n) });
        }
        pages.push(Pages::read(Through::Api, asked, bench, &Handle::current()).await?);
    }
    let added = pages[1].times.beyond(&pages[0].times);
    let QueryBench { users, seconds, .. } = *bench;
    let found = Queried { users, seconds, pages, added };
    Report::new(people.stores.clone(), found).print(bench.running.json)
}

/// Sees to it that each of them has chatted with each friend on their page.
async fn chat(people: &People, direct: &Direct, readers: &[UserId]) -> Result<()> {
    let bar = progress(readers.len() as u64);
    bar.set_message("chatting");
    for reader in readers {
        let silent = direct.silent(*reader).await?;
        if !silent.is_empty() {
            let mut client: Client = people.client_of(*reader).await?;
            for conversation in silent {
                client.say(&conversation.direct().to_string(), "See you at seven.").await?;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// The stores, read as the API reads them.
#[derive(Clone)]
struct Direct {
    graph: Arc<dyn Graph>,
    sql: Arc<Sql>,
    presences: Presences,
    ambient: Ambient,
}

impl Direct {
    fn of(stores: &Stores, ambient: Ambient) -> Self {
        let (graph, sql) = (stores.graph.clone(), Arc::new(stores.sql.clone()));
        let (online, bus) = (Online::new(ambient.clone()), Arc::new(InProcessBus::default()));
        let presences = Presences::new(online, graph.clone(), sql.clone(), bus, ambient.clone());
        Self { graph, sql, presences, ambient }
    }

    /// The first ones who have a whole page of friends.
    async fn readers(&self, users: u32) -> Result<Vec<UserId>> {
        let mut readers = Vec::new();
        let sample = Sample::new(users);
        let mut draws = Draws::seeded(u64::MAX);
        for _ in 0..users / LOOKED_AT {
            let viewers = (0..LOOKED_AT)
                .map(|_| chatterbox_graph::sample::id(sample.anyone(&mut draws)))
                .collect::<std::collections::BTreeSet<_>>();
            let asked: Vec<_> = viewers.iter().map(|viewer| page_of(*viewer)).collect();
            let pages = self.graph.friends(&asked).await?;
            let whole = viewers.iter().zip(pages).filter(|(_, page)| page.items.len() == PAGE);
            readers.extend(whole.map(|(viewer, _)| *viewer));
            if readers.len() >= READERS {
                break;
            }
        }
        readers.truncate(READERS);
        if readers.is_empty() { Err(Error::NoFriends) } else { Ok(readers) }
    }

    /// The page, read as the API reads it: what depends on nothing that is
    /// read at the same time is read together. Returns its conversations, and
    /// how many of them have a last message.
    async fn page(&self, viewer: UserId) -> Result<(Vec<ConversationId>, usize)> {
        let mut pages = self.graph.friends(&[page_of(viewer)]).await?;
        let page = pages.pop().unwrap_or_default();
        let friends: Vec<UserId> = page.items.iter().map(|friend| friend.person.id).collect();
        let talks = async {
            let conversations = self.sql.open_direct(&self.ambient, viewer, &friends).await?;
            let ids: Vec<_> = conversations.values().map(|conversation| conversation.id).collect();
            let (_states, messages) =
                try_join!(self.sql.read_states(viewer, &ids), self.sql.last_messages(&ids))?;
            Ok((ids, messages.len()))
        };
        let (_presences, talks) = try_join!(self.presences.of(viewer, &friends), talks)?;
        Ok(talks)
    }

    /// The conversations on the page in which nothing was said.
    async fn silent(&self, viewer: UserId) -> Result<Vec<ConversationId>> {
        let (ids, _) = self.page(viewer).await?;
        let messages = self.sql.last_messages(&ids).await?;
        Ok(ids.into_iter().filter(|id| !messages.contains_key(id)).collect())
    }
}

fn page_of(viewer: UserId) -> FriendsOf {
    FriendsOf { viewer, query: None, limit: PAGE, after: None }
}

struct DirectCaller {
    direct: Direct,
    readers: Arc<[UserId]>,
    draws: Draws,
}

impl Caller for DirectCaller {
    async fn call(&mut self) -> Result<()> {
        let viewer = *drawn(&self.readers, &mut self.draws);
        match self.direct.page(viewer).await?.1 {
            PAGE => Ok(()),
            messages => Err(Error::ShortPage(messages)),
        }
    }
}

struct ApiCaller {
    connection: Connection,
    questions: Arc<[HeaderValue]>,
    body: Arc<str>,
    draws: Draws,
}

impl Caller for ApiCaller {
    async fn call(&mut self) -> Result<()> {
        let authorization = drawn(&self.questions, &mut self.draws);
        let answer = self.connection.ask(authorization, self.body.to_string()).await?;
        match memchr::memmem::find_iter(&answer, b"\"seq\":").count() {
            PAGE => Ok(()),
            messages => Err(Error::ShortPage(messages)),
        }
    }
}

fn drawn<'a, T>(some: &'a [T], draws: &mut Draws) -> &'a T {
    &some[draws.below(u32::try_from(some.len()).unwrap_or(u32::MAX)) as usize]
}

impl Pages {
    async fn read<C: Caller>(
        through: Through,
        callers: Vec<C>,
        bench: &QueryBench,
        threads: &Handle,
    ) -> Result<Self> {
        let what = match through {
            Through::Stores => "reading from the stores",
            Through::Api => "reading through the API",
        };
        let number = u32::try_from(callers.len()).unwrap_or(u32::MAX);
        let measuring = threads.spawn(callers::measure_shown(what, callers, bench.seconds));
        let waits = measuring.await.map_err(crate::error::Error::internal)??;
        let pages = waits.times.len();
        Ok(Self {
            through,
            callers: number,
            pages,
            per_second: each(pages, waits.lasted.as_secs_f64()),
            times: Times::of(&waits.times),
        })
    }
}

impl Findings for Queried {
    fn how(&self) -> String {
        let Self { users, seconds, .. } = self;
        let users = count(*users);
        format!(
            "pages of {PAGE} friends with their last chats, of people out of {users}, \
             each for {seconds} s,"
        )
    }

    fn table(&self) -> Table {
        let titles = [&["callers", "per second"][..], &Times::TITLES].concat();
        let mut table = Table::new(&["read from"], &titles);
        for pages in &self.pages {
            let from = match pages.through {
                Through::Stores => "the stores",
                Through::Api => "the API",
            };
            let figures = [count(pages.callers), format!("{:.0}", pages.per_second)];
            let line = [from.to_owned()].into_iter().chain(figures);
            table = table.line(line.chain(pages.times.cells()));
        }
        let added = ["the API adds".to_owned(), "1".to_owned(), String::new()];
        table.line(added.into_iter().chain(self.added.cells()))
    }
}
