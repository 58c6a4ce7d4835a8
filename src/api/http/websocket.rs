//! Opens sockets for GraphQL over WebSocket.

use std::sync::Arc;

use async_graphql::Executor;
use axum::{
    extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use tracing::{Instrument, Span};

use super::{BODY_LIMIT, HttpParts, origin, protocol, request::refusal, socket};

/// What a socket reads at a time. axum's own 128 KiB are kept, and zeroed at
/// every read, for each socket that is open.
const READ_BUFFER: usize = 1024;
/// What is written at a time where more waits.
const WRITE_BUFFER: usize = 8 * 1024;

/// Answers the request for a socket. Another subprotocol is refused with 400,
/// a page of a foreign origin with 403.
pub(super) fn open<E: Executor>(
    parts: Arc<HttpParts<E>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    headers: &HeaderMap,
) -> Response {
    if !origin::may_connect(headers, &parts.allowed_origins) {
        return refusal(StatusCode::FORBIDDEN, "pages of this origin may not connect");
    }
    if parts.stop.is_cancelled() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the service is about to stop");
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([protocol::NAME]),
        Err(rejection) => return refused(&rejection),
    };
    if upgrade.selected_protocol().is_none() {
        let message = "the subprotocol has to be graphql-transport-ws";
        return refusal(StatusCode::BAD_REQUEST, message);
    }
    // From here on the service waits for the socket before it ends.
    let tracked = parts.sockets.token();
    let span = Span::current();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(BODY_LIMIT)
        .max_frame_size(BODY_LIMIT)
        .on_upgrade(move |socket| {
            let serving = async move {
                let _tracked = tracked;
                socket::run(parts, socket).await;
            };
            serving.instrument(span)
        })
}

fn refused(rejection: &WebSocketUpgradeRejection) -> Response {
    let message = rejection.body_text();
    let mut response = refusal(rejection.status(), &message);
    if rejection.status() == StatusCode::UPGRADE_REQUIRED {
        // RFC 6455, section 4.4.
        let version = [("sec-websocket-version", "13")];
        response = (version, response).into_response();
    }
    response
}
