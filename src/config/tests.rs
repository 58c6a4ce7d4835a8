use clap::Parser;
use ed25519_dalek::pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding};

use super::*;
use crate::cli::{Cli, Command};

fn config(arguments: &[&str]) -> Result<Config, ConfigError> {
    let cli = Cli::try_parse_from(["chatterbox", "serve"].iter().chain(arguments)).expect("read");
    match cli.command {
        Command::Serve(serve) => Config::new(serve.options),
        other => panic!("not serve: {other:?}"),
    }
}

fn refusal(arguments: &[&str]) -> String {
    let text = config(arguments).expect_err("refused").to_string();
    assert!(!text.contains("hunter2"), "{text}");
    text
}

fn pem() -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    key.to_pkcs8_pem(LineEnding::LF).expect("encoded").to_string()
}

#[test]
fn without_options_everything_is_in_the_data_folder() {
    let config = config(&["--data=/srv/chat"]).expect("accepted");
    assert!(
        matches!(&config.sql, SqlStore::File(path) if path == Path::new("/srv/chat/chatterbox.db"))
    );
    assert!(matches!(config.graph, GraphStore::Embedded));
    assert!(matches!(config.signing_key, SigningKey::InDataFolder));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.mail_from.to_string(), "Chatterbox <no-reply@localhost>");
    assert_eq!(config.public_url_at(config.listen).as_str(), "http://127.0.0.1:8080");
    assert_eq!(config.verify_email, VerifyEmail::Required);
    assert_eq!(config.access_token_ttl, Duration::from_secs(600));
    assert_eq!(config.allowed_origins, []);
    assert_eq!(config.trusted_proxies, []);
}

#[test]
fn grpc_is_off_where_it_has_no_address() {
    let default = config(&[]).expect("accepted");
    assert_eq!(
        default.grpc_listen.map(|address| address.to_string()).as_deref(),
        Some("127.0.0.1:8081")
    );
    assert!(default.grpc_tls.is_none());
    assert_eq!(config(&["--grpc-listen="]).expect("accepted").grpc_listen, None);
}

#[test]
fn grpc_is_encrypted_with_a_certificate_and_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let nonsense = "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n";
    let (empty, key) = (file("empty", ""), file("key", &pem()));
    let certificate = file("certificate", nonsense);
    for (certificate, key, named) in [
        (&empty, &key, "'--grpc-tls-cert'"),
        (&certificate, &empty, "'--grpc-tls-key'"),
        (&certificate, &key, "'--grpc-tls-key'"),
    ] {
        let text = refusal(&["--grpc-tls-cert", certificate, "--grpc-tls-key", key]);
        assert!(text.contains(named) && text.contains("accepted"), "{text}");
    }
}

#[test]
fn rates_are_limited_unless_that_is_off() {
    let limits = config(&["--change-rate=5/m:7"]).expect("accepted").rate_limits.expect("limits");
    let shown = [limits.requests, limits.messages, limits.changes, limits.registrations];
    let shown = shown.map(|rate| rate.to_string());
    assert_eq!(shown, ["100/s:500", "20/s:60", "5/m:7", "5/h"]);
    let shown = [limits.mails, limits.sign_in_tries, limits.sign_in_tries_of_client];
    assert_eq!(shown.map(|rate| rate.to_string()), ["5/h", "10/15m", "100/15m"]);
    assert!(config(&["--rate-limits=off"]).expect("accepted").rate_limits.is_none());
}

#[test]
fn trusted_proxies_are_addresses_and_networks() {
    let config = config(&["--trusted-proxy=10.0.0.0/8, ::1", "--trusted-proxy=192.0.2.7"]);
    let networks = config.expect("accepted").trusted_proxies.into_iter();
    let shown: Vec<String> = networks.map(|network| network.to_string()).collect();
    assert_eq!(shown, ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]);
}

