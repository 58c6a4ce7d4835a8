//! What `bench` takes. Its own options are no environment variables: what is
//! measured is to be seen in one line.

use std::{fmt, slice};

use clap::{Args, Subcommand, ValueEnum, value_parser};
use serde::Serialize;

use super::Options;
use crate::config::PublicUrl;

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// How fast the social graph answers, on a sample of people made up for
    /// it. Load that into stores of its own, with `--load`.
    Graph(Measured<GraphBench>),
    /// How many messages a running service takes, and how long each waits
    /// until it is durable.
    Send(Measured<SendBench>),
    /// How fast a running service hands the messages of a group to all its
    /// members, live.
    Fanout(Measured<FanoutBench>),
    /// What sockets cost a running service on which nothing happens.
    Idle(Measured<IdleBench>),
    /// How fast a running service lets subscribers catch up who come back
    /// all at once.
    Resume(Measured<ResumeBench>),
    /// What the API adds to a query: a page of friends with their last chats,
    /// from a running service and from its stores.
    Query(Measured<QueryBench>),
    /// How fast a running service reads a page of messages. Load them into
    /// stores of its own, with `--load`.
    Page(Measured<PageBench>),
}

/// What is measured, and on which stores.
#[derive(Debug, Args)]
pub struct Measured<A: Args> {
    /// What is measured, and how.
    #[command(flatten)]
    pub what: A,
    /// Those of the service; where it knows the people already who take
    /// part, only which key signs access tokens.
    #[command(flatten)]
    pub options: Options,
}

/// The running service that is measured.
#[derive(Clone, Debug, Args)]
pub struct Running {
    /// Where the service runs that is measured: with `--rate-limits off`, or
    /// it refuses most of what is sent. Needs the key that it signs access
    /// tokens with, and its public URL where that is another one.
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        value_parser = plain_url
    )]
    pub url: PublicUrl,

    /// Print JSON, for machines to read.
    #[arg(long)]
    pub json: bool,
}

/// The running nodes that are measured.
#[derive(Clone, Debug, Args)]
pub struct RunningNodes {
    /// What runs.
    #[command(flatten)]
    pub running: Running,

    /// Several nodes on the same stores, in place of --url, separated by
    /// commas: those who take part are connected to them by turns. All need
    /// the same public URL.
    #[arg(
        long,
        value_name = "URLS",
        value_delimiter = ',',
        value_parser = plain_url,
        conflicts_with = "url"
    )]
    pub nodes: Vec<PublicUrl>,
}

impl Running {
    /// Where it runs.
    #[must_use]
    pub fn urls(&self) -> &[PublicUrl] {
        slice::from_ref(&self.url)
    }
}

impl RunningNodes {
    /// Where they run; one at least.
    #[must_use]
    pub fn urls(&self) -> &[PublicUrl] {
        if self.nodes.is_empty() { self.running.urls() } else { &self.nodes }
    }
}

/// What is measured of the graph, and how.
#[derive(Clone, Debug, Args)]
pub struct GraphBench {
    /// How many people the sample has; that of fewer is the beginning of that of more.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000,
        value_parser = value_parser!(u32).range(1_000..=9_999_999)
    )]
    pub users: u32,

    /// Load the sample into the graph, and end. Safe to repeat.
    #[arg(long, conflicts_with_all = ["callers", "seconds", "url", "json", "questions"])]
    pub load: bool,

    /// How many ask at the same time, each waiting for its answer.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = value_parser!(u32).range(1..=1_000)
    )]
    pub callers: u32,

    /// For how long each question is asked: 0.1 to 3600.
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = seconds)]
    pub seconds: f64,

    /// Ask a running service over its API, and not the store itself. Needs
    /// the key that the service signs access tokens with, and its public URL
    /// where that is another one.
    #[arg(long, value_name = "URL", value_parser = plain_url)]
    pub url: Option<PublicUrl>,

    /// Print JSON, for machines to read.
    #[arg(long)]
    pub json: bool,

    /// Only these, separated by commas. [default: all]
    #[arg(long, value_name = "QUESTIONS", value_delimiter = ',')]
    pub questions: Vec<Question>,
}

/// What is measured of sending, and how.
#[derive(Clone, Debug, Args)]
pub struct SendBench {
    /// How many send at the same time, each waiting until its message is
    /// durable.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 64,
        value_parser = value_parser!(u32).range(1..=10_000)
    )]
    pub senders: u32,

    /// For how long they send: 0.1 to 3600.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,

    /// Into how many conversations they send: of two people where each
    /// sender has their own, who take turns where there are several; else
    /// groups of the senders who share them. [default: one for each sender]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=100_000))]
    pub conversations: Option<u32>,

    /// They send by gRPC, to where the service speaks it.
    #[arg(
        long,
        value_name = "URL",
        num_args = 0..=1,
        default_missing_value = "http://127.0.0.1:8081",
        value_parser = plain_url,
        conflicts_with = "nodes"
    )]
    pub grpc: Option<PublicUrl>,

    /// Each of them on a stream, and not by calls.
    #[arg(long, requires = "grpc")]
    pub streams: bool,

    /// How many messages each has under way on their stream, before they wait for the first of
    /// them to be answered.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        requires = "streams",
        value_parser = value_parser!(u32).range(1..=1_000)
    )]
    pub window: u32,

    /// What runs.
    #[command(flatten)]
    pub on: RunningNodes,
}

