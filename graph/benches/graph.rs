//! How fast the stores answer: `cargo bench -p chatterbox-graph`.
//!
//! SQLite keeps the sample in files that are made for it and taken away again.
//! Neo4j is the one at `CHATTERBOX_TEST_GRAPH_URL`; the sample stays there.
//! `bare` is the same statement without the port, by the driver alone.
#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on has failed")]
#![expect(clippy::print_stderr, reason = "what is left out is said")]

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, OnceLock},
};

use chatterbox_graph::{
    FriendsOf, Graph, MutualFriendsOf, PathBetween, SuggestionsFor, UserId,
    neo4j::Neo4jGraph,
    sample::{self, Draws, Sample},
    sqlite::{Readers, SqliteGraph},
};
use divan::Bencher;
use sqlx::{
    AnyPool, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const FEW: u32 = 10_000;
const MANY: u32 = 100_000;
const PAGE: usize = 20;
const HOPS: u8 = 6;
/// How often it is asked before anything counts: Neo4j compiles what is hot.
const WARM_UP: usize = 500;
const NEO4J_URL: &str = "CHATTERBOX_TEST_GRAPH_URL";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

static SQLITE_FEW: LazyLock<Arc<dyn Graph>> = LazyLock::new(|| on_sqlite(FEW));
static SQLITE_MANY: LazyLock<Arc<dyn Graph>> = LazyLock::new(|| on_sqlite(MANY));
static NEO4J: LazyLock<Arc<dyn Graph>> = LazyLock::new(|| {
    let graph = RUNTIME.block_on(async { Neo4jGraph::connect(&neo4j_url().unwrap()) });
    loaded(graph.unwrap(), FEW)
});

fn main() {
    let folder = TempDir::new().unwrap();
    FOLDER.set(folder.path().to_owned()).unwrap();
    if neo4j_url().is_none() {
        eprintln!("without Neo4j: {NEO4J_URL} is not set");
    }
    // Pools are opened in its context.
    let _context = RUNTIME.enter();
    divan::main();
}

/// A store, and how many people are in it.
#[derive(Clone, Copy, Debug)]
enum Store {
    Sqlite(u32),
    Neo4j,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(users) => write!(f, "SQLite, {users}"),
            Self::Neo4j => write!(f, "Neo4j, {FEW}"),
        }
    }
}

impl Store {
    fn all() -> Vec<Self> {
        let mut all = vec![Self::Sqlite(FEW), Self::Sqlite(MANY)];
        all.extend(Self::servers());
        all
    }

    fn servers() -> Option<Self> {
        neo4j_url().map(|_| Self::Neo4j)
    }

    fn graph(self) -> Arc<dyn Graph> {
        match self {
            Self::Sqlite(FEW) => SQLITE_FEW.clone(),
            Self::Sqlite(_) => SQLITE_MANY.clone(),
            Self::Neo4j => NEO4J.clone(),
        }
    }

    fn sample(self) -> Sample {
        match self {
            Self::Sqlite(users) => Sample::new(users),
            Self::Neo4j => Sample::new(FEW),
        }
    }
}

fn neo4j_url() -> Option<String> {
    std::env::var(NEO4J_URL).ok()
}

fn on_sqlite(users: u32) -> Arc<dyn Graph> {
    sqlx::any::install_default_drivers();
    let file = FOLDER.get().unwrap().join(format!("{users}.db"));
    loaded(SqliteGraph::new(pool(&file, 1), Readers::kept(pool(&file, 4))), users)
}

/// A pool as the service opens it.
fn pool(file: &Path, connections: u32) -> AnyPool {
    let options: AnyConnectOptions = format!("sqlite:{}?mode=rwc", file.display()).parse().unwrap();
    AnyPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection
                    .execute(
                        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                         PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                         PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;",
                    )
                    .await?;
                Ok(())
            })
        })
        .connect_lazy_with(options)
}

fn loaded(graph: impl Graph, users: u32) -> Arc<dyn Graph> {
    RUNTIME.block_on(async {
        graph.migrate().await.unwrap();
        for part in Sample::new(users).parts() {
            graph.load(&part.people, &part.ties).await.unwrap();
        }
    });
    Arc::new(graph)
}

