//! The command line. Every option is a flag and an environment variable; both
//! are shown, with their default, by `--help`.

mod bench;
mod chat;
mod grpc;
mod rates;

use std::{convert::Infallible, net::SocketAddr, path::PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, builder::FalseyValueParser};
use lettre::message::Mailbox;
use secrecy::SecretString;

pub use bench::{
    Bench, FanoutBench, GraphBench, IdleBench, Measured, PageBench, QueryBench, Question,
    ResumeBench, Running, RunningNodes, SendBench, plain_url,
};
pub use chat::Chat;
pub use grpc::{Grpc, Listen};
pub use rates::Rates;

use crate::config::{LogFilter, LogFormat, Networks, Origins, PublicUrl, Ttl, VerifyEmail};

/// The chat backend that knows who knows whom.
///
/// A file named `.env` in the working folder is read first; what is already
/// in the environment wins over it, and a flag over both.
#[derive(Debug, Parser)]
#[command(name = "chatterbox", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service; the stores are brought to the current schema first.
    Serve(Serve),
    /// Bring the stores to the current schema, and end. Safe to repeat, and
    /// on two nodes at once.
    Migrate(Options),
    /// Say for each part whether it answers, its version and how long it took.
    /// The exit status is 1 if one does not.
    Check(Options),
    /// Print the API's schema (GraphQL SDL).
    Schema,
    /// Talk: a client in the terminal.
    Chat(Chat),
    /// See to what could not be carried out after all retries.
    DeadLetters(DeadLetters),
    /// Derive anew what is derived. Safe to repeat, and while the service runs.
    Rebuild(Rebuild),
    /// Compare SQL with the graph, and bring the older one after the other, as after a restore.
    /// The exit status is 1 where they differ still. Stop the service first.
    Reconcile(Reconcile),
    /// Measure how fast it is.
    #[command(subcommand)]
    Bench(Bench),
}

/// What `rebuild` takes.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// What is to be derived anew.
    #[arg(value_enum)]
    pub what: Derived,
    /// Which stores.
    #[command(flatten)]
    pub options: Options,
}

/// What `reconcile` takes.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Which of the two is the older copy: it is brought after the other.
    /// [default: none, and nothing is changed]
    #[arg(long, value_enum, value_name = "STORE")]
    pub older: Option<OlderStore>,
    /// Only say what would be done.
    #[arg(long, requires = "older")]
    pub dry_run: bool,
    /// Which stores.
    #[command(flatten)]
    pub options: Options,
}

/// A store that may be the older copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OlderStore {
    /// The graph: what SQL knows beyond it is brought into it.
    Graph,
    /// SQL: accounts and messages that it does not have are lost.
    Sql,
}

/// What is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Derived {
    /// The LAST_CHATTED edges of the graph, from the messages.
    LastChatted,
}

/// The arguments of `dead-letters`.
#[derive(Debug, Args)]
pub struct DeadLetters {
    /// What to do.
    #[arg(value_enum)]
    pub action: DeadLetterAction,
    /// Which one: `job_…`. Needed for all but `list`.
    #[arg(required_if_eq_any([("action", "show"), ("action", "replay"), ("action", "drop")]))]
    pub id: Option<String>,
    /// What the other commands also understand.
    #[command(flatten)]
    pub options: Options,
}

/// What to do with dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeadLetterAction {
    /// List them, the oldest first.
    List,
    /// Show one.
    Show,
    /// Make one a job again, to be tried at once.
    Replay,
    /// Throw one away.
    Drop,
}

/// The options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Fill empty stores with the demo town.
    #[arg(long, env = "CHATTERBOX_DEMO", value_parser = FalseyValueParser::new())]
    pub demo: bool,
    /// What the other commands also understand.
    #[command(flatten)]
    pub options: Options,
}

