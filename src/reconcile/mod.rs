//! Compares what SQL and the graph know of the same people and groups, and
//! brings the older of the two after the other, as after a restore.
//!
//! Which is older is for the operator to say: of a node without an account,
//! say, the stores themselves can't tell whether the account is lost or was closed.
//! What can't be told even then is left as it is, and named.

mod bonds;
mod groups;
mod pages;
mod people;
mod records;
mod report;

use std::{collections::HashSet, sync::Arc};

use chatterbox_graph::{Census, Graph};

pub use records::{FollowedGroup, KnownAccount, LoggedBond, RecordStore};
pub use report::Report;

use crate::{ambient::Ambient, error::Result, ids::UserId, jobs::Relay};

/// Which store is the older copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// The graph: what SQL knows beyond it is brought into it.
    Graph,
    /// SQL: what the graph knows beyond it is brought into it; accounts and messages
    /// that it does not have are lost.
    Sql,
}

/// What is to be done about differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which store is the older one; `None` only compares.
    pub older: Option<Older>,
    /// Says what would be done, and does nothing.
    pub dry_run: bool,
}

/// What it takes.
#[derive(Clone)]
pub struct Parts {
    /// The graph.
    pub graph: Arc<dyn Graph>,
    /// Whom it has.
    pub census: Arc<dyn Census>,
    /// SQL.
    pub records: Arc<dyn RecordStore>,
    /// Carries out what needs both.
    pub relay: Arc<Relay>,
    /// The clock, and ids.
    pub ambient: Ambient,
}

/// How many dead letters are looked through.
const DEAD_LETTERS: usize = 10_000;
/// How many people or groups are compared between two reports of progress.
const STEP: u64 = 10_000;

/// Compares the stores, a page at a time, and mends as planned. Meant for
/// stores that no service runs on: what is just being done may else be taken for a
/// difference. Memory: a page of each store, and about 200 bytes for each two people of whom the log
/// tells that something changed between them.
///
/// # Errors
///
/// The failure of a store, to be repeated then; [`Error::Invalid`](crate::error::Error::Invalid)
/// where SQL has no accounts, or more than half of all people would be taken out.
pub async fn reconcile(
    parts: Parts,
    plan: Plan,
    progress: impl Fn(&Report) + Send + Sync + 'static,
) -> Result<Report> {
    let dead = parts.records.dead_letters(DEAD_LETTERS).await?;
    let dead = dead.into_iter().map(|letter| letter.job.task.subject()).collect();
    let (report, progress) = (Report::default(), Box::new(progress));
    let leaving = Vec::new();
    let mut reconciling = Reconciling { parts, plan, dead, leaving, report, progress };
    // Who is to be in a group, or somebody's friend, has to be there first; who leaves is
    // taken out of groups as they are then.
    reconciling.people().await?;
    reconciling.groups().await?;
    reconciling.take_out().await?;
    if plan.older == Some(Older::Graph) {
        reconciling.bonds().await?;
    }
    Ok(reconciling.report)
}

struct Reconciling {
    parts: Parts,
    plan: Plan,
    /// What jobs are about that were given up.
    dead: HashSet<String>,
    /// Who is to be taken out once all people and groups are compared.
    leaving: Vec<UserId>,
    report: Report,
    progress: Box<dyn Fn(&Report) + Send + Sync>,
}

/// What is to be done about one difference.
enum Decision<M> {
    /// It can be mended, so; and what that comes to.
    Mend(M, &'static str),
    /// It can't, and why.
    Leave(&'static str),
}

impl Reconciling {
    fn counted(&self, compared: u64) {
        if compared.is_multiple_of(STEP) {
            (self.progress)(&self.report);
        }
    }

    /// What is to be carried out, if anything; notes what becomes of `what`.
    fn decided<M>(&mut self, what: &str, decision: Decision<M>) -> Option<M> {
        match decision {
            Decision::Leave(why) => self.report.left(what, why),
            Decision::Mend(_, how) if self.plan.dry_run => {
                self.report.left(what, &format!("would be {how}"));
            }
            Decision::Mend(mend, how) => {
                self.report.mended(what, how);
                return Some(mend);
            }
        }
        None
    }

    /// Whether a job is open that will see to it.
    async fn is_under_way(&self, subject: &str) -> Result<bool> {
        Ok(!self.parts.records.open(subject).await?.is_empty())
    }
}
