//! What every request goes through: its trace id, its line in the log, its
//! metrics, who sent it, and how it is refused.

use std::{any::Any, panic::AssertUnwindSafe, time::Instant};

use async_graphql::{ErrorExtensionValues, Request as Operation, ServerError};
use axum::{
    Json,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use serde_json::json;
use tracing::{
    Instrument, debug, error,
    field::{Empty, display},
    info,
};

use super::{HttpParts, client};
use crate::{
    accounts::{Client, Viewer},
    ambient::Ambient,
    api::codes::Code,
    rates::Sender,
    telemetry::{TraceId, Traceparent},
};

/// The header that returns a request's trace id.
pub const TRACE_HEADER: HeaderName = HeaderName::from_static("x-trace-id");
const TRACEPARENT: &str = "traceparent";
/// How much of a path the log shows, in bytes.
const SHOWN_PATH: usize = 256;

/// Request data that tells resolvers: a token came along, and it is not valid.
/// Operations for everyone go on; what needs a viewer is UNAUTHENTICATED.
#[derive(Clone, Copy, Debug)]
pub struct BadToken;

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    client: Client,
    proof: Proof,
}

/// Who sends a request, as far as its token tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// It brought no token.
    None,
    /// Its token is malformed, expired, revoked or not ours.
    Bad,
    /// Its token is good.
    Good(Viewer),
}

impl Caller {
    /// By the header `Authorization`.
    pub(super) fn of<E>(parts: &HttpParts<E>, client: Client, authorization: Option<&str>) -> Self {
        let Some(text) = authorization else { return Self { client, proof: Proof::None } };
        let proof = match bearer(text).map(|token| (parts.authenticate)(token)) {
            Some(Ok(viewer)) => Proof::Good(viewer),
            _ => Proof::Bad,
        };
        Self { client, proof }
    }

    /// As [`Caller::of`], from the head of a request.
    pub(super) fn of_head<E>(parts: &HttpParts<E>, head: &Parts) -> Self {
        // What is not text is a token too, though a bad one.
        let value = head.headers.get(header::AUTHORIZATION);
        let value = value.map(|value| value.to_str().unwrap_or(""));
        let client = client::of(&head.extensions, &head.headers, &parts.trusted_proxies);
        Self::of(parts, client, value)
    }

    /// Whether the token is no good.
    pub(super) fn is_refused(self) -> bool {
        self.proof == Proof::Bad
    }

    /// By whom what is sent is counted.
    pub(super) fn sender(self) -> Sender {
        Sender::of(self.client, self.viewer())
    }

    /// The viewer, if the token is good.
    pub(super) fn viewer(self) -> Option<Viewer> {
        match self.proof {
            Proof::Good(viewer) => Some(viewer),
            Proof::None | Proof::Bad => None,
        }
    }
}

/// The token of `Bearer …` (RFC 6750, section 2.1).
pub(in crate::api) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Gives an operation its data and hands it to the hook.
pub(super) fn prepare<E>(
    parts: &HttpParts<E>,
    operation: Operation,
    caller: Caller,
    trace: TraceId,
) -> Operation {
    let operation = operation.data(trace).data(caller.client);
    let operation = match caller.proof {
        Proof::Good(viewer) => operation.data(viewer),
        Proof::Bad => operation.data(BadToken),
        Proof::None => operation,
    };
    (parts.prepare)(operation, caller.viewer())
}

/// Refuses a request in the form of a GraphQL response.
pub(super) fn refusal(status: StatusCode, message: &str) -> Response {
    let code = Code::of_http(status.as_u16()).name();
    count_error(code);
    let errors = json!({ "errors": [{ "message": message, "extensions": { "code": code } }] });
    (status, Json(errors)).into_response()
}

/// An error of ours, which only the logs explain.
pub(super) fn internal(trace: Option<&TraceId>) -> ServerError {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", Code::Internal.name());
    if let Some(TraceId(id)) = trace {
        extensions.set("traceId", id.as_str());
    }
    let mut error = ServerError::new("something went wrong on our side", None);
    error.extensions = Some(extensions);
    error
}

/// Counts an error that a client is told about.
pub(super) fn count_error(code: &'static str) {
    metrics::counter!("chatterbox_graphql_errors_total", "code" => code).increment(1);
}

/// Answers a panic like any other error of ours.
pub(super) async fn catch_panic(request: Request, next: Next) -> Response {
    let trace = request.extensions().get::<TraceId>().cloned();
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            error!(panic = panic_message(&*panic), "a request panicked");
            count_error(Code::Internal.name());
            let errors = json!({ "errors": [internal(trace.as_ref())] });
            (StatusCode::INTERNAL_SERVER_ERROR, Json(errors)).into_response()
        }
    }
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Gives a request its trace id, its line in the log and its metrics.
pub(super) async fn observe(
    State(ambient): State<Ambient>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str).to_owned();
    let path = request.uri().path();
    let path = &path[..path.floor_char_boundary(SHOWN_PATH)];
    let span = tracing::info_span!("request", trace_id = Empty, method, path);
    let trace = TraceId::begin(&span, caller(request.headers()).as_ref(), &ambient);
    span.record("trace_id", display(&trace));
    request.extensions_mut().insert(trace.clone());

    let mut response = next.run(request).instrument(span.clone()).await;

    mark(response.headers_mut(), &trace);
    span.in_scope(|| report(method, route, response.status(), started));
    response
}

/// Tells the caller its trace id.
pub fn mark(headers: &mut HeaderMap, trace: &TraceId) {
    if let Ok(trace) = HeaderValue::from_str(&trace.0) {
        headers.insert(TRACE_HEADER, trace);
    }
}

fn report(method: &'static str, route: String, status: StatusCode, started: Instant) {
    let took = started.elapsed();
    let duration_ms = took.as_secs_f64() * 1e3;
    let status = status.as_u16();
    // Asked every few seconds by machines.
    if route.starts_with("/health/") || route == "/metrics" {
        debug!(status, duration_ms, "answered");
    } else {
        info!(status, duration_ms, "answered");
    }
    metrics::histogram!("chatterbox_http_request_duration_seconds", "path" => route.clone())
        .record(took);
    let status = status.to_string();
    metrics::counter!("chatterbox_http_requests_total", "path" => route, "method" => method, "status" => status)
        .increment(1);
}

/// Where the caller is in a trace of its own.
pub(in crate::api) fn caller(headers: &HeaderMap) -> Option<Traceparent> {
    let mut given = headers.get_all(TRACEPARENT).iter();
    let header = given.next().and_then(|value| value.to_str().ok());
    let caller = header.and_then(Traceparent::parse);
    // More than one is none.
    caller.filter(|_| given.next().is_none())
}

/// Clients may make methods up; metrics have no room for that.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