/// What is measured of live deliveries, and how.
#[derive(Clone, Debug, Args)]
pub struct FanoutBench {
    /// How many members the group has, all of them live.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        value_parser = value_parser!(u32).range(2..=10_000)
    )]
    pub members: u32,

    /// How many messages are sent.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 300,
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub messages: u32,

    /// How many of the members send them, each waiting until its message is
    /// durable; no more than there are members.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 8,
        value_parser = value_parser!(u32).range(1..=1_000)
    )]
    pub senders: u32,

    /// How many messages they send a second, all together; otherwise as many as they can.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=100_000))]
    pub rate: Option<u32>,

    /// What runs.
    #[command(flatten)]
    pub on: RunningNodes,
}

/// What is measured of sockets on which nothing happens, and how.
#[derive(Clone, Debug, Args)]
pub struct IdleBench {
    /// How many sockets are opened, with one subscription each.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub sockets: u32,

    /// For how long they are open then: 0.1 to 3600. The service pings each
    /// of them every 15 seconds.
    #[arg(long, value_name = "N", default_value_t = 60.0, value_parser = seconds)]
    pub seconds: f64,

    /// The id of the service's process on this machine (Linux), to tell the
    /// memory and the time of its processors that it takes.
    #[arg(long, value_name = "PID", value_parser = value_parser!(u32).range(1..))]
    pub pid: Option<u32>,

    /// What runs.
    #[command(flatten)]
    pub running: Running,
}

/// What is measured of subscribers who come back, and how.
#[derive(Clone, Debug, Args)]
pub struct ResumeBench {
    /// How many come back at the same time.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000,
        value_parser = value_parser!(u32).range(2..=10_000)
    )]
    pub subscribers: u32,

    /// How many messages each of them missed.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        value_parser = value_parser!(u32).range(1..=10_000)
    )]
    pub missed: u32,

    /// How many of them share a group, in which they missed them.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        value_parser = value_parser!(u32).range(2..=1_000)
    )]
    pub members: u32,

    /// What runs.
    #[command(flatten)]
    pub on: RunningNodes,
}

/// What is measured of a query, and how.
#[derive(Clone, Debug, Args)]
pub struct QueryBench {
    /// How many people the sample has.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        value_parser = value_parser!(u32).range(1_000..=9_999_999)
    )]
    pub users: u32,

    /// How many ask at the same time, each waiting for its answer, after one
    /// who asks alone.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 32,
        value_parser = value_parser!(u32).range(1..=1_000)
    )]
    pub callers: u32,

    /// For how long each of them asks the service, and the stores: 0.1 to 3600.
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = seconds)]
    pub seconds: f64,

    /// What runs.
    #[command(flatten)]
    pub running: Running,
}

/// What is measured of reading, and how.
#[derive(Clone, Debug, Args)]
pub struct PageBench {
    /// First load so many messages into the SQL store; those that it was
    /// loaded with before count.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1_000..=100_000_000))]
    pub load: Option<u32>,

    /// How many read at the same time, each waiting for its page.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = value_parser!(u32).range(1..=1_000)
    )]
    pub callers: u32,

    /// For how long they read: 0.1 to 3600.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,

    /// What runs.
    #[command(flatten)]
    pub running: Running,
}
/// What the graph is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// A page of 20 friends.
    Friends,
    /// A page of 20 mutual friends.
    MutualFriends,
    /// 20 suggestions.
    Suggestions,
    /// How far away somebody is, within 6 hops.
    Distance,
    /// Who may write to whom; the API has no such question.
    Reach,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Friends => "friends",
            Self::MutualFriends => "mutual friends",
            Self::Suggestions => "suggestions",
            Self::Distance => "distance",
            Self::Reach => "reach",
        })
    }
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=3_600.0).contains(seconds));
    seconds.ok_or("accepted is a number from 0.1 to 3600")
}

/// An address that is not encrypted.
///
/// # Errors
///
/// What is accepted.
pub fn plain_url(text: &str) -> Result<PublicUrl, &'static str> {
    let url: PublicUrl = text.parse()?;
    let plain = url.as_str().starts_with("http://");
    plain.then_some(url).ok_or("accepted is an address like 'http://127.0.0.1:8080'")
}
