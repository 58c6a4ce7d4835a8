//! What nobody gets to see: passwords in addresses, keys, tokens.

use std::path::Path;

use chatterbox::{accounts::Tokens, ambient::Ambient};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{
    chatterbox, said,
    support::{
        Client, Feed,
        process::Process,
        stores::{StoreUrls, required},
    },
};

const SECRET: &str = "hunter2";

fn pem() -> String {
    Tokens::generate_pem(&Ambient::system()).unwrap().expose_secret().to_owned()
}

/// The line that is the key itself.
fn key_of(pem: &str) -> &str {
    pem.lines().find(|line| !line.starts_with("-----")).unwrap()
}

fn all(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), said(output))
}

fn password_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    let (login, _) = rest.rsplit_once('@').unwrap();
    login.split_once(':').unwrap().1
}

#[test]
fn help_shows_no_secret() {
    let pem = pem();
    let addresses = ["mysql", "bolt", "nats", "smtp"].map(|s| format!("{s}://me:{SECRET}@host/x"));
    let environment = [
        ("CHATTERBOX_SQL_URL", &*addresses[0]),
        ("CHATTERBOX_GRAPH_URL", &addresses[1]),
        ("CHATTERBOX_BUS_URL", &addresses[2]),
        ("CHATTERBOX_MAIL_URL", &addresses[3]),
        ("CHATTERBOX_SIGNING_KEY", &pem),
    ];
    for command in ["serve", "migrate", "check"] {
        for flag in ["--help", "-h"] {
            let help = chatterbox(&[command, flag], &environment);
            let text = all(&help);
            assert!(help.status.success(), "{text}");
            for option in
                ["--sql-url", "CHATTERBOX_SQL_URL_FILE", "127.0.0.1:8080", "./data", "10m"]
            {
                assert!(text.contains(option), "{command} {flag}: {option}: {text}");
            }
            assert!(!text.contains(SECRET) && !text.contains(key_of(&pem)), "{command} {flag}");
        }
    }
}

/// A password that a server refuses went all the way through the drivers.
#[test]
fn a_refused_password_is_shown_nowhere() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let host = |variable| required(variable).rsplit_once('@').unwrap().1.to_owned();
    let sql = format!("mysql://nobody:{SECRET}@{}", host("CHATTERBOX_TEST_SQL_URL"));
    let graph = format!("bolt://nobody:{SECRET}@{}", host("CHATTERBOX_TEST_GRAPH_URL"));
    let pem = pem();
    let environment = [
        ("CHATTERBOX_SQL_URL", &*sql),
        ("CHATTERBOX_GRAPH_URL", &*graph),
        ("CHATTERBOX_SIGNING_KEY", &*pem),
    ];
    for command in ["check", "migrate", "serve"] {
        for format in ["text", "json"] {
            let options =
                [command, "--data", folder, "--log", "trace", "--log-format", format, "--listen"];
            let output = chatterbox(&[&options[..], &["127.0.0.1:0"]].concat(), &environment);
            let text = all(&output);
            assert_eq!(output.status.code(), Some(1), "{command}: {text}");
            assert!(text.contains("nobody"), "it came to the refusal: {command}: {text}");
            none_of(&text, &[SECRET, key_of(&pem)]);
        }
    }
}

