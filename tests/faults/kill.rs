//! `kill -9` of the service at random moments, while people write.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    away::stores_stay,
    support::{Client, eventually},
    town::{Sent, Subscriber, Town, history, send_until_acknowledged, try_send},
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

/// `CHATTERBOX_TEST_SEED` repeats the pauses of an earlier run.
pub fn seed() -> u64 {
    let given = std::env::var("CHATTERBOX_TEST_SEED").ok();
    let seed = given.map_or_else(
        || std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64,
        |text| text.parse().unwrap(),
    );
    eprintln!("seed {seed}");
    seed
}

async fn nothing_acknowledged_is_lost_or_doubled(mut town: Town) {
    let seed = seed();
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
    let at_start = kill_at_random(&mut town, seed).await;
    over.store(true, Ordering::Relaxed);
    let acknowledged: Vec<Vec<Sent>> =
        join_all(senders).await.into_iter().map(|sent| sent.unwrap()).collect();

    let mut messages = 0;
    for (number, (one, other, heard)) in pairs.iter().enumerate() {
        let mut sent = acknowledged[2 * number..2 * number + 2].concat();
        for (from, to, first) in [
            (one, other, &acknowledged[2 * number][0]),
            (other, one, &acknowledged[2 * number + 1][0]),
        ] {
            let again = try_send(from, &to.id, &first.body).await.expect("an answer");
            assert_eq!((&again.id, again.seq), (&first.id, first.seq), "the key gave another");
        }
        // Behind it nothing may be on its way any more.
        sent.push(send_until_acknowledged(one, &other.id, END).await);
        messages += check_conversation(one, other, &sent, heard).await;
    }
    let positions = town.positions().await;
    assert_eq!(positions, messages, "each message has one position");
    let breaks = pairs.iter().flat_map(|(_, _, heard)| heard).map(Subscriber::breaks);
    let (fewest, all) = (breaks.clone().min().unwrap(), breaks.sum::<usize>());
    eprintln!(
        "seed {seed}: {KILLS} kills and {at_start} during the start, {messages} messages of \
         {} senders, {positions} positions, {all} breaks of {} subscribers",
        2 * PAIRS,
        2 * PAIRS,
    );
    assert!(messages > 100 && fewest >= KILLS, "the service was hardly used");
    town.end().await;
}

/// What is sent last.
const END: &str = "end";

async fn write(from: Client, to: String, over: Arc<AtomicBool>) -> Vec<Sent> {
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let body = format!("{} {}", from.username, acknowledged.len());
        acknowledged.push(send_until_acknowledged(&from, &to, &body).await);
    }
    acknowledged
}

/// Returns how many more kills hit the service while it started.
pub async fn kill_at_random(town: &mut Town, seed: u64) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let mut at_start = 0;
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.random_range(100..900))).await;
        town.service.kill();
        if random.random_bool(0.5) {
            town.service.spawn();
            tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
            town.service.kill();
            at_start += 1;
        }
        town.service.restart().await;
    }
    at_start
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
            (subscriber.bodies().last().map(String::as_str) == Some(END)).then_some(())
        })
        .await;
        assert_eq!(subscriber.bodies(), bodies, "each once, in order");
    }
    kept.len()
}
