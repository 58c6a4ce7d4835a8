//! Nodes that start at the same time.

use futures::future::join_all;
use sqlx::Connection;

use super::Cluster;
use crate::{away::stores_stay, support::eventually, town::Subscriber};

/// On an empty database one of them makes the tables, each once, and all serve the same log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_share_what_one_of_them_makes() {
    let _stay = stores_stay().await;
    let cluster = Cluster::start().await;
    let mut connection = cluster.town.connect().await;
    let applied: Vec<i64> = sqlx::query_scalar("SELECT version FROM _sqlx_migrations")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/mysql");
    assert_eq!(applied.len(), std::fs::read_dir(files).unwrap().count());

    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    let listeners = [0, 1, 2].map(|node| cluster.at(node, &grace));
    let heard = join_all(listeners.iter().map(Subscriber::start)).await;
    for node in 0..3 {
        cluster.at(node, &ada).send(&grace, &format!("by {node}")).await;
    }
    for subscriber in &heard {
        eventually("what was said", || async { (subscriber.count() == 3).then_some(()) }).await;
        assert_eq!(subscriber.bodies(), ["by 0", "by 1", "by 2"]);
    }
    assert_eq!(cluster.town.positions().await, 3);
    cluster.end().await;
}
