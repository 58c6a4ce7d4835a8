//! What the service is told by those who run it: the options of
//! [`crate::cli`], checked and with types of their own.
//!
//! Nothing here shows a secret: neither `Debug` nor a message about a wrong
//! value repeats one.

mod values;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};

pub use self::values::{
    LogFilter, LogFormat, Networks, Origin, Origins, PublicUrl, RateLimiting, Ttl, VerifyEmail,
};
use crate::{
    accounts::SigningKeys,
    api::grpc::{BadTls, Tls},
    cli::{self, Options},
    mail::Smtp,
    nats::NatsBus,
    rates,
};

/// The SQLite file in the data folder.
const SQLITE_FILE: &str = "chatterbox.db";

/// A value that is wrong. Names the option and says what is accepted; never
/// repeats the value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid value for '--{option}' [env: {}]: {accepted}", variable(.option))]
pub struct ConfigError {
    option: &'static str,
    accepted: String,
}

/// The variable that stands for an option.
fn variable(option: &str) -> String {
    format!("CHATTERBOX_{}", option.to_uppercase().replace('-', "_"))
}

/// Where the SQL stores are.
#[derive(Clone, Debug)]
pub enum SqlStore {
    /// In this SQLite file.
    File(PathBuf),
    /// On a server: `mysql://user:password@host:port/database`.
    Server(SecretString),
}

/// Where the graph is.
#[derive(Clone, Debug)]
pub enum GraphStore {
    /// In the SQL file.
    Embedded,
    /// On a Neo4j server: `bolt://user:password@host:port`.
    Server(SecretString),
}

/// How nodes tell each other what happens.
#[derive(Clone, Debug)]
pub enum BusServer {
    /// There is one node.
    InProcess,
    /// By a NATS server: `nats://user:password@host:port`.
    Nats(SecretString),
}

/// Where mails go.
#[derive(Clone, Debug)]
pub enum MailServer {
    /// Into files in the data folder.
    Outbox,
    /// To a server: `smtps://user:password@host:port`.
    Smtp(SecretString),
}

/// Where the keys that sign and check access tokens come from.
#[derive(Clone, Debug)]
pub enum SigningKey {
    /// From the data folder; made there at first.
    InDataFolder,
    /// Given: Ed25519 keys, PKCS#8 in PEM (RFC 8410), newest first, known to be
    /// readable.
    Pem(SecretString),
}

/// What the service is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Where gRPC is served, if anywhere.
    pub grpc_listen: Option<SocketAddr>,
    /// What gRPC is encrypted with.
    pub grpc_tls: Option<Tls>,
    /// The folder of the SQLite file, the keys and `outbox/`.
    pub data: PathBuf,
    /// Where the SQL stores are.
    pub sql: SqlStore,
    /// Where the graph is.
    pub graph: GraphStore,
    /// How nodes tell each other what happens.
    pub bus: BusServer,
    /// Where mails go.
    pub mail: MailServer,
    /// Who mails come from.
    pub mail_from: Mailbox,
    /// Where clients reach the service, if that was said.
    pub public_url: Option<PublicUrl>,
    /// Origins besides its own whose pages may use the service; with that of
    /// [`Config::public_url`].
    pub allowed_origins: Vec<Origin>,
    /// Proxies that are believed where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether an e-mail address is confirmed before one may sign in.
    pub verify_email: VerifyEmail,
    /// Where the keys that sign and check access tokens come from.
    pub signing_key: SigningKey,
    /// How long an access token is valid: 10 seconds to 24 hours.
    pub access_token_ttl: Duration,
    /// How often things may be done; without, nothing is refused.
    pub rate_limits: Option<rates::Limits>,
    /// What is logged.
    pub log: LogFilter,
    /// How it is logged.
    pub log_format: LogFormat,
    /// The OpenTelemetry collector that spans are exported to.
    pub otlp_endpoint: Option<PublicUrl>,
}