/// What the commands that touch the stores understand, so that one
/// environment serves them all.
#[derive(Debug, Args)]
pub struct Options {
    /// Where HTTP is served: an IP address and a port.
    #[arg(
        long,
        env = "CHATTERBOX_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        value_parser = address
    )]
    pub listen: SocketAddr,

    /// Where gRPC is served, and how.
    #[command(flatten)]
    pub grpc: Grpc,

    /// The folder of the SQLite file, the keys and `outbox/`.
    #[arg(long, env = "CHATTERBOX_DATA", value_name = "FOLDER", default_value = "./data")]
    pub data: PathBuf,

    /// Where accounts and messages are kept:
    /// `mysql://user:password@host:port/database`, or `sqlite:PATH`.
    /// [default: a SQLite file in the data folder]
    #[arg(
        long,
        env = "CHATTERBOX_SQL_URL",
        value_name = "URL",
        value_parser = secret,
        hide_env_values = true
    )]
    pub sql_url: Option<SecretString>,

    /// A file that holds the SQL URL.
    #[arg(long, env = "CHATTERBOX_SQL_URL_FILE", value_name = "PATH", conflicts_with = "sql_url")]
    pub sql_url_file: Option<PathBuf>,

    /// Where the graph is kept: `bolt://`, `neo4j://` or
    /// `neo4j+s://user:password@host:port`. [default: in the SQLite file]
    #[arg(
        long,
        env = "CHATTERBOX_GRAPH_URL",
        value_name = "URL",
        value_parser = secret,
        hide_env_values = true
    )]
    pub graph_url: Option<SecretString>,

    /// A file that holds the graph's URL.
    #[arg(
        long,
        env = "CHATTERBOX_GRAPH_URL_FILE",
        value_name = "PATH",
        conflicts_with = "graph_url"
    )]
    pub graph_url_file: Option<PathBuf>,

    /// How nodes tell each other what happens: `nats://user:password@host:port`, or `tls://…`; they also
    /// need the same signing key. [default: in-process, for one node]
    #[arg(
        long,
        env = "CHATTERBOX_BUS_URL",
        value_name = "URL",
        value_parser = secret,
        hide_env_values = true
    )]
    pub bus_url: Option<SecretString>,

    /// A file that holds the bus's URL.
    #[arg(long, env = "CHATTERBOX_BUS_URL_FILE", value_name = "PATH", conflicts_with = "bus_url")]
    pub bus_url_file: Option<PathBuf>,

    /// Where mails go: `smtps://user:password@host:port`, or `smtp://…` with STARTTLS, which only this
    /// machine may do without. [default: files in `outbox/` in the data folder]
    #[arg(
        long,
        env = "CHATTERBOX_MAIL_URL",
        value_name = "URL",
        value_parser = secret,
        hide_env_values = true
    )]
    pub mail_url: Option<SecretString>,

    /// A file that holds the mail server's URL.
    #[arg(
        long,
        env = "CHATTERBOX_MAIL_URL_FILE",
        value_name = "PATH",
        conflicts_with = "mail_url"
    )]
    pub mail_url_file: Option<PathBuf>,

    /// Who mails come from.
    #[arg(
        long,
        env = "CHATTERBOX_MAIL_FROM",
        value_name = "MAILBOX",
        default_value = "Chatterbox <no-reply@localhost>",
        value_parser = mailbox
    )]
    pub mail_from: Mailbox,

    /// Where clients reach the service; also the issuer of access tokens.
    /// [default: `http://` and the address it listens at]
    #[arg(long, env = "CHATTERBOX_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,

    /// Another origin whose pages may use the service; repeatable, or several
    /// separated by commas. [default: the same origin only]
    #[arg(long = "allowed-origin", env = "CHATTERBOX_ALLOWED_ORIGINS", value_name = "ORIGIN")]
    pub allowed_origins: Vec<Origins>,

    /// A proxy in front of the service, an IP address or a network, whose
    /// `X-Forwarded-For` is believed; repeatable, or several separated by
    /// commas. [default: none]
    #[arg(long = "trusted-proxy", env = "CHATTERBOX_TRUSTED_PROXIES", value_name = "NETWORK")]
    pub trusted_proxies: Vec<Networks>,

    /// Whether e-mail addresses are confirmed before one may sign in.
    #[arg(long, env = "CHATTERBOX_VERIFY_EMAIL", default_value = "required")]
    pub verify_email: VerifyEmail,

    /// The Ed25519 key that signs access tokens, PKCS#8 in PEM; or several, of
    /// which the first signs and the others are still accepted.
    /// [default: one in the data folder, made at first]
    #[arg(
        long,
        env = "CHATTERBOX_SIGNING_KEY",
        value_name = "PEM",
        value_parser = secret,
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    pub signing_key: Option<SecretString>,

    /// A file that holds the signing key.
    #[arg(
        long,
        env = "CHATTERBOX_SIGNING_KEY_FILE",
        value_name = "PATH",
        conflicts_with = "signing_key"
    )]
    pub signing_key_file: Option<PathBuf>,

    /// How long an access token is valid: `10s` to `24h`.
    #[arg(
        long,
        env = "CHATTERBOX_ACCESS_TOKEN_TTL",
        value_name = "DURATION",
        default_value = "10m"
    )]
    pub access_token_ttl: Ttl,

    /// How often things may be done.
    #[command(flatten)]
    pub rates: Rates,

    /// What is logged, and how.
    #[command(flatten)]
    pub logging: Logging,
}

/// What is logged, and how.
#[derive(Debug, Args)]
pub struct Logging {
    /// What is logged: a level, or directives like `info,chatterbox=debug`.
    #[arg(long, env = "CHATTERBOX_LOG", value_name = "FILTER", default_value = "info")]
    pub log: LogFilter,

    /// How it is logged.
    #[arg(long, env = "CHATTERBOX_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// The OpenTelemetry collector that `serve` exports its spans to, by OTLP
    /// over HTTP: the address before `/v1/traces`.
    /// [default: `OTEL_EXPORTER_OTLP_ENDPOINT`; else none]
    #[arg(
        long,
        env = "CHATTERBOX_OTLP_ENDPOINT",
        value_name = "URL",
        value_parser = plain_url
    )]
    pub otlp_endpoint: Option<PublicUrl>,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(
        |_| "accepted is an IP address and a port, such as '127.0.0.1:8080' or '[::]:8080'",
    )
}

