//! The stores that the configuration names.

use std::{fs::DirBuilder, io, path::Path, sync::Arc};

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
    /// Opens what the configuration names; the data folder and the embedded
    /// store are made where they are missing. Connects when first used.
    ///
    /// # Errors
    ///
    /// For an address that can't be understood, and a data folder that can't
    /// be made.
    pub fn open(config: &Config) -> Result<Self> {
        make_data_folder(config)?;
        Self::connect(config)
    }

    /// As [`Stores::open`], but makes nothing: a path with a typing error is
    /// no empty store.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] where the file of the embedded store is missing, and
    /// for an address that can't be understood.
    pub fn open_existing(config: &Config) -> Result<Self> {
        if let SqlStore::File(path) = &config.sql {
            let there = path.try_exists().map_err(|error| unreadable(path, &error))?;
            if !there {
                let path = path.display();
                let makes = "`chatterbox serve` and `chatterbox migrate` make it";
                return Err(Error::Start(format!("there is no {path}; {makes}")));
            }
        }
        Self::connect(config)
    }

    fn connect(config: &Config) -> Result<Self> {
        let sql = match &config.sql {
            SqlStore::File(path) => Sql::open(&Sql::sqlite_url(path))?,
            SqlStore::Server(url) => Sql::open(url.expose_secret())?,
        };
        let graph: Arc<dyn Graph> = match &config.graph {
            GraphStore::Embedded => {
                let (write, read) = sql.connections();
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

/// A file that can't be read, for this reason.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Start(format!("can't read {}: {error}", path.display()))
}

/// Makes the data folder, where there is none.
///
/// # Errors
///
/// [`Error::Start`] where it can't be made.
pub(super) fn make_data_folder(config: &Config) -> Result<()> {
    let folder = config.data.display();
    make_folder(&config.data)
        .map_err(|error| Error::Start(format!("can't make the data folder {folder}: {error}")))
}

/// For its owner alone: the accounts are in it. One that is there is left as it
/// is.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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

#[cfg(all(test, unix))]
mod tests {
    use std::{
        fs::{Permissions, metadata, set_permissions},
        os::unix::fs::PermissionsExt,
    };

    use super::*;

    #[test]
    fn a_data_folder_that_is_made_is_for_its_owner_alone() {
        let around = tempfile::tempdir().unwrap();
        let data = around.path().join("data");
        let mode = || metadata(&data).unwrap().permissions().mode() & 0o777;
        make_folder(&data).unwrap();
        assert_eq!(mode(), 0o700);
        // Its owner may let others in.
        set_permissions(&data, Permissions::from_mode(0o750)).unwrap();
        make_folder(&data).unwrap();
        assert_eq!(mode(), 0o750);
    }
}
