//! What is looked up when the metrics are asked for.

use std::sync::Arc;

use crate::{
    accounts::Accounts,
    live::Hub,
    messaging::{Indexer, Projector, Reading, WriterHandle},
    sql::Sql,
    telemetry::Probe,
};

/// What has gauges of what is now.
pub(super) struct Parts {
    pub(super) sql: Arc<Sql>,
    pub(super) writer: WriterHandle,
    pub(super) reading: Reading,
    pub(super) hub: Hub,
    pub(super) projector: Arc<Projector>,
    pub(super) indexer: Arc<Indexer>,
    pub(super) accounts: Accounts,
}

impl Parts {
    /// Sets them.
    pub(super) fn probe(self) -> Probe {
        Arc::new(move || {
            self.sql.measure();
            self.writer.measure();
            self.reading.measure();
            self.hub.measure();
            self.projector.measure();
            self.indexer.measure();
            self.accounts.measure();
        })
    }
}
