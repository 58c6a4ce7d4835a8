//! What nobody gets to see: passwords in addresses, keys, tokens.

mod log;

use chatterbox::{accounts::SigningKeys, ambient::Ambient};
use secrecy::ExposeSecret;

use crate::{chatterbox, said, support::stores::required};

const SECRET: &str = "hunter2";

fn pem() -> String {
    SigningKeys::generate_pem(&Ambient::system()).unwrap().expose_secret().to_owned()
}

/// The line that is the key itself.
fn key_of(pem: &str) -> &str {
    pem.lines().find(|line| !line.starts_with("-----")).unwrap()
}

fn all(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), said(output))
}

fn password_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    let (login, _) = rest.rsplit_once('@').unwrap();
    login.split_once(':').unwrap().1
}

#[test]
fn help_shows_no_secret() {
    let pem = pem();
    let addresses = ["mysql", "bolt", "nats", "smtp"].map(|s| format!("{s}://me:{SECRET}@host/x"));
    let environment = [
        ("CHATTERBOX_SQL_URL", &*addresses[0]),
        ("CHATTERBOX_GRAPH_URL", &addresses[1]),
        ("CHATTERBOX_BUS_URL", &addresses[2]),
        ("CHATTERBOX_MAIL_URL", &addresses[3]),
        ("CHATTERBOX_SIGNING_KEY", &pem),
    ];
    for command in ["serve", "migrate", "check"] {
        for flag in ["--help", "-h"] {
            let help = chatterbox(&[command, flag], &environment);
            let text = all(&help);
            assert!(help.status.success(), "{text}");
            for option in
                ["--sql-url", "CHATTERBOX_SQL_URL_FILE", "127.0.0.1:8080", "./data", "10m"]
            {
                assert!(text.contains(option), "{command} {flag}: {option}: {text}");
            }
            assert!(!text.contains(SECRET) && !text.contains(key_of(&pem)), "{command} {flag}");
        }
    }
}

/// A password that a server refuses went all the way through the drivers.
#[test]
fn a_refused_password_is_shown_nowhere() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let host = |variable| required(variable).rsplit_once('@').unwrap().1.to_owned();
    let sql = format!("mysql://nobody:{SECRET}@{}", host("CHATTERBOX_TEST_SQL_URL"));
    let graph = format!("bolt://nobody:{SECRET}@{}", host("CHATTERBOX_TEST_GRAPH_URL"));
    let pem = pem();
    let environment = [
        ("CHATTERBOX_SQL_URL", &*sql),
        ("CHATTERBOX_GRAPH_URL", &*graph),
        ("CHATTERBOX_SIGNING_KEY", &*pem),
    ];
    for command in ["check", "migrate", "serve"] {
        for format in ["text", "json"] {
            let options =
                [command, "--data", folder, "--log", "trace", "--log-format", format, "--listen"];
            let output = chatterbox(&[&options[..], &["127.0.0.1:0"]].concat(), &environment);
            let text = all(&output);
            assert_eq!(output.status.code(), Some(1), "{command}: {text}");
            assert!(text.contains("nobody"), "it came to the refusal: {command}: {text}");
            none_of(&text, &[SECRET, key_of(&pem)]);
        }
    }
}

