//! `bench`, which measures. How fast it is, is not what is tested.

use std::process::Output;

use chatterbox::{accounts::SigningKeys, ambient::Ambient};
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    chatterbox, said,
    support::{
        process::{Process, free_address},
        stores::{StoreUrls, required},
    },
};

const STORE: [&str; 5] = ["friends", "mutual-friends", "suggestions", "distance", "reach"];
/// How a service runs that is measured.
const UNLIMITED: [&str; 2] = ["--rate-limits", "off"];
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
    let service = Process::start(data.clone(), StoreUrls::embedded(), &UNLIMITED).await;
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

/// A running service that is measured.
struct Measured {
    folder: TempDir,
    stores: StoreUrls,
    service: Process,
    /// Where it speaks gRPC.
    grpc: String,
}

impl Measured {
    async fn on(stores: StoreUrls) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let grpc = free_address().to_string();
        let options = [&UNLIMITED[..], &["--grpc-listen", &grpc]].concat();
        let service = Process::start(data, stores.clone(), &options).await;
        Self { folder, stores, service, grpc: format!("http://{grpc}") }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let data = self.folder.path().join("data");
        let url = format!("http://{}", self.service.address);
        let mut all = vec!["bench"];
        all.extend(arguments);
        all.extend(["--url", &url, "--data", data.to_str().unwrap()]);
        if let (Some(sql), Some(graph)) = (&self.stores.sql, &self.stores.graph) {
            all.extend(["--sql-url", sql, "--graph-url", graph]);
        }
        chatterbox(&all, &[])
    }

    fn report(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let report: Value = serde_json::from_str(&printed(&output)).unwrap();
        let sql = if self.stores.sql.is_some() { "MySQL/" } else { "SQLite/" };
        assert!(report["sql"].as_str().unwrap().starts_with(sql), "{report}");
        report
    }
}

fn assert_times(report: &Value) {
    let times = ["p50", "p95", "p99", "max"].map(|name| report[name].as_f64().unwrap());
    assert!(times[0] > 1.0 && times.is_sorted(), "microseconds: {report}");
    assert!(report["perSecond"].as_f64().unwrap() > 0.0, "{report}");
}

fn assert_counts(report: &Value, counts: &[(&str, u64)]) {
    for (name, count) in counts {
        assert_eq!(report[name], *count, "{name}: {report}");
    }
}

