//! A real server on a free port, with a small schema of its own.

mod compression;
mod graphql;
mod older;
mod pages;
mod persisted;
mod socket;
mod sockets;
mod stopping;
mod streams;

use std::{
    future::pending,
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_graphql::{Context, Error as Refusal, ErrorExtensions, Object, Schema, Subscription};
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

use super::*;
use crate::{error::Error, ids::SessionId, telemetry::TraceId};

/// The token that [`Server::start`] takes.
const TOKEN: &str = "good";
static VIEWER: LazyLock<Viewer> = LazyLock::new(|| {
    let ambient = Ambient::system();
    Viewer { user: ambient.id(), session: ambient.id() }
});

/// What the resolvers did.
#[derive(Default)]
struct Seen {
    bumps: AtomicUsize,
    floods: AtomicUsize,
    feeds: AtomicUsize,
    prepared: AtomicUsize,
    waits: AtomicUsize,
    /// How many waited at the same time at most.
    most_waits: AtomicUsize,
    pokes: AtomicUsize,
    poke: Notify,
}

type TestSchema = Schema<QueryRoot, MutationRoot, SubscriptionRoot>;

struct QueryRoot;
struct MutationRoot;
struct SubscriptionRoot;

#[Object]
impl QueryRoot {
    async fn one(&self) -> i32 {
        1
    }

    async fn plus(&self, a: i32, b: i32) -> i32 {
        a + b
    }

    async fn viewer(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        match (ctx.data_opt::<Viewer>(), ctx.data_opt::<BadToken>()) {
            (Some(viewer), None) => Ok(viewer.user.to_string()),
            (None, bad) => {
                Err(coded("UNAUTHENTICATED", if bad.is_some() { "bad" } else { "none" }))
            }
            (Some(_), Some(_)) => Err(Refusal::new("both")),
        }
    }

    async fn trace(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        Ok(ctx.data::<TraceId>()?.to_string())
    }

    async fn panic(&self) -> i32 {
        panicking()
    }

    async fn large(&self, ctx: &Context<'_>, mebibytes: usize) -> async_graphql::Result<String> {
        ctx.data::<Arc<Seen>>()?.floods.fetch_add(1, Ordering::SeqCst);
        Ok("x".repeat(mebibytes * 1024 * 1024))
    }

    async fn wait(&self, ctx: &Context<'_>, millis: u64) -> bool {
        let _counted = ctx.data_opt::<Arc<Seen>>().map(|seen| Wait::begin(seen.clone()));
        tokio::time::sleep(Duration::from_millis(millis)).await;
        true
    }
}

#[Object]
impl MutationRoot {
    async fn bump(&self, ctx: &Context<'_>) -> async_graphql::Result<usize> {
        Ok(ctx.data::<Arc<Seen>>()?.bumps.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// Counts while it exists.
struct Wait(Arc<Seen>);

impl Wait {
    fn begin(seen: Arc<Seen>) -> Self {
        let waits = seen.waits.fetch_add(1, Ordering::SeqCst) + 1;
        seen.most_waits.fetch_max(waits, Ordering::SeqCst);
        Self(seen)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.waits.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts while it exists.
struct Feed(Arc<Seen>);

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.feeds.fetch_sub(1, Ordering::SeqCst);
    }
}

#[Subscription]
impl SubscriptionRoot {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    /// Says 1, then nothing.
    async fn feed(&self, ctx: &Context<'_>) -> async_graphql::Result<impl Stream<Item = i32>> {
        let seen = ctx.data::<Arc<Seen>>()?.clone();
        seen.feeds.fetch_add(1, Ordering::SeqCst);
        let feed = Feed(seen);
        Ok(stream::iter([1]).chain(stream::once(async move {
            let _feed = feed;
            pending::<i32>().await
        })))
    }

    /// 16 KiB at a time, without end.
    async fn flood(&self, ctx: &Context<'_>) -> async_graphql::Result<impl Stream<Item = String>> {
        let seen = ctx.data::<Arc<Seen>>()?.clone();
        Ok(stream::repeat_with(move || {
            seen.floods.fetch_add(1, Ordering::SeqCst);
            "x".repeat(16 * 1024)
        }))
    }

    /// Goes on each time that it is poked, and says nothing.
    async fn poked(&self, ctx: &Context<'_>) -> async_graphql::Result<impl Stream<Item = i32>> {
        let seen = ctx.data::<Arc<Seen>>()?.clone();
        Ok(stream::once(async move {
            loop {
                seen.poke.notified().await;
                seen.pokes.fetch_add(1, Ordering::SeqCst);
            }
        }))
    }

    async fn refused(&self) -> async_graphql::Result<stream::Empty<i32>> {
        Err(coded("CURSOR_EXPIRED", "too old"))
    }

    async fn slow(&self) -> impl Stream<Item = async_graphql::Result<i32>> {
        stream::iter([Ok(1), Err(coded(SLOW_CONSUMER, "behind"))])
    }

    async fn panics(&self) -> impl Stream<Item = i32> {
        stream::iter([1, 2]).map(|n| if n == 2 { panicking() } else { n })
    }
}

fn panicking() -> i32 {
    panic!("as asked")
}

fn coded(code: &'static str, message: &str) -> Refusal {
    Refusal::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// A server, until it is dropped.
struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
    ended: EndedSessions,
    /// The sockets and streams that are open.
    streams: TaskTracker,
    /// What the parts know of stopping.
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut HttpParts<TestSchema>)) -> Self {
        let stop = CancellationToken::new();
        Self::stopped_by(stop.clone(), stop, change).await
    }

    /// `stop` is what the parts know, `closing` ends the accepting.
    async fn stopped_by(
        stop: CancellationToken,
        closing: CancellationToken,
        change: impl FnOnce(&mut HttpParts<TestSchema>),
    ) -> Self {
        let seen = Arc::<Seen>::default();
        let schema = Schema::build(QueryRoot, MutationRoot, SubscriptionRoot).data(seen.clone());
        let executor = schema.finish();
        let ambient = Ambient::system();
        let metrics = Metrics::install().expect("metrics");
        let counted = seen.clone();
        let mut parts = HttpParts {
            sdl: executor.sdl().into(),
            executor,
            documents: Documents::default(),
            operations: Operations::default(),
            lines: Lines::default(),
            feeds: Arc::new(NoFeeds),
            prepare: Arc::new(move |request, _| {
                counted.prepared.fetch_add(1, Ordering::SeqCst);
                request
            }),
            authenticate: Arc::new(|token| match token {
                TOKEN => Ok(*VIEWER),
                _ => Err(Error::Unauthenticated),
            }),
            ended: EndedSessions::default(),
            online: Online::new(ambient.clone()),
            ambient,
            health: Vec::new(),
            metrics,
            keys: Arc::new(|| json!({ "keys": [] })),
            allowed_origins: vec!["https://web.example".parse().expect("an origin")],
            https: false,
            trusted_proxies: Vec::new(),
            request_times: RequestTimes::default(),
            socket_times: SocketTimes::default(),
            stop: stop.clone(),
            sockets: TaskTracker::new(),
        };
        change(&mut parts);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (ended, streams) = (parts.ended.clone(), parts.sockets.clone());
        let patience = Duration::from_secs(5);
        let serving = serve(listener, router(parts), streams.clone(), closing, patience);
        Self { address, seen, ended, streams, stop, serving: tokio::spawn(serving) }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        client().get(self.url(path)).send().await.expect("an answer")
    }

    fn post(&self, body: &Value) -> reqwest::RequestBuilder {
        client().post(self.url("/graphql")).json(body)
    }

    async fn query(&self, query: &str) -> Value {
        read(self.post(&json!({ "query": query }))).await.1
    }

    fn session(&self) -> SessionId {
        VIEWER.session
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.build().expect("a client")
}

/// The status and the body.
async fn read(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

/// The code of the first error.
fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

/// Waits until `done`, for 20 seconds at most.
async fn until(done: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen in time");
}

/// Shares nothing.
pub struct NoFeeds;

impl Feeds for NoFeeds {
    fn open(&self, request: Request, _viewer: Viewer, plainly: Plainly, _line: Line) -> Payloads {
        plainly(request).map(Payload::Own).boxed()
    }
}
