//! Constraints and indexes, and which of them the graph has already.

use std::{collections::HashSet, time::Duration};

use super::{
    Neo4jGraph,
    address::config,
    session::Session,
    statement::{Bound, Statement, statements},
};
use crate::Result;

statements! {
    VERSION = "store/version";
    APPLIED = "store/applied";
    RECORD = "store/record";
    AWAIT_INDEXES = "store/await_indexes";
}

/// How long a large graph may take to fill an index.
const PATIENCE: Duration = Duration::from_secs(600);

macro_rules! migrations {
    ($($version:literal $name:literal;)+) => {
        &[$(($version, Statement {
            name: concat!("schema/", $name),
            cypher: include_str!(concat!("../../schema/neo4j/", $name, ".cypher")),
        })),+]
    };
}

/// Append only: what was applied once is never edited.
const MIGRATIONS: &[(i64, Statement)] = migrations! {
    1 "0001_schema_migration_version_unique";
    2 "0002_user_id_unique";
    3 "0003_user_username";
    4 "0004_lock_key";
    5 "0005_group_id_unique";
    6 "0006_user_folded_name";
    7 "0007_group_visibility_folded_name";
    8 "0008_user_discoverable";
};

impl Neo4jGraph {
    /// Each change stands by itself, since Neo4j has no transaction for the
    /// schema and data together, and may be made again: a second node that
    /// does the same at once, or after a crash, changes nothing more.
    pub(super) async fn migrate(&self) -> Result<()> {
        let versions: Vec<i64> = MIGRATIONS.iter().map(|&(version, _)| version).collect();
        let applied = self.session.answers(APPLIED.bind("versions", versions)).await?;
        let applied: HashSet<i64> = applied.into_iter().collect();
        if MIGRATIONS.iter().all(|(version, _)| applied.contains(version)) {
            return Ok(());
        }
        let patient = Session::new(config(&self.url, PATIENCE)?, PATIENCE)?;
        for &(version, migration) in MIGRATIONS {
            if !applied.contains(&version) {
                patient.write(migration.bound()).await?;
                patient.write(record(version, migration.name)).await?;
            }
        }
        let seconds = i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX);
        patient.write(AWAIT_INDEXES.bind("seconds", seconds)).await?;
        Ok(())
    }

    pub(super) async fn version(&self) -> Result<String> {
        let version = self.session.answer::<String>(VERSION.bound()).await?.unwrap_or_default();
        Ok(format!("Neo4j/{version}"))
    }
}

fn record(version: i64, name: &'static str) -> Bound {
    RECORD.bind("version", version).bind("name", name)
}
