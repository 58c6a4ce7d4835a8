//! Brings the SQL store to the current schema.

use std::{borrow::Cow, time::Duration};

use sqlx::{
    AnyConnection, AssertSqlSafe, Connection, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use super::{Dialect, STATEMENT_TIMEOUT, Sql, timed, timed_within};
use crate::error::{Error, Result};

macro_rules! migrations {
    ($($version:literal $name:literal)*) => {
        [$((
            $version,
            $name,
            include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../../migrations/mysql/", $name, ".sql")),
        )),*]
    };
}

/// Version, name, and the statements for SQLite and for MySQL. MySQL commits
/// each DDL statement by itself, so there is one a migration.
const MIGRATIONS: &[(i64, &str, &str, &str)] = &migrations! {
    1 "0001_accounts"
    2 "0002_sessions"
    3 "0003_refresh_tokens"
    4 "0004_codes"
    5 "0005_head"
    6 "0006_head_row"
    7 "0007_log"
    8 "0008_conversations"
    9 "0009_members"
    10 "0010_messages"
    11 "0011_jobs"
    12 "0012_projections"
    13 "0013_dead_letters"
    14 "0014_memberships"
    15 "0015_memberships_copied"
    16 "0016_members_dropped"
    17 "0017_conversations_followed"
    18 "0018_conversations_wrote"
    19 "0019_retired_usernames"
    20 "0020_long_tasks"
    21 "0021_long_dead_tasks"
    22 "0022_messages_sender"
    23 "0023_messages_revised"
    24 "0024_log_about_messages"
    25 "0025_reactions"
    26 "0026_memberships_read"
    27 "0027_conversations_logged"
    28 "0028_conversations_logged_so_far"
    29 "0029_message_words"
    30 "0030_search_projected"
    31 "0031_log_trimmed"
    32 "0032_last_seen"
    33 "0033_attempts"
    34 "0034_accounts_in_vain"
    35 "0035_sessions_used"
    36 "0036_refresh_tokens_issued"
    37 "0037_log_id"
    38 "0038_codes_email"
    39 "0039_accounts_lapse"
    40 "0040_head_people"
    41 "0041_turns"
};

/// How long a node waits for another that is migrating.
const PATIENCE: Duration = Duration::from_secs(120);

impl Sql {
    /// Brings the store to the current schema. Safe to run again, and on two
    /// nodes at once: one of them works while the others wait, by MySQL's
    /// named lock or by SQLite's write lock.
    ///
    /// # Errors
    ///
    /// Where the store is away, or was migrated by a newer version.
    pub async fn migrate(&self) -> Result<()> {
        let migrations = MIGRATIONS.iter().map(|&(version, name, sqlite, mysql)| {
            let sql = if self.dialect == Dialect::Sqlite { sqlite } else { mysql };
            Migration::new(
                version,
                Cow::Borrowed(name),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        });
        let mut migrator = Migrator::with_migrations(migrations.collect());
        // Its own lock has no effect on MariaDB, which takes a negative
        // time-out for none, nor on SQLite, where it does nothing.
        migrator.set_locking(false);
        let mut connection = self.availability.unless_away(self.write.acquire()).await?;
        match self.dialect {
            Dialect::Mysql => under_named_lock(&migrator, &mut connection).await,
            Dialect::Sqlite => under_write_lock(&migrator, &mut connection).await,
        }
    }
}

async fn under_named_lock(migrator: &Migrator, connection: &mut AnyConnection) -> Result<()> {
    // MySQL allows 64 characters.
    const NAME: &str = "CONCAT('chatterbox ', SHA1(DATABASE()))";
    let seconds = PATIENCE.as_secs();
    let take = sqlx::query_scalar(AssertSqlSafe(format!("SELECT GET_LOCK({NAME}, {seconds})")));
    let limit = PATIENCE + STATEMENT_TIMEOUT;
    let taken: Option<i64> =
        timed_within(limit, "migrate.lock", take.fetch_one(&mut *connection)).await?;
    if taken != Some(1) {
        return Err(Error::unavailable("another node is migrating for too long"));
    }
    let applied = run(migrator, connection).await;
    let release = sqlx::query(AssertSqlSafe(format!("DO RELEASE_LOCK({NAME})")));
    timed("migrate.unlock", release.execute(connection)).await?;
    applied
}

/// The outer transaction takes SQLite's write lock before the list of what
/// has been applied is read; each migration's own nests in it.
async fn under_write_lock(migrator: &Migrator, connection: &mut AnyConnection) -> Result<()> {
    let mut outer = timed("migrate.begin", connection.begin_with("BEGIN IMMEDIATE")).await?;
    run(migrator, &mut outer).await?;
    timed("migrate.commit", outer.commit()).await
}

async fn run(migrator: &Migrator, connection: &mut AnyConnection) -> Result<()> {
    migrator.run_direct(None, connection, false).await.map_err(Error::internal)
}
