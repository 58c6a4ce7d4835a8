//! `bench`, which measures. How fast it is, is not what is tested.

use std::process::Output;

use serde_json::Value;

use crate::{
    chatterbox, said,
    support::{process::Process, stores::StoreUrls},
};

const STORE: [&str; 5] = ["friends", "mutual-friends", "suggestions", "distance", "reach"];
const API: [&str; 4] = ["friends", "mutual-friends", "suggestions", "distance"];

/// Runs `bench graph` on a sample of 1,000 people in this folder.
fn bench(data: &str, arguments: &[&str]) -> Output {
    let graph = ["bench", "graph", "--users", "1000", "--data", data];
    chatterbox(&[&graph, arguments].concat(), &[])
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Each question has figures, asked by anyone and by hubs.
fn assert_measured(output: &Output, questions: &[&str]) -> Value {
    let report: Value = serde_json::from_str(&printed(output)).unwrap();
    let answers = report["answers"].as_array().unwrap();
    let asked: Vec<_> = answers
        .iter()
        .map(|line| (line["askedBy"].as_str().unwrap(), line["question"].as_str().unwrap()))
        .collect();
    let wanted =
        ["anyone", "hubs"].into_iter().flat_map(|crowd| questions.iter().map(move |q| (crowd, *q)));
    assert_eq!(asked, wanted.collect::<Vec<_>>());
    for line in answers {
        let times = ["p50", "p95", "p99", "max"].map(|name| line[name].as_f64().unwrap());
        assert!(times[0] > 1.0 && times.is_sorted(), "microseconds: {line}");
        assert!(line["answers"].as_u64().unwrap() > 0, "{line}");
        assert!(line["perSecond"].as_f64().unwrap() > 0.0, "{line}");
    }
    report
}

#[test]
fn the_graph_is_measured_once_the_sample_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();

    let early = bench(data, &["--seconds", "0.2"]);
    assert_eq!(early.status.code(), Some(1));
    let text = said(&early);
    assert!(text.contains("--load --users 1000") && text.contains("not in the graph"), "{text}");

    let loaded = printed(&bench(data, &["--load"]));
    assert!(loaded.starts_with("1,000 people and 4,870 friendships are in the graph"), "{loaded}");
    let again = printed(&bench(data, &["--load"]));
    let counts = |text: &str| text.split_once(", after").unwrap().0.to_owned();
    assert_eq!(counts(&again), counts(&loaded));

    let report = assert_measured(&bench(data, &["--seconds", "0.2", "--json"]), &STORE);
    assert_eq!((&report["users"], &report["callers"]), (&1_000.into(), &1.into()));
    assert!(report["graph"].as_str().unwrap().starts_with("SQLite/"), "{report}");

    let some = ["--seconds", "0.2", "--callers", "2", "--questions", "distance,reach"];
    let table = printed(&bench(data, &some));
    assert!(table.contains("SQLite/") && table.contains("1,000 people"), "{table}");
    assert_eq!(table.matches("\ndistance ").count(), 2, "{table}");
    assert!(table.contains("p99 ms") && !table.contains("suggestions"), "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_service_is_measured_over_its_api() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Process::start(data.clone(), StoreUrls::embedded(), &[]).await;
    let url = format!("http://{}", service.address);
    let data = data.to_str().unwrap();
    let over_the_api = |arguments: &[&str]| {
        bench(data, &[&["--url", &url, "--seconds", "0.2"], arguments].concat())
    };

    let early = over_the_api(&[]);
    assert_eq!(early.status.code(), Some(1));
    assert!(said(&early).contains("--load --users 1000"), "{}", said(&early));
    printed(&bench(data, &["--load"]));

    let report = assert_measured(&over_the_api(&["--callers", "2", "--json"]), &API);
    assert_eq!(report["url"], url);
    assert!(report["graph"].as_str().unwrap().starts_with("SQLite/"), "{report}");

    let stranger = tempfile::tempdir().unwrap();
    let refused = bench(stranger.path().to_str().unwrap(), &["--url", &url]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("--signing-key"), "{}", said(&refused));
    let impossible = over_the_api(&["--questions", "reach"]);
    assert_eq!(impossible.status.code(), Some(1));
    assert!(said(&impossible).contains("no such question"), "{}", said(&impossible));

    drop(service);
    let gone = over_the_api(&[]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(said(&gone).contains(&format!("can't reach the service at {url}")), "{}", said(&gone));
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    for (arguments, named) in [
        (&["--load", "--url", "http://127.0.0.1:1"][..], "--load"),
        (&["--load", "--json"], "--json"),
        (&["--url", "https://chat.example.org"], "http://127.0.0.1:8080"),
        (&["--callers", "0"], "--callers"),
        (&["--seconds", "0"], "from 0.1 to 3600"),
        (&["--questions", "weather"], "mutual-friends"),
    ] {
        let output = bench("/nowhere", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(named), "{arguments:?}: {}", said(&output));
    }
}
