//! How Neo4j carries the statements under `cypher/` out: each starts from an
//! index, whatever the size of the graph.
//!
//! Every file is looked at, so that a new one can't be missed. Plans come
//! over HTTP, since the driver does not hand them on.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::print_stdout, reason = "the plans, to be read with --nocapture")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use chatterbox_graph::{Graph, neo4j::Neo4jGraph};
use serde::Deserialize;
use serde_json::{Value, json};

/// What finds a node or a range of them by an index, knows a number, or asks
/// the server about itself.
const FINDS: [&str; 8] = [
    "NodeUniqueIndexSeek",
    "NodeUniqueIndexSeek(Locking)",
    "NodeUniqueIndexSeekByRange",
    "NodeIndexSeek",
    "NodeIndexSeekByRange",
    "MultiNodeIndexSeek",
    "NodeCountFromCountStore",
    "ProcedureCall",
];

/// What goes on from there, or from a parameter.
const GOES_ON: [&str; 3] = ["Argument", "Unwind", "EmptyRow"];

/// What reads as much as there is, or every one with every other.
const NEVER: [&str; 4] = ["Scan", "CartesianProduct", "NestedPlan", "ShortestPath(Exhaustive)"];

/// What is to read as much as there is, a part at a time.
const READS_ALL: &str = "chats/forget.cypher";

/// What reads no more of an index than it takes to fill a page.
const STOPS_EARLY: [&str; 3] = [
    "directory/by_username.cypher",
    "directory/by_display_name.cypher",
    "groups/without_friends.cypher",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    operator_type: String,
    #[serde(default)]
    children: Vec<Plan>,
}

impl Plan {
    fn operators(&self) -> Vec<String> {
        let name = self.operator_type.trim_end_matches("@neo4j").to_owned();
        self.children.iter().flat_map(Plan::operators).chain([name]).collect()
    }

    /// The operators that read without being handed anything.
    fn starts(&self) -> Vec<String> {
        if self.children.is_empty() {
            vec![self.operator_type.trim_end_matches("@neo4j").to_owned()]
        } else {
            self.children.iter().flat_map(Plan::starts).collect()
        }
    }
}

fn variable(name: &str) -> String {
    let message = format!(
        "{name} is not set: run scripts/test, or: \
         eval \"$(scripts/stores env)\" after scripts/stores up"
    );
    std::env::var(name).expect(&message)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// A value for every parameter of every statement.
fn parameters() -> Value {
    let id = "user_01h455vb4pex5vsknk084sn02q";
    let asked = json!({
        "place": 0, "id": id, "viewer": id, "other": id, "from": id, "to": id, "group": id,
        "username": "ada", "query": "a", "after": "a", "limit": 51,
    });
    let chat = json!({ "lower": id, "higher": id, "group": id, "conversation": id, "at": 1 });
    let mut parameters = json!({
        "asked": [asked], "people": [{ "id": id }], "person": { "id": id }, "ties": [[id, id, 1]],
        "ids": [id], "others": [id], "groups": [id], "about": [id], "remove": [id],
        "set": [{ "id": id, "role": "OWNER" }], "chats": [chat], "note": "hello", "at": 1,
        "maxFriends": 5_000, "query": "a", "prefix": "a", "name": "a", "after": "a",
        "limit": 51, "friends": 1, "part": 1_000, "change": { "bio": "Counts" },
        "profile": { "name": "Chess" }, "created": true, "token": "token", "remembered": -64,
        "version": 1, "versions": [1], "seconds": 1,
    });
    for name in
        ["id", "one", "other", "viewer", "from", "to", "by", "lower", "higher", "group", "leaving"]
    {
        parameters[name] = json!(id);
    }
    parameters
}

async fn explain(statement: &str) -> Plan {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        query_plan: Option<Plan>,
        errors: Option<Value>,
    }
    let url = format!("{}/db/neo4j/query/v2", variable("CHATTERBOX_TEST_GRAPH_HTTP_URL"));
    let body = json!({ "statement": format!("EXPLAIN {statement}"), "parameters": parameters() });
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    let answer: Answer = answer.json().await.unwrap();
    assert!(answer.errors.is_none(), "{:?}\n{statement}", answer.errors);
    answer.query_plan.unwrap()
}

async fn statements() -> Vec<(String, Plan)> {
    let graph = Neo4jGraph::connect(&variable("CHATTERBOX_TEST_GRAPH_URL")).unwrap();
    graph.migrate().await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cypher");
    let mut plans = Vec::new();
    for file in files(&folder) {
        let name = file.strip_prefix(&folder).unwrap().display().to_string();
        let plan = explain(&fs::read_to_string(&file).unwrap()).await;
        println!("{name}: {:?}", plan.operators());
        plans.push((name, plan));
    }
    assert!(plans.len() > 40, "only {} files", plans.len());
    plans
}

#[tokio::test]
async fn every_statement_starts_from_an_index() {
    let mut faults = Vec::new();
    for (name, plan) in statements().await {
        if name == READS_ALL {
            continue;
        }
        let operators = plan.operators();
        let starts = plan.starts();
        let is = |known: &[&str], operator: &String| known.contains(&operator.as_str());
        let strange = starts.iter().find(|start| !is(&FINDS, start) && !is(&GOES_ON, start));
        let costly = operators.iter().find(|name| NEVER.iter().any(|never| name.contains(never)));
        if let Some(operator) = strange.or(costly) {
            faults.push(format!("{name}: {operator} in {operators:?}"));
        } else if !starts.iter().any(|start| is(&FINDS, start)) {
            faults.push(format!("{name}: finds nothing by an index: {operators:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn a_page_is_read_in_the_order_of_the_index() {
    let mut seen = 0;
    for (name, plan) in statements().await {
        if STOPS_EARLY.contains(&name.as_str()) {
            let operators = plan.operators();
            let is = |name: &str| operators.iter().any(|operator| operator == name);
            assert!(is("PartialTop") && !is("Top"), "{name}: {operators:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, STOPS_EARLY.len());
}
