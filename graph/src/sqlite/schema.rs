//! The tables' versions.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use super::{SqliteGraph, commit, failure::migration_failure, statement::timed};
use crate::Result;

/// Append only: what was applied once is never edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "people and edges", include_str!("../../schema/sqlite/0001_people_and_edges.sql")),
    (
        2,
        "settings and directory",
        include_str!("../../schema/sqlite/0002_settings_and_directory.sql"),
    ),
    (3, "people go", include_str!("../../schema/sqlite/0003_people_go.sql")),
    (4, "groups", include_str!("../../schema/sqlite/0004_groups.sql")),
];

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(version, description, sql)| {
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // A name of its own: the SQL store's migrations are in the same file.
    migrator.dangerous_set_table_name("_graph_migrations");
    migrator
}

impl SqliteGraph {
    /// All in one transaction that holds the write lock from its start: the
    /// migrator's own lock does nothing on SQLite, and two processes may open
    /// the file at once.
    pub(super) async fn migrate(&self) -> Result<()> {
        let mut transaction = self.begin().await?;
        migrator().run_direct(None, &mut *transaction, false).await.map_err(migration_failure)?;
        commit(transaction).await
    }

    pub(super) async fn version(&self) -> Result<String> {
        let mut connection = self.reader().await?;
        let version = sqlx::query_scalar::<_, String>("SELECT sqlite_version()");
        let version = timed("version", version.fetch_one(&mut *connection)).await?;
        Ok(format!("SQLite/{version}"))
    }
}
