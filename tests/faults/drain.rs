//! SIGTERM: nothing new is taken, and nothing that was acknowledged is lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    away::stores_stay,
    support::{Feed, within},
    town::{PAUSE, Town, history, try_send},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_keeps_its_word_embedded() {
    a_service_that_stops_keeps_its_word(Town::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_keeps_its_word_servers() {
    let _stay = stores_stay().await;
    a_service_that_stops_keeps_its_word(Town::servers().await).await;
}

async fn a_service_that_stops_keeps_its_word(mut town: Town) {
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let mut feed = Feed::connect(&grace).await;
    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (ada, to, over) = (ada.clone(), grace.id.clone(), over.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for turn in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    match try_send(&ada, &to, &format!("{sender} {turn}")).await {
                        Some(sent) => acknowledged.push(sent),
                        None => tokio::time::sleep(PAUSE).await,
                    }
                }
                acknowledged
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;

    let asked = Instant::now();
    town.service.terminate();
    let closed = feed.frame().await.expect_err("the socket is closed");
    assert_eq!(closed.code, 1001, "{closed:?}");
    let status = within("the service to end", town.service.ended()).await;
    let took = asked.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    over.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for sender in senders {
        acknowledged.extend(sender.await.unwrap());
    }

    town.service.restart().await;
    let kept = history(&ada, &grace).await;
    let seqs: Vec<i64> = kept.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..).take(kept.len()).collect::<Vec<_>>());
    for sent in &acknowledged {
        assert!(kept.iter().any(|message| message.id == sent.id), "lost: {sent:?}");
    }
    assert!(!acknowledged.is_empty());
    eprintln!("{} acknowledged, {} kept, ended after {took:?}", acknowledged.len(), kept.len());
    town.end().await;
}
