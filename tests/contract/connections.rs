//! What becomes of connections to a server.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use futures::future::join_all;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

use crate::{Stores, accounts::registered};

/// The connections that a store has to its database.
async fn connections(admin: &mut AnyConnection, database: &str) -> HashSet<i64> {
    let list = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist
        WHERE db = ? AND id <> connection_id()";
    let list = sqlx::query_scalar(list).bind(database).fetch_all(admin);
    list.await.unwrap().into_iter().collect()
}

/// As when a proxy is restarted: the server is there, and takes new ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_connections_broke_is_nothing_to_who_writes() {
    let stores = Stores::mysql().await;
    let database = stores.url.rsplit_once('/').unwrap().1.to_owned();
    let names: Vec<String> = (0..8).map(|number| format!("early{number}")).collect();
    join_all(names.iter().map(|name| registered(&stores, name))).await;
    let mut admin = AnyConnection::connect(&stores.url).await.unwrap();
    let before = connections(&mut admin, &database).await;
    assert!(before.len() > 2, "the pool's and the one that watches: {before:?}");
    for id in &before {
        admin.execute(AssertSqlSafe(format!("KILL {id}"))).await.unwrap();
    }
    let (begun, mut number) = (Instant::now(), 0);
    loop {
        // Fails if any of them is refused.
        registered(&stores, &format!("late{number}")).await;
        number += 1;
        let now = connections(&mut admin, &database).await;
        if now.is_disjoint(&before) && now.len() > 1 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "no new one watches: {now:?}");
    }
    admin.close().await.unwrap();
    stores.end().await;
}
