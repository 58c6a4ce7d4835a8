//! Statements are counted by the service's own metrics, which all servers in
//! a process share: one test at a time.

use std::collections::BTreeMap;

use serde_json::{Value, json};
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
const BACKGROUND: [&str; 21] = [
    "dead_letters.count",
    "jobs.due",
    "jobs.count",
    "head.read",
    "projections.update",
    "projections.insert",
    "projections.read",
    "projections.move",
    "log.words",
    "message_words.delete",
    "message_words.insert",
    "begin",
    "commit",
    "chats/record",
    "chats/record_groups",
    "people/circles",
    "last_seen.note",
    "sessions.stale",
    "refresh_tokens.stale",
    "codes.stale",
    "attempts.stale",
];

/// Reads people.
pub const PEOPLE: &str = "people/get";
/// What these read may be known: from before, or by a part of the same answer that came first.
const KNOWN: [&str; 2] = [PEOPLE, "conversations.by_id"];

/// How often each statement ran so far.
async fn statements(app: &TestApp) -> BTreeMap<String, u64> {
    let mut counts = all_statements(app).await;
    counts.retain(|statement, _| !BACKGROUND.contains(&&**statement));
    counts
}

/// As [`statements`], with those that the service makes by itself.
pub async fn all_statements(app: &TestApp) -> BTreeMap<String, u64> {
    let text = reqwest::get(app.url("/metrics")).await.unwrap().text().await.unwrap();
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let Some((name, count)) = line.rsplit_once(' ') else { continue };
        if !name.contains("_statement_duration_seconds_count{") {
            continue;
        }
        let statement = name.split('"').nth(1).unwrap();
        counts.insert(statement.to_owned(), count.parse().unwrap());
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

/// The statements that are made whatever is known.
pub fn certain(made: &BTreeMap<String, u64>) -> impl Iterator<Item = &str> {
    made.keys().map(String::as_str).filter(|name| !KNOWN.contains(name))
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

/// Waits until so many messages with this word can be found.
pub async fn indexed(client: &Client, word: &str, messages: usize) {
    eventually("the index of words", || async {
        let query = "query ($word: String!) { viewer {
            searchMessages(query: $word, first: 100) { nodes { id } } } }";
        let data = client.data(query, json!({ "word": word })).await;
        let found = data["viewer"]["searchMessages"]["nodes"].as_array().unwrap().len();
        (found == messages).then_some(())
    })
    .await;
}
