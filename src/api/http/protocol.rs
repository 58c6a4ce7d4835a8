//! The messages and close codes of the subprotocol `graphql-transport-ws`:
//! <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.

use std::borrow::Cow;

use async_graphql::{Response, ServerError};
use axum::extract::ws::CloseFrame;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::operation::Parameters;

/// The subprotocol's name.
pub(super) const NAME: &str = "graphql-transport-ws";

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientMessage {
    /// Asks for the connection, and says who it is.
    ConnectionInit { payload: Option<Map<String, Value>> },
    /// Starts an operation.
    Subscribe { id: String, payload: Parameters },
    /// Ends an operation.
    Complete { id: String },
    /// Asks for a pong.
    Ping { payload: Option<Map<String, Value>> },
    /// Answers a ping, or just shows that it is there.
    Pong {},
}

/// What the server sends.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    /// Operations may start.
    ConnectionAck,
    /// A result of an operation.
    Next { id: &'a str, payload: &'a Response },
    /// An operation was not executed, or its stream failed: nothing follows.
    Error { id: &'a str, payload: &'a [ServerError] },
    /// An operation has ended.
    Complete { id: &'a str },
    /// Answers a ping with what it carried.
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Map<String, Value>>,
    },
}

/// The message [`ServerMessage::Next`] with a payload that is written already.
///
/// # Errors
///
/// Where the payload is no text.
pub(super) fn next(id: &str, payload: &[u8]) -> Result<String, serde_json::Error> {
    let payload = str::from_utf8(payload).map_err(serde::ser::Error::custom)?;
    let mut text = String::with_capacity(NEXT.len() + id.len() + payload.len() + 32);
    text.push_str(NEXT);
    text.push_str(&serde_json::to_string(id)?);
    text.push_str(",\"payload\":");
    text.push_str(payload);
    text.push('}');
    Ok(text)
}

const NEXT: &str = "{\"type\":\"next\",\"id\":";

/// Why the server closes a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    code: u16,
    reason: Cow<'static, str>,
}

impl Close {
    /// The node stops. Clients come back at once, to another one.
    pub(super) const GOING_AWAY: Self = Self::new(1001, "going away");
    /// The client did not keep up. Clients of ours come back, and resume.
    pub(super) const TOO_SLOW: Self =
        Self::new(1013, "try again later: resume from the last cursor");
    /// The client said something before it was let in.
    pub(super) const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized");
    /// The token is not good, or the session has ended.
    pub(super) const FORBIDDEN: Self = Self::new(4403, "Forbidden");
    /// `connection_init` did not come.
    pub(super) const INIT_TIMEOUT: Self = Self::new(4408, "Connection initialisation timeout");
    /// `connection_init` came again.
    pub(super) const INIT_AGAIN: Self = Self::new(4429, "Too many initialisation requests");
    /// What came is no message.
    pub(super) const NO_TEXT: Self = Self::new(4400, "Invalid message: only text is understood");
    /// What came is no WebSocket frame that is taken.
    pub(super) const UNREADABLE: Self =
        Self::new(4400, "Invalid message: unreadable, or larger than 256 KiB");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// What came is JSON at most.
    pub(super) fn invalid(error: &serde_json::Error) -> Self {
        Self { code: 4400, reason: format!("Invalid message: {error}").into() }
    }

    /// The id is in use.
    pub(super) fn exists(id: &str) -> Self {
        Self { code: 4409, reason: format!("Subscriber for {id} already exists").into() }
    }

    /// The frame that says so. It has room for 123 bytes of reason (RFC 6455,
    /// sections 5.5 and 5.5.1).
    pub(super) fn into_frame(self) -> CloseFrame {
        let reason = &self.reason[..self.reason.floor_char_boundary(123)];
        CloseFrame { code: self.code, reason: reason.into() }
    }
}

/// The token in the payload of `connection_init`, its key in any case.
pub(super) fn authorization(payload: Option<&Map<String, Value>>) -> Option<&str> {
    let entry = payload?.iter().find(|(key, _)| key.eq_ignore_ascii_case("authorization"));
    match entry?.1 {
        Value::Null => None,
        // What is not text is a token too, though a bad one.
        value => Some(value.as_str().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_written_as_the_protocol_says() {
        let response = Response::new(async_graphql::value!({ "one": 1 }));
        let errors = [ServerError::new("no", None)];
        let payload = json!({ "at": 7 }).as_object().cloned();
        for (message, expected) in [
            (ServerMessage::ConnectionAck, json!({ "type": "connection_ack" })),
            (
                ServerMessage::Next { id: "a", payload: &response },
                json!({ "type": "next", "id": "a", "payload": { "data": { "one": 1 } } }),
            ),
            (
                ServerMessage::Error { id: "a", payload: &errors },
                json!({ "type": "error", "id": "a", "payload": [{ "message": "no" }] }),
            ),
            (ServerMessage::Complete { id: "a" }, json!({ "type": "complete", "id": "a" })),
            (ServerMessage::Pong { payload: None }, json!({ "type": "pong" })),
            (ServerMessage::Pong { payload }, json!({ "type": "pong", "payload": { "at": 7 } })),
        ] {
            assert_eq!(serde_json::to_value(message).expect("JSON"), expected);
        }
        let shared = next("\"a\"", br#"{"data":{"one":1}}"#).expect("text");
        let message = ServerMessage::Next { id: "\"a\"", payload: &response };
        assert_eq!(shared, serde_json::to_string(&message).expect("JSON"));
    }

    #[test]
    fn what_is_no_message_is_not_understood() {
        for text in [
            "",
            "{}",
            "[]",
            "1",
            r#"{"type":"start"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert!(serde_json::from_str::<ClientMessage>(text).is_err(), "{text}");
        }
        for text in [
            r#"{"type":"connection_init"}"#,
            r#"{"type":"connection_init","payload":null}"#,
            r#"{"type":"pong","payload":{"a":1}}"#,
            r#"{"id":"1","type":"subscribe","payload":{"query":"{a}","variables":null,"operationName":null,"extensions":null}}"#,
        ] {
            assert!(serde_json::from_str::<ClientMessage>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_reason_fits_into_its_frame() {
        let frame = Close::exists(&"ü".repeat(200)).into_frame();
        assert!(frame.reason.len() <= 123 && frame.code == 4409);
    }

    #[test]
    fn the_token_is_found_in_any_case() {
        let payload = json!({ "x": 1, "AUTHORIZATION": "Bearer t" });
        assert_eq!(authorization(payload.as_object()), Some("Bearer t"));
        assert_eq!(authorization(json!({ "Authorization": 7 }).as_object()), Some(""));
        assert_eq!(authorization(json!({ "authorization": null }).as_object()), None);
        assert_eq!(authorization(None), None);
    }
}
