//! A connection to a running service, kept alive from one request to the next.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderValue, Method, Request, Uri, header},
};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use memchr::memmem;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{Error, Result};
use crate::{config::PublicUrl, error::Source};

/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How large an answer may be, in bytes.
const LARGEST: usize = 16 << 20;
/// How many connections are made from one address: there are not many more
/// ports for them (`net.ipv4.ip_local_port_range`).
const PER_ADDRESS: u32 = 20_000;

/// Where a service is.
#[derive(Clone)]
pub(super) struct Address {
    url: String,
    host: HeaderValue,
    target: String,
    graphql: Uri,
    sockets: Uri,
}

impl Address {
    /// That of this URL, which begins with `http://`.
    pub(super) fn of(url: &PublicUrl) -> Result<Self> {
        let parse = |text: &str| text.parse::<Uri>().map_err(crate::error::Error::internal);
        let url = url.as_str().to_owned();
        let uri = parse(&url)?;
        let target = format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(authority).map_err(crate::error::Error::internal)?;
        let graphql = parse(&format!("{}/graphql", uri.path().trim_end_matches('/')))?;
        let sockets = parse(&format!("ws://{authority}{graphql}"))?;
        Ok(Self { url, host, target, graphql, sockets })
    }

    /// Where the service has, as it was given.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Where its sockets are opened.
    pub(super) fn sockets(&self) -> &Uri {
        &self.sockets
    }

    /// Connects, for the `n`th time. Where the service is on this machine,
    /// many connections come from several of its addresses.
    pub(super) async fn connect(&self, n: u32) -> Result<TcpStream> {
        let stream = timeout(PATIENCE, self.connect_from(n / PER_ADDRESS)).await;
        let stream = stream
            .map_err(|late| self.unreachable(late))?
            .map_err(|error| self.unreachable(error))?;
        stream.set_nodelay(true).map_err(|error| self.unreachable(error))?;
        Ok(stream)
    }

    async fn connect_from(&self, own: u32) -> std::io::Result<TcpStream> {
        match self.target.parse() {
            Ok(to @ SocketAddr::V4(v4)) if own > 0 && v4.ip().is_loopback() => {
                let from = IpAddr::V4(Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + own));
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::new(from, 0))?;
                socket.connect(to).await
            }
            _ => TcpStream::connect(&self.target).await,
        }
    }

    /// It is not there, or has gone.
    pub(super) fn unreachable(&self, source: impl Into<Source>) -> Error {
        Error::Unreachable { url: self.url.clone(), source: source.into() }
    }
}

/// A connection to a running service.
pub(super) struct Connection {
    address: Address,
    requests: SendRequest<Body>,
}

/// What an answer of the API says went wrong.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
struct Extensions {
    #[serde(default)]
    code: String,
}

impl Connection {
    /// A new one.
    pub(super) async fn open(address: &Address) -> Result<Self> {
        let stream = address.connect(0).await?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| address.unreachable(error))?;
        // Ends with `requests`, which are told of whatever fails.
        tokio::spawn(connection);
        Ok(Self { address: address.clone(), requests })
    }

    /// Asks the API, as whoever the header authorises. An answer with errors
    /// is one.
    pub(super) async fn ask(&mut self, authorization: &HeaderValue, body: String) -> Result<Bytes> {
        let mut request = self.request(self.address.graphql.clone(), Body::from(body));
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, authorization.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let bytes = self.send(request).await?;
        if went_well(&bytes) {
            return Ok(bytes);
        }
        let answer: Answer = json(&bytes)?;
        match answer.errors.into_iter().next() {
            None => Ok(bytes),
            Some(first) if first.extensions.code == "UNAUTHENTICATED" => Err(Error::NotAccepted),
            Some(first) => {
                let Refusal { message, extensions: Extensions { code } } = first;
                Err(Error::Answered(format!("{code}: {message}")))
            }
        }
    }

    /// Reads the JSON that stands under a path.
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &'static str) -> Result<T> {
        json(&self.get_bytes(path).await?)
    }

    /// Reads what stands under a path.
    pub(super) async fn get_bytes(&mut self, path: &'static str) -> Result<Bytes> {
        let base = self.address.graphql.path().trim_end_matches("/graphql");
        let uri = format!("{base}{path}").parse::<Uri>().map_err(crate::error::Error::internal)?;
        let request = self.request(uri, Body::empty());
        self.send(request).await
    }

    fn request(&self, uri: Uri, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::HOST, self.address.host.clone());
        request
    }

    async fn send(&mut self, request: Request<Body>) -> Result<Bytes> {
        // The service closes those on which nothing comes for half a minute.
        if self.requests.is_closed() {
            *self = Self::open(&self.address).await?;
        }
        let answer = async {
            // The connection needs a moment after the answer before.
            self.requests.ready().await?;
            let answer = self.requests.send_request(request).await?;
            Ok::<_, Source>(to_bytes(Body::new(answer.into_body()), LARGEST).await?)
        };
        let answer = timeout(PATIENCE, answer).await.unwrap_or_else(|late| Err(late.into()));
        answer.map_err(|error| self.address.unreachable(error))
    }
}

/// Whether the API answers without errors; seen without parsing, which costs
/// more than all else here.
fn went_well(answer: &[u8]) -> bool {
    answer.starts_with(b"{\"data\":") && memmem::find(answer, b"\"errors\":").is_none()
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|_| Error::Answered(String::from_utf8_lossy(bytes).chars().take(200).collect()))
}
