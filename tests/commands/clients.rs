//! Clients that people use, as they come from npm and Maven: they hold a
//! conversation with the real binary.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::sync::mpsc;

use crate::support::{process::Process, stores::StoreUrls};

/// The scripts have deadlines of their own, of which this is none: a browser
/// may take half a minute to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A script of `tests/clients` each, and its words.
macro_rules! clients {
    ($($(#[$attribute:meta])* $name:ident: [$script:literal $(, $word:literal)*],)*) => {
        $($(#[$attribute])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            holds_a_conversation($script, &[$($word),*], &[]).await;
        })*
    };
}

clients! {
    /// GraphQL over HTTP, as graphql-http audits it.
    graphql_http: ["audit.mjs"],
    apollo_client: ["apollo.mjs"],
    apollo_client_lists: ["apollo-lists.mjs", "websocket"],
    apollo_client_lists_over_http: ["apollo-lists.mjs", "multipart"],
    apollo_client_links: ["apollo-links.mjs"],
    apollo_kotlin: ["apollo-kotlin.mjs"],
    graphql_ws: ["graphql-ws.mjs"],
    subscriptions_transport_ws: ["old-websocket.mjs"],
    graphql_sse: ["sse.mjs"],
    /// graphql-sse and Apollo Client, over a restart.
    streams_over_http_that_come_back: ["http-returns.mjs"],
    urql: ["urql.mjs"],
    relay: ["relay.mjs"],
    graphql_code_generator: ["codegen.mjs"],
    /// In a real Chromium: sign in, query, subscribe, send.
    playground: ["playground.mjs"],
}

/// The validator of graphql-js says the same of documents.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graphql_js_validation() {
    holds_a_conversation("validation.mjs", &[], &["--rate-limits", "off"]).await;
}

/// It loses its connection in several ways, one of them by too many messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graphql_ws_that_comes_back() {
    holds_a_conversation("graphql-ws-returns.mjs", &[], &["--rate-limits", "off"]).await;
}

/// Runs a script against the demo town.
async fn holds_a_conversation(script: &str, words: &[&str], options: &[&str]) {
    let data = tempfile::tempdir().unwrap();
    let options = [&["--demo"], options].concat();
    let mut service =
        Process::start(data.path().join("data"), StoreUrls::embedded(), &options).await;
    let mut node = Command::new("node");
    node.arg(script).arg(format!("http://{}", service.address)).args(words);
    converse(&mut service, node, data.path()).await;
}

/// Runs a client to its end, which has to be a good one. Where it says
/// `restart`, the service is restarted, and the client told so.
pub async fn converse(service: &mut Process, mut client: Command, scratch: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    assert!(
        folder.join("node_modules").is_dir(),
        "the packages are missing: run ./scripts/test, or `npm ci` in tests/clients"
    );
    let errors = scratch.join("errors");
    let mut running = client
        .current_dir(folder)
        .env("TMPDIR", scratch)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(&errors).unwrap())
        .spawn()
        .expect("its interpreter is missing: install `node` and `python3`");
    let mut input = running.stdin.take().unwrap();
    let mut lines = lines(running.stdout.take().unwrap());
    let mut said = Vec::new();
    let talk = async {
        while let Some(line) = lines.recv().await {
            if line == "restart" {
                service.terminate();
                assert!(service.ended().await.success());
                service.restart().await;
                writeln!(input, "back").unwrap();
            }
            said.push(line);
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, talk).await.is_ok();
    if !in_time {
        running.kill().unwrap();
    }
    let status = running.wait().unwrap();
    let text = format!("{}\n{}", said.join("\n"), std::fs::read_to_string(errors).unwrap());
    assert!(in_time, "{client:?} did not end within {PATIENCE:?}: {text}");
    assert!(status.success(), "{client:?}: {text}");
}

/// What is read, line by line, until its end.
fn lines(from: impl Read + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    receiver
}
