//! `kill -9` of the service at random moments, while people write.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chatterbox::{
    messaging::{LogStore, Position},
    sql::Sql,
};
use futures::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    away::stores_stay,
    support::{Client, eventually, stores::StoreUrls},
    town::{Sent, Subscriber, Town, history, send_until_acknowledged},
};

const PAIRS: usize = 4;
const KILLS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_embedded() {
    nothing_acknowledged_is_lost_or_doubled(Town::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_servers() {
    let _stay = stores_stay().await;
    nothing_acknowledged_is_lost_or_doubled(Town::servers().await).await;
}

async fn nothing_acknowledged_is_lost_or_doubled(mut town: Town) {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let mut pairs = Vec::new();
    for pair in 0..PAIRS {
        let (one, other) =
            (town.person(&format!("a{pair}")).await, town.person(&format!("b{pair}")).await);
        let heard = [Subscriber::start(&one).await, Subscriber::start(&other).await];
        pairs.push((one, other, heard));
    }

    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = pairs
        .iter()
        .flat_map(|(one, other, _)| [(one, other), (other, one)])
        .map(|(from, to)| tokio::spawn(write(from.clone(), to.id.clone(), over.clone())))
        .collect();
    kill_at_random(&mut town, seed).await;
    over.store(true, Ordering::Relaxed);
    let acknowledged: Vec<Vec<Sent>> =
        join_all(senders).await.into_iter().map(|sent| sent.unwrap()).collect();

    let mut messages = 0;
    for (number, (one, other, heard)) in pairs.iter().enumerate() {
        let sent = acknowledged[2 * number..2 * number + 2].concat();
        messages += check_conversation(one, other, &sent, heard).await;
    }
    let positions = check_log(&town).await;
    let breaks: usize = pairs.iter().map(|(_, _, heard)| *heard[0].breaks.lock().unwrap()).sum();
    eprintln!(
        "seed {seed}: {KILLS} kills, {messages} messages, {positions} positions, {breaks} breaks of {PAIRS} subscribers"
    );
    assert!(messages > 100 && breaks >= KILLS, "the service was hardly used");
    town.end().await;
}

async fn write(from: Client, to: String, over: Arc<AtomicBool>) -> Vec<Sent> {
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let body = format!("{} {}", from.username, acknowledged.len());
        acknowledged.push(send_until_acknowledged(&from, &to, &body).await);
    }
    acknowledged
}

async fn kill_at_random(town: &mut Town, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.random_range(100..900))).await;
        town.service.kill();
        town.service.restart().await;
    }
}

/// Compares what was acknowledged with what is kept and with what was heard.
async fn check_conversation(
    one: &Client,
    other: &Client,
    acknowledged: &[Sent],
    heard: &[Subscriber; 2],
) -> usize {
    let kept = history(one, other).await;
    let seqs: Vec<i64> = kept.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..).take(kept.len()).collect::<Vec<_>>(), "gaps or duplicates in seq");
    let bodies: Vec<String> = kept.iter().map(|message| message.body.clone()).collect();
    assert_eq!(bodies.iter().collect::<HashSet<_>>().len(), bodies.len(), "sent twice");
    for sent in acknowledged {
        let message = usize::try_from(sent.seq - 1).ok().and_then(|index| kept.get(index));
        let message = message.unwrap_or_else(|| panic!("lost: {sent:?}"));
        assert_eq!((&message.id, &message.body), (&sent.id, &sent.body), "changed");
    }
    assert_eq!(kept.len(), acknowledged.len(), "each was repeated until it was acknowledged");
    for subscriber in heard {
        eventually("all messages to be heard", || async {
            (subscriber.bodies().len() >= bodies.len()).then_some(())
        })
        .await;
        assert_eq!(subscriber.bodies(), bodies, "each once, in order");
    }
    kept.len()
}

async fn check_log(town: &Town) -> usize {
    let StoreUrls { sql, .. } = &town.stores;
    let url = sql.clone().unwrap_or_else(|| Sql::sqlite_url(&town.data.join("chatterbox.db")));
    let store = Sql::open(&url).unwrap();
    let head = store.head().await.unwrap();
    let log = store.read(Position(0), head, usize::MAX).await.unwrap();
    let positions: Vec<i64> = log.iter().map(|entry| entry.pos.0).collect();
    assert_eq!(positions, (1..=head.0).collect::<Vec<_>>(), "gaps or duplicates in the log");
    store.close().await;
    positions.len()
}
