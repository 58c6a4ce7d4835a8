//! What the bus brings, and what is done without it.

use futures::future::join_all;

use super::{Cluster, talk};
use crate::{
    away::stores_stay,
    support::{Client, eventually},
    town::{Subscriber, history, send_until_acknowledged},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_on_one_node_is_heard_on_the_others() {
    let _stay = stores_stay().await;
    let cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    let (ada_there, grace_there) = (cluster.at(1, &ada), cluster.at(2, &grace));
    let mut feed = grace_there.feed().await;
    let brought_before = brought(&grace_there).await;
    for turn in 0..20 {
        let from = if turn % 2 == 0 { &ada } else { &ada_there };
        let body = format!("message {turn}");
        from.send(&grace, &body).await;
        // Her node may hear of the friendship only now.
        let before = feed.until_message(&body).await.len();
        assert!(before <= 2 && (before == 0 || turn == 0), "{before} events before {body}");
    }
    eventually("the bus to have brought all of it", || async {
        (brought(&grace_there).await >= brought_before + 20.0).then_some(())
    })
    .await;

    // What passes comes by the bus or not at all.
    let talk = talk(&ada, &grace).await;
    ada.types(&talk, true).await.unwrap();
    feed.hears_typing(&ada, &talk, true).await;
    cluster.end().await;
}

/// How many packets of the log a node was brought.
async fn brought(client: &Client) -> f64 {
    let url = format!("http://{}/metrics", client.address);
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let value = |line: &str| {
        line.strip_prefix("chatterbox_bus_packets_total{kind=\"log\"} ")?.parse::<f64>().ok()
    };
    text.lines().find_map(value).unwrap_or_default()
}

/// Each node looks at the log by itself then: slower, but nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_bus_nothing_is_lost_and_all_heals() {
    let _stay = stores_stay().await;
    let cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    let at = |client| [0, 1, 2].map(|node| cluster.at(node, client));
    let (nodes, listeners) = (at(&ada), at(&grace));
    let heard = join_all(listeners.iter().map(Subscriber::start)).await;
    let say = |part: &'static str| {
        let (nodes, grace) = (&nodes, &grace);
        async move {
            join_all(nodes.iter().enumerate().map(|(node, from)| async move {
                for turn in 0..10 {
                    let body = format!("{part} {node} {turn}");
                    send_until_acknowledged(from, &grace.id, &body).await;
                }
            }))
            .await;
        }
    };
    say("with").await;
    cluster.are(0..3, "ready").await;
    cluster.gates.iter().for_each(|gates| gates.bus().shut());
    cluster.are(0..3, "degraded").await;
    say("without").await;
    // Also while it is away.
    all_is_heard(&ada, &grace, &heard, 60).await;
    cluster.gates.iter().for_each(|gates| gates.bus().open());
    cluster.are(0..3, "ready").await;
    say("again").await;
    all_is_heard(&ada, &grace, &heard, 90).await;
    cluster.town.positions().await;
    cluster.end().await;
}

async fn all_is_heard(ada: &Client, grace: &Client, heard: &[Subscriber], messages: i64) {
    let kept = history(ada, grace).await;
    let seqs: Vec<i64> = kept.iter().map(|sent| sent.seq).collect();
    assert_eq!(seqs, (1..=messages).collect::<Vec<_>>());
    let bodies: Vec<String> = kept.into_iter().map(|sent| sent.body).collect();
    for subscriber in heard {
        eventually("all messages, on all nodes", || async {
            (subscriber.count() >= bodies.len()).then_some(())
        })
        .await;
        assert_eq!(subscriber.bodies(), bodies);
        assert_eq!(subscriber.breaks(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_from_the_bus_says_so_and_follows() {
    let _stay = stores_stay().await;
    let cluster = Cluster::start().await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    ada.befriend(&grace).await;
    let listeners = [0, 1, 2].map(|node| cluster.at(node, &grace));
    let mut feeds = join_all(listeners.iter().map(Client::feed)).await;
    cluster.gates[1].bus().shut();
    cluster.are([1], "degraded").await;
    cluster.are([0, 2], "ready").await;
    for node in 0..3 {
        let body = format!("by {node}");
        cluster.at(node, &ada).send(&grace, &body).await;
        for feed in &mut feeds {
            feed.until_message(&body).await;
        }
    }
    cluster.gates[1].bus().open();
    cluster.are(0..3, "ready").await;
    cluster.end().await;
}
