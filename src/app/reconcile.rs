//! Bringing one store after the other.

use std::sync::Arc;

use tracing::info;
use uuid::Uuid;

use super::{Stores, assembly::mailer, stores};
use crate::{
    ambient::Ambient,
    cli::{OlderStore, Reconcile},
    config::Config,
    error::Result,
    jobs::Relay,
    reconcile::{Older, Parts, Plan, Report, reconcile},
};

/// Compares the stores and mends what is asked for.
pub(super) async fn run(config: &Config, plan: Plan) -> Result<Report> {
    let stores = Stores::open_existing(config)?;
    stores.migrate().await?;
    let report = compare(config, &stores, plan).await;
    stores.sql.close().await;
    report
}

async fn compare(config: &Config, stores: &Stores, plan: Plan) -> Result<Report> {
    let ambient = Ambient::system();
    let (sql, graph) = (Arc::new(stores.sql.clone()), stores.graph.clone());
    let log = sql.log_id(Uuid::from_bytes(ambient.bytes())).await?;
    let (bus, mailer) = (stores::bus(config, log).await?, mailer(config, &ambient)?);
    let relay = Relay::new(sql.clone(), graph.clone(), mailer, bus, ambient.clone());
    let (census, records) = (graph.clone(), sql);
    let parts = Parts { graph, census, records, relay: Arc::new(relay), ambient };
    let progress = |report: &Report| {
        info!(people = report.people, groups = report.groups, "comparing the stores");
    };
    reconcile(parts, plan, progress).await
}

impl Reconcile {
    /// What is asked for.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let older = self.older.map(|older| match older {
            OlderStore::Graph => Older::Graph,
            OlderStore::Sql => Older::Sql,
        });
        Plan { older, dry_run: self.dry_run }
    }
}