impl Config {
    /// Checks what was given, reading the files that hold secrets.
    ///
    /// # Errors
    ///
    /// Names the first option whose value is wrong, and says what is accepted.
    pub fn new(options: Options) -> Result<Self, ConfigError> {
        let bus = bus(secret("bus-url", options.bus_url, options.bus_url_file.as_deref())?)?;
        let sql_url = secret("sql-url", options.sql_url, options.sql_url_file.as_deref())?;
        let sql = sql_store(sql_url, &options.data)?;
        let graph_url = secret("graph-url", options.graph_url, options.graph_url_file.as_deref())?;
        let graph = graph_store(graph_url, &sql)?;
        let key = secret("signing-key", options.signing_key, options.signing_key_file.as_deref())?;
        let signing_key = signing_key(key, &bus)?;
        let mail = mail(secret("mail-url", options.mail_url, options.mail_url_file.as_deref())?)?;
        let mut allowed_origins: Vec<Origin> =
            options.allowed_origins.into_iter().flat_map(|list| list.0).collect();
        allowed_origins.extend(options.public_url.as_ref().map(PublicUrl::origin));
        Ok(Self {
            listen: options.listen,
            grpc_listen: options.grpc.grpc_listen.0,
            grpc_tls: grpc_tls(&options.grpc)?,
            data: options.data,
            sql,
            graph,
            bus,
            mail,
            mail_from: options.mail_from,
            public_url: options.public_url,
            allowed_origins,
            trusted_proxies: options.trusted_proxies.into_iter().flat_map(|list| list.0).collect(),
            verify_email: options.verify_email,
            signing_key,
            access_token_ttl: options.access_token_ttl.0,
            rate_limits: rate_limits(&options.rates),
            log: options.logging.log,
            log_format: options.logging.log_format,
            otlp_endpoint: options.logging.otlp_endpoint,
        })
    }

    /// Where clients reach a service that listens at `listening`: the public
    /// URL, or `http://` and that address.
    #[must_use]
    pub fn public_url_at(&self, listening: SocketAddr) -> PublicUrl {
        self.public_url.clone().unwrap_or_else(|| PublicUrl::of(listening))
    }
}

fn bus(url: Option<SecretString>) -> Result<BusServer, ConfigError> {
    let url = url.filter(|url| !matches!(url.expose_secret(), "" | "in-process"));
    let Some(url) = url else { return Ok(BusServer::InProcess) };
    let known = NatsBus::check_url(url.expose_secret());
    known.then_some(BusServer::Nats(url)).ok_or_else(|| ConfigError {
        option: "bus-url",
        accepted: "accepted are 'in-process', for one node, 'nats://host:port' and \
                   'nats://user:password@host:port', or encrypted 'tls://…'"
            .to_owned(),
    })
}

fn grpc_tls(options: &cli::Grpc) -> Result<Option<Tls>, ConfigError> {
    const CERTIFICATE: &str = "grpc-tls-cert";
    const KEY: &str = "grpc-tls-key";
    let certificate = secret(CERTIFICATE, None, options.grpc_tls_cert.as_deref())?;
    let key = secret(KEY, None, options.grpc_tls_key.as_deref())?;
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    let tls = Tls::from_pem(certificate.expose_secret(), &key).map_err(|wrong| ConfigError {
        option: if matches!(wrong, BadTls::Certificate) { CERTIFICATE } else { KEY },
        accepted: wrong.to_string(),
    });
    tls.map(Some)
}

fn rate_limits(options: &cli::Rates) -> Option<rates::Limits> {
    (options.rate_limits == RateLimiting::On).then_some(rates::Limits {
        requests: options.request_rate,
        messages: options.message_rate,
        changes: options.change_rate,
        registrations: options.register_rate,
        mails: options.mail_rate,
        sign_in_tries: options.sign_in_tries,
        sign_in_tries_of_client: options.sign_in_tries_from_address,
    })
}

/// The value itself or that of its file; without the line end that editors
/// put after it.
fn secret(
    option: &'static str,
    value: Option<SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, ConfigError> {
    let Some(path) = file else { return Ok(value) };
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
        option,
        accepted: format!("can't read the file {} given for it: {error}", path.display()),
    })?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).into()))
}

