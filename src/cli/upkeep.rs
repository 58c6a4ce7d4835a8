//! The options of the commands that see to the stores.

use clap::{Args, ValueEnum};

use super::Options;

/// What `rebuild` takes.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// What is to be derived anew.
    #[arg(value_enum)]
    pub what: Derived,
    /// Which stores.
    #[command(flatten)]
    pub options: Options,
}

/// What `reconcile` takes.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Which of the two is the older copy: it is brought after the other.
    /// [default: none, and nothing is changed]
    #[arg(long, value_enum, value_name = "STORE")]
    pub older: Option<OlderStore>,
    /// Only say what would be done.
    #[arg(long, requires = "older")]
    pub dry_run: bool,
    /// Which stores.
    #[command(flatten)]
    pub options: Options,
}

/// A store that may be the older copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OlderStore {
    /// The graph: what SQL knows beyond it is brought into it.
    Graph,
    /// SQL: accounts and messages that it does not have are lost.
    Sql,
}

/// What is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Derived {
    /// The LAST_CHATTED edges of the graph, from the messages.
    LastChatted,
}

/// The arguments of `dead-letters`.
#[derive(Debug, Args)]
pub struct DeadLetters {
    /// What to do.
    #[arg(value_enum)]
    pub action: DeadLetterAction,
    /// Which one: `job_…`. Needed for all but `list`.
    #[arg(required_if_eq_any([("action", "show"), ("action", "replay"), ("action", "drop")]))]
    pub id: Option<String>,
    /// What the other commands also understand.
    #[command(flatten)]
    pub options: Options,
}

/// What to do with dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeadLetterAction {
    /// List them, the oldest first.
    List,
    /// Show one.
    Show,
    /// Make one a job again, to be tried at once.
    Replay,
    /// Throw one away.
    Drop,
}