#[test]
fn files_stand_for_the_secrets_in_them() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let pem = pem();
    let file = data.path().join("key");
    std::fs::write(&file, &pem).unwrap();
    let one_line = pem.trim_end().replace('\n', "\\n");
    let keys = [
        ("CHATTERBOX_SIGNING_KEY", &*pem),
        ("CHATTERBOX_SIGNING_KEY", &*one_line),
        ("CHATTERBOX_SIGNING_KEY_FILE", file.to_str().unwrap()),
    ]
    .map(|variable| {
        let output = chatterbox(&["check", "--data", folder, "--log", "trace"], &[variable]);
        let text = all(&output);
        assert!(output.status.success(), "{text}");
        none_of(&text, &[key_of(&pem)]);
        text.split("Ed25519 ").nth(1).unwrap().lines().next().unwrap().to_owned()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(!data.path().join("signing-key.pem").exists(), "none is made beside the given one");

    let sql = format!("sqlite:{}", data.path().join("elsewhere.db").display());
    let (sql_file, graph_file) = (data.path().join("sql"), data.path().join("graph"));
    std::fs::write(&sql_file, format!("{sql}\r\n")).unwrap();
    std::fs::write(&graph_file, format!("{}\n", required("CHATTERBOX_TEST_GRAPH_URL"))).unwrap();
    let environment = [
        ("CHATTERBOX_SQL_URL_FILE", sql_file.to_str().unwrap()),
        ("CHATTERBOX_GRAPH_URL_FILE", graph_file.to_str().unwrap()),
    ];
    let output = chatterbox(&["check", "--data", folder], &environment);
    let text = all(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("SQLite/") && text.contains("Neo4j/"), "{text}");
    assert!(data.path().join("elsewhere.db").exists(), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_at_trace_keeps_secrets_embedded() {
    the_log_keeps_secrets(StoreUrls::embedded(), "trace").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_at_trace_keeps_secrets_servers() {
    let stores = StoreUrls::servers().await;
    the_log_keeps_secrets(stores.clone(), "trace").await;
    stores.drop().await;
}

/// Of two directives the more specific one counts, so that none may be all
/// that stands between a secret and the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_keeps_secrets_whatever_is_asked_of_it() {
    let filter = "trace,tungstenite::protocol=trace,tungstenite::protocol::frame=trace,\
                  hyper::proto=trace,async_graphql::executor=trace,sqlx::query=trace";
    the_log_keeps_secrets(StoreUrls::embedded(), filter).await;
}

/// Each secret passes through once at least: to the stores, over HTTP and
/// over a socket.
async fn the_log_keeps_secrets(stores: StoreUrls, filter: &str) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = ["--log", filter, "--verify-email", "off"];
    let mut service = Process::start(data.clone(), stores.clone(), &options).await;
    let nobody = Client::new(service.address, None);
    let (name, password) = (crate::support::stores::unique(), "a password like no other");
    let register = json!({ "input": { "username": name, "email": format!("{name}@example.org"),
        "password": password } });
    let query = "mutation ($input: RegisterInput!) { register(input: $input) { id } }";
    nobody.data(query, register).await;
    let pair = "accessToken refreshToken viewer { user { id username } }";
    let query = format!("mutation ($input: SignInInput!) {{ signIn(input: $input) {{ {pair} }} }}");
    let input = json!({ "input": { "login": name, "password": password } });
    let data_of = nobody.data(&query, input).await;
    let first = Client::signed_in(service.address, &data_of["signIn"]);
    let query = format!(
        "mutation ($token: String!) {{ refreshSession(refreshToken: $token) {{ {pair} }} }}"
    );
    let data_of = first.data(&query, json!({ "token": first.refresh_token })).await;
    let second = Client::signed_in(service.address, &data_of["refreshSession"]);
    second.data("{ viewer { email } }", Value::Null).await;
    Feed::connect(&second).await.is_served().await;
    let change = "mutation ($current: String!) { changePassword(current: $current,
        new: \"another password like no other\") }";
    second.data(change, json!({ "current": password })).await;
    service.terminate();
    assert!(service.ended().await.success());

    let log = service.log();
    assert!(log.contains("DEBUG"), "the log tells all it can");
    let pem = made_key(&data);
    let tokens = [&first, &second]
        .map(|client| [client.token.clone().unwrap(), client.refresh_token.clone()])
        .concat();
    none_of(&log, &[password, "another password like no other", key_of(&pem)]);
    none_of(&log, &tokens.iter().map(String::as_str).collect::<Vec<_>>());
    for url in [&stores.sql, &stores.graph].into_iter().flatten() {
        // Alone it may be a word like any other.
        none_of(&log, &[&format!(":{}@", password_of(url)), &format!("\"{}\"", password_of(url))]);
    }
}

fn made_key(data: &Path) -> String {
    std::fs::read_to_string(data.join("signing-key.pem")).unwrap()
}

/// Fails where the text has one of these, and shows the lines around the
/// first, which are the test's own.
fn none_of(text: &str, secrets: &[&str]) {
    for secret in secrets {
        if let Some(line) = text.lines().find(|line| line.contains(secret)) {
            let line: String = line.chars().take(600).collect();
            panic!("{secret:?} is shown: {line}");
        }
    }
}
