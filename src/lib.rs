//! Chatterbox: the chat backend that knows who knows whom.
//!
//! The domain — [`accounts`], [`people`], [`messaging`], [`live`], [`jobs`], [`reconcile`] —
//! knows neither SQL, Bolt nor GraphQL. Around it stand the stores ([`sql`]
//! and the crate `chatterbox_graph`), the bus ([`nats`]) and what clients speak to ([`api`]).
//! [`bench`] measures, [`chat`] is a client in the terminal.

pub mod accounts;
pub mod ambient;
pub mod api;
pub mod app;
pub mod bench;
pub mod chat;
pub mod cli;
pub mod config;
pub mod demo;
pub mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod ids;
pub mod jobs;
pub mod live;
mod login;
pub mod mail;
pub mod messaging;
pub mod nats;
pub mod people;
pub mod rates;
pub mod reconcile;
pub mod sql;
pub mod telemetry;
