//! How SQLite carries the statements out: each from an index.

use sqlx::{AnyPool, AssertSqlSafe, Row, any::AnyPoolOptions};

use super::{SqliteGraph, chats, friendships, lists, paths, people, statement::Statement};

fn statements() -> impl Iterator<Item = &'static Statement> {
    [people::ALL, friendships::ALL, lists::ALL, paths::ALL, chats::ALL].into_iter().flatten()
}

async fn database() -> AnyPool {
    sqlx::any::install_default_drivers();
    let pool = AnyPoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    SqliteGraph::new(pool.clone(), pool.clone()).migrate().await.unwrap();
    pool
}

async fn plan(pool: &AnyPool, statement: &Statement) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sql));
    let rows = sqlx::query(explain).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

/// A list that came as a parameter, or rows that a statement made for itself.
fn is_no_table(step: &str) -> bool {
    let what = step.trim_start_matches("SCAN ");
    ["VIRTUAL TABLE", "VALUES CLAUSE", "CONSTANT ROW"].iter().any(|made| what.contains(made))
        || what.starts_with("(subquery-")
        || what == "m"
}

#[tokio::test]
async fn no_statement_scans_a_table() {
    let pool = database().await;
    for statement in statements() {
        for step in plan(&pool, statement).await {
            assert!(!step.starts_with("SCAN") || is_no_table(&step), "{}: {step}", statement.name);
        }
    }
}

#[tokio::test]
async fn lists_that_are_ordered_by_time_are_read_in_their_order() {
    let pool = database().await;
    let lists = ["lists/incoming", "lists/outgoing", "lists/blocked", "chats/last"];
    for statement in statements().filter(|statement| lists.contains(&statement.name)) {
        let plan = plan(&pool, statement).await;
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
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