/// Each benchmark does what it says, whatever the figures are.
async fn a_running_service_is_under_load(stores: StoreUrls) {
    let measured = Measured::on(stores.clone()).await;

    for (conversations, options) in
        [(3, &[][..]), (7, &["--conversations", "7"]), (2, &["--conversations", "2"])]
    {
        // Long enough for a commit on a machine that is busy.
        let options = [&["send", "--senders", "3", "--seconds", "3"], options].concat();
        let report = measured.report(&options);
        assert_times(&report);
        assert_counts(&report, &[("senders", 3), ("conversations", conversations)]);
        assert!(report["messages"].as_u64().unwrap() > 0, "{report}");
        let per_commit = report["messagesPerCommit"].as_f64().unwrap();
        assert!((1.0..=3.0).contains(&per_commit), "{report}");
        assert!(report["commitsPerSecond"].as_f64().unwrap() > 0.0, "{report}");
    }

    for (protocol, streams, window) in [
        ("gRPC", &[][..], 1),
        ("gRPC streams", &["--streams"], 1),
        ("gRPC streams", &["--streams", "--window", "4"], 4),
    ] {
        let options = ["send", "--senders", "3", "--seconds", "3", "--grpc", &measured.grpc];
        let report = measured.report(&[&options[..], streams].concat());
        assert_times(&report);
        assert_eq!(report["protocol"], protocol);
        assert_counts(&report, &[("senders", 3), ("window", window)]);
        assert!(report["messages"].as_u64().unwrap() > 0, "{report}");
    }

    let fanout = ["fanout", "--members", "5", "--messages", "10", "--senders", "3"];
    let report = measured.report(&fanout);
    assert_times(&report);
    assert_counts(&report, &[("members", 5), ("messages", 10), ("deliveries", 50)]);
    let paced = measured.report(&[&fanout[..], &["--rate", "20"]].concat());
    assert_counts(&paced, &[("deliveries", 50), ("rate", 20)]);
    // The last of ten is due after 0.45 s.
    assert!(paced["seconds"].as_f64().unwrap() >= 0.4, "{paced}");

    // The last group has one member, to whom nobody else writes.
    let resume = ["resume", "--subscribers", "7", "--members", "3", "--missed", "4"];
    let report = measured.report(&resume);
    assert_times(&report);
    assert_counts(&report, &[("subscribers", 7), ("groups", 3), ("deliveries", 28)]);

    let pid = measured.service.id().to_string();
    let report = measured.report(&["idle", "--sockets", "20", "--seconds", "0.5", "--pid", &pid]);
    assert_counts(&report, &[("sockets", 20)]);
    assert!(report["service"]["bytes"].as_u64().unwrap() > 1 << 20, "{report}");
    assert!(report["service"]["cpuPercent"].as_f64().unwrap() < 200.0, "{report}");

    let report = measured.report(&["page", "--load", "1500", "--seconds", "0.3"]);
    assert_times(&report);
    let stored = report["stored"].as_u64().unwrap();
    assert!(stored > 1_500, "besides those that were sent: {report}");
    let more = ["page", "--load", "2000", "--seconds", "0.3", "--callers", "2"];
    assert_counts(&measured.report(&more), &[("stored", stored + 500), ("callers", 2)]);
    let fewer = measured.report(&["page", "--load", "1000", "--seconds", "0.3"]);
    assert_counts(&fewer, &[("stored", stored + 500)]);

    let report =
        measured.report(&["query", "--seconds", "0.3", "--callers", "2", "--users", "2000"]);
    assert_counts(&report, &[("users", 2_000)]);
    let pages = report["pages"].as_array().unwrap();
    let read: Vec<_> = pages
        .iter()
        .map(|line| (line["through"].as_str().unwrap(), line["callers"].as_u64().unwrap()))
        .collect();
    assert_eq!(read, [("stores", 1), ("api", 1), ("stores", 2), ("api", 2)]);
    pages.iter().for_each(assert_times);
    let p50 = |line: &Value| line["p50"].as_f64().unwrap();
    let added = p50(&pages[1]) - p50(&pages[0]);
    assert!((p50(&report["added"]) - added).abs() < 0.01, "{report}");

    let table = printed(&measured.run(&fanout));
    assert!(table.contains("10 messages to each of 5 members"), "{table}");
    assert!(
        table.contains("p99 ms") && table.lines().count() == 8,
        "figures, and the node: {table}"
    );
    drop(measured);
    stores.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_service_is_under_load_embedded() {
    a_running_service_is_under_load(StoreUrls::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_service_is_under_load_servers() {
    a_running_service_is_under_load(StoreUrls::servers().await).await;
}

/// What each node did, in the order in which they were named.
fn by_node(report: &Value, what: &str) -> Vec<u64> {
    let nodes = report["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node[what].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_share_what_is_measured() {
    let (folder, stores) = (tempfile::tempdir().unwrap(), StoreUrls::servers().await);
    let key = folder.path().join("key.pem");
    std::fs::write(&key, SigningKeys::generate_pem(&Ambient::system()).unwrap().expose_secret())
        .unwrap();
    let bus = required("CHATTERBOX_TEST_BUS_URL");
    let keyed = ["--signing-key-file", key.to_str().unwrap(), "--public-url", "http://chat"];
    let options = [&keyed[..], &UNLIMITED, &["--bus-url", &bus]].concat();
    let node = |name: &str| Process::start(folder.path().join(name), stores.clone(), &options);
    let nodes = [node("one").await, node("two").await];
    let urls = nodes.each_ref().map(|node| format!("http://{}", node.address));
    let (sql, graph) = (stores.sql.as_ref().unwrap(), stores.graph.as_ref().unwrap());
    let run = |arguments: &[&str]| {
        let there = ["--nodes", &urls.join(","), "--sql-url", sql, "--graph-url", graph];
        chatterbox(&[&["bench"], arguments, &there, &keyed].concat(), &[])
    };
    let report = |arguments: &[&str]| -> Value {
        let report = printed(&run(&[arguments, &["--json"]].concat()));
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["url"], urls.join(", "));
        let named = report["nodes"].as_array().unwrap().iter().map(|node| &node["url"]);
        assert!(named.eq(&urls), "{report}");
        assert_times(&report);
        report
    };

    let sent = report(&["send", "--senders", "4", "--seconds", "3"]);
    let by_all = by_node(&sent, "messages");
    assert!(by_all.iter().all(|messages| *messages > 0), "{sent}");
    let measured = sent["messages"].as_u64().unwrap();
    assert!(by_all.iter().sum::<u64>() >= measured, "with those of the warm-up: {sent}");

    // Members 0, 2 and 4 are at the first node, and so is the first of the two senders.
    let fanout = ["fanout", "--members", "5", "--messages", "10", "--senders", "2"];
    let heard = report(&fanout);
    assert_eq!(by_node(&heard, "messages"), [5, 5]);
    assert_eq!(by_node(&heard, "deliveries"), [30, 20]);
    let between = &heard["between"];
    assert_eq!(between["sameNode"]["deliveries"], 5 * 3 + 5 * 2, "{heard}");
    assert_eq!(between["acrossNodes"]["deliveries"], 5 * 2 + 5 * 3, "{heard}");
    assert!(between["added"]["p50"].is_f64(), "{heard}");

    // Who was at the first node comes back to the second.
    let resumed = report(&["resume", "--subscribers", "5", "--members", "3", "--missed", "4"]);
    assert_counts(&resumed, &[("groups", 2), ("deliveries", 20)]);
    assert_eq!(by_node(&resumed, "deliveries"), [2 * 4, 3 * 4]);

    let table = printed(&run(&fanout));
    for line in ["the same node", "other nodes  ", "other nodes add", &urls[0], &urls[1]] {
        assert_eq!(table.lines().filter(|told| told.starts_with(line)).count(), 1, "{table}");
    }
    drop(nodes);
    stores.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_measured_is_told() {
    let measured = Measured::on(StoreUrls::embedded()).await;
    let empty = measured.run(&["page"]);
    assert_eq!(empty.status.code(), Some(1));
    assert!(said(&empty).contains("--load N"), "{}", said(&empty));
    let nobody = measured.run(&["idle", "--sockets", "1", "--pid", "4000000000"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(said(&nobody).contains("--pid"), "{}", said(&nobody));
    // It has the key of the service, and no store; then one of its own.
    let url = format!("http://{}", measured.service.address);
    let key = measured.folder.path().join("data/signing-key.pem");
    let other = tempfile::tempdir().unwrap();
    let (data, key) = (other.path().to_str().unwrap(), key.to_str().unwrap());
    let elsewhere = ["bench", "send", "--url", &url, "--data", data, "--signing-key-file", key];
    let refused = chatterbox(&elsewhere, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("there is no "), "{}", said(&refused));
    assert_eq!(other.path().read_dir().unwrap().count(), 0, "it has made something");
    assert!(chatterbox(&["migrate", "--data", data], &[]).status.success());
    let refused = chatterbox(&elsewhere, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("--graph-url"), "{}", said(&refused));
}

#[test]
fn options_of_load_name_what_is_accepted() {
    for (arguments, named) in [
        (&["send", "--senders", "0"][..], "--senders"),
        (&["send", "--seconds", "4000"], "from 0.1 to 3600"),
        (&["send", "--conversations", "0"], "--conversations"),
        (&["send", "--streams"], "--grpc"),
        (&["send", "--grpc", "--window", "2"], "--streams"),
        (&["send", "--grpc", "--streams", "--window", "0"], "--window"),
        (&["send", "--grpc", "https://chat.example.org"], "http://127.0.0.1:8080"),
        (&["fanout", "--members", "1"], "--members"),
        (&["fanout", "--messages", "many"], "--messages"),
        (&["fanout", "--rate", "0"], "--rate"),
        (&["idle", "--sockets", "0"], "--sockets"),
        (&["idle", "--pid", "0"], "--pid"),
        (&["resume", "--missed", "0"], "--missed"),
        (&["send", "--nodes", "http://127.0.0.1:1,https://node-2"], "http://127.0.0.1:8080"),
        (&["fanout", "--nodes", "http://h", "--url", "http://h"], "--nodes"),
        (&["idle", "--nodes", "http://127.0.0.1:1"], "--nodes"),
        (&["query", "--callers", "0"], "--callers"),
        (&["query", "--users", "10"], "--users"),
        (&["page", "--load", "10"], "--load"),
        (&["page", "--url", "https://chat.example.org"], "http://127.0.0.1:8080"),
    ] {
        let output = chatterbox(&[&["bench"], arguments].concat(), &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(named), "{arguments:?}: {}", said(&output));
    }
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
