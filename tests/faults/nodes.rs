//! Several processes on the same stores.

use std::process::{Command, Stdio};

use futures::future::join_all;

use crate::{
    away::stores_stay,
    support::{Client, eventually, process::Process, stores::StoreUrls},
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatterbox"));
    command.args(["migrate", "--data"]).arg(data.path()).stderr(Stdio::piped());
    if let (Some(sql), Some(graph)) = (&stores.sql, &stores.graph) {
        command.args(["--sql-url", sql, "--graph-url", graph]);
    }
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
}

/// Without a bus each node follows the log by itself: slower, but nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_write_one_log() {
    let _stay = stores_stay().await;
    let town = Town::servers().await;
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let key = town.data.join("signing-key.pem");
    let url = format!("http://{}", town.service.address);
    let folder = tempfile::tempdir().unwrap();
    let options = ["--signing-key-file", key.to_str().unwrap(), "--public-url", &url];
    let second = Process::start(folder.path().join("data"), town.stores.clone(), &options).await;
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

    // A session that ends here ends there.
    ada.data("mutation { signOut }", serde_json::Value::Null).await;
    eventually("the session to end on the other node", || async {
        let response = ada_there.response("{ viewer { email } }", serde_json::Value::Null).await;
        (response["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED").then_some(())
    })
    .await;
    drop(second);
    town.end().await;
}
