//! Measures the service: callers that ask one question after the other, each
//! waiting for its answer, and what their waiting tells.

mod api;
mod callers;
mod connection;
mod graph;
mod questions;
mod report;

use futures::future::BoxFuture;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{app::Stores, cli::GraphBench, config::Config};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Who is asked about is not in the graph.
    #[error(
        "the sample of {0} people is not in the graph: \
         'chatterbox bench graph --load --users {0}', with the same stores, loads it"
    )]
    NotLoaded(u32),
    /// There is no service at the URL, or it has gone.
    #[error("can't reach the service at {url}")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What came instead.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It takes the access tokens for somebody else's.
    #[error(
        "the service does not accept the access tokens: --data or --signing-key has to be that \
         of the service, and so has --public-url where it is not the one that is measured"
    )]
    NotAccepted,
    /// It answered with an error.
    #[error("the service answered: {0}")]
    Answered(String),
    /// Only questions are wanted that the API does not have.
    #[error("the API has no such question: leave --url or --questions out")]
    NoQuestion,
    /// The store failed, or a part of this process.
    #[error(transparent)]
    Failed(#[from] crate::error::Error),
}

impl From<chatterbox_graph::Error> for Error {
    fn from(error: chatterbox_graph::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// The result of measuring.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Measures the graph, or loads what is measured on; returns what is to be
/// printed.
///
/// # Errors
///
/// See [`Error`]. One answer that is an error ends all.
pub fn graph(config: Config, bench: GraphBench) -> BoxFuture<'static, Result<String>> {
    Box::pin(async move {
        if let Some(url) = &bench.url {
            return api::measure(&config, &bench, url).await;
        }
        let stores = Stores::open(&config)?;
        stores.migrate().await?;
        let said = if bench.load {
            graph::load(&*stores.graph, bench.users).await
        } else {
            graph::measure(&stores.graph, &bench).await
        };
        stores.sql.close().await;
        said
    })
}

/// Shows how far it is, on a terminal only.
fn progress(steps: u64) -> ProgressBar {
    let form = ProgressStyle::with_template("{msg:24} {bar:40} {human_pos}/{human_len}  {elapsed}");
    let bar = ProgressBar::new(steps);
    match form {
        Ok(form) => bar.with_style(form),
        Err(_) => bar,
    }
}
