//! `ChatService` over gRPC, as `proto/chatterbox/chat/v1/chat.proto` promises
//! it, beside the standard services of health and reflection.

mod call;
mod errors;
mod exchange;
pub mod generated;
mod health;
mod send;
mod serve;
mod service;
mod tls;
mod wire;

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

pub use self::{
    serve::Service,
    tls::{BadTls, Tls},
};
use super::http::Part;
use crate::{
    accounts::Accounts,
    ambient::Ambient,
    live::{EndedSessions, Hub, Online},
    messaging::{ConversationStore, Conversations},
    rates::Rates,
};

/// The metadata that says where a stream goes on: the `cursor` of the last message that was
/// handled.
pub const LAST_CURSOR: &str = "last-cursor";
/// How many calls may run on one connection at a time; more of them wait for their turn.
pub const CONNECTION_CALLS: u32 = 100;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A call that sends one message: then it is UNAVAILABLE.
    pub call: Duration,
    /// Between two pings on a connection. One whose client does not answer within the same time
    /// counts as broken.
    pub ping: Duration,
    /// Between two looks at the service's health, for who watches it.
    pub look: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(30),
            ping: Duration::from_secs(15),
            look: Duration::from_secs(5),
        }
    }
}

/// What the gRPC side is made of.
#[derive(Clone)]
pub struct GrpcParts {
    /// Tells who an access token was made out to.
    pub accounts: Accounts,
    /// Sends messages.
    pub conversations: Conversations,
    /// Reads of conversations.
    pub history: Arc<dyn ConversationStore>,
    /// The live events.
    pub hub: Hub,
    /// Those who have a stream open.
    pub online: Online,
    /// The sessions that ended: their streams end.
    pub ended: EndedSessions,
    /// Refuses what is done too often.
    pub rates: Rates,
    /// The clock and the randomness.
    pub ambient: Ambient,
    /// What the service's health depends on.
    pub health: Vec<Part>,
    /// Proxies that are believed where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// How long things may take.
    pub times: Times,
    /// Cancelled when the service is to stop.
    pub stop: CancellationToken,
}
