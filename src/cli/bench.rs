//! What `bench` takes. Its own options are no environment variables: what is
//! measured is to be seen in one line.

use std::fmt;

use clap::{Args, Subcommand, ValueEnum, value_parser};
use serde::Serialize;

use super::Options;
use crate::config::PublicUrl;

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// How fast the social graph answers, on a sample of people made up for
    /// it. Load that into stores of its own, with `--load`.
    Graph(BenchGraph),
}

/// What `bench graph` takes.
#[derive(Debug, Args)]
pub struct BenchGraph {
    /// What is measured, and how.
    #[command(flatten)]
    pub graph: GraphBench,
    /// Which stores; with `--url` only which key signs access tokens.
    #[command(flatten)]
    pub options: Options,
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

fn plain_url(text: &str) -> Result<PublicUrl, &'static str> {
    let url: PublicUrl = text.parse()?;
    let plain = url.as_str().starts_with("http://");
    plain.then_some(url).ok_or("accepted is an address like 'http://127.0.0.1:8080'")
}