/// Somebody, and whom they ask about.
type Two = (UserId, UserId);

/// Somebody, and somebody anywhere.
fn anyone(sample: Sample, draws: &mut Draws) -> Two {
    (sample::id(sample.anyone(draws)), sample::id(sample.anyone(draws)))
}

/// Somebody, and somebody of their neighbourhood.
fn neighbours(sample: Sample, draws: &mut Draws) -> Two {
    let viewer = sample.anyone(draws);
    (sample::id(viewer), sample::id(sample.neighbour(viewer, draws)))
}

/// Somebody with 1,000 friends, and somebody anywhere.
fn hubs(sample: Sample, draws: &mut Draws) -> Two {
    (sample::id(sample.hub(draws)), sample::id(sample.anyone(draws)))
}

/// Asks about two at a time, whom `draw` draws, after it was asked for a while.
fn ask<A, F: Future<Output = A>>(
    bencher: Bencher<'_, '_>,
    store: Store,
    draw: fn(Sample, &mut Draws) -> Two,
    ask: impl Fn(Two) -> F,
) {
    let mut draws = Draws::seeded(0);
    let mut two = || draw(store.sample(), &mut draws);
    for _ in 0..WARM_UP {
        RUNTIME.block_on(ask(two()));
    }
    bencher.with_inputs(two).bench_local_values(|two| RUNTIME.block_on(ask(two)));
}

fn friends_of((viewer, _): Two) -> [FriendsOf; 1] {
    [FriendsOf { viewer, query: None, limit: PAGE, after: None }]
}

fn suggestions_for((viewer, _): Two) -> [SuggestionsFor; 1] {
    [SuggestionsFor { viewer, limit: PAGE }]
}

#[divan::bench(args = Store::all(), sample_count = 500)]
fn friends(bencher: Bencher<'_, '_>, store: Store) {
    let graph = &*store.graph();
    ask(bencher, store, anyone, async |two| graph.friends(&friends_of(two)).await.unwrap());
}

#[divan::bench(args = Store::all(), sample_count = 500)]
fn friends_of_hubs(bencher: Bencher<'_, '_>, store: Store) {
    let graph = &*store.graph();
    ask(bencher, store, hubs, async |two| graph.friends(&friends_of(two)).await.unwrap());
}

#[divan::bench(args = Store::all(), sample_count = 500)]
fn mutual_friends(bencher: Bencher<'_, '_>, store: Store) {
    let graph = &*store.graph();
    ask(bencher, store, neighbours, async |(viewer, other)| {
        let asked = MutualFriendsOf { viewer, other, limit: PAGE, after: None };
        graph.mutual_friends(&[asked]).await.unwrap()
    });
}

#[divan::bench(args = Store::all(), sample_count = 500)]
fn suggestions(bencher: Bencher<'_, '_>, store: Store) {
    let graph = &*store.graph();
    ask(bencher, store, anyone, async |two| {
        graph.suggestions(&suggestions_for(two)).await.unwrap()
    });
}

#[divan::bench(args = Store::all(), sample_count = 200)]
fn suggestions_for_hubs(bencher: Bencher<'_, '_>, store: Store) {
    let graph = &*store.graph();
    ask(bencher, store, hubs, async |two| graph.suggestions(&suggestions_for(two)).await.unwrap());
}

#[divan::bench(args = Store::all(), sample_count = 500)]
fn distance(bencher: Bencher<'_, '_>, store: Store) {
    let graph = &*store.graph();
    ask(bencher, store, anyone, async |(viewer, other)| {
        graph.paths(&[PathBetween { viewer, other, max: HOPS }]).await.unwrap()
    });
}

#[divan::bench(args = Store::all(), sample_count = 500)]
fn reach(bencher: Bencher<'_, '_>, store: Store) {
    let graph = &*store.graph();
    ask(bencher, store, anyone, async |two| graph.reach(&[two]).await.unwrap());
}

