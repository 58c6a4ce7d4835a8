//! What is served over HTTP: GraphQL, health, metrics, the schema's text, the
//! public keys and the playground.

pub(super) mod client;
mod close;
mod compression;
mod documents;
mod execution;
mod framing;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod graphql;
mod headers;
mod health;
mod line;
mod measured;
mod metrics;
mod misread;
mod negotiation;
mod operation;
mod origin;
mod pages;
mod payload;
mod persisted;
mod pieces;
mod protocol;
pub(super) mod request;
pub(super) mod running;
pub(super) mod serve;
mod socket;
mod streams;
#[cfg(test)]
mod tests;
mod websocket;
mod wire;

use std::{
    num::NonZeroU32,
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_graphql::{Executor, Request};
use axum::{
    Router,
    http::StatusCode,
    middleware,
    routing::{any, get},
};
use ipnet::IpNet;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    documents::Documents,
    health::{Check, Part, PartReport, Readiness, check_parts},
    line::{Line, Lines, Place},
    measured::Operations,
    payload::{AnyFeeds, Feeds, Payload, Payloads, Plainly},
    request::{BadToken, TRACE_HEADER},
    serve::serve,
    socket::SLOW_CONSUMER,
};
use crate::{
    accounts::Viewer,
    ambient::Ambient,
    config::Origin,
    error::Result,
    live::{EndedSessions, Online},
    telemetry::Metrics,
};

/// The largest body of a request and the largest message on a socket, in bytes.
pub const BODY_LIMIT: usize = 256 * 1024;
/// How many operations of a caller are carried out at a time, wherever they come from; the others
/// wait. An answer that the caller has no room for counts too, unless it is small.
pub const CALLER_PLACES: usize = 16;
/// How many operations one request may carry.
pub const BATCH_LIMIT: usize = 10;
/// How many operations may run on one socket at a time.
pub const SOCKET_OPERATIONS: usize = 100;
/// How many of them are carried out at a time, those included whose answers the client has no
/// room for; the others wait. Subscriptions that wait for something to happen do not count.
pub const SOCKET_PLACES: usize = 8;
/// How many messages a client may send on a socket each second, on average;
/// the WebSocket's own pings and pongs count too.
pub const SOCKET_MESSAGES: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// How many of them may come at once.
pub const SOCKET_BURST: NonZeroU32 = NonZeroU32::new(500).unwrap();

/// Tells who an access token was made out to.
pub type Authenticate = Arc<dyn Fn(&str) -> Result<Viewer> + Send + Sync>;
/// Readies an operation to be executed; called for each, those of a batch and
/// on a socket too.
pub type Prepare = Arc<dyn Fn(Request, Option<Viewer>) -> Request + Send + Sync>;
/// Gives the public keys: RFC 7517, section 5.
pub type Keys = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// How long sockets wait for their clients.
#[derive(Clone, Copy, Debug)]
pub struct SocketTimes {
    /// From the opening until `connection_init` has come.
    pub init: Duration,
    /// Between two pings of the server. A client that gives no sign of life
    /// from one to the next counts as gone, so it is missed for twice as long at most.
    pub ping: Duration,
}

impl Default for SocketTimes {
    fn default() -> Self {
        Self { init: Duration::from_secs(10), ping: Duration::from_secs(15) }
    }
}

impl SocketTimes {
    /// In how many parts the time between two pings is split.
    const BEATS: u32 = 64;

    /// When a socket is pinged next: at the same moments as others, so that
    /// threads wake up for many at once. Never later than [`Self::ping`] from
    /// `now`, and at most a sixty-fourth of it earlier.
    fn ping_after(self, now: Instant) -> Instant {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        let next = now + self.ping;
        let beat = (self.ping / Self::BEATS).as_nanos();
        let beyond = next.duration_since(*BEGUN).as_nanos().checked_rem(beat).unwrap_or_default();
        next - Duration::from_nanos(u64::try_from(beyond).unwrap_or_default())
    }
}

/// How long operations over HTTP may take.
#[derive(Clone, Copy, Debug)]
pub struct RequestTimes {
    /// How long an operation may: then it is UNAVAILABLE. Subscriptions have
    /// no end of their own.
    pub operation: Duration,
    /// Between two signs of life in a stream. A client that has not read for
    /// three of them counts as gone.
    pub heartbeat: Duration,
}

impl Default for RequestTimes {
    fn default() -> Self {
        Self { operation: Duration::from_secs(30), heartbeat: Duration::from_secs(10) }
    }
}

/// What the HTTP side is made of.
#[derive(Clone)]
pub struct HttpParts<E> {
    /// Executes operations.
    pub executor: E,
    /// The documents that were parsed lately.
    pub documents: Documents,
    /// The operations that were seen, for their metrics.
    pub operations: Operations,
    /// Where operations wait until they are carried out.
    pub lines: Lines,
    /// Readies an operation to be executed.
    pub prepare: Prepare,
    /// Serves the subscriptions of many who ask for the same.
    pub feeds: AnyFeeds,
    /// Tells who an access token was made out to.
    pub authenticate: Authenticate,
    /// The sessions that ended: their sockets are closed.
    pub ended: EndedSessions,
    /// Those who have a socket open.
    pub online: Online,
    /// The clock and the randomness.
    pub ambient: Ambient,
    /// What `/health/ready` asks.
    pub health: Vec<Part>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// What `/schema.graphql` shows.
    pub sdl: Arc<str>,
    /// What `/.well-known/jwks.json` shows.
    pub keys: Keys,
    /// Origins besides its own whose pages may use the service.
    pub allowed_origins: Vec<Origin>,
    /// Whether clients reach the service by `https`.
    pub https: bool,
    /// Proxies that are believed where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// How long operations over HTTP may take.
    pub request_times: RequestTimes,
    /// How long sockets wait for their clients.
    pub socket_times: SocketTimes,
    /// Cancelled when the service is to stop.
    pub stop: CancellationToken,
    /// The open sockets, which [`serve`] waits for; each service has its own.
    pub sockets: TaskTracker,
}

/// All that is served over HTTP.
pub fn router<E: Executor>(parts: HttpParts<E>) -> Router {
    let cors = headers::cors(&parts.allowed_origins);
    let https = parts.https;
    let ambient = parts.ambient.clone();
    Router::new()
        .route("/graphql", any(graphql::endpoint::<E>))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready::<E>))
        .route("/metrics", get(metrics::text::<E>))
        .route("/schema.graphql", get(pages::schema::<E>))
        .route("/.well-known/jwks.json", get(pages::keys::<E>))
        .merge(pages::playground())
        .fallback(|| async { request::refusal(StatusCode::NOT_FOUND, "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            request::refusal(StatusCode::METHOD_NOT_ALLOWED, "this method is not served here")
        })
        .with_state(Arc::new(parts))
        .layer(middleware::from_fn(request::catch_panic))
        .layer(compression::layer())
        .layer(cors)
        .layer(middleware::from_fn_with_state(https, headers::complete))
        .layer(middleware::from_fn_with_state(ambient, request::observe))
}
