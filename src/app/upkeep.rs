//! Commands that do one thing to the stores, and end.

use futures::future::BoxFuture;
use tracing::info;
use uuid::Uuid;

use super::{Stores, assembly::mailer, keys, stores};
use crate::{
    ambient::Ambient,
    api::http::{self, PartReport},
    cli::DeadLetterAction,
    config::Config,
    error::Result,
    messaging,
    reconcile::{Plan, Report},
};

/// Only brings the stores to the current schema.
///
/// # Errors
///
/// Where a store is away, or was migrated by a newer version.
pub fn migrate(config: Config) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let stores = Stores::open(&config)?;
        stores.migrate().await?;
        stores.sql.close().await;
        Ok(())
    })
}

/// Asks each configured part for an answer. Makes nothing.
///
/// # Errors
///
/// Where a part can't even be asked, as an embedded store that is not there.
pub fn check(config: Config) -> BoxFuture<'static, Result<Vec<PartReport>>> {
    Box::pin(async move {
        let ambient = Ambient::system();
        let stores = Stores::open_existing(&config)?;
        let bus = stores::bus(&config, Uuid::nil()).await?;
        let mut parts = stores.health(&bus, &mailer(&config, &ambient)?);
        parts.push(keys::health(config));
        Ok(http::check_parts(&parts).await)
    })
}

/// Derives the LAST_CHATTED edges anew; returns what is to be printed.
///
/// # Errors
///
/// The failure of a store, to be repeated then; an embedded store that is not
/// there.
pub fn rebuild_last_chatted(config: Config) -> BoxFuture<'static, Result<String>> {
    Box::pin(async move {
        let stores = Stores::open_existing(&config)?;
        stores.migrate().await?;
        let Stores { sql, graph } = &stores;
        let progress = |done| info!(conversations = done, "rebuilding last-chatted");
        let done = messaging::rebuild_last_chatted(&**graph, sql, progress).await;
        sql.close().await;
        Ok(format!("LAST_CHATTED is derived anew, from {} conversations", done?))
    })
}

/// Compares SQL and the graph, and brings the older one after the other, as planned.
///
/// # Errors
///
/// The failure of a store, to be repeated then; an embedded store that is not
/// there.
pub fn reconcile(config: Config, plan: Plan) -> BoxFuture<'static, Result<Report>> {
    Box::pin(async move { super::reconcile::run(&config, plan).await })
}

/// Lists dead letters, or shows, replays or drops the one with this id;
/// returns what is to be printed.
///
/// # Errors
///
/// Where the SQL store is away or not there, and [`crate::error::Error::NotFound`] for an unknown id.
pub fn dead_letters(
    config: Config,
    action: DeadLetterAction,
    id: String,
) -> BoxFuture<'static, Result<String>> {
    Box::pin(async move { super::dead_letters::run(&config, action, &id).await })
}
