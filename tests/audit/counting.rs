//! Statements are counted by the service's own metrics, which all servers in
//! a process share: one test at a time.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::Mutex;

use crate::support::{Client, TestApp, eventually};

/// Held from before the server starts until after it has stopped.
pub static ALONE: Mutex<()> = Mutex::const_new(());

/// Runs each audit on the embedded stores and on MySQL with Neo4j, one after
/// another.
#[macro_export]
macro_rules! audits {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $($crate::audits!(one $name, embedded);)*
        }
        mod servers {
            $($crate::audits!(one $name, servers);)*
        }
    };
    (one $name:ident, $stores:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let _alone = $crate::counting::ALONE.lock().await;
            let app = $crate::support::TestApp::$stores().await;
            super::$name(&app).await;
            app.stop().await;
        }
    };
}

/// What the service does by itself now and then.
const BACKGROUND: [&str; 10] = [
    "dead_letters.count",
    "jobs.due",
    "jobs.count",
    "head.read",
    "projections.update",
    "projections.insert",
    "begin",
    "commit",
    "chats/record",
    "chats/record_groups",
];

/// How often each statement ran so far.
async fn statements(app: &TestApp) -> BTreeMap<String, u64> {
    let text = reqwest::get(app.url("/metrics")).await.unwrap().text().await.unwrap();
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let Some((name, count)) = line.rsplit_once(' ') else { continue };
        if !name.contains("_statement_duration_seconds_count{") {
            continue;
        }
        let statement = name.split('"').nth(1).unwrap();
        if !BACKGROUND.contains(&statement) {
            counts.insert(statement.to_owned(), count.parse().unwrap());
        }
    }
    counts
}

/// Which statements `work` made, and how often.
pub async fn made_by<T>(
    app: &TestApp,
    work: impl Future<Output = T>,
) -> (T, BTreeMap<String, u64>) {
    let before = statements(app).await;
    let done = work.await;
    let mut after = statements(app).await;
    after.retain(|name, count| {
        *count -= before.get(name).copied().unwrap_or_default();
        *count > 0
    });
    (done, after)
}

/// Waits until all that was said shows in the graph.
pub async fn projected(client: &Client, chats: usize) {
    eventually("the LAST_CHATTED edges", || async {
        let query = "{ viewer { lastChatted(first: 100) { at } } }";
        let data = client.data(query, Value::Null).await;
        (data["viewer"]["lastChatted"].as_array().unwrap().len() == chats).then_some(())
    })
    .await;
}
