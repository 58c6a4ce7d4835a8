//! What is peculiar to the graph in a SQLite file: several processes on one
//! file, a file of an older version, a file that is busy, a pool that is closed.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use chatterbox_graph::{
    Ask, Error, FriendsOf, Graph, NewPerson, Settings, Timestamp, UserId,
    sqlite::{Readers, SqliteGraph},
};
use futures::future::join_all;
use sqlx::{
    AnyPool, Executor, SqlSafeStr,
    any::AnyPoolOptions,
    migrate::{Migration, MigrationType, Migrator},
};
use tempfile::TempDir;
use uuid::Uuid;

const PATIENT: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                       PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
const IMPATIENT: &str = "PRAGMA busy_timeout = 1;";

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/sqlite");

fn pool(folder: &TempDir, connections: u32, settings: &'static str) -> AnyPool {
    sqlx::any::install_default_drivers();
    let file = folder.path().join("chatterbox.db");
    AnyPoolOptions::new()
        .max_connections(connections)
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(settings).await.map(|_| ()) })
        })
        .connect_lazy(&format!("sqlite:{}?mode=rwc", file.display()))
        .unwrap()
}

fn graph(folder: &TempDir, settings: &'static str) -> SqliteGraph {
    SqliteGraph::new(pool(folder, 1, settings), Readers::kept(pool(folder, 2, settings)))
}

fn newcomer(number: u128) -> NewPerson {
    NewPerson {
        id: UserId::from_uuid(Uuid::from_u128(number)),
        username: format!("person{number}"),
        display_name: format!("Person {number}"),
        created_at: Timestamp(1),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_may_bring_one_file_up_to_date_at_once() {
    for _ in 0..5 {
        let folder = TempDir::new().unwrap();
        let processes: Vec<_> = (0..4).map(|_| graph(&folder, PATIENT)).collect();
        for migrated in join_all(processes.iter().map(|graph| graph.migrate())).await {
            migrated.unwrap();
        }
        let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _graph_migrations")
            .fetch_one(&pool(&folder, 1, PATIENT))
            .await
            .unwrap();
        assert_eq!(applied, std::fs::read_dir(SCHEMA).unwrap().count() as i64);
    }
}

/// Makes a file as the first version of the schema had it, with three people.
async fn old_file(folder: &TempDir) -> AnyPool {
    let pool = pool(folder, 1, PATIENT);
    let first = Migration::new(
        1,
        "people and edges".into(),
        MigrationType::Simple,
        include_str!("../schema/sqlite/0001_people_and_edges.sql").into_sql_str(),
        false,
    );
    let mut migrator = Migrator::with_migrations(vec![first]);
    migrator.dangerous_set_table_name("_graph_migrations");
    migrator.run(&pool).await.unwrap();
    for number in 1..=3_u8 {
        sqlx::query(
            "INSERT INTO graph_people (id, username, display_name, folded_name, created_at) \
             VALUES (?1, ?2, 'Élan', 'elan', 1)",
        )
        .bind(newcomer(number.into()).id.uuid().as_bytes().to_vec())
        .bind(format!("person{number}"))
        .execute(&pool)
        .await
        .unwrap();
    }
    pool
}

#[tokio::test]
async fn an_older_file_is_brought_up_to_date() {
    let folder = TempDir::new().unwrap();
    let old = old_file(&folder).await;
    let [ada, grace, alan] = [1, 2, 3].map(|number| newcomer(number).id);
    let bytes = |id: UserId| id.uuid().as_bytes().to_vec();
    for (one, other) in [(ada, grace), (grace, ada)] {
        for statement in [
            "INSERT INTO graph_friends (person, friend, since) VALUES (?1, ?2, 5)",
            "INSERT INTO graph_last_chatted (person, other, conversation, at) \
             VALUES (?1, ?2, zeroblob(16), 7)",
        ] {
            sqlx::query(statement).bind(bytes(one)).bind(bytes(other)).execute(&old).await.unwrap();
        }
    }
    old.close().await;

    let graph = graph(&folder, PATIENT);
    graph.migrate().await.unwrap();

    let asked = FriendsOf { viewer: ada, query: None, limit: 9, after: None };
    let friends = graph.friends(&[asked]).await.unwrap().remove(0).items;
    let seen = &friends[0];
    assert_eq!((friends.len(), seen.person.id, seen.since), (1, grace, Timestamp(5)));
    assert_eq!(seen.last_chatted_at, Some(Timestamp(7)));
    assert_eq!(graph.settings(&[ada]).await.unwrap()[&ada], Settings::default());
    let listed = graph.directory(ada, Some("é"), 9, None).await.unwrap().items;
    let listed: Vec<_> = listed.iter().map(|listed| listed.person.id).collect();
    assert_eq!(listed, [grace, alan]);
    assert!(graph.remove_person(grace).await.unwrap());
    assert_eq!(graph.ties(ada).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_may_write_one_file() {
    let folder = TempDir::new().unwrap();
    let processes: Vec<_> = (0..3).map(|_| graph(&folder, PATIENT)).collect();
    processes[0].migrate().await.unwrap();
    for number in 1..=6 {
        processes[0].add_person(&newcomer(number)).await.unwrap();
    }
    let id = |number| newcomer(number).id;
    let mut asked = Vec::new();
    for (n, graph) in processes.iter().enumerate() {
        for other in 2..=6 {
            asked.push(graph.ask(id(1), id(other), None, Timestamp(n as i64), 5_000));
        }
    }
    let asked = join_all(asked).await.into_iter().map(Result::unwrap);
    assert_eq!(asked.filter(|&asked| asked == Ask::Sent).count(), 5);
}

#[tokio::test]
async fn a_file_that_is_busy_is_unavailable() {
    let folder = TempDir::new().unwrap();
    graph(&folder, PATIENT).migrate().await.unwrap();
    let holder = pool(&folder, 1, PATIENT);
    let held = holder.begin_with("BEGIN IMMEDIATE").await.unwrap();

    let impatient = graph(&folder, IMPATIENT);
    let refused = impatient.add_person(&newcomer(1)).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    let refused = impatient.block(newcomer(1).id, newcomer(2).id, Timestamp(1)).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(impatient.people(&[newcomer(1).id]).await.unwrap().is_empty(), "readers don't wait");

    held.rollback().await.unwrap();
    impatient.add_person(&newcomer(1)).await.unwrap();
}

#[tokio::test]
async fn a_closed_pool_is_unavailable() {
    let folder = TempDir::new().unwrap();
    let (write, read) = (pool(&folder, 1, PATIENT), Readers::kept(pool(&folder, 1, PATIENT)));
    let graph = SqliteGraph::new(write.clone(), read.clone());
    graph.migrate().await.unwrap();
    write.close().await;
    read.close().await;
    assert!(matches!(graph.add_person(&newcomer(1)).await, Err(Error::Unavailable(_))));
    assert!(matches!(graph.version().await, Err(Error::Unavailable(_))));
}
