//! What was measured, for Prometheus.

use std::sync::Arc;

use axum::{extract::State, http::header, response::IntoResponse};

use super::HttpParts;

/// `/metrics`.
pub(super) async fn text<E>(State(parts): State<Arc<HttpParts<E>>>) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, parts.metrics.render())
}
