//! What browsers are told about every answer, and whose pages may ask.
//!
//! Nothing here keeps anybody else out: who is no browser need not listen.
//! Access tokens do, which browsers send nowhere by themselves.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::TRACE_HEADER;
use crate::config::Origin;

/// For what has none of its own: what is no page loads nothing, runs nothing,
/// is in nobody's frame, and is kept nowhere, since most depends on who asks.
static DEFAULTS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
/// A year, of this host alone: what stands beside it is not ours (RFC 6797,
/// section 6.1).
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Completes the headers of an answer. Where clients come by `https`, they
/// are told to do so always.
pub(super) async fn complete(State(https): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in &DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    response
}

/// What pages may send with what they ask. Quotes in `Accept` make browsers
/// ask for leave; the last four are Apollo's.
static SENT: [HeaderName; 8] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("apollo-require-preflight"),
    HeaderName::from_static("apollographql-client-name"),
    HeaderName::from_static("apollographql-client-version"),
    HeaderName::from_static("x-apollo-operation-name"),
];

/// Lets pages of these origins ask, and read the answers. Without
/// credentials: there are no cookies, and pages have the token themselves.
pub(super) fn cors(allowed: &[Origin]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(allowed.iter().filter_map(Origin::to_header)))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(SENT.clone())
        .expose_headers([TRACE_HEADER])
        .max_age(Duration::from_secs(60 * 60))
}
