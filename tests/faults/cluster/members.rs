//! Nodes that come and go.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::future::join_all;

use super::Cluster;
use crate::{
    away::stores_stay,
    support::{Client, eventually},
    town::{Subscriber, history, send_until_acknowledged},
};

/// Whoever is at another node notices nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_or_goes_costs_its_own_clients_one_reconnect() {
    let _stay = stores_stay().await;
    let mut cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    let mut heard = Vec::new();
    for node in 0..3 {
        // The first node stays, and is where the others go to.
        let nodes = vec![cluster.gates[node].clients.address, cluster.gates[0].clients.address];
        heard.push(Subscriber::start_at(&grace, nodes).await);
    }
    let over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write(cluster.at(0, &ada), grace.id.clone(), over.clone()));
    let breaks = |heard: &[Subscriber]| heard.iter().map(Subscriber::breaks).collect::<Vec<_>>();

    let joined = cluster.join().await;
    let nodes = vec![cluster.gates[joined].clients.address];
    heard.push(Subscriber::start_at(&grace, nodes).await);
    hear_more(&heard).await;
    assert_eq!(breaks(&heard), [0, 0, 0, 0], "one came");

    cluster.service(1).terminate();
    assert!(cluster.service(1).ended().await.success());
    hear_more(&heard).await;
    assert_eq!(breaks(&heard), [0, 1, 0, 0], "one left");
    assert_eq!(heard[1].closes(), [1001]);

    cluster.service(2).kill();
    hear_more(&heard).await;
    assert_eq!(breaks(&heard), [0, 1, 1, 0], "one died");

    over.store(true, Ordering::Relaxed);
    let sent = writing.await.unwrap();
    let kept = history(&ada, &grace).await;
    assert_eq!(kept.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), sent);
    let all = join_all(heard.iter().map(|subscriber| all_of(subscriber, &sent))).await;
    assert_eq!(all.len(), 4);
    assert!(all[..3].iter().all(|from| *from == 0), "who was there first heard all: {all:?}");
    cluster.end().await;
}

async fn write(from: Client, to: String, over: Arc<AtomicBool>) -> Vec<String> {
    let mut sent = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let body = format!("message {}", sent.len());
        sent.push(send_until_acknowledged(&from, &to, &body).await.body);
    }
    sent
}

/// Waits until each of them has heard more than so far.
async fn hear_more(heard: &[Subscriber]) {
    join_all(heard.iter().map(|subscriber| async move {
        let before = subscriber.count();
        eventually("more to be heard", || async {
            (subscriber.count() > before + 20).then_some(())
        })
        .await;
    }))
    .await;
}

/// Fails unless somebody heard all from some message on, each once and in order; returns from
/// which on.
async fn all_of(subscriber: &Subscriber, sent: &[String]) -> usize {
    let last = sent.last().unwrap();
    eventually("the last message", || async {
        (subscriber.bodies().last() == Some(last)).then_some(())
    })
    .await;
    let bodies = subscriber.bodies();
    let from = sent.iter().position(|body| *body == bodies[0]).unwrap();
    assert_eq!(bodies, sent[from..]);
    from
}
