//! Forgets what was logged long ago: nobody resumes from there any more.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{LAST_CHATTED, LogStore, Position, SEARCH};
use crate::{
    ambient::Ambient,
    error::{Result, chain},
    live::Hub,
};

/// How long an entry is kept, in microseconds: 30 days.
pub const KEPT: i64 = 30 * 24 * 60 * 60 * 1_000_000;
/// What has to have taken an entry in before it is forgotten.
const PROJECTIONS: [&str; 2] = [LAST_CHATTED, SEARCH];
/// How many entries one transaction deletes at most.
const BATCH: usize = 1_000;
const PERIOD: Duration = Duration::from_secs(3_600);

/// Deletes the oldest part of the log.
#[async_trait]
pub trait TrimStore: Send + Sync + 'static {
    /// Deletes the oldest entries, at most `limit`: up to the first one that
    /// is not from before `before`, or stands behind `until`. Returns how
    /// many. Whoever resumes from before them is told so from then on.
    ///
    /// # Errors
    ///
    /// The failure of the store.
    async fn trim(&self, before: Timestamp, until: Position, limit: usize) -> Result<usize>;
}

/// Trims the log now and then. Several nodes may do so at once.
pub struct Trimming {
    store: Arc<dyn TrimStore>,
    log: Arc<dyn LogStore>,
    hub: Hub,
    ambient: Ambient,
}

impl Trimming {
    /// Puts the parts together.
    pub fn new(
        store: Arc<dyn TrimStore>,
        log: Arc<dyn LogStore>,
        hub: Hub,
        ambient: Ambient,
    ) -> Self {
        Self { store, log, hub, ambient }
    }

    /// Trims at once, and then every hour until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        let work = async {
            loop {
                ticks.tick().await;
                if let Err(error) = self.trim().await {
                    warn!(error = chain(&error), "could not trim the log");
                }
            }
        };
        stop.run_until_cancelled(work).await;
    }

    async fn trim(&self) -> Result<()> {
        let before = Timestamp(self.ambient.now().0 - KEPT);
        let mut until = self.hub.delivered();
        for projection in PROJECTIONS {
            until = until.min(self.log.projected(projection).await?);
        }
        loop {
            let trimmed = self.store.trim(before, until, BATCH).await?;
            metrics::counter!("chatterbox_log_trimmed_total").increment(trimmed as u64);
            if trimmed < BATCH {
                metrics::gauge!("chatterbox_log_last_trim_timestamp_seconds")
                    .set(seconds(self.ambient.now()));
                return Ok(());
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; whole seconds fit")]
fn seconds(at: Timestamp) -> f64 {
    (at.0 / 1_000_000) as f64
}
