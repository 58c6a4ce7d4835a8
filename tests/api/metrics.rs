//! What `/metrics` shows, and what is written about it.

use std::collections::{BTreeMap, BTreeSet};

use chatterbox::telemetry::{Kind, LISTED, Listed};
use serde_json::{Value, json};

use crate::{
    stories,
    support::{Feed, TestApp, eventually},
};

stories! {
    what_is_listed_is_what_is_served,
    operations_are_told_apart_by_field_and_name,
}

/// Only there once something has gone wrong, or for who uses other protocols.
const RARE: [&str; 8] = [
    "chatterbox_sql_errors_total",
    "chatterbox_graph_errors_total",
    "chatterbox_dead_letters_total",
    "chatterbox_rate_limited_total",
    "chatterbox_http_streams",
    "chatterbox_grpc_requests_total",
    "chatterbox_grpc_request_duration_seconds",
    "chatterbox_grpc_streams",
];
/// Only there where the graph is Neo4j.
const NEO4J: &str = "chatterbox_graph_questions_total";

fn listed(name: &str) -> Option<&'static Listed> {
    let whole = LISTED.iter().find(|listed| listed.name == name);
    whole.or_else(|| {
        let parts = ["_bucket", "_sum", "_count"].into_iter();
        let name = parts.filter_map(|part| name.strip_suffix(part)).next()?;
        LISTED.iter().find(|listed| listed.name == name && listed.kind == Kind::Histogram)
    })
}

/// A line of Prometheus' text format, version 0.0.4.
struct Sample<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, &'a str>,
    value: f64,
}

impl<'a> Sample<'a> {
    fn parse(line: &'a str) -> Self {
        let (what, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = what.split_once('{').unwrap_or((what, "}"));
        let labels = labels.strip_suffix('}').expect("the end of the labels");
        let labels = labels.split_terminator("\",").map(|label| {
            let (name, value) = label.split_once("=\"").expect("a label");
            (name, value.trim_end_matches('"'))
        });
        Self { name, labels: labels.collect(), value: value.parse().expect("a number") }
    }
}

async fn served(app: &TestApp) -> String {
    let response = reqwest::get(app.url("/metrics")).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    response.text().await.unwrap()
}

/// All that people do, once.
async fn a_day(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = Feed::open(&grace, json!({})).await;
    let message = ada.send(&grace, "Good morning").await;
    assert_eq!(feed.message().await, "Good morning");
    let id = &message["conversation"]["id"];
    grace
        .data(
            "mutation ($id: ID!) { markRead(conversationId: $id, seq: 1) { id } }",
            json!({ "id": id }),
        )
        .await;
    ada.data(
        "mutation ($id: ID!) { setTyping(conversationId: $id, typing: true) }",
        json!({ "id": id }),
    )
    .await;
    assert_eq!(grace.code("{ nothing }", Value::Null).await, "BAD_USER_INPUT");
    drop(feed);
    ada.data("mutation { signOut }", Value::Null).await;
}

async fn what_is_listed_is_what_is_served(app: &TestApp) {
    a_day(app).await;
    let on_neo4j = app.stores.graph.is_some();
    let missing = |text: &str| -> Vec<&str> {
        let types: BTreeSet<_> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let wanted = LISTED
            .iter()
            .filter(|listed| !RARE.contains(&listed.name) && (on_neo4j || listed.name != NEO4J));
        let missing =
            wanted.filter(|Listed { name, kind, .. }| !types.contains(&*format!("{name} {kind}")));
        missing.map(|listed| listed.name).collect()
    };
    // Some follow what was done at a distance: the graph's edges, the closes of sockets.
    eventually("all metrics", || async { missing(&served(app).await).is_empty().then_some(()) })
        .await;

    for line in served(app).await.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert_eq!(listed(name).expect(name).help, help);
        } else if let Some(of) = line.strip_prefix("# TYPE ") {
            let (name, kind) = of.split_once(' ').unwrap();
            assert_eq!(listed(name).expect(name).kind.to_string(), kind, "{name}");
        } else if !line.is_empty() {
            let Sample { name, mut labels, value } = Sample::parse(line);
            let of = listed(name).expect(name);
            labels.remove("le");
            let has: BTreeSet<&str> = labels.into_keys().collect();
            let wanted: BTreeSet<&str> = of.labels.iter().copied().collect();
            assert_eq!(has, wanted, "{line}");
            assert!(value >= 0.0, "{line}");
        }
    }
}

/// How often operations ended so.
async fn operations(app: &TestApp, labels: [&str; 4]) -> f64 {
    let wanted: BTreeMap<_, _> =
        ["type", "field", "name", "code"].into_iter().zip(labels).collect();
    let text = served(app).await;
    let samples =
        text.lines().filter(|line| line.starts_with("chatterbox_graphql_operations_total{"));
    samples
        .map(Sample::parse)
        .filter(|sample| sample.labels == wanted)
        .map(|sample| sample.value)
        .sum()
}

