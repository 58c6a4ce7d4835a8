//! Bringing a store to the current schema.

use std::{borrow::Cow, fs, path::Path};

use chatterbox::{
    ids::{ConversationId, UserId},
    messaging::{ConversationKind, ConversationStore, LogStore, MessageStore, Outcome, Position},
    sql::Sql,
};
use chatterbox_graph::DirectConversation;
use futures::future::join_all;
use sqlx::{
    AnyConnection, AssertSqlSafe, Connection, Executor, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::{Stores, messages::draft};

crate::promises! {
    migrating_again_changes_nothing,
    nodes_that_start_at_once_migrate_once,
    conversations_of_before_there_were_groups_are_kept,
}

async fn migrating_again_changes_nothing(stores: &Stores) {
    let before = stores.sql.version().await.unwrap();
    stores.sql.migrate().await.unwrap();
    assert_eq!(stores.sql.version().await.unwrap(), before);
}

async fn nodes_that_start_at_once_migrate_once(stores: &Stores) {
    let (url, fresh) = stores.fresh().await;
    join_all((0..4).map(|_| {
        let url = url.clone();
        async move {
            let node = Sql::open(&url).unwrap();
            node.migrate().await.unwrap();
            node.close().await;
        }
    }))
    .await;
    fresh.drop().await;
}

/// Brings an empty store to the schema of this version.
async fn migrate_to(connection: &mut AnyConnection, dialect: &str, version: i64) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
    let mut migrations: Vec<Migration> = fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let version = name[..4].parse().unwrap();
            let sql = AssertSqlSafe(fs::read_to_string(path).unwrap()).into_sql_str();
            Migration::new(version, Cow::Owned(name), MigrationType::Simple, sql, false)
        })
        .filter(|migration| migration.version <= version)
        .collect();
    migrations.sort_by_key(|migration| migration.version);
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.set_locking(false);
    migrator.run_direct(None, connection, false).await.unwrap();
}

async fn conversations_of_before_there_were_groups_are_kept(stores: &Stores) {
    let (url, fresh) = stores.fresh().await;
    let dialect = if fresh.sql.is_some() { "mysql" } else { "sqlite" };
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let (low, high) = (ada.min(grace), ada.max(grace));
    let id: ConversationId = stores.ambient.id::<DirectConversation>().into();
    let hex = |id: uuid::Uuid| format!("x'{}'", id.simple());
    let (one, other, talk) = (hex(low.uuid()), hex(high.uuid()), hex(id.uuid()));

    let mut connection = AnyConnection::connect(&url).await.unwrap();
    migrate_to(&mut connection, dialect, 13).await;
    for statement in [
        format!("INSERT INTO conversations VALUES ({talk}, {one}, {other}, 1, 1, 5, 5)"),
        format!("INSERT INTO members VALUES ({one}, {talk}, 0), ({other}, {talk}, 0)"),
        format!("INSERT INTO messages VALUES (1, {one}, {talk}, 1, {other}, NULL, 'hi', 5)"),
        format!("INSERT INTO log VALUES (1, 5, {talk}, NULL, 'message_sent', '')"),
        "UPDATE head SET pos = 1".to_owned(),
    ] {
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    connection.close().await.unwrap();

    let sql = Sql::open(&url).unwrap();
    sql.migrate().await.unwrap();
    let listed = sql.list(ada, 10, None).await.unwrap();
    let kind = ConversationKind::Direct { members: [low, high], wrote: [false, true] };
    assert_eq!((listed[0].id, listed[0].kind, listed[0].first_seq), (id, kind, 1));
    let feed = sql.read_for(grace, Position(0), Position(1), 10).await.unwrap();
    assert_eq!(feed.len(), 1);
    let log = sql.read(Position(0), Position(1), 10).await.unwrap();
    assert_eq!(log[0].recipients().count(), 2);
    let outcomes = sql.write(stores.ambient.now(), &[draft(stores, id, ada, "ho", None)]).await;
    assert!(matches!(outcomes.unwrap()[..], [Outcome::Sent(..)]));
    sql.close().await;
    fresh.drop().await;
}
