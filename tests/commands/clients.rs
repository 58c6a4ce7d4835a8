//! Clients that people use, as they come from npm: they hold a conversation
//! with the real binary.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::support::{process::Process, stores::StoreUrls};

/// The scripts have deadlines of their own, of which this is none: a browser
/// may take half a minute to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

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
    let node = Command::new("node")
        .arg(script)
        .arg(address)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Node.js is missing: install `node`");
    let id = node.id().to_string();
    let mut running = tokio::task::spawn_blocking(move || node.wait_with_output().unwrap());
    let output = match tokio::time::timeout(PATIENCE, &mut running).await {
        Ok(output) => output.unwrap(),
        Err(_) => {
            Command::new("kill").arg(id).status().unwrap();
            panic!("{script} did not end within {PATIENCE:?}: {:?}", running.await);
        }
    };
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
