//! How SQLite carries the statements out: each from an index.

use sqlx::{AnyPool, AssertSqlSafe, Row, any::AnyPoolOptions};

use super::{
    Readers, SqliteGraph, census, chats, directory, friendships, group_edits, groups, lists, load,
    paths, people, settings, statement::Statement, suggestions,
};

fn statements() -> impl Iterator<Item = &'static Statement> {
    [
        people::ALL,
        settings::ALL,
        load::ALL,
        friendships::ALL,
        lists::ALL,
        paths::ALL,
        suggestions::ALL,
        directory::ALL,
        groups::ALL,
        group_edits::ALL,
        chats::ALL,
        census::ALL,
    ]
    .into_iter()
    .flatten()
}

async fn database() -> AnyPool {
    sqlx::any::install_default_drivers();
    let pool = AnyPoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    SqliteGraph::new(pool.clone(), Readers::pooled(pool.clone())).migrate().await.unwrap();
    pool
}

async fn plan(pool: &AnyPool, statement: &Statement) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sql));
    let rows = sqlx::query(explain).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

/// What statements call the rows that they made for themselves.
const MADE: [&str; 6] = ["asked", "degrees", "found", "inside", "near", "page"];

/// A list that came as a parameter, or rows that a statement made for itself.
fn is_no_table(step: &str) -> bool {
    let what = step.trim_start_matches("SCAN ");
    let made = what.split_whitespace().next().is_some_and(|name| MADE.contains(&name));
    made || what.starts_with("(subquery-")
        || ["VIRTUAL TABLE", "VALUES CLAUSE", "CONSTANT ROW"].iter().any(|made| what.contains(made))
}

#[tokio::test]
async fn no_statement_scans_a_table() {
    let pool = database().await;
    let mut faults = Vec::new();
    for statement in statements() {
        for step in plan(&pool, statement).await {
            let scans = step.starts_with("SCAN") && !is_no_table(&step);
            if scans || step.contains("AUTOMATIC") {
                faults.push(format!("{}: {step}", statement.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn lists_that_an_index_orders_are_read_in_their_order() {
    let pool = database().await;
    let lists = [
        "lists/friends",
        "lists/incoming",
        "lists/outgoing",
        "lists/blocked",
        "chats/last",
        "directory/friends",
        "directory/by_username",
        "directory/by_display_name",
        "groups/without_friends",
    ];
    for statement in statements().filter(|statement| lists.contains(&statement.name)) {
        let plan = plan(&pool, statement).await;
        let sorts = plan.iter().filter(|step| step.contains("TEMP B-TREE FOR ORDER BY")).count();
        // What was read in order is a page, which is put in order once more after a join.
        let pages = plan.iter().filter(|step| step.ends_with(" page")).count();
        assert!(sorts <= pages.min(1), "{}: {plan:#?}", statement.name);
    }
}

#[tokio::test]
async fn names_are_looked_for_within_a_range() {
    let pool = database().await;
    for (name, range) in [
        ("lists/friends", "graph_friends_by_username (person=? AND username>?)"),
        ("directory/by_username", "((username,id)>(?,?) AND username<?)"),
        ("directory/by_display_name", "((folded_name,id)>(?,?) AND folded_name<?)"),
        ("directory/size", "COVERING INDEX graph_people_by_username (username>? AND username<?)"),
        (
            "directory/size",
            "COVERING INDEX graph_people_by_folded_name (folded_name>? AND folded_name<?)",
        ),
        ("groups/without_friends", "((folded_name,id)>(?,?) AND folded_name<?)"),
    ] {
        let statement = statements().find(|statement| statement.name == name).unwrap();
        let plan = plan(&pool, statement).await;
        assert!(plan.iter().any(|step| step.ends_with(range)), "{name}: {plan:#?}");
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = statements().map(|statement| statement.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// A statement with a parameter in its LIMIT would be parsed and planned anew whenever it runs.
#[tokio::test]
async fn statements_stay_prepared() {
    let rows = sqlx::query("PRAGMA compile_options").fetch_all(&database().await).await.unwrap();
    let options: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(options.iter().any(|option| option == "ENABLE_QPSG"), "{options:?}");
}