fn mailbox(text: &str) -> Result<Mailbox, &'static str> {
    text.parse().map_err(|_| "accepted is a mailbox, such as 'Chatterbox <no-reply@example.org>'")
}

/// Takes anything: what clap refuses it repeats, which a secret must not be.
#[expect(clippy::unnecessary_wraps, reason = "the form that clap asks for")]
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}

/// How the variables begin that only the tests read.
const FOR_TESTS: &str = "CHATTERBOX_TEST_";
/// What `chat` reads, and what no option may carry: others would see it.
pub const PASSWORD: &str = "CHATTERBOX_PASSWORD";

/// The variables in the environment that look like options but are none,
/// sorted: mistyped ones, or those of another version.
#[must_use]
pub fn unknown_variables(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let root = Cli::command();
    let known: Vec<_> = root
        .get_subcommands()
        .flat_map(|command| command.get_arguments())
        .filter_map(|argument| argument.get_env())
        .collect();
    let ours = names
        .into_iter()
        .filter(|name| name.starts_with("CHATTERBOX_") && !name.starts_with(FOR_TESTS));
    let strange = |name: &String| !known.contains(&name.as_ref()) && name != PASSWORD;
    let mut unknown: Vec<_> = ours.filter(strange).collect();
    unknown.sort();
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arguments: &[&str]) -> clap::Error {
        let line = ["chatterbox", "serve"].iter().chain(arguments);
        Cli::try_parse_from(line).expect_err("refused")
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_value_names_its_option_and_what_is_accepted() {
        for (option, value, accepted) in [
            ("--listen", "localhost", "an IP address and a port"),
            ("--grpc-listen", "8081", "an IP address and a port"),
            ("--mail-from", "nobody", "a mailbox"),
            ("--public-url", "chat.example.org", "https://chat.example.org"),
            ("--public-url", "https://me@chat.example.org", "without user"),
            ("--allowed-origin", "https://a.example/path", "several separated by commas"),
            ("--trusted-proxy", "proxy.example", "several separated by commas"),
            ("--trusted-proxy", "10.0.0.0/33", "10.0.0.0/8"),
            ("--rate-limits", "maybe", "possible values: on, off"),
            ("--message-rate", "fast", "'20/s:60'"),
            ("--message-rate", "0/s", "1 to 100,000 times"),
            ("--sign-in-tries", "10", "'10/15m'"),
            ("--sign-in-tries", "10/15m:20", "1 second to 1 day"),
            ("--verify-email", "maybe", "possible values: required, off"),
            ("--access-token-ttl", "9s", "from '10s' to '24h'"),
            ("--access-token-ttl", "2d", "from '10s' to '24h'"),
            ("--access-token-ttl", "soon", "from '10s' to '24h'"),
            ("--log", "info,=[", "accepted are levels"),
            ("--log-format", "xml", "possible values: text, json"),
            ("--otlp-endpoint", "https://collector.example", "http://127.0.0.1:8080"),
        ] {
            let error = refusal(&[option, value]);
            let text = error.to_string();
            assert_eq!(error.exit_code(), 2, "{text}");
            assert!(text.contains(option) && text.contains(accepted), "{text}");
        }
    }

    #[test]
    fn a_secret_and_its_file_exclude_each_other() {
        for option in ["--sql-url", "--graph-url", "--signing-key"] {
            let error = refusal(&[option, "hunter2", &format!("{option}-file"), "/tmp/x"]);
            let text = error.to_string();
            assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
            assert!(text.contains(option) && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let cli = Cli::try_parse_from([
            "chatterbox",
            "check",
            "--sql-url=mysql://me:hunter2@localhost/chat",
            "--graph-url=bolt://me:hunter2@localhost",
            "--bus-url=nats://me:hunter2@localhost",
            "--signing-key=hunter2",
        ])
        .expect("understood");
        assert!(!format!("{cli:?} {cli:#?}").contains("hunter2"));
    }

    #[test]
    fn values_that_may_be_secret_are_hidden_in_the_help() {
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let may_be_secret = ["_url", "_key"].iter().any(|end| name.ends_with(end));
                let public = name == "public_url";
                assert_eq!(argument.is_hide_env_values_set(), may_be_secret && !public, "{name}");
            }
        }
    }

    #[test]
    fn every_option_has_a_variable_of_its_own_name() {
        let serve = Cli::command().find_subcommand("serve").expect("there").clone();
        for argument in serve.get_arguments() {
            let id = argument.get_id().as_str().to_uppercase();
            let variable = argument.get_env().expect("a variable");
            assert_eq!(variable.to_string_lossy(), format!("CHATTERBOX_{id}"));
        }
    }

    #[test]
    fn mistyped_variables_are_found() {
        let names = [
            "PATH",
            "CHATTERBOX_SQL_URL_FILE",
            "CHATTERBOX_SQLURL",
            "CHATTERBOX_A",
            "CHATTERBOX_TEST_A",
            PASSWORD,
        ];
        let unknown = unknown_variables(names.map(str::to_owned));
        assert_eq!(unknown, ["CHATTERBOX_A", "CHATTERBOX_SQLURL"]);
    }
}
