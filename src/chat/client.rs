//! GraphQL over HTTP, and where the service is.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{sync::Notify, time::timeout};
use url::Url;

use super::{
    error::{Error, Result},
    text::Line,
};
use crate::config::PublicUrl;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How large an answer may be, in bytes.
const LARGEST: usize = 16 << 20;
/// Where the API is, below the service's URL.
const PATH: &str = "/graphql";

/// A client of the service's API.
#[derive(Clone)]
pub(super) struct Client {
    url: Arc<str>,
    graphql: Uri,
    sockets: Uri,
    tls: Arc<ClientConfig>,
    pool: Pool<HttpsConnector<HttpConnector>, Body>,
    answered: Arc<Notify>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Vec<Refusal>,
}

impl Answer {
    /// JSON of others may have neither.
    fn is_complete(&self) -> bool {
        !self.data.is_null() || !self.errors.is_empty()
    }
}

/// An error of an answer (GraphQL, section 7.1.2).
#[derive(Deserialize)]
pub(super) struct Refusal {
    message: Line,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    #[serde(default)]
    code: String,
    retry_after_ms: Option<u64>,
}

impl From<Refusal> for Error {
    fn from(Refusal { message, extensions }: Refusal) -> Self {
        let again = extensions.retry_after_ms.map(Duration::from_millis);
        Self::Refused { code: extensions.code, message: message.to_string(), again }
    }
}

impl Client {
    /// Connects when it is needed. The URL may be that of the API too.
    pub fn new(url: &PublicUrl) -> Result<Self> {
        let parse = |text: String| text.parse::<Uri>().map_err(|error| Error::unreadable(&error));
        let base = url.as_str().strip_suffix(PATH).unwrap_or(url.as_str());
        let graphql = format!("{base}{PATH}");
        // `http` becomes `ws`, `https` becomes `wss`.
        let sockets = graphql.replacen("http", "ws", 1);
        let tls = tls(url.is_https())?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            url: base.into(),
            graphql: parse(graphql)?,
            sockets: parse(sockets)?,
            tls: Arc::new(tls),
            pool: Pool::builder(TokioExecutor::new()).build(connector),
            answered: Arc::default(),
        })
    }

    /// Where the service is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where sockets are opened.
    pub fn sockets(&self) -> &Uri {
        &self.sockets
    }

    pub fn tls(&self) -> Arc<ClientConfig> {
        self.tls.clone()
    }

    /// Waits until something that was asked for has been answered.
    pub async fn answered(&self) {
        self.answered.notified().await;
    }

    /// Asks as whoever has the token; an answer with errors is the first of them.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        token: Option<&str>,
        query: &str,
        variables: &Value,
    ) -> Result<T> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.graphql.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = token {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|error| Error::unreadable(&error))?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let answer: Answer = timeout(PATIENCE, self.send(request))
            .await
            .unwrap_or_else(|_| Err(Error::late(PATIENCE)))?;
        if let Some(refusal) = answer.errors.into_iter().next() {
            return Err(refusal.into());
        }
        self.answered.notify_waiters();
        serde_json::from_value(answer.data).map_err(|error| Error::unreadable(&error))
    }

    async fn send(&self, request: Request<Body>) -> Result<Answer> {
        let answer =
            self.pool.request(request).await.map_err(|error| Error::unreachable(&error))?;
        let (head, body) = answer.into_parts();
        let bytes =
            to_bytes(Body::new(body), LARGEST).await.map_err(|error| Error::unreachable(&error))?;
        let answer = serde_json::from_slice(&bytes).ok().filter(Answer::is_complete);
        answer.ok_or_else(|| self.not_served(head.status, &head.headers))
    }

    /// What an answer tells that is not the service's own: it may be that of a
    /// proxy, or of another site.
    pub fn not_served(&self, status: StatusCode, headers: &HeaderMap) -> Error {
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Error::Unreachable(status.to_string());
        }
        let there = headers.get(header::LOCATION).filter(|_| status.is_redirection());
        let there = there.and_then(|there| {
            Url::parse(&self.graphql.to_string()).ok()?.join(there.to_str().ok()?).ok()
        });
        match there {
            Some(there) => match there.as_str().strip_suffix(PATH) {
                Some(base) => Error::Moved(base.to_owned()),
                None => Error::Unreadable(format!("{status}, to {there} (is --url right?)")),
            },
            None => Error::Unreadable(format!("{status} (is --url right?)")),
        }
    }
}

/// Trusts the authorities that the system trusts; none where it is not needed.
fn tls(needed: bool) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if needed {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map(ToString::to_string);
            let why = why.unwrap_or_else(|| "see SSL_CERT_FILE and SSL_CERT_DIR".to_owned());
            return Err(Error::NoCertificates(why));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::unreadable(&error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
pub(super) mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Where every request gets an answer that begins, and ends, like this.
    pub async fn answering(head: &str, body: &str) -> PublicUrl {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n")
                    && socket.read_buf(&mut request).await.is_ok_and(|read| read > 0)
                {
                }
                let _gone = socket.write_all(answer.as_bytes()).await;
                // Closed at once, it would reset what the client still reads.
                tokio::spawn(async move { socket.read_to_end(&mut request).await });
            }
        });
        format!("http://{address}").parse().unwrap()
    }

    #[tokio::test]
    async fn what_is_not_the_services_own_answer_is_told_by_its_status() {
        for (head, body, words) in [
            (
                "301 Moved Permanently\r\nlocation: https://chat.example/graphql",
                "",
                "the server is at https://chat.example now: give that as --url",
            ),
            ("302 Found\r\nlocation: /login", "", "/login (is --url right?)"),
            (
                "404 Not Found",
                "<html>",
                "the server's answer can't be understood: 404 Not Found (is --url right?)",
            ),
            ("401 Unauthorized", "{\"message\": \"no\"}", ": 401 Unauthorized (is --url right?)"),
            ("502 Bad Gateway", "<html>", "the server can't be reached: 502 Bad Gateway"),
        ] {
            let client = Client::new(&answering(head, body).await).unwrap();
            let asked = client.ask::<Value>(None, "{ viewer { id } }", &Value::Null).await;
            let told = asked.unwrap_err().to_string();
            assert!(told.ends_with(words), "{told}");
        }
    }

    #[test]
    fn the_url_may_be_that_of_the_api() {
        let client = Client::new(&"http://localhost:1/chat/graphql/".parse().unwrap()).unwrap();
        assert_eq!(client.url(), "http://localhost:1/chat");
        assert_eq!(client.sockets(), "ws://localhost:1/chat/graphql");
    }
}
