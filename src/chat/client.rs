//! GraphQL over HTTP, and where the service is.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, Method, Request, Uri, header},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    error::{Error, Result},
    text::Line,
};
use crate::config::PublicUrl;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How large an answer may be, in bytes.
const LARGEST: usize = 16 << 20;

/// A client of the service's API.
#[derive(Clone)]
pub(super) struct Client {
    url: Arc<str>,
    graphql: Uri,
    sockets: Uri,
    tls: Arc<ClientConfig>,
    pool: Pool<HttpsConnector<HttpConnector>, Body>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Vec<Refusal>,
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
    /// Connects when it is needed.
    pub fn new(url: &PublicUrl) -> Result<Self> {
        let parse = |text: String| text.parse::<Uri>().map_err(|error| Error::unreadable(&error));
        let graphql = format!("{}/graphql", url.as_str());
        // `http` becomes `ws`, `https` becomes `wss`.
        let sockets = graphql.replacen("http", "ws", 1);
        let tls = tls(url.is_https())?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            url: url.as_str().into(),
            graphql: parse(graphql)?,
            sockets: parse(sockets)?,
            tls: Arc::new(tls),
            pool: Pool::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// As it was given.
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
            .unwrap_or_else(|late| Err(Error::unreachable(&late)))?;
        if let Some(refusal) = answer.errors.into_iter().next() {
            return Err(refusal.into());
        }
        serde_json::from_value(answer.data).map_err(|error| Error::unreadable(&error))
    }

    async fn send(&self, request: Request<Body>) -> Result<Answer> {
        let answer =
            self.pool.request(request).await.map_err(|error| Error::unreachable(&error))?;
        let status = answer.status();
        let bytes = to_bytes(Body::new(answer.into_body()), LARGEST)
            .await
            .map_err(|error| Error::unreachable(&error))?;
        match serde_json::from_slice(&bytes) {
            Ok(answer) => Ok(answer),
            // A proxy whose service is away says it in its own words.
            Err(_) if status.is_server_error() => Err(Error::Unreachable(status.to_string())),
            Err(error) => Err(Error::unreadable(&error)),
        }
    }
}

/// Trusts the authorities that the system trusts; none where it is not needed.
fn tls(needed: bool) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if needed {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(Error::NoCertificates);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::unreadable(&error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
