//! The options that most commands understand.

use std::{convert::Infallible, net::SocketAddr, path::PathBuf};

use clap::Args;
use lettre::message::Mailbox;
use secrecy::SecretString;

use super::{Grpc, Rates, plain_url};
use crate::config::{LogFilter, LogFormat, Networks, Origins, PublicUrl, Ttl, VerifyEmail};

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

pub(super) fn address(text: &str) -> Result<SocketAddr, &'static str> {
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
