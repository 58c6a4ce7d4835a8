//! Stores without room, and stores that may only be read: what is refused is
//! refused for now, and nothing is acknowledged that is not kept.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection, Executor};

use crate::{
    away::stores_alone,
    support::{
        Client,
        stores::{StoreUrls, required, unique},
    },
    town::{Sent, Subscriber, Town, kept, try_send, try_send_by_key},
};

/// A command that starts the service so that it hears of a full file, and
/// does not die of it.
const OUTLIVE_LIMIT: &[&str] = &["sh", "-c", r#"trap "" XFSZ; exec "$0" "$@""#];
const LOG_WITHOUT_ROOM: &[&str] = &["sh", "-c", r#"exec "$0" "$@" 2>/dev/full"#];

/// Two who talk, and one who listens.
struct Talk {
    ada: Client,
    grace: Client,
    conversation: String,
    heard: Subscriber,
    acknowledged: Vec<Sent>,
}

impl Talk {
    async fn begin(town: &Town) -> Self {
        let (ada, grace) = (town.person("ada").await, town.person("grace").await);
        let heard = Subscriber::start(&grace).await;
        let acknowledged = vec![try_send(&ada, &grace.id, "before").await.unwrap()];
        let query =
            "query ($name: String!) { user(username: $name) { directConversation { id } } }";
        let data = ada.data(query, json!({ "name": grace.username })).await;
        let conversation = data["user"]["directConversation"]["id"].as_str().unwrap().to_owned();
        Self { ada, grace, conversation, heard, acknowledged }
    }

    /// Sends until something is refused; returns how much was not.
    async fn send_until_refused(&mut self) -> usize {
        for sent in 0..2_000 {
            let (to, key) = (json!({ "userId": self.grace.id }), self.acknowledged.len());
            let body = "long ".repeat(200);
            match try_send_by_key(&self.ada, to, &body, &format!("long {key}")).await {
                Some(message) => self.acknowledged.push(message),
                None => return sent,
            }
        }
        panic!("everything is acknowledged");
    }

    /// Fails unless all that writes is refused for now, at once, and all that
    /// reads is answered.
    async fn only_reading_works(&self) {
        let send = "mutation ($id: ID!) { sendMessage(input: { to: { userId: $id }, body: \"no\" }) { id } }";
        let ask = "mutation ($id: ID!) { sendFriendRequest(userId: $id) { id } }";
        let sign_in = "mutation ($id: String!) { signIn(input: { login: $id, password: \"password\" }) { expiresAt } }";
        let (grace, ada) = (&self.grace.id, &self.ada.username);
        for (query, id) in [(send, grace), (ask, grace), (sign_in, ada)] {
            let asked = Instant::now();
            let answer = self.ada.response(query, json!({ "id": id })).await;
            let extensions = &answer["errors"][0]["extensions"];
            assert_eq!(extensions["code"], "UNAVAILABLE", "{query}: {answer:#}");
            assert!(extensions["retryAfterMs"].is_number(), "{answer:#}");
            let took = asked.elapsed();
            assert!(took < Duration::from_secs(2), "{query}: {took:?}");
        }
        self.all_is_there().await;
        let lists = "{ viewer { email friends { totalCount } conversations { nodes { id } } } }";
        let data = self.grace.data(lists, Value::Null).await;
        assert_eq!(data["viewer"]["conversations"]["nodes"][0]["id"], self.conversation.as_str());
        let mut feed = self.grace.feed().await;
        feed.is_served().await;
    }

    /// Fails unless what was acknowledged is kept, and nothing else.
    async fn all_is_there(&self) {
        let kept = kept(&self.grace, &self.conversation).await;
        let same = |sent: &[Sent]| -> Vec<(String, i64)> {
            sent.iter().map(|sent| (sent.id.clone(), sent.seq)).collect()
        };
        assert_eq!(same(&kept), same(&self.acknowledged));
    }

    /// Fails unless one can write again, and nothing was lost.
    async fn goes_on(&mut self) {
        for turn in 0..20 {
            let body = format!("{} {turn}", self.acknowledged.len());
            let sent = try_send(&self.ada, &self.grace.id, &body).await;
            self.acknowledged.push(sent.expect("a store that has room"));
            // A transaction that is given up leaves nothing behind for the next.
            let email = format!("{}@example.org", self.ada.username);
            let guess = "mutation ($email: String!) {
                resetPassword(email: $email, code: \"123456\", new: \"password\") { expiresAt } }";
            let code = self.ada.code(guess, json!({ "email": email })).await;
            assert_eq!(code, "INVALID_CREDENTIALS");
            let profile = self.ada.change_profile(json!({ "bio": body })).await;
            assert_eq!(profile["bio"], body.as_str());
        }
        self.all_is_there().await;
        let bodies: Vec<String> = self.acknowledged.iter().map(|sent| sent.body.clone()).collect();
        crate::support::eventually("all to be heard", || async {
            (self.heard.bodies() == bodies).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_loses_nothing_embedded() {
    let stores = StoreUrls::embedded();
    let mut town = Town::start_behind(stores.clone(), stores, OUTLIVE_LIMIT, &[]).await;
    let mut talk = Talk::begin(&town).await;
    let mut sent = Vec::new();
    for dies in [false, true, false] {
        leave_room(&town, Some(100_000));
        sent.push(talk.send_until_refused().await);
        talk.only_reading_works().await;
        if dies {
            town.service.kill();
            town.service.restart().await;
        } else {
            leave_room(&town, None);
        }
        talk.goes_on().await;
    }
    let total = talk.acknowledged.len();
    eprintln!("{sent:?} messages until the disk was full, {total} in all");
    drop(talk);
    assert!(town.positions().await >= total);
    town.end().await;
}

/// Lets the largest file of the database grow by so many bytes, or freely.
fn leave_room(town: &Town, bytes: Option<u64>) {
    let size = |name: &str| std::fs::metadata(town.data.join(name)).map_or(0, |file| file.len());
    let largest = size("chatterbox.db").max(size("chatterbox.db-wal"));
    let limit = bytes.map_or("unlimited".to_owned(), |bytes| (largest + bytes).to_string());
    let (process, limit) = (town.service.id().to_string(), format!("--fsize={limit}:"));
    let done = Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap();
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_room_stops_nothing() {
    let stores = StoreUrls::embedded();
    let mut town = Town::start_behind(stores.clone(), stores, LOG_WITHOUT_ROOM, &[]).await;
    let mut talk = Talk::begin(&town).await;
    talk.goes_on().await;
    drop(talk);
    town.service.terminate();
    let status = crate::support::within("the end", town.service.ended()).await;
    assert!(status.success(), "{status}");
}

/// A server that takes nothing from those who are not its administrator,
/// until this is dropped.
struct ReadOnly;

impl ReadOnly {
    async fn begin() -> Self {
        let read_only = Self;
        administrate("SET GLOBAL read_only = 1").await;
        read_only
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        // A runtime can't be waited for within itself.
        let undone = std::thread::spawn(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(administrate("SET GLOBAL read_only = 0"));
        });
        if undone.join().is_err() {
            eprintln!("the SQL server still takes nothing");
        }
    }
}

/// Runs a statement as a user who may do anything.
async fn administrate(statement: &str) {
    sqlx::any::install_default_drivers();
    let url = required("CHATTERBOX_TEST_SQL_URL");
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

/// Stores by a user of their own, who may do nothing but to use this database.
async fn by_ordinary_user(stores: &StoreUrls) -> (StoreUrls, String) {
    let mut url = url::Url::parse(stores.sql.as_deref().unwrap()).unwrap();
    let (database, user) = (url.path().trim_start_matches('/').to_owned(), unique());
    for host in ["%", "localhost"] {
        administrate(&format!("CREATE USER '{user}'@'{host}' IDENTIFIED BY 'chatterbox'")).await;
        administrate(&format!("GRANT ALL ON {database}.* TO '{user}'@'{host}'")).await;
    }
    url.set_username(&user).unwrap();
    url.set_password(Some("chatterbox")).unwrap();
    (StoreUrls { sql: Some(url.into()), graph: stores.graph.clone() }, user)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_only_be_read_refuses_and_loses_nothing() {
    let _alone = stores_alone().await;
    let stores = StoreUrls::servers().await;
    let (through, user) = by_ordinary_user(&stores).await;
    let town = Town::start_behind(stores, through, &[], &[]).await;
    let mut talk = Talk::begin(&town).await;
    for _ in 0..2 {
        let read_only = ReadOnly::begin().await;
        assert_eq!(talk.send_until_refused().await, 0);
        talk.only_reading_works().await;
        drop(read_only);
        talk.goes_on().await;
    }
    drop(talk);
    town.end().await;
    administrate(&format!("DROP USER '{user}'@'%', '{user}'@'localhost'")).await;
}
