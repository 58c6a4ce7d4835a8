//! What clients send over HTTP and on sockets, as `crate::fuzzing` takes it.

use std::{io, io::Read, sync::LazyLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{Role, WebSocket, WebSocketConfig},
};

use super::{
    BODY_LIMIT, Documents,
    close::Close,
    graphql::query_string,
    negotiation::{self, Accepted},
    operation::{self, Batch, Parameters},
    origin,
    protocol::{self, ClientMessage, Dialect},
};
use crate::fuzzing::traceparent;

static DOCUMENTS: LazyLock<Documents> = LazyLock::new(Documents::default);

/// Operations are told apart without being executed.
fn operation(parameters: Parameters) {
    let mut request = parameters.into_request();
    // A known text gives the same document again.
    let kinds = [(); 2].map(|()| operation::kind(&DOCUMENTS, &mut request).ok());
    assert_eq!(kinds[0], kinds[1]);
}

/// A body is a request, or is refused.
pub fn bodies(data: &[u8]) {
    match Batch::parse(data) {
        Ok(Batch::One(one)) => operation(one),
        Ok(Batch::Many(many)) => many.into_iter().for_each(operation),
        Err(message) => assert!(!message.is_empty()),
    }
}

/// A query string is a request, or is refused.
pub fn query_strings(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(request) = Request::get(format!("/graphql?{text}")).body(()) else { return };
    match query_string(&request.into_parts().0) {
        Ok(parameters) => operation(parameters),
        Err(message) => assert!(!message.is_empty()),
    }
}

/// A value of the headers that are looked into. What is no JSON by the
/// header's own beginning is not taken for it.
pub fn headers(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let with = |name: HeaderName| HeaderMap::from_iter([(name, value.clone())]);
    let _accepted = Accepted::of(&with(header::ACCEPT));
    let _page = negotiation::wants_page(&with(header::ACCEPT));
    if negotiation::is_json(&with(header::CONTENT_TYPE)) {
        let begins = data.trim_ascii_start().get(..16).unwrap_or_default();
        assert_eq!(begins.to_ascii_lowercase(), b"application/json");
    }
    if let Ok(text) = value.to_str() {
        traceparent(text);
        let pair = text.split_once(' ').unwrap_or((text, "chat.example"));
        let host = HeaderValue::from_str(pair.1).ok();
        let origin = HeaderValue::from_str(pair.0).ok();
        if let (Some(host), Some(origin)) = (host, origin) {
            let headers = HeaderMap::from_iter([(header::HOST, host), (header::ORIGIN, origin)]);
            let page = pair.0.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
            let same = page.is_some_and(|page| page == pair.1.to_ascii_lowercase());
            assert_eq!(origin::may_connect(&headers, &[]), same);
        }
    }
}

/// A message of a client is understood, or the socket is closed with a reason
/// that fits into its frame.
pub fn socket_messages(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for dialect in [Dialect::Current, Dialect::Older] {
        socket_message(dialect, text);
    }
}

fn socket_message(dialect: Dialect, text: &str) {
    let close = match dialect.read(text) {
        Ok(ClientMessage::ConnectionInit { payload }) => {
            let _token = protocol::authorization(payload.as_ref());
            return;
        }
        Ok(ClientMessage::Subscribe { id, payload }) => {
            operation(payload);
            Close::exists(&id)
        }
        Ok(_) => return,
        Err(error) => Close::invalid(&error),
    };
    assert!(close.into_frame().reason.len() <= 123);
}

/// What comes in, in pieces; what goes out is nobody's concern.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.0.len().min(97);
        let read = (&self.0[..piece]).read(buffer)?;
        self.0 = &self.0[read..];
        Ok(read)
    }
}

impl io::Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What comes on a socket is frames, or ends it; no message is larger than
/// the limit.
pub fn socket_frames(data: &[u8]) {
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .max_message_size(Some(BODY_LIMIT))
        .max_frame_size(Some(BODY_LIMIT));
    let mut socket = WebSocket::from_raw_socket(Pieces(data), Role::Server, Some(config));
    while let Ok(message) = socket.read() {
        assert!(message.len() <= BODY_LIMIT);
        if let Message::Text(text) = message {
            socket_messages(text.as_str().as_bytes());
        }
    }
}
