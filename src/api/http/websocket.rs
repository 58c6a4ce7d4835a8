//! Opens sockets for GraphQL over WebSocket.

use std::{future, sync::Arc};

use async_graphql::Executor;
use axum::{
    extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use tracing::{Instrument, Span};

use super::{
    BODY_LIMIT, HttpParts, client, origin, protocol::Dialect, request::refusal, socket::Socket,
    wire::Wire,
};

/// What a socket reads at a time. axum's own 128 KiB are kept, and zeroed at
/// every read, for each socket that is open. Messages that do not fit double
/// it, and it stays so.
const READ_BUFFER: usize = 512;
/// What is written at a time where more waits.
const WRITE_BUFFER: usize = 8 * 1024;

/// Answers the request for a socket. Another subprotocol is refused with 400,
/// a page of a foreign origin with 403.
pub(super) fn open<E: Executor>(
    parts: Arc<HttpParts<E>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    head: &Parts,
) -> Response {
    if !origin::may_connect(&head.headers, &parts.allowed_origins) {
        return refusal(StatusCode::FORBIDDEN, "pages of this origin may not connect");
    }
    if parts.stop.is_cancelled() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the service is about to stop");
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols(Dialect::NAMES),
        Err(rejection) => return refused(&rejection),
    };
    let Some(selected) = upgrade.selected_protocol() else {
        let message = "the subprotocol has to be graphql-transport-ws, or graphql-ws";
        return refusal(StatusCode::BAD_REQUEST, message);
    };
    let dialect = Dialect::named(selected.as_bytes());
    // From here on the service waits for the socket before it ends.
    let tracked = parts.sockets.token();
    let client = client::of(&head.extensions, &head.headers, &parts.trusted_proxies);
    let span = Span::current();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(BODY_LIMIT)
        .max_frame_size(BODY_LIMIT)
        .on_upgrade(move |socket| {
            let mut socket = Socket::new(parts, Wire::new(socket), dialect, client);
            let serving = async move {
                let _tracked = tracked;
                socket.serve().await;
            };
            // A task of its own: what opening it takes is not kept until it closes.
            tokio::spawn(serving.instrument(span));
            future::ready(())
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
