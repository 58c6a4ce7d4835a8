//! Several processes on the same stores.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection};

use crate::{
    away::stores_stay,
    support::{
        Client, eventually,
        process::Process,
        stores::{StoreUrls, required},
    },
    town::{Subscriber, Town, history, send_until_acknowledged},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_migrate_at_once_do_it_once_embedded() {
    processes_that_migrate_at_once_do_it_once(StoreUrls::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_migrate_at_once_do_it_once_servers() {
    let _stay = stores_stay().await;
    let stores = StoreUrls::servers().await;
    processes_that_migrate_at_once_do_it_once(stores.clone()).await;
    stores.drop().await;
}

async fn processes_that_migrate_at_once_do_it_once(stores: StoreUrls) {
    let data = tempfile::tempdir().unwrap();
    let mut command = migrate(&stores, data.path());
    let started: Vec<_> = (0..3).map(|_| command.spawn().unwrap()).collect();
    let ended =
        join_all(started.into_iter().map(|process| {
            tokio::task::spawn_blocking(move || process.wait_with_output().unwrap())
        }))
        .await;
    for output in ended {
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let made_at_once = schema(&stores, data.path()).await;

    let (alone, folder) = (fresh_like(&stores).await, tempfile::tempdir().unwrap());
    let output = migrate(&alone, folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(made_at_once.len() > 30, "{made_at_once:#?}");
    assert_eq!(made_at_once, schema(&alone, folder.path()).await);
    if stores.graph.is_some() {
        let files = concat!(env!("CARGO_MANIFEST_DIR"), "/graph/schema/neo4j");
        let count = std::fs::read_dir(files).unwrap().count() as i64;
        assert_eq!(graph_versions().await, (1..=count).collect::<Vec<_>>(), "each once");
    }
    alone.drop().await;
}

fn migrate(stores: &StoreUrls, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatterbox"));
    command.args(["migrate", "--data"]).arg(data).stderr(Stdio::piped());
    if let (Some(sql), Some(graph)) = (&stores.sql, &stores.graph) {
        command.args(["--sql-url", sql, "--graph-url", graph]);
    }
    command
}

async fn fresh_like(stores: &StoreUrls) -> StoreUrls {
    match stores.sql {
        None => StoreUrls::embedded(),
        Some(_) => StoreUrls::servers().await,
    }
}

/// Tables, columns and indexes as the SQL store describes them, and which
/// migrations it has.
async fn schema(stores: &StoreUrls, data: &Path) -> Vec<String> {
    const SQLITE: &[&str] =
        &["SELECT name || ': ' || sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"];
    const MYSQL: &[&str] = &[
        "SELECT CAST(CONCAT_WS(' ', table_name, ordinal_position, column_name, column_type, \
         is_nullable, collation_name) AS CHAR) FROM information_schema.columns \
         WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
        "SELECT CAST(CONCAT_WS(' ', table_name, index_name, seq_in_index, column_name, \
         non_unique) AS CHAR) FROM information_schema.statistics \
         WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index",
    ];
    const APPLIED: &str = "SELECT CAST(version AS CHAR) FROM _sqlx_migrations \
                           WHERE success <> 0 ORDER BY version";
    let file = || format!("sqlite:{}", data.join("chatterbox.db").display());
    let (url, questions) = match &stores.sql {
        None => (file(), SQLITE),
        Some(url) => (url.clone(), MYSQL),
    };
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    let mut told = Vec::new();
    for question in questions.iter().chain([&APPLIED]) {
        let rows: Vec<String> =
            sqlx::query_scalar(*question).fetch_all(&mut connection).await.unwrap();
        told.extend(rows);
    }
    connection.close().await.unwrap();
    told
}

/// The versions that the graph says it has.
async fn graph_versions() -> Vec<i64> {
    let url = format!("{}/db/neo4j/query/v2", required("CHATTERBOX_TEST_GRAPH_HTTP_URL"));
    let statement = "MATCH (migration:SchemaMigration) \
                     RETURN migration.version ORDER BY migration.version";
    let question = json!({ "statement": statement });
    let answer = reqwest::Client::new().post(url).json(&question).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let rows = answer["data"]["values"].as_array().unwrap_or_else(|| panic!("{answer}"));
    rows.iter().map(|row| row[0].as_i64().unwrap()).collect()
}

/// Another node on the same stores, which takes the tokens of the first.
async fn second_node(town: &Town, folder: &Path) -> Process {
    let key = town.data.join("signing-key.pem");
    let url = format!("http://{}", town.service.address);
    let key = key.to_str().unwrap();
    let options = ["--signing-key-file", key, "--public-url", &url, "--rate-limits", "off"];
    Process::start(folder.join("data"), town.stores.clone(), &options).await
}

/// Without a bus each node follows the log by itself: slower, but nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_write_one_log() {
    let _stay = stores_stay().await;
    let town = Town::servers().await;
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let folder = tempfile::tempdir().unwrap();
    let second = second_node(&town, folder.path()).await;
    let there = |client: &Client| Client { address: second.address, ..client.clone() };
    let (ada_there, grace_there) = (there(&ada), there(&grace));

    let heard = [Subscriber::start(&grace).await, Subscriber::start(&grace_there).await];
    let turns = |from: Client, to: String, name: &'static str| async move {
        for turn in 0..25 {
            send_until_acknowledged(&from, &to, &format!("{name} {turn}")).await;
        }
    };
    tokio::join!(
        turns(ada.clone(), grace.id.clone(), "here"),
        turns(ada_there.clone(), grace.id.clone(), "there"),
        turns(grace_there.clone(), ada.id.clone(), "answer"),
    );

    let kept = history(&ada, &grace).await;
    let seqs: Vec<i64> = kept.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=75).collect::<Vec<_>>());
    let bodies: Vec<String> = kept.into_iter().map(|message| message.body).collect();
    for subscriber in heard {
        eventually("all messages, on both nodes", || async {
            (subscriber.bodies().len() >= bodies.len()).then_some(())
        })
        .await;
        assert_eq!(subscriber.bodies(), bodies);
    }
    assert_eq!(town.positions().await, bodies.len());

    // A session that ends here ends there.
    ada.data("mutation { signOut }", Value::Null).await;
    eventually("the session to end on the other node", || async {
        let response = ada_there.response("{ viewer { email } }", Value::Null).await;
        (response["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED").then_some(())
    })
    .await;
    drop(second);
    town.end().await;
}

/// Who is in a group holds on all nodes as soon as it is acknowledged on one;
/// what is kept in memory follows the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_share_groups_and_settings() {
    let _stay = stores_stay().await;
    let town = Town::servers().await;
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let folder = tempfile::tempdir().unwrap();
    let second = second_node(&town, folder.path()).await;
    let there = |client: &Client| Client { address: second.address, ..client.clone() };
    let (ada_there, grace_there) = (there(&ada), there(&grace));
    let heard = [Subscriber::start(&ada).await, Subscriber::start(&ada_there).await];

    let group = ada.found("Walks", "PRIVATE", &[]).await;
    let mut said = Vec::new();
    for turn in 0..5 {
        ada.add_members(&group, &[&grace]).await.unwrap();
        for (who, body) in [(&grace_there, "there"), (&ada, "here"), (&grace, "here too")] {
            said.push(format!("{body} {turn}"));
            who.tell(&group, &said[said.len() - 1]).await;
        }
        ada_there.remove_member(&group, &grace).await.unwrap();
        for gone in [&grace, &grace_there] {
            assert_eq!(gone.try_tell(&group, "Hello?").await.unwrap_err().code, "NOT_FOUND");
            assert_eq!(gone.group(&group).await, Value::Null);
        }
    }
    said.push("end".to_owned());
    ada.tell(&group, "end").await;
    assert_eq!(ada_there.reads(&group).await, said);
    for subscriber in &heard {
        eventually("all messages, on both nodes", || async {
            (subscriber.bodies().len() >= said.len()).then_some(())
        })
        .await;
        assert_eq!(subscriber.bodies(), said);
    }
    let events = heard.each_ref().map(Subscriber::events);
    assert_eq!(events[0], events[1], "the same, in the same order");

    // Both nodes know by heart that grace may write.
    for node in [&grace, &grace_there] {
        node.send(&ada, "Hello").await;
    }
    ada.change_settings(json!({ "messagesFrom": "NOBODY" })).await;
    let to = || json!({ "userId": ada.id });
    assert_eq!(grace.send_to(to(), "Hello?", None).await.unwrap_err().code, "FORBIDDEN");
    eventually("the setting to be followed", || async {
        let sent = grace_there.send_to(to(), "Hello?", None).await;
        sent.is_err_and(|refusal| refusal.code == "FORBIDDEN").then_some(())
    })
    .await;
    drop(second);
    town.end().await;
}