mod bare {
    //! The statements without the port, with the parameters that it gives.

    use neo4rs::{BoltMap, BoltType, ConfigBuilder, Query};
    use url::Url;

    use super::*;

    /// Made once the sample is there.
    static DRIVER: LazyLock<neo4rs::Graph> = LazyLock::new(|| {
        let _sample = Store::Neo4j.graph();
        let url = Url::parse(&neo4j_url().unwrap()).unwrap();
        let address = format!("bolt://{}:{}", url.host_str().unwrap(), url.port().unwrap_or(7687));
        let config = ConfigBuilder::new()
            .uri(address)
            .user(url.username())
            .password(url.password().unwrap())
            .fetch_size(500)
            .build()
            .unwrap();
        RUNTIME.block_on(async { neo4rs::Graph::connect(config) }).unwrap()
    });

    /// Asks one question, a map, with a limit where the statement takes one.
    fn question<const N: usize>(
        cypher: &str,
        entries: [(&str, BoltType); N],
        limit: usize,
    ) -> Query {
        let place = ("place", BoltType::from(0));
        let entries = entries.into_iter().chain([place]).map(|(key, value)| (key.into(), value));
        let asked: BoltType = [BoltType::Map(entries.collect::<BoltMap>())].into_iter().collect();
        Query::new(cypher.to_owned()).param("asked", asked).param("limit", limit as i64)
    }

    async fn answer(driver: &neo4rs::Graph, query: Query) {
        let mut rows = driver.execute(query).await.unwrap();
        while rows.next().await.unwrap().is_some() {}
    }

    fn text(id: UserId) -> BoltType {
        id.to_string().into()
    }

    #[divan::bench(args = Store::servers(), sample_count = 500)]
    fn friends(bencher: Bencher<'_, '_>, store: Store) {
        let driver = &*DRIVER;
        let cypher = include_str!("../../cypher/lists/friends.cypher");
        let entries = |viewer| [("viewer", text(viewer)), ("after", "".into())];
        ask(bencher, store, anyone, |(viewer, _)| {
            answer(driver, question(cypher, entries(viewer), PAGE + 1))
        });
    }

    #[divan::bench(args = Store::servers(), sample_count = 500)]
    fn mutual_friends(bencher: Bencher<'_, '_>, store: Store) {
        let driver = &*DRIVER;
        let cypher = include_str!("../../cypher/lists/mutual_friends.cypher");
        let limit = BoltType::from(PAGE as i64 + 1);
        ask(bencher, store, neighbours, |(viewer, other)| {
            let (viewer, other) = (("viewer", text(viewer)), ("other", text(other)));
            let entries = [viewer, other, ("after", "".into()), ("limit", limit.clone())];
            answer(driver, question(cypher, entries, 0))
        });
    }

    #[divan::bench(args = Store::servers(), sample_count = 500)]
    fn suggestions(bencher: Bencher<'_, '_>, store: Store) {
        let driver = &*DRIVER;
        let cypher = include_str!("../../cypher/suggestions/rank.cypher");
        ask(bencher, store, anyone, |(viewer, _)| {
            answer(driver, question(cypher, [("viewer", text(viewer))], PAGE))
        });
    }

    #[divan::bench(args = Store::servers(), sample_count = 500)]
    fn distance(bencher: Bencher<'_, '_>, store: Store) {
        let driver = &*DRIVER;
        let cypher = include_str!("../../cypher/paths/shortest.cypher");
        ask(bencher, store, anyone, |(viewer, other)| {
            answer(driver, question(cypher, [("viewer", text(viewer)), ("other", text(other))], 0))
        });
    }

    #[divan::bench(args = Store::servers(), sample_count = 500)]
    fn reach(bencher: Bencher<'_, '_>, store: Store) {
        let driver = &*DRIVER;
        let cypher = include_str!("../../cypher/settings/reach.cypher");
        ask(bencher, store, anyone, |(viewer, other)| {
            answer(driver, question(cypher, [("from", text(viewer)), ("to", text(other))], 0))
        });
    }
}