fn sql_store(url: Option<SecretString>, data: &Path) -> Result<SqlStore, ConfigError> {
    let wrong = || ConfigError {
        option: "sql-url",
        accepted: "accepted are 'sqlite:' (a file in the data folder), 'sqlite:PATH' and \
                   'mysql://user:password@host:port/database'"
            .to_owned(),
    };
    let Some(url) = url else { return Ok(SqlStore::File(data.join(SQLITE_FILE))) };
    if let Some(path) = url.expose_secret().strip_prefix("sqlite:") {
        return match path.strip_prefix("//").unwrap_or(path) {
            "" => Ok(SqlStore::File(data.join(SQLITE_FILE))),
            // Ours are set by the service itself.
            path if path.contains(['?', '#']) => Err(wrong()),
            path => Ok(SqlStore::File(path.into())),
        };
    }
    let server = values::ServerUrl::parse(url.expose_secret(), &["mysql"]).ok_or_else(wrong)?;
    if server.user.is_none() || server.path.trim_matches('/').is_empty() {
        return Err(wrong());
    }
    Ok(SqlStore::Server(url))
}

fn graph_store(url: Option<SecretString>, sql: &SqlStore) -> Result<GraphStore, ConfigError> {
    const SCHEMES: &[&str] = &["bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"];
    let wrong = |accepted: &str| ConfigError { option: "graph-url", accepted: accepted.to_owned() };
    let Some(url) = url else {
        return match sql {
            SqlStore::File(_) => Ok(GraphStore::Embedded),
            SqlStore::Server(_) => Err(wrong(
                "the graph is only kept in the SQL store where that is SQLite; \
                 beside a MySQL server give 'bolt://user:password@host:port'",
            )),
        };
    };
    let known = values::ServerUrl::parse(url.expose_secret(), SCHEMES).is_some_and(|server| {
        server.user.is_some_and(|user| !user.is_empty()) && server.password.is_some()
    });
    known.then_some(GraphStore::Server(url)).ok_or_else(|| {
        wrong(
            "accepted are 'bolt://user:password@host:port', 'neo4j://…' and, encrypted, \
             'bolt+s://…' and 'neo4j+s://…'; without it the graph is kept in the SQL file",
        )
    })
}

fn mail(url: Option<SecretString>) -> Result<MailServer, ConfigError> {
    let url = url.filter(|url| !matches!(url.expose_secret(), "" | "outbox"));
    let Some(url) = url else { return Ok(MailServer::Outbox) };
    Smtp::check_url(url.expose_secret()).then_some(MailServer::Smtp(url)).ok_or_else(|| {
        ConfigError {
            option: "mail-url",
            accepted:
                "accepted are 'outbox', 'smtps://user:password@host:port' and, with STARTTLS \
                       unless it is on this machine, 'smtp://user:password@host:port'"
                    .to_owned(),
        }
    })
}

fn signing_key(pem: Option<SecretString>, bus: &BusServer) -> Result<SigningKey, ConfigError> {
    let pem = match (pem, bus) {
        (Some(pem), _) => pem,
        (None, BusServer::InProcess) => return Ok(SigningKey::InDataFolder),
        // Each would make its own, and refuse the tokens of the others.
        (None, BusServer::Nats(_)) => {
            return Err(ConfigError {
                option: "signing-key",
                accepted: "nodes that share a bus need the same key: give it to each of them \
                           ('openssl genpkey -algorithm ed25519' makes one)"
                    .to_owned(),
            });
        }
    };
    // One line where a variable can't hold several; PEM knows no backslash.
    let text = SecretString::from(pem.expose_secret().replace("\\n", "\n"));
    match SigningKeys::from_pem(&text) {
        Ok(_) => Ok(SigningKey::Pem(text)),
        Err(_) => Err(ConfigError {
            option: "signing-key",
            accepted: "accepted is an Ed25519 private key, PKCS#8 in PEM \
                       ('openssl genpkey -algorithm ed25519' makes one), or several, the one \
                       that signs first"
                .to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
