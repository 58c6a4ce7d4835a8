//! Options and what they do.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use chatterbox::{accounts::SigningKeys, ambient::Ambient};
use secrecy::ExposeSecret;

use crate::{
    chatterbox, said,
    support::{
        process::free_address,
        stores::{StoreUrls, required},
    },
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
        ("bus-url", "http://me:hunter2@host", "nats://host:port"),
        ("mail-url", "imap://me:hunter2@host", "smtps://"),
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
    for wrong in [&["serve", "--colour"][..], &["walk"], &[]] {
        assert_eq!(chatterbox(wrong, &[]).status.code(), Some(2), "{wrong:?}");
    }
}

/// The servers' addresses lack what can't be guessed.
#[test]
fn wrong_combinations_name_their_option_and_what_is_accepted() {
    let (sql, graph) = (format!("mysql://me:{SECRET}@db/chat"), format!("bolt://me:{SECRET}@db"));
    let nowhere = "/nowhere/at/all";
    for (options, named, accepted) in [
        (&["--sql-url", &sql][..], "--graph-url", "bolt://user:password@host:port"),
        (&["--sql-url", "mysql://db/chat"], "--sql-url", "user:password"),
        (&["--sql-url", &sql[..sql.len() - 5]], "--sql-url", "/database"),
        (&["--sql-url", "sqlite:file.db?mode=ro"], "--sql-url", "sqlite:PATH"),
        (&["--graph-url", "bolt://db:7687"], "--graph-url", "user:password"),
        (&["--access-token-ttl", "25h"], "--access-token-ttl", "'10s' to '24h'"),
        (&["--allowed-origin", "example.org"], "--allowed-origin", "https://chat.example.org"),
        (&["--log", "info,=["], "--log", "error, warn, info, debug, trace"),
        (&["--listen", "localhost"], "--listen", "127.0.0.1:8080"),
        (&["--grpc-listen", "8081"], "--grpc-listen", "127.0.0.1:8080' or '[::]:8080', or nothing"),
        (&["--grpc-tls-cert", nowhere], "--grpc-tls-key", "not provided"),
        (&["--grpc-tls-key", nowhere], "--grpc-tls-cert", "not provided"),
        (&["--grpc-tls-cert", nowhere, "--grpc-tls-key", nowhere], "--grpc-tls-cert", nowhere),
        (&["--sql-url-file", nowhere], "--sql-url", nowhere),
        (&["--graph-url-file", nowhere], "--graph-url", nowhere),
        (&["--signing-key-file", nowhere], "--signing-key", nowhere),
        (&["--sql-url", &sql, "--sql-url-file", nowhere], "--sql-url", "cannot be used with"),
        (&["--graph-url", &graph, "--graph-url-file", nowhere], "--graph-url", "cannot be used"),
        (&["--signing-key", SECRET, "--signing-key-file", nowhere], "--signing-key", "cannot be"),
    ] {
        for command in ["serve", "migrate", "check"] {
            let output = chatterbox(&[&[command], options].concat(), &[]);
            let text = said(&output);
            assert_eq!(output.status.code(), Some(2), "{command} {options:?}: {text}");
            assert!(text.contains(named), "{command} {options:?}: {text}");
            assert!(text.contains(accepted), "{command} {options:?}: {text}");
            assert!(!text.contains(SECRET), "{command} {options:?}: {text}");
        }
    }
}

#[tokio::test]
async fn check_names_every_part_and_says_how_long_it_took() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    fill(data.path());
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
fn check_fails_at_once_where_a_part_is_away_and_names_it() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    fill(data.path());
    let (there, closed) = (required("CHATTERBOX_TEST_GRAPH_URL"), free_address());
    let sql = format!("mysql://me:{SECRET}@{closed}/chat");
    let graph = format!("bolt://me:{SECRET}@{closed}");
    for (options, away) in [
        (&["--sql-url", &sql, "--graph-url", &there][..], &["sql"][..]),
        (&["--sql-url", &sql, "--graph-url", &graph], &["sql", "graph"]),
        (&["--graph-url", &graph], &["graph"]),
    ] {
        let begun = Instant::now();
        let output = chatterbox(&[&["check", "--data", folder], options].concat(), &[]);
        let took = begun.elapsed();
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}{}", said(&output));
        let failed = text.lines().filter(|line| line.contains(" failed "));
        let names: Vec<_> = failed.map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(names, away, "{text}");
        assert!(text.contains("UNAVAILABLE"), "{text}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        eprintln!("check without {away:?} took {took:?}");
    }
}

/// Makes what there is to be checked in a data folder.
fn fill(data: &Path) {
    let migrated = chatterbox(&["migrate", "--data", data.to_str().unwrap()], &[]);
    assert!(migrated.status.success(), "{}", said(&migrated));
    let pem = SigningKeys::generate_pem(&Ambient::system()).unwrap();
    std::fs::write(data.join("signing-key.pem"), pem.expose_secret()).unwrap();
}
