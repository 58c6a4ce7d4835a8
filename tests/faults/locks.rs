//! Locks that others hold in MariaDB: what has to wait for them is tried
//! again, not for ever, and is done once.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use sqlx::{Any, AnyConnection, Connection, Executor, Transaction};

use crate::{
    away::stores_stay,
    support::{Client, eventually},
    town::{Town, history, send_until_acknowledged, try_send},
};

/// How long a statement of the service waits for a lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const DEADLOCKS: &str = "chatterbox_sql_deadlocks_total";

/// Somebody else's transaction, which holds the head of the log.
async fn hold_head(foreign: &mut AnyConnection) -> Transaction<'_, Any> {
    let mut holding = foreign.begin().await.unwrap();
    take_head(&mut holding).await;
    holding
}

async fn take_head(holding: &mut Transaction<'_, Any>) {
    holding.execute("SELECT pos FROM head WHERE id = 1 FOR UPDATE").await.unwrap();
}

/// Fails unless these were sent and nothing else, each once.
async fn were_sent(one: &Client, other: &Client, bodies: &[String]) {
    let kept = history(one, other).await;
    let seqs: Vec<i64> = kept.iter().map(|sent| sent.seq).collect();
    assert_eq!(seqs, (1..).take(bodies.len()).collect::<Vec<_>>());
    let mut kept: Vec<String> = kept.into_iter().map(|sent| sent.body).collect();
    kept.sort();
    assert_eq!(kept, bodies);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_too_long_for_a_lock_is_tried_again() {
    let _stay = stores_stay().await;
    let town = Town::servers().await;
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let mut bodies: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    send_until_acknowledged(&ada, &grace.id, "before").await;
    let mut foreign = town.connect().await;
    let holding = hold_head(&mut foreign).await;
    let sending = bodies.iter().map(|body| {
        let (ada, to, body) = (ada.clone(), grace.id.clone(), body.clone());
        tokio::spawn(async move { send_until_acknowledged(&ada, &to, &body).await })
    });
    let sending: Vec<_> = sending.collect();
    let tried_again = Instant::now();
    eventually("a lock that took too long", || async {
        (town.metric(DEADLOCKS).await > 0.0).then_some(())
    })
    .await;
    eprintln!("tried again after {:?}", tried_again.elapsed());
    // Reading needs no lock.
    assert_eq!(history(&grace, &ada).await.len(), 1);
    assert!(sending.iter().all(|sender| !sender.is_finished()), "acknowledged under a lock");
    let released = Instant::now();
    holding.rollback().await.unwrap();
    let sent = join_all(sending).await;
    eprintln!("{} acknowledged {:?} after the lock was released", sent.len(), released.elapsed());
    assert!(released.elapsed() < Duration::from_secs(2), "{:?}", released.elapsed());
    for sent in sent.into_iter().map(Result::unwrap) {
        let again = try_send(&ada, &grace.id, &sent.body).await.unwrap();
        assert_eq!((again.id, again.seq), (sent.id, sent.seq));
    }
    bodies.push("before".to_owned());
    were_sent(&ada, &grace, &bodies).await;
    assert_eq!(town.positions().await, bodies.len());
    foreign.close().await.unwrap();
    town.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_not_released_is_given_up() {
    let _stay = stores_stay().await;
    let town = Town::servers().await;
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    send_until_acknowledged(&ada, &grace.id, "before").await;
    let mut foreign = town.connect().await;
    let holding = hold_head(&mut foreign).await;
    let asked = Instant::now();
    let input = json!({ "to": { "userId": grace.id }, "body": "kept", "key": "kept" });
    let query = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { seq } }";
    // A few tries, and no more.
    let answer = ada.response(query, json!({ "input": input }));
    let answer = tokio::time::timeout(6 * LOCK_WAIT, answer).await.expect("tried for ever");
    let took = asked.elapsed();
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "UNAVAILABLE", "{answer}");
    assert!(extensions["retryAfterMs"].is_number(), "{answer}");
    let retries = town.metric(DEADLOCKS).await;
    eprintln!("given up after {took:?} and {retries} retries");
    assert!((1.0..=5.0).contains(&retries), "{retries}");
    assert_eq!(history(&grace, &ada).await.len(), 1, "what was refused is not there");
    holding.rollback().await.unwrap();
    send_until_acknowledged(&ada, &grace.id, "kept").await;
    were_sent(&ada, &grace, &["before".to_owned(), "kept".to_owned()]).await;
    foreign.close().await.unwrap();
    town.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_loses_in_a_deadlock_tries_again() {
    const ROUNDS: usize = 3;
    let _stay = stores_stay().await;
    let town = Town::servers().await;
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let mut bodies = vec!["before".to_owned()];
    send_until_acknowledged(&ada, &grace.id, "before").await;
    let mut foreign = town.connect().await;
    foreign.execute("CREATE TABLE ballast (id BIGINT PRIMARY KEY)").await.unwrap();
    for round in 0..ROUNDS {
        let mut holding = foreign.begin().await.unwrap();
        // The server sacrifices whoever has written less.
        let rows: Vec<String> = (0..1_000).map(|row| format!("({row})")).collect();
        let load = format!("INSERT INTO ballast VALUES {}", rows.join(", "));
        holding.execute(sqlx::AssertSqlSafe(load)).await.unwrap();
        holding.execute("SELECT id FROM conversations FOR UPDATE").await.unwrap();
        let (from, to, body) = (ada.clone(), grace.id.clone(), round.to_string());
        bodies.push(body.clone());
        let sending = tokio::spawn(async move { send_until_acknowledged(&from, &to, &body).await });
        somebody_waits(&town).await;
        // Holds what the service waits for, and waits for what it holds.
        take_head(&mut holding).await;
        holding.rollback().await.unwrap();
        sending.await.unwrap();
    }
    bodies.sort();
    were_sent(&ada, &grace, &bodies).await;
    assert_eq!(town.positions().await, bodies.len());
    assert_eq!(town.metric(DEADLOCKS).await, ROUNDS as f64);
    assert_eq!(town.metric("chatterbox_graphql_errors_total").await, 0.0, "nobody noticed");
    foreign.close().await.unwrap();
    town.end().await;
}

/// Waits until somebody in this town's database waits for a lock.
async fn somebody_waits(town: &Town) {
    let waiting = "SELECT count(*) FROM information_schema.innodb_trx lock_wait \
         JOIN information_schema.processlist process ON process.id = lock_wait.trx_mysql_thread_id \
         WHERE lock_wait.trx_state = 'LOCK WAIT' AND process.db = DATABASE()";
    eventually("the service to wait for a lock", || async {
        let mut connection = town.connect().await;
        let count: i64 = sqlx::query_scalar(waiting).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        // As long as it is asked more often the server gives its last answer.
        tokio::time::sleep(Duration::from_millis(150)).await;
        (count > 0).then_some(())
    })
    .await;
}
