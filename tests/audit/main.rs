//! What an operation costs: the statements that it makes, counted.
#![allow(missing_docs, reason = "tests tell their story themselves")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod changes;
mod counting;
mod lists;
mod messages;
mod presence;
mod reading;
mod sharing;
mod statements;
