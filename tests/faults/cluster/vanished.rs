//! A node that vanishes while it writes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::AnyConnection;

use super::Cluster;
use crate::{
    away::stores_stay,
    support::Client,
    town::{PAUSE, Sent, history, send_until_acknowledged, try_send},
};

/// A server gives such a connection up after a minute, and MariaDB a transaction after 10 seconds.
const PATIENCE: Duration = Duration::from_secs(180);
const SENDERS: usize = 8;

/// Its connections say nothing any more, and are not closed either: as long as the server
/// believes in its transaction, that holds the head of the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_vanishes_while_they_write_holds_nobody_up_for_long() {
    let _stay = stores_stay().await;
    let cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    // What is known of the two is known on both nodes before.
    ada.send(&grace, "here").await;
    let there = cluster.at(1, &ada);
    there.send(&grace, "there").await;
    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(write(there.clone(), grace.id.clone(), sender, over.clone())))
        .collect();
    vanish_with_the_head(&cluster).await;

    let vanished = Instant::now();
    let sending = send_until_acknowledged(&ada, &grace.id, "by another node");
    let sent = tokio::time::timeout(PATIENCE, sending).await.expect("nobody could write");
    eprintln!("another node wrote {:?} after one vanished with the head", vanished.elapsed());
    cluster.gates[1].sql().open();
    cluster.are(0..3, "ready").await;
    over.store(true, Ordering::Relaxed);
    let mut acknowledged = vec![sent];
    for sender in senders {
        acknowledged.extend(sender.await.unwrap());
    }
    let kept = history(&ada, &grace).await;
    let seqs: Vec<i64> = kept.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..).take(kept.len()).collect::<Vec<_>>());
    for sent in &acknowledged {
        assert!(kept.iter().any(|message| message.id == sent.id), "lost: {sent:?}");
    }
    cluster.town.positions().await;
    cluster.end().await;
}

/// Holds all that the second node says to its SQL server, at a moment when it has the head locked.
async fn vanish_with_the_head(cluster: &Cluster) {
    let gate = cluster.gates[1].sql();
    let mut connection = cluster.town.connect().await;
    loop {
        gate.hold();
        // What has come through is done by then, except for what waits for more to come.
        let mut locked = true;
        for _ in 0..5 {
            tokio::time::sleep(PAUSE).await;
            locked &= is_locked(&mut connection).await;
        }
        if locked {
            return;
        }
        gate.open();
        tokio::time::sleep(PAUSE).await;
    }
}

async fn is_locked(connection: &mut AnyConnection) -> bool {
    let select = "SELECT pos FROM head WHERE id = 1 FOR UPDATE NOWAIT";
    sqlx::query(select).execute(connection).await.is_err()
}

async fn write(from: Client, to: String, sender: usize, over: Arc<AtomicBool>) -> Vec<Sent> {
    let mut acknowledged = Vec::new();
    for turn in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        match try_send(&from, &to, &format!("{sender} {turn}")).await {
            Some(sent) => acknowledged.push(sent),
            None => tokio::time::sleep(PAUSE).await,
        }
    }
    acknowledged
}
