//! Options and what they do.

use crate::{
    chatterbox, said,
    support::stores::{StoreUrls, required},
};

const SECRET: &str = "hunter2";

#[test]
fn the_schema_in_the_repository_is_the_one_that_is_served() {
    let printed = chatterbox(&["schema"], &[]);
    assert!(printed.status.success());
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql"));
    assert!(
        String::from_utf8(printed.stdout).unwrap() == kept.unwrap(),
        "schema.graphql is out of date: cargo run -- schema > schema.graphql"
    );
}

#[test]
fn wrong_values_name_their_option_and_what_is_accepted() {
    for (option, value, accepted) in [
        ("listen", "here", "an IP address and a port"),
        ("sql-url", "postgres://me:hunter2@db/chat", "mysql://user:password@host:port/database"),
        ("graph-url", "http://me:hunter2@db", "bolt://user:password@host:port"),
        ("verify-email", "maybe", "required, off"),
        ("access-token-ttl", "1s", "'10s' to '24h'"),
        ("log-format", "xml", "text, json"),
        ("mail-from", "nobody", "mail"),
        ("public-url", "ftp://x", "http"),
        ("signing-key", "hunter2", "Ed25519"),
        ("bus-url", "nats://me:hunter2@host", "one node"),
    ] {
        let flag = format!("--{option}");
        let variable = format!("CHATTERBOX_{}", option.to_uppercase().replace('-', "_"));
        for output in [
            chatterbox(&["serve", &flag, value], &[]),
            chatterbox(&["serve"], &[(&variable, value)]),
        ] {
            let text = said(&output);
            assert_eq!(output.status.code(), Some(2), "{flag} {value}: {text}");
            assert!(text.contains(&flag), "{flag} {value}: {text}");
            assert!(text.contains(accepted), "{flag} {value}: {text}");
            assert!(!text.contains(SECRET), "{flag}: {text}");
        }
    }
    let unknown = chatterbox(&["serve", "--colour"], &[]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn help_shows_no_secret() {
    let sql = format!("mysql://me:{SECRET}@db:3306/chat");
    let graph = format!("bolt://me:{SECRET}@db:7687");
    let environment = [("CHATTERBOX_SQL_URL", &*sql), ("CHATTERBOX_GRAPH_URL", &*graph)];
    let help = chatterbox(&["serve", "--help"], &environment);
    let text = String::from_utf8(help.stdout).unwrap();
    for option in ["--sql-url", "CHATTERBOX_SQL_URL_FILE", "127.0.0.1:8080", "./data", "10m"] {
        assert!(text.contains(option), "{option}: {text}");
    }
    assert!(!text.contains(SECRET));
}

#[tokio::test]
async fn check_names_every_part_and_says_how_long_it_took() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let output = chatterbox(&["check", "--data", folder], &[]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{text}{}", said(&output));
    for part in ["sql", "graph", "bus", "mail", "keys", "SQLite/", "ms"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let stores = StoreUrls::servers().await;
    let (sql, graph) = (stores.sql.clone().unwrap(), stores.graph.clone().unwrap());
    let secret = data.path().join("sql-url");
    std::fs::write(&secret, format!("{sql}\n")).unwrap();
    let environment =
        [("CHATTERBOX_SQL_URL_FILE", secret.to_str().unwrap()), ("CHATTERBOX_GRAPH_URL", &*graph)];
    let output = chatterbox(&["check", "--data", folder], &environment);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{text}{}", said(&output));
    assert!(text.contains("MySQL/") && text.contains("Neo4j/"), "{text}");
    stores.drop().await;
}

#[test]
fn check_fails_where_a_part_is_away_and_keeps_its_secrets() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let graph = required("CHATTERBOX_TEST_GRAPH_URL");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sql = format!("mysql://me:{SECRET}@{closed}/chat");
    let options =
        ["check", "--data", folder, "--sql-url", &sql, "--graph-url", &graph, "--log", "trace"];
    let output = chatterbox(&options, &[]);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), said(&output));
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("UNAVAILABLE"), "{text}");
    assert!(!text.contains(SECRET), "the password of the SQL server is in the log");
    let (_, password) = graph.split_once("://neo4j:").unwrap();
    let password = password.split_once('@').unwrap().0;
    assert!(!text.contains(&format!(":{password}@")), "the password of the graph is in the log");
}
