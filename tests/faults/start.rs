//! A start on existing data.

use std::time::{Duration, Instant};

use crate::{support::process::Process, support::stores::StoreUrls};

/// Fast enough that nobody takes it for a hang; how fast it was is printed.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_the_demo_town_is_quick() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let begun = Instant::now();
    let mut service = Process::start(data, StoreUrls::embedded(), &["--demo"]).await;
    eprintln!("ready {:?} after the first start, with the town to be built", begun.elapsed());

    service.terminate();
    assert!(service.ended().await.success());
    start(&mut service, "SIGTERM").await;
    service.kill();
    start(&mut service, "kill -9").await;
}

async fn start(service: &mut Process, ended_by: &str) {
    let begun = Instant::now();
    service.restart().await;
    let took = begun.elapsed();
    eprintln!("ready {took:?} after a start on existing data, ended by {ended_by}");
    assert!(took < PATIENCE, "{took:?}");
}
