//! The API as its clients meet it, on both sets of stores.
#![allow(missing_docs, reason = "tests tell their story themselves")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod answers;
mod at_once;
mod attackers;
mod audiences;
mod authorisation;
mod bad_values;
mod blocks;
mod consistency;
mod departures;
mod directory;
mod email_change;
mod friendships;
mod groups;
mod grpc;
mod headers;
mod hostile;
mod http;
mod introspection;
mod lapsing;
mod lists;
mod live;
mod messages;
mod metrics;
mod nodes;
mod presence;
mod profile;
mod rates;
mod reactions;
mod reading;
mod replies;
mod revisions;
mod search;
mod sessions;
mod sockets;
mod suggestions;
mod texts;
mod tokens;
mod transport;
mod trimming;
mod typing;
mod variables;
