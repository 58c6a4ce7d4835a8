//! Clients that people use, as they come from npm: they hold a conversation
//! with the real binary.

use std::{path::Path, process::Stdio};

use crate::support::{process::Process, stores::StoreUrls, within};

/// Runs one of the scripts of `tests/clients` against the demo town.
async fn holds_a_conversation(script: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    assert!(
        folder.join("node_modules").is_dir(),
        "the packages are missing: run ./scripts/test, or `npm ci` in tests/clients"
    );
    let data = tempfile::tempdir().unwrap();
    let service =
        Process::start(data.path().join("data"), StoreUrls::embedded(), &["--demo"]).await;
    let address = format!("http://{}", service.address);
    let running = tokio::task::spawn_blocking({
        let script = script.to_owned();
        move || {
            std::process::Command::new("node")
                .arg(script)
                .arg(address)
                .current_dir(folder)
                .stdin(Stdio::null())
                .output()
        }
    });
    let output = within(script, running).await.unwrap();
    let output = output.expect("Node.js is missing: install `node`");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{script}: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apollo_client() {
    holds_a_conversation("apollo.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graphql_ws() {
    holds_a_conversation("graphql-ws.mjs").await;
}

/// In a real Chromium: sign in, query, subscribe, send.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn playground() {
    holds_a_conversation("playground.mjs").await;
}