async fn operations_are_told_apart_by_field_and_name(app: &TestApp) {
    let (stranger, name) = (app.stranger(), format!("Who{}", app.town));
    let counted = async |field: &str, code| operations(app, ["query", field, &name, code]).await;
    let ada = app.person("ada").await;
    let me = format!("query {name} {{ viewer {{ user {{ id }} }} }}");
    // Nobody has succeeded with the name yet.
    assert_eq!(stranger.code(&me, Value::Null).await, "UNAUTHENTICATED");
    assert_eq!(counted("viewer", "UNAUTHENTICATED").await, 0.0);
    for _ in 0..3 {
        ada.data(&me, Value::Null).await;
    }
    assert_eq!(counted("viewer", "OK").await, 3.0);
    assert_eq!(stranger.code(&me, Value::Null).await, "UNAUTHENTICATED");
    assert_eq!(counted("viewer", "UNAUTHENTICATED").await, 1.0);

    let on_a_socket = |id: &str, query: &str| json!({ "type": "subscribe", "id": id, "payload": { "query": query } });
    let mut socket = Feed::connect(&ada).await;
    socket.send(on_a_socket("1", &me)).await;
    socket.send(on_a_socket("2", &format!("query {name} {{ junk{name} }}"))).await;
    eventually("an operation on a socket", async || {
        (counted("viewer", "OK").await == 4.0).then_some(())
    })
    .await;
    let text = served(app).await;
    assert!(!text.contains(&format!("junk{name}")), "only what the schema has gets a place");
}

/// The rows of the tables of `docs/metrics.md`.
fn documented() -> Vec<[String; 4]> {
    let rows = include_str!("../../docs/metrics.md")
        .lines()
        .filter(|line| line.starts_with("| `chatterbox_") || line.starts_with("| `process_"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
        std::array::from_fn(|_| cells.next().unwrap())
    })
    .collect()
}

#[test]
fn what_is_listed_is_documented() {
    let listed = LISTED.iter().map(|Listed { name, kind, labels, help }| {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        [format!("`{name}`"), kind.to_string(), labels, (*help).to_owned()]
    });
    let (listed, documented): (BTreeSet<_>, BTreeSet<_>) =
        (listed.collect(), documented().into_iter().collect());
    let diff: Vec<_> = listed.symmetric_difference(&documented).collect();
    assert!(diff.is_empty(), "src/telemetry/listed.rs and docs/metrics.md differ: {diff:#?}");
}

#[test]
fn names_follow_the_conventions() {
    for Listed { name, kind, labels, help } in LISTED {
        assert!(name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        let base = ["_milliseconds", "_micros", "_ms", "_minutes", "_kilobytes", "_mb"];
        assert!(!base.iter().any(|unit| name.ends_with(unit)), "{name}: base units");
        assert!(!labels.contains(&"le") && help.ends_with('.'), "{name}");
        if *kind == Kind::Histogram {
            assert!(
                name.ends_with("_seconds") || name.ends_with("_batch_size"),
                "{name}: no buckets"
            );
        }
    }
}

const ALERTS: &str = include_str!("../../dashboards/alerts.yaml");

/// All expressions of a dashboard.
fn expressions<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if ["expr", "definition"].contains(&&**name) => {
                        found.push(text);
                    }
                    value => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_and_the_rules_use_metrics_that_there_are() {
    let dashboard: Value =
        serde_json::from_str(include_str!("../../dashboards/chatterbox.json")).unwrap();
    let (mut found, mut alerts) = (Vec::new(), 0);
    expressions(&dashboard, &mut found);
    assert!(found.len() > 50, "{found:?}");
    let rules = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    found.extend(rules.inspect(|_| alerts += 1));
    assert!(alerts > 10, "{alerts}");
    for expression in found {
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in
            words.filter(|word| word.starts_with("chatterbox_") || word.starts_with("process_"))
        {
            let of = listed(word).unwrap_or_else(|| panic!("{word} in {expression}"));
            assert!(of.kind != Kind::Histogram || word != of.name, "{word} in {expression}");
        }
    }
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel:#}");
    }
}

#[test]
fn every_alert_says_what_it_means_and_what_to_do() {
    let manual = include_str!("../../docs/operating.md");
    let rules: Vec<&str> = ALERTS.split("      - alert: ").skip(1).collect();
    let mut names: Vec<&str> = rules.iter().filter_map(|rule| rule.lines().next()).collect();
    for (name, rule) in names.iter().zip(&rules) {
        for part in ["        expr: ", "severity: ", "summary: "] {
            assert_eq!(rule.matches(part).count(), 1, "{name}: {part}");
        }
        assert!(manual.contains(&format!("\n| `{name}` | ")), "{name} is not in docs/operating.md");
    }
    let explained = manual.lines().filter(|line| line.starts_with("| `Chatterbox")).count();
    assert_eq!(explained, names.len());
    names.sort_unstable();
    names.dedup();
    assert_eq!(explained, names.len());
}
