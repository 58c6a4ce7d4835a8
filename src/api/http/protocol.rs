//! What is said on a socket, in either of two dialects: the subprotocol
//! `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>) and the
//! one that was there before it. The messages here are those of the current
//! one, and what only the older one has besides.

mod older;

use async_graphql::{Response, ServerError};
use serde::{Deserialize, Serialize, ser::Error as _};
use serde_json::{Map, Result, Value};

use self::older::{Incoming, Outgoing};
use super::operation::Parameters;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `graphql-transport-ws`.
    Current,
    /// `graphql-ws`.
    Older,
}

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
    /// Is done; of the older dialect.
    #[serde(skip_deserializing)]
    Terminate,
}

/// What the server sends.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    /// Operations may start.
    ConnectionAck,
    /// What came is not taken; of the older dialect.
    #[serde(skip_serializing)]
    ConnectionError { message: &'a str },
    /// The server is there; of the older dialect.
    #[serde(skip_serializing)]
    KeepAlive,
    /// A result of an operation.
    Next { id: &'a str, payload: &'a Response },
    /// An operation was not executed, or its stream failed: nothing follows.
    Error { id: &'a str, payload: &'a [ServerError] },
    /// An operation has ended.
    Complete { id: &'a str },
    /// The client ended an operation; of the older dialect.
    #[serde(skip_serializing)]
    Stopped { id: &'a str },
    /// Answers a ping with what it carried; of the current dialect.
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Map<String, Value>>,
    },
}

/// How [`ServerMessage::Next`] begins.
const NEXT: &str = "{\"type\":\"next\",\"id\":";

impl Dialect {
    /// The names, the preferred one first.
    pub(super) const NAMES: [&str; 2] = ["graphql-transport-ws", older::NAME];

    /// That of one of the [`Dialect::NAMES`].
    pub(super) fn named(name: &[u8]) -> Self {
        if name == older::NAME.as_bytes() { Self::Older } else { Self::Current }
    }

    /// Reads what a client sent.
    ///
    /// # Errors
    ///
    /// Where it is no message of this dialect.
    pub(super) fn read(self, text: &str) -> Result<ClientMessage> {
        match self {
            Self::Current => serde_json::from_str(text),
            Self::Older => serde_json::from_str::<Incoming>(text).map(ClientMessage::from),
        }
    }

    /// Writes a message; `None` for what is not said in this dialect.
    ///
    /// # Errors
    ///
    /// Where the message can't be written as JSON.
    pub(super) fn write(self, message: &ServerMessage<'_>) -> Result<Option<String>> {
        match (self, message) {
            (Self::Older, message) => {
                Outgoing::of(message).map(|message| serde_json::to_string(&message)).transpose()
            }
            (
                Self::Current,
                ServerMessage::ConnectionError { .. }
                | ServerMessage::KeepAlive
                | ServerMessage::Stopped { .. },
            ) => Ok(None),
            (Self::Current, message) => serde_json::to_string(message).map(Some),
        }
    }

    /// The message [`ServerMessage::Next`] with a payload that is written already.
    ///
    /// # Errors
    ///
    /// Where the payload is no text.
    pub(super) fn write_next(self, id: &str, payload: &[u8]) -> Result<String> {
        let beginning = match self {
            Self::Current => NEXT,
            Self::Older => older::DATA,
        };
        let payload = str::from_utf8(payload).map_err(serde_json::Error::custom)?;
        let mut text = String::with_capacity(beginning.len() + id.len() + payload.len() + 32);
        text.push_str(beginning);
        text.push_str(&serde_json::to_string(id)?);
        text.push_str(",\"payload\":");
        text.push_str(payload);
        text.push('}');
        Ok(text)
    }
}

/// The token in the payload of `connection_init`, its key in any case; old
/// clients send headers, which are the payload or its entry `headers`.
pub(super) fn authorization(payload: Option<&Map<String, Value>>) -> Option<&str> {
    let payload = payload?;
    let headers = || entry(payload, "headers")?.as_object();
    let token = entry(payload, "authorization");
    match token.or_else(|| entry(headers()?, "authorization"))? {
        Value::Null => None,
        // What is not text is a token too, though a bad one.
        value => Some(value.as_str().unwrap_or_default()),
    }
}

fn entry<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_written_as_the_protocols_say() {
        let response = Response::new(async_graphql::value!({ "one": 1 }));
        let errors = [ServerError::new("no", None), ServerError::new("nor this", None)];
        let payload = json!({ "at": 7 }).as_object().cloned();
        let (id, done) = ("a", json!({ "type": "complete", "id": "a" }));
        let ack = json!({ "type": "connection_ack" });
        let (data, no) = (json!({ "data": { "one": 1 } }), json!({ "message": "no" }));
        let both = json!([{ "message": "no" }, { "message": "nor this" }]);
        for (message, current, older) in [
            (ServerMessage::ConnectionAck, Some(ack.clone()), Some(ack)),
            (
                ServerMessage::ConnectionError { message: "no" },
                None,
                Some(json!({ "type": "connection_error", "payload": no })),
            ),
            (ServerMessage::KeepAlive, None, Some(json!({ "type": "ka" }))),
            (
                ServerMessage::Next { id, payload: &response },
                Some(json!({ "type": "next", "id": id, "payload": data })),
                Some(json!({ "type": "data", "id": id, "payload": data })),
            ),
            (
                ServerMessage::Error { id, payload: &errors },
                Some(json!({ "type": "error", "id": id, "payload": both })),
                Some(json!({
                    "type": "error", "id": id, "payload": { "message": "no", "errors": both },
                })),
            ),
            (ServerMessage::Complete { id }, Some(done.clone()), Some(done.clone())),
            (ServerMessage::Stopped { id }, None, Some(done)),
            (ServerMessage::Pong { payload: None }, Some(json!({ "type": "pong" })), None),
            (
                ServerMessage::Pong { payload },
                Some(json!({ "type": "pong", "payload": { "at": 7 } })),
                None,
            ),
        ] {
            for (dialect, expected) in [(Dialect::Current, current), (Dialect::Older, older)] {
                let text = dialect.write(&message).expect("text");
                let written: Option<Value> =
                    text.map(|text| serde_json::from_str(&text).expect("JSON"));
                assert_eq!(written, expected, "{dialect:?}");
            }
        }
        for dialect in [Dialect::Current, Dialect::Older] {
            let shared = dialect.write_next("\"a\"", br#"{"data":{"one":1}}"#).expect("text");
            let message = ServerMessage::Next { id: "\"a\"", payload: &response };
            assert_eq!(Some(shared), dialect.write(&message).expect("text"));
        }
    }

    #[test]
    fn what_is_no_message_is_not_understood() {
        for text in [
            "",
            "{}",
            "[]",
            "1",
            r#"{"type":"start"}"#,
            r#"{"type":"terminate"}"#,
            r#"{"type":"connection_terminate"}"#,
            r#"{"type":"start","id":"1","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert!(Dialect::Current.read(text).is_err(), "{text}");
        }
        for text in [
            r#"{"type":"connection_init"}"#,
            r#"{"type":"connection_init","payload":null}"#,
            r#"{"type":"pong","payload":{"a":1}}"#,
            r#"{"id":"1","type":"subscribe","payload":{"query":"{a}","variables":null,"operationName":null,"extensions":null}}"#,
        ] {
            assert!(Dialect::Current.read(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_older_dialect_has_words_of_its_own() {
        for text in [
            "",
            "{}",
            r#"{"type":"start","id":"1"}"#,
            r#"{"type":"stop"}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}"}}"#,
            r#"{"type":"complete","id":"1"}"#,
            r#"{"type":"ping"}"#,
        ] {
            assert!(Dialect::Older.read(text).is_err(), "{text}");
        }
        for text in [
            r#"{"type":"connection_init"}"#,
            r#"{"type":"connection_init","payload":{}}"#,
            r#"{"id":"1","type":"start","payload":{"query":"{a}","variables":{},"key":7}}"#,
            r#"{"id":"1","type":"stop","payload":null}"#,
            r#"{"type":"connection_terminate","payload":null}"#,
        ] {
            assert!(Dialect::Older.read(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_token_is_found_in_any_case() {
        let token = |payload: Value| authorization(payload.as_object()).map(str::to_owned);
        for payload in [
            json!({ "x": 1, "AUTHORIZATION": "Bearer t" }),
            json!({ "headers": { "Authorization": "Bearer t" } }),
            json!({ "authorization": "Bearer t", "headers": { "authorization": "Bearer u" } }),
        ] {
            assert_eq!(token(payload).as_deref(), Some("Bearer t"));
        }
        assert_eq!(token(json!({ "Authorization": 7 })).as_deref(), Some(""));
        for payload in [
            json!({ "authorization": null }),
            json!({ "headers": {} }),
            json!({ "headers": "authorization" }),
            json!(null),
        ] {
            assert_eq!(token(payload), None);
        }
    }
}