#[test]
fn the_sql_file_may_be_elsewhere() {
    for url in ["sqlite:/x/y.db", "sqlite:///x/y.db"] {
        let config = config(&["--sql-url", url]).expect("accepted");
        assert!(
            matches!(config.sql, SqlStore::File(path) if path == Path::new("/x/y.db")),
            "{url}"
        );
    }
}

#[test]
fn stores_on_servers_are_understood_and_never_shown() {
    let config = config(&[
        "--sql-url=mysql://me:hunter2@db.example:3306/chat",
        "--graph-url=neo4j+s://neo4j:hunter2%40%2f@graph.example:7687/",
    ])
    .expect("accepted");
    assert!(matches!(config.sql, SqlStore::Server(_)));
    assert!(matches!(config.graph, GraphStore::Server(_)));
    assert!(!format!("{config:?} {config:#?}").contains("hunter2"));
}

#[test]
fn wrong_addresses_of_stores_are_refused_without_repeating_them() {
    for url in [
        "",
        "postgres://me:hunter2@db/chat",
        "mysql://db/chat",
        "mysql://me:hunter2@db",
        "mysql://me:hunter2@/chat",
        "sqlite:x?mode=memory&hunter2",
    ] {
        let text = refusal(&["--sql-url", url]);
        assert!(text.contains("'--sql-url' [env: CHATTERBOX_SQL_URL]"), "{text}");
        assert!(text.contains("accepted are 'sqlite:'"), "{text}");
    }
    for url in [
        "http://me:hunter2@g",
        "bolt://g",
        "bolt://me@g",
        "bolt://:hunter2@g",
        "bolt://me:hunter2@",
    ] {
        assert!(refusal(&["--graph-url", url]).contains("accepted are 'bolt://"), "{url}");
    }
    assert!(refusal(&["--bus-url", "http://me:hunter2@bus"]).contains("nats://host:port"));
    assert!(refusal(&["--bus-url", "nats://me:hunter2@bus"]).contains("the same key"));
    assert!(refusal(&["--mail-url", "imap://me:hunter2@mail"]).contains("smtps://"));
    assert!(refusal(&["--sql-url", "mysql://me:hunter2@db/chat"]).contains("--graph-url"));
}

#[test]
fn a_secret_may_come_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key.pem");
    std::fs::write(&path, pem() + "\n").expect("written");
    let config = config(&["--signing-key-file", path.to_str().expect("text")]).expect("accepted");
    assert!(matches!(config.signing_key, SigningKey::Pem(_)));
    let text = refusal(&["--signing-key-file", "/nowhere/key.pem"]);
    assert!(text.contains("--signing-key") && text.contains("/nowhere/key.pem"), "{text}");
}

#[test]
fn a_signing_key_may_stand_on_one_line() {
    let line = pem().trim_end().replace('\n', "\\n");
    assert!(matches!(
        config(&["--signing-key", &line]).expect("accepted").signing_key,
        SigningKey::Pem(_)
    ));
    assert!(refusal(&["--signing-key", "hunter2"]).contains("Ed25519"));
}

#[test]
fn origins_are_kept_as_browsers_write_them() {
    let config = config(&[
        "--allowed-origin=HTTPS://Web.Example:443,http://localhost:3000",
        "--allowed-origin=http://[::1]:80/",
        "--public-url=https://Chat.example/base/",
    ])
    .expect("accepted");
    let origins: Vec<_> = config.allowed_origins.iter().map(Origin::as_str).collect();
    let expected =
        ["https://web.example", "http://localhost:3000", "http://[::1]", "https://chat.example"];
    assert_eq!(origins, expected);
    assert_eq!(config.public_url_at(config.listen).as_str(), "https://chat.example/base");
}

#[test]
fn a_url_that_is_refused_tells_how_one_begins() {
    for url in ["chat.example.org", "ftp://chat.example.org"] {
        let wrong = url.parse::<PublicUrl>().expect_err("refused");
        assert!(wrong.contains("http:// or https://"), "{wrong}");
    }
}
