//! The stores that the configuration names.

use std::sync::Arc;

use chatterbox_graph::{Graph, neo4j::Neo4jGraph, sqlite::SqliteGraph};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::{
    api::http::Part,
    config::{BusServer, Config, GraphStore, SqlStore},
    error::{Error, Result},
    live::{Bus, InProcessBus},
    mail::Mailer,
    nats::NatsBus,
    sql::Sql,
};

/// The SQL stores and the graph.
#[derive(Clone)]
pub struct Stores {
    /// Accounts, messages, the log, jobs.
    pub sql: Sql,
    /// People and what stands between them.
    pub graph: Arc<dyn Graph>,
}

impl Stores {
    /// Opens what the configuration names. Connects when first used.
    ///
    /// # Errors
    ///
    /// For an address that can't be understood, and a data folder that can't
    /// be made.
    pub fn open(config: &Config) -> Result<Self> {
        std::fs::create_dir_all(&config.data).map_err(|error| {
            let folder = config.data.display();
            Error::internal(format!("can't make the data folder {folder}: {error}"))
        })?;
        let sql = match &config.sql {
            SqlStore::File(path) => Sql::open(&Sql::sqlite_url(path))?,
            SqlStore::Server(url) => Sql::open(url.expose_secret())?,
        };
        let graph: Arc<dyn Graph> = match &config.graph {
            GraphStore::Embedded => {
                let (write, read) = sql.pools();
                Arc::new(SqliteGraph::new(write, read))
            }
            GraphStore::Server(url) => Arc::new(Neo4jGraph::connect(url.expose_secret())?),
        };
        Ok(Self { sql, graph })
    }

    /// Brings both to the current schema. Safe to run again, and on two nodes
    /// at once.
    ///
    /// # Errors
    ///
    /// Where one is away, or was migrated by a newer version.
    pub async fn migrate(&self) -> Result<()> {
        self.sql.migrate().await?;
        Ok(self.graph.migrate().await?)
    }

    /// What is asked for an answer: the stores, the bus and the mailer.
    #[must_use]
    pub fn health(&self, bus: &Arc<dyn Bus>, mailer: &Arc<dyn Mailer>) -> Vec<Part> {
        let (sql, graph) = (self.sql.clone(), self.graph.clone());
        let (bus, mailer) = (bus.clone(), mailer.clone());
        vec![
            part("sql", move || {
                let sql = sql.clone();
                async move { sql.version().await }
            }),
            part("graph", move || {
                let graph = graph.clone();
                async move { Ok(graph.version().await?) }
            }),
            spared(part("bus", move || {
                let bus = bus.clone();
                async move { bus.check().await }
            })),
            spared(part("mail", move || {
                let mailer = mailer.clone();
                async move { mailer.check().await }
            })),
        ]
    }
}

/// A part by what asks it.
pub(super) fn part<F>(name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Part
where
    F: Future<Output = Result<String>> + Send + 'static,
{
    Part { name, needed: true, check: Arc::new(move || Box::pin(check())) }
}

/// A part without which the service is slower, or catches up later.
fn spared(part: Part) -> Part {
    Part { needed: false, ..part }
}

/// The bus that the configuration names, for those who share the log `log`.
///
/// # Errors
///
/// For an address that can't be understood. Connects later where it is away.
pub(super) async fn bus(config: &Config, log: Uuid) -> Result<Arc<dyn Bus>> {
    Ok(match &config.bus {
        BusServer::InProcess => Arc::new(InProcessBus::default()),
        BusServer::Nats(url) => Arc::new(NatsBus::join(url.expose_secret(), log).await?),
    })
}
