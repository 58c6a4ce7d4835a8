//! Measures the service: those who ask, send, read and listen at the same time,
//! and what their waiting tells.

mod api;
mod callers;
mod client;
mod connection;
mod fanout;
mod graph;
mod history;
mod idle;
mod nodes;
mod over_grpc;
mod page;
mod people;
mod process;
mod query;
mod questions;
mod report;
mod resume;
mod send;
mod subscribers;

use std::{pin::pin, time::Duration};

use futures::future::BoxFuture;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::timeout;

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
    /// The people who were loaded are not those of the service.
    #[error(
        "the service does not know the people who take part: --data, --sql-url and --graph-url \
         have to be those of the service"
    )]
    OtherStores,
    /// It closed a socket, or broke it off.
    #[error("a socket was closed: {0}")]
    Closed(String),
    /// A subscriber did not hear of a message for a long time.
    #[error("a subscriber waits for a message in vain")]
    Unheard,
    /// A subscriber heard of a message that was not the next one.
    #[error("a subscriber heard of message {next} behind message {last}")]
    Disorder {
        /// The `seq` of the one before.
        last: u64,
        /// The `seq` of the one that came.
        next: u64,
    },
    /// Messages were loaded, but not to the end.
    #[error("loading messages was cut off before: load them into new stores")]
    CutOff,
    /// No conversation has enough messages.
    #[error("no conversation has a whole page: 'chatterbox bench page --load N' loads messages")]
    NothingToRead,
    /// Nobody has a page of friends.
    #[error("nobody has a whole page of friends: --users has to be larger")]
    NoFriends,
    /// A page was not as long as it has to be.
    #[error("a page has {0} messages")]
    ShortPage(usize),
    /// This process may not have so many sockets.
    #[error(
        "{files} files have to be open at the same time, and {allowed} may: 'ulimit -n {files}' \
         changes that, for who is allowed to"
    )]
    TooManyFiles {
        /// How many it needs.
        files: u64,
        /// How many it may have.
        allowed: u64,
    },
    /// There is no such process on this machine.
    #[error("--pid: can't see what process {pid} uses")]
    NoProcess {
        /// Its id.
        pid: u32,
        /// What came instead.
        #[source]
        source: std::io::Error,
    },
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

/// What can be measured.
pub trait Benchmark {
    /// Measures it, or loads what is measured on; returns what is to be
    /// printed.
    ///
    /// # Errors
    ///
    /// See [`Error`]. One answer that is an error ends all.
    fn run(self, config: Config) -> BoxFuture<'static, Result<String>>;
}

impl Benchmark for GraphBench {
    fn run(self, config: Config) -> BoxFuture<'static, Result<String>> {
        Box::pin(async move {
            if let Some(url) = &self.url {
                return api::measure(&config, &self, url).await;
            }
            let stores = Stores::open(&config)?;
            stores.migrate().await?;
            let said = if self.load {
                graph::load(&*stores.graph, self.users).await
            } else {
                graph::measure(&stores.graph, &self).await
            };
            stores.sql.close().await;
            said
        })
    }
}

/// How often a clock is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Shows how the time passes that something takes.
async fn passing<T>(
    what: &'static str,
    lasting: Duration,
    something: impl Future<Output = T>,
) -> T {
    let bar = progress(lasting.as_secs());
    bar.set_message(what);
    let mut something = pin!(something);
    let done = loop {
        match timeout(TICK, &mut something).await {
            Ok(done) => break done,
            Err(_) => bar.set_position(bar.elapsed().as_secs()),
        }
    };
    bar.finish_and_clear();
    done
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
