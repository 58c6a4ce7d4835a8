//! A connection to a running service, kept alive from one request to the next.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderValue, Method, Request, Uri, header, uri::InvalidUri},
};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{net::TcpStream, time::timeout};

use super::{Error, Result};
use crate::{config::PublicUrl, error::Source};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How large an answer may be, in bytes.
const LARGEST: usize = 16 << 20;

/// Where a service is.
#[derive(Clone)]
pub(super) struct Address {
    url: String,
    host: HeaderValue,
    target: String,
    path: String,
}

impl Address {
    /// That of this URL, which begins with `http://`.
    pub(super) fn of(url: &PublicUrl) -> Result<Self> {
        let internal = |error: InvalidUri| crate::error::Error::internal(error);
        let uri: Uri = url.as_str().parse().map_err(internal)?;
        let host = uri.host().unwrap_or_default();
        let target = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(authority).map_err(crate::error::Error::internal)?;
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { url: url.as_str().to_owned(), host, target, path })
    }

    fn unreachable(&self, source: impl Into<Source>) -> Error {
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
        let stream = timeout(PATIENCE, TcpStream::connect(&address.target)).await;
        let stream = stream
            .map_err(|late| address.unreachable(late))?
            .map_err(|error| address.unreachable(error))?;
        stream.set_nodelay(true).map_err(|error| address.unreachable(error))?;
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
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/graphql", self.address.path))
            .header(header::HOST, &self.address.host)
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Body::from(body))
            .map_err(crate::error::Error::internal)?;
        let bytes = self.send(request).await?;
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

    /// Reads what stands under a path.
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T> {
        let request = Request::builder()
            .uri(format!("{}{path}", self.address.path))
            .header(header::HOST, &self.address.host)
            .body(Body::empty())
            .map_err(crate::error::Error::internal)?;
        json(&self.send(request).await?)
    }

    async fn send(&mut self, request: Request<Body>) -> Result<Bytes> {
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

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|_| Error::Answered(String::from_utf8_lossy(bytes).chars().take(200).collect()))
}