#[test]
fn files_stand_for_the_secrets_in_them() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let pem = pem();
    let file = data.path().join("key");
    std::fs::write(&file, &pem).unwrap();
    assert!(chatterbox(&["migrate", "--data", folder], &[]).status.success());
    let one_line = pem.trim_end().replace('\n', "\\n");
    let keys = [
        ("CHATTERBOX_SIGNING_KEY", &*pem),
        ("CHATTERBOX_SIGNING_KEY", &*one_line),
        ("CHATTERBOX_SIGNING_KEY_FILE", file.to_str().unwrap()),
    ]
    .map(|variable| {
        let output = chatterbox(&["check", "--data", folder, "--log", "trace"], &[variable]);
        let text = all(&output);
        assert!(output.status.success(), "{text}");
        none_of(&text, &[key_of(&pem)]);
        text.split("Ed25519 ").nth(1).unwrap().lines().next().unwrap().to_owned()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let several = format!("{}{pem}", self::pem());
    let output = chatterbox(&["check", "--data", folder], &[("CHATTERBOX_SIGNING_KEY", &*several)]);
    assert!(all(&output).contains(", and 1 older\n"), "{}", all(&output));
    assert!(!data.path().join("signing-key.pem").exists(), "none is made beside the given one");

    let sql = format!("sqlite:{}", data.path().join("elsewhere.db").display());
    let (sql_file, graph_file) = (data.path().join("sql"), data.path().join("graph"));
    std::fs::write(&sql_file, format!("{sql}\r\n")).unwrap();
    std::fs::write(&graph_file, format!("{}\n", required("CHATTERBOX_TEST_GRAPH_URL"))).unwrap();
    let environment = [
        ("CHATTERBOX_SQL_URL_FILE", sql_file.to_str().unwrap()),
        ("CHATTERBOX_GRAPH_URL_FILE", graph_file.to_str().unwrap()),
        ("CHATTERBOX_SIGNING_KEY_FILE", file.to_str().unwrap()),
    ];
    let migrated = chatterbox(&["migrate", "--data", folder], &environment);
    assert!(migrated.status.success(), "{}", all(&migrated));
    let output = chatterbox(&["check", "--data", folder], &environment);
    let text = all(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("SQLite/") && text.contains("Neo4j/"), "{text}");
    assert!(data.path().join("elsewhere.db").exists(), "{text}");
}

/// Whatever is wrong with a secret, what is said about it does not repeat it.
#[test]
fn a_secret_that_is_wrong_is_not_repeated() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let key = format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n");
    let rsa = format!("-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\n");
    let file = data.path().join("secret");
    std::fs::write(&file, SECRET).unwrap();
    let file = file.to_str().unwrap();
    for (option, value) in [
        ("SQL_URL", "mysql://me:hunter2@"),
        ("SQL_URL", "mysql://me:hunter2@127.0.0.1:port/chat"),
        ("SQL_URL", "mysql://me:hunter2@127.0.0.1:1/chat"),
        ("SQL_URL", "postgres://me:hunter2@127.0.0.1/chat"),
        ("SQL_URL", "sqlite:x?key=hunter2"),
        ("SQL_URL_FILE", file),
        ("GRAPH_URL", "bolt://me:hunter2@127.0.0.1:1"),
        ("GRAPH_URL", "bolt://me:hunter2@127.0.0.1:port"),
        ("GRAPH_URL", "bolt://hunter2@127.0.0.1"),
        ("GRAPH_URL", "http://me:hunter2@127.0.0.1"),
        ("GRAPH_URL_FILE", file),
        ("BUS_URL", "nats://me:hunter2@127.0.0.1:1"),
        ("BUS_URL", "nats://hunter2@127.0.0.1:port"),
        ("SIGNING_KEY", SECRET),
        ("SIGNING_KEY", &key),
        ("SIGNING_KEY", &rsa),
        ("SIGNING_KEY_FILE", file),
    ] {
        let variable = format!("CHATTERBOX_{option}");
        for command in ["check", "serve"] {
            let options = [command, "--data", folder, "--listen", "127.0.0.1:0", "--log", "trace"];
            let output = chatterbox(&options, &[(&variable, value)]);
            let text = all(&output);
            assert!(!output.status.success(), "{command} {option}={value}: {text}");
            none_of(&text, &[SECRET]);
        }
    }
}

/// Fails where the text has one of these, and shows the lines around the
/// first, which are the test's own.
fn none_of(text: &str, secrets: &[&str]) {
    for secret in secrets {
        if let Some(line) = text.lines().find(|line| line.contains(secret)) {
            let line: String = line.chars().take(600).collect();
            panic!("{secret:?} is shown: {line}");
        }
    }
}
