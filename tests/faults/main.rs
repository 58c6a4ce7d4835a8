//! What is promised when processes die, proved on the real ones.
#![allow(missing_docs, reason = "tests tell their story themselves")]
#![allow(clippy::print_stderr, reason = "counts and times are shown with the results")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod away;
mod chance;
mod cluster;
mod departures;
mod drain;
mod footprint;
mod full;
mod group_jobs;
mod groups_killed;
mod jobs;
mod locks;
mod nodes;
mod proxy;
mod scenarios;
mod sockets;
mod start;
mod storm;
mod town;
