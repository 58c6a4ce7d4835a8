//! How often people may do what costs others something.
//!
//! Counted on each node for itself, in memory, by the generic cell rate
//! algorithm: after a rest so many may come at once, and each is given back
//! after its share of the time. What is refused is not counted. What has to
//! outlive a restart is counted by [`crate::accounts`] in a store.

mod rate;

use std::{borrow::Cow, hash::Hash, sync::Arc, time::Duration};

use governor::{
    RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};
use moka::sync::Cache;

pub use self::rate::{Bursts, Rate};
use crate::{
    accounts::{Client, Viewer},
    ambient::Ambient,
    error::{Error, Result},
    ids::UserId,
};

/// How often each may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations of a user, or of a client where nobody is signed in.
    pub requests: Bursts,
    /// Messages that a user sends.
    pub messages: Bursts,
    /// All else that a user changes.
    pub changes: Bursts,
    /// Accounts that a client registers.
    pub registrations: Bursts,
    /// Mails that anybody asks for, to one address; and those to new addresses
    /// that a user asks for.
    pub mails: Rate,
    /// Failed sign-ins with one login.
    pub sign_in_tries: Rate,
    /// Failed sign-ins of a client.
    pub sign_in_tries_of_client: Rate,
}

/// Who sends a request, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// Somebody who is signed in, wherever they are.
    User(UserId),
    /// Whoever is there.
    Client(Client),
}

impl Sender {
    /// Who sends from this client: the viewer, where somebody is signed in.
    #[must_use]
    pub fn of(client: Client, viewer: Option<Viewer>) -> Self {
        viewer.map_or(Self::Client(client), |viewer| Self::User(viewer.user))
    }
}

/// Counts what is done, and refuses what is done too often.
#[derive(Clone)]
pub struct Rates(Option<Arc<Counters>>);

struct Counters {
    requests: Counter<Sender>,
    messages: Counter<UserId>,
    changes: Counter<UserId>,
    registrations: Counter<Client>,
}

/// # Errors
///
/// Each refuses with [`Error::RateLimited`], and with nothing else.
impl Rates {
    /// Counts against `limits`; refuses nothing without.
    #[must_use]
    pub fn new(limits: Option<&Limits>, ambient: &Ambient) -> Self {
        Self(limits.map(|limits| {
            Arc::new(Counters {
                requests: Counter::new("requests", limits.requests, ambient),
                messages: Counter::new("messages", limits.messages, ambient),
                changes: Counter::new("changes", limits.changes, ambient),
                registrations: Counter::new("registrations", limits.registrations, ambient),
            })
        }))
    }

    /// One more operation.
    pub fn request(&self, sender: Sender) -> Result<()> {
        self.counted(|counters| counters.requests.count(&sender))
    }

    /// One more message.
    pub fn message(&self, user: UserId) -> Result<()> {
        self.counted(|counters| counters.messages.count(&user))
    }

    /// One more change of another kind.
    pub fn change(&self, user: UserId) -> Result<()> {
        self.counted(|counters| counters.changes.count(&user))
    }

    /// One more account.
    pub fn registration(&self, from: Client) -> Result<()> {
        self.counted(|counters| counters.registrations.count(&from))
    }

    fn counted(&self, count: impl FnOnce(&Counters) -> Result<()>) -> Result<()> {
        self.0.as_deref().map_or(Ok(()), count)
    }
}

/// The refusal of what was done too often, which is counted: `limit` is its
/// name in the metrics, `what` names it for people, `wait` is the time until
/// it may be done again.
#[must_use]
pub fn refused(limit: &'static str, what: impl Into<Cow<'static, str>>, wait: Duration) -> Error {
    metrics::counter!("chatterbox_rate_limited_total", "limit" => limit).increment(1);
    Error::rate_limited(what, wait)
}

/// By what something is counted.
trait Key: Copy + Hash + Eq + Send + Sync + 'static {}

impl<K: Copy + Hash + Eq + Send + Sync + 'static> Key for K {}

/// Counts one kind of thing for each key.
struct Counter<K: Key> {
    name: &'static str,
    allowed: Bursts,
    limiter: RateLimiter<K, States<K>, Time, NoOpMiddleware<Duration>>,
}

impl<K: Key> Counter<K> {
    fn new(name: &'static str, allowed: Bursts, ambient: &Ambient) -> Self {
        let quota = allowed.quota();
        let states = States::new(quota.burst_size_replenished_in());
        Self { name, allowed, limiter: RateLimiter::new(quota, states, Time(ambient.clone())) }
    }

    fn count(&self, key: &K) -> Result<()> {
        self.limiter.check_key(key).map_err(|early| {
            let wait = early.wait_time_from(self.limiter.clock().now());
            let what = format!("too many {}: at most {}", self.name, self.allowed.in_words());
            refused(self.name, what, wait)
        })
    }
}

/// What was counted for each key. One that rests until all is given back is
/// forgotten, and of too many those that come seldom.
struct States<K>(Cache<K, Arc<InMemoryState>>);

impl<K: Key> States<K> {
    /// How many keys are remembered; each takes some 200 bytes.
    const CAPACITY: u64 = 50_000;

    fn new(rest: Duration) -> Self {
        Self(Cache::builder().max_capacity(Self::CAPACITY).time_to_idle(rest).build())
    }
}

impl<K: Key> StateStore for States<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let state = self.0.get_with(*key, Arc::default);
        state.measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

/// The clock that was handed in, from its epoch.
struct Time(Ambient);

impl Clock for Time {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.now().0).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
