//! Mails over SMTP: RFC 5321, with STARTTLS (RFC 3207) or implicit TLS (RFC
//! 8314, section 3.3), and AUTH (RFC 4954).

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        Error as SmtpError, PoolConfig,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use url::Url;

use super::{Mail, Mailer, letter};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    login,
};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections a node keeps open at most, and for how long unused.
const CONNECTIONS: u32 = 4;
const IDLE: Duration = Duration::from_secs(30);
/// The ports of submission: RFC 8314, section 3.3; RFC 6409; RFC 5321.
const SUBMISSIONS: u16 = 465;
const SUBMISSION: u16 = 587;
const RELAY: u16 = 25;

/// Hands mails to a server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    name: String,
    from: Mailbox,
    ambient: Ambient,
}

/// Why a URL is not one of a mail server. Says nothing of its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mail server's URL is not of the form smtps://user:password@host:port")]
struct AddressError;

/// What a URL says. Without `Debug`, since it holds the password.
struct Address {
    host: String,
    port: u16,
    encryption: Encryption,
    login: Option<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    /// From the first byte.
    Implicit,
    /// From STARTTLS on, and nothing before.
    Upgraded,
    /// To this machine only.
    None,
}

impl Smtp {
    /// Whether [`Smtp::open`] takes the URL.
    #[must_use]
    pub fn check_url(url: &str) -> bool {
        Address::parse(url).is_ok()
    }

    /// The server behind `url`: `smtps://user:password@host:port` with TLS from the first byte, or
    /// `smtp://…` with STARTTLS, which only a server on this machine may do without: there
    /// `?tls=required` asks for it. Connects when there is a mail.
    ///
    /// # Errors
    ///
    /// For a URL that can't be understood; says nothing of its password.
    pub fn open(url: &str, from: Mailbox, ambient: Ambient) -> Result<Self> {
        let address = Address::parse(url).map_err(Error::internal)?;
        let Address { host, port, encryption, login } = address;
        let parameters = || TlsParameters::new(host.clone()).map_err(Error::internal);
        let tls = match encryption {
            Encryption::Implicit => Tls::Wrapper(parameters()?),
            Encryption::Upgraded => Tls::Required(parameters()?),
            Encryption::None => Tls::None,
        };
        let pool = PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
            .port(port)
            .tls(tls)
            .timeout(Some(PATIENCE))
            .pool_config(pool);
        if let Some((user, password)) = login {
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Self { transport: builder.build(), name: format!("SMTP {host}:{port}"), from, ambient })
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Mail) -> Result<()> {
        let letter = letter::with_page(mail, &self.from, &self.ambient)?;
        self.transport.send(letter).await.map(drop).map_err(failure)
    }

    fn is_prompt(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<String> {
        match self.transport.test_connection().await.map_err(failure)? {
            true => Ok(self.name.clone()),
            false => Err(Error::unavailable("the mail server does not answer")),
        }
    }
}

/// A server that refuses a mail for good is asked again too, but not for ever.
fn failure(error: SmtpError) -> Error {
    if error.is_permanent() { Error::internal(error) } else { Error::unavailable(error) }
}

impl Address {
    fn parse(url: &str) -> Result<Self, AddressError> {
        let url = Url::parse(url).map_err(|_| AddressError)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(AddressError)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let required = match url.query() {
            None => false,
            Some("tls=required") => true,
            Some(_) => return Err(AddressError),
        };
        let (encryption, port) = match url.scheme() {
            "smtps" => (Encryption::Implicit, SUBMISSIONS),
            "smtp" if required || !is_here(&host) => (Encryption::Upgraded, SUBMISSION),
            "smtp" => (Encryption::None, RELAY),
            _ => return Err(AddressError),
        };
        let login = match login::of_url(&url).map_err(|_| AddressError)? {
            None => None,
            Some((user, password)) => Some((user, password.ok_or(AddressError)?)),
        };
        let plain_path = matches!(url.path(), "" | "/") && url.fragment().is_none();
        plain_path
            .then_some(Self { host, port: url.port().unwrap_or(port), encryption, login })
            .ok_or(AddressError)
    }
}

/// Whether what is sent there stays on this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (String, u16, Encryption) {
        let address = Address::parse(url).ok().unwrap_or_else(|| panic!("{url}"));
        (address.host, address.port, address.encryption)
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted() {
        for (url, host, port, encryption) in [
            ("smtps://mail.example", "mail.example", 465, Encryption::Implicit),
            ("smtps://mail.example:4650", "mail.example", 4650, Encryption::Implicit),
            ("smtp://mail.example", "mail.example", 587, Encryption::Upgraded),
            ("smtp://192.0.2.1:25/", "192.0.2.1", 25, Encryption::Upgraded),
            ("smtp://localhost", "localhost", 25, Encryption::None),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Encryption::None),
            ("smtp://[::1]", "::1", 25, Encryption::None),
            ("smtp://localhost?tls=required", "localhost", 587, Encryption::Upgraded),
        ] {
            assert_eq!(parsed(url), (host.to_owned(), port, encryption), "{url}");
        }
    }

    #[test]
    fn the_login_is_decoded() {
        let address = Address::parse("smtps://me%40example.org:p%2Fw@mail.example").ok().unwrap();
        assert_eq!(address.login, Some(("me@example.org".to_owned(), "p/w".to_owned())));
    }

    #[test]
    fn other_urls_are_refused_without_a_word_of_the_password() {
        for url in [
            "",
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtps://me@mail.example",
            "smtp://mail.example/inbox",
            "smtp://me:hunter2@mail.example?tls=none",
        ] {
            let from = "no-reply@localhost".parse().unwrap();
            let refused = Smtp::open(url, from, Ambient::system()).err();
            let refused = crate::error::chain(&refused.unwrap_or_else(|| panic!("{url}")));
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
