//! Forgetting what nobody can use any more.

use async_trait::async_trait;
use chatterbox_graph::Timestamp;

use super::{Accounts, sessions::idle_since};
use crate::{error::Result, ids::UserId, jobs::Job};

/// How much longer a session is kept than it lived, in microseconds: 30 days,
/// as what is logged of it.
const KEPT: i64 = 30 * 24 * 60 * 60 * 1_000_000;
/// How much one transaction deletes at most.
const BATCH: usize = 256;

/// Deletes what nobody can use any more.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait StaleStore: Send + Sync + 'static {
    /// Deletes sessions that ended before `ended`, and those that were used
    /// before `used` and not since, with their refresh tokens; at most
    /// `limit`. Returns how many.
    async fn drop_sessions(&self, ended: Timestamp, used: Timestamp, limit: usize)
    -> Result<usize>;

    /// Deletes refresh tokens that were issued before `issued`, at most
    /// `limit`. Returns how many.
    async fn drop_refresh_tokens(&self, issued: Timestamp, limit: usize) -> Result<usize>;

    /// Deletes codes that expired before `expired`, at most `limit`. Returns
    /// how many.
    async fn drop_codes(&self, expired: Timestamp, limit: usize) -> Result<usize>;

    /// Deletes what was counted of attempts until before `over`, at most
    /// `limit`. Returns how many.
    async fn drop_attempts(&self, over: Timestamp, limit: usize) -> Result<usize>;

    /// Accounts that lapsed before `at`, at most `limit`.
    async fn lapsed(&self, at: Timestamp, limit: usize) -> Result<Vec<UserId>>;

    /// Takes an account away that lapsed before `at`, with its codes, and
    /// writes down the `job` that takes the person out of everything else.
    /// Its username is anybody's then. `false`, and nothing done, where
    /// somebody signed in to it meanwhile, or another took it away.
    async fn drop_lapsed(&self, user: UserId, job: &Job, at: Timestamp) -> Result<bool>;
}

impl Accounts {
    /// Deletes sessions that ended, or were idle too long, 30 days ago;
    /// refresh tokens that are too old to be traded; codes that expired; and
    /// attempts that do not count any more. Then closes some of the accounts
    /// that lapsed. To be called now and then, on several nodes at once if
    /// need be.
    ///
    /// # Errors
    ///
    /// A store's failure.
    pub async fn forget_stale(&self) -> Result<()> {
        let store = &self.parts.stale;
        let now = self.parts.ambient.now();
        let idle = idle_since(now);
        let (ended, used) = (earlier(now, KEPT), earlier(idle, KEPT));
        while store.drop_sessions(ended, used, BATCH).await? == BATCH {}
        while store.drop_refresh_tokens(idle, BATCH).await? == BATCH {}
        while store.drop_codes(now, BATCH).await? == BATCH {}
        while store.drop_attempts(now, BATCH).await? == BATCH {}
        self.close_lapsed(now).await
    }

    /// Some of them: each takes several steps in both stores.
    async fn close_lapsed(&self, now: Timestamp) -> Result<()> {
        for user in self.parts.stale.lapsed(now, BATCH).await? {
            let leaving = self.leaving(user, now).await?;
            if self.parts.stale.drop_lapsed(user, &leaving.job, now).await? {
                self.take_out(&leaving).await;
            }
        }
        Ok(())
    }
}

fn earlier(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp(at.0.saturating_sub(micros))
}
