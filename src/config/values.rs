//! The types of single options, each made once from text.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use axum::http::{HeaderValue, Uri, header::HeaderName, uri::Scheme};
use clap::ValueEnum;
use ipnet::IpNet;
use jiff::SignedDuration;
use tracing_subscriber::EnvFilter;

/// Whether an e-mail address is confirmed before one may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyEmail {
    /// With the code that is sent to it.
    Required,
    /// Addresses are believed.
    Off,
}

/// Whether what is done too often is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RateLimiting {
    /// It is.
    On,
    /// Nothing is.
    Off,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged: `info`, or directives such as `info,chatterbox=debug`, as
/// `tracing_subscriber::EnvFilter` reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter for the subscriber.
    #[must_use]
    pub fn to_filter(&self) -> EnvFilter {
        // Known to be readable; what is not would be left out.
        EnvFilter::new(&self.0)
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EnvFilter::try_new(text).map_err(|error| {
            format!("{error}; accepted are levels (error, warn, info, debug, trace) and directives like 'info,chatterbox=debug'")
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long an access token is valid: 10 seconds to 24 hours, written like
/// `10m` or `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl(pub Duration);

impl Ttl {
    const BOUNDS: std::ops::RangeInclusive<Duration> =
        Duration::from_secs(10)..=Duration::from_secs(24 * 60 * 60);
}

impl FromStr for Ttl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = SignedDuration::from_str(text).ok().and_then(|d| Duration::try_from(d).ok());
        parsed
            .filter(|duration| Self::BOUNDS.contains(duration))
            .map(Self)
            .ok_or_else(|| "accepted is a duration from '10s' to '24h', such as '10m'".to_owned())
    }
}

/// Where clients reach the service: `http://` or `https://`, a host, perhaps
/// a port and a path; without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// `http://` and the address.
    pub(super) fn of(listening: SocketAddr) -> Self {
        Self(format!("http://{listening}"))
    }

    /// The URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is encrypted on the way.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The origin of its pages.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let after_scheme = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0[after_scheme..].find('/').map_or(self.0.len(), |at| after_scheme + at);
        Origin(self.0[..end].to_owned())
    }
}

impl FromStr for PublicUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = web_address(text).filter(|uri| uri.query().is_none() && !text.contains('#'));
        let (uri, authority) = parsed
            .and_then(|uri| uri.authority().cloned().map(|authority| (uri, authority)))
            .ok_or(
                "accepted is an address beginning with http:// or https://, like 'https://chat.example.org', without user or query",
            )?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let path = uri.path().trim_end_matches('/');
        let origin = format!("{scheme}://{authority}").to_lowercase();
        Ok(Self(format!("{}{path}", without_default_port(&origin))))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The origin of a page, as browsers write it: scheme, host, and the port
/// where it is not the scheme's own (RFC 6454, section 6.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The header that carries it.
    pub const HEADER: HeaderName = axum::http::header::ORIGIN;

    /// The origin, as browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the header.
    #[must_use]
    pub fn to_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = PublicUrl::from_str(text).ok();
        url.filter(|url| url.origin().0 == url.0).map(|url| url.origin()).ok_or_else(|| {
            format!("'{text}' is no origin; accepted are ones like 'https://chat.example.org' or 'http://localhost:3000', several separated by commas")
        })
    }
}

/// Origins separated by commas; may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(pub(super) Vec<Origin>);

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(Origin::from_str).collect::<Result<_, _>>().map(Self)
    }
}

/// Networks separated by commas, each an IP address or CIDR (RFC 4632,
/// section 3.1); may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(pub(super) Vec<IpNet>);

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| {
            let address = part.parse().map(|address: IpAddr| address.into());
            address.or_else(|_| part.parse()).map_err(|_| {
                format!("'{part}' is no network; accepted are ones like '10.0.0.0/8', '2001:db8::/32' or '192.0.2.7', several separated by commas")
            })
        };
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

/// An http or https address with a host and without user information.
fn web_address(text: &str) -> Option<Uri> {
    let uri = Uri::from_str(text).ok()?;
    let known = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
    let authority = uri.authority()?;
    let plain = !authority.as_str().contains('@') && !authority.host().is_empty();
    (known && plain).then_some(uri)
}

fn without_default_port(origin: &str) -> &str {
    let port = if origin.starts_with("https:") { ":443" } else { ":80" };
    origin.strip_suffix(port).unwrap_or(origin)
}

/// A store's address, taken apart. It may hold a password: no `Debug`.
pub(super) struct ServerUrl<'a> {
    pub(super) password: Option<&'a str>,
    /// The user, percent-encoded.
    pub(super) user: Option<&'a str>,
    /// What stands after the host.
    pub(super) path: &'a str,
}

impl<'a> ServerUrl<'a> {
    /// Nothing where the scheme is another, or a host is missing.
    pub(super) fn parse(url: &'a str, schemes: &[&str]) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (login, host) =
            authority.rsplit_once('@').map_or((None, authority), |(l, h)| (Some(l), h));
        let (user, password) = match login.map(|login| login.split_once(':').ok_or(login)) {
            None => (None, None),
            Some(Ok((user, password))) => (Some(user), Some(password)),
            Some(Err(user)) => (Some(user), None),
        };
        let good = schemes.contains(&scheme) && axum::http::uri::Authority::from_str(host).is_ok();
        good.then_some(Self { password, user, path })
    }
}
