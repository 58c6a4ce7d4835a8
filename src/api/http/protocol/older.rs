//! The subprotocol `graphql-ws`, which the libraries of before 2021 speak:
//! <https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md>.

use async_graphql::{Response, ServerError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ClientMessage, ServerMessage};
use crate::api::http::operation::Parameters;

/// The subprotocol's name.
pub(super) const NAME: &str = "graphql-ws";
/// How [`Outgoing::Data`] begins.
pub(super) const DATA: &str = "{\"type\":\"data\",\"id\":";

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Incoming {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Start { id: String, payload: Parameters },
    Stop { id: String },
    ConnectionTerminate {},
}

impl From<Incoming> for ClientMessage {
    fn from(message: Incoming) -> Self {
        match message {
            Incoming::ConnectionInit { payload } => Self::ConnectionInit { payload },
            Incoming::Start { id, payload } => Self::Subscribe { id, payload },
            Incoming::Stop { id } => Self::Complete { id },
            Incoming::ConnectionTerminate {} => Self::Terminate,
        }
    }
}

/// What the server sends.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Outgoing<'a> {
    ConnectionAck,
    ConnectionError {
        payload: Refusal<'a>,
    },
    #[serde(rename = "ka")]
    KeepAlive,
    Data {
        id: &'a str,
        payload: &'a Response,
    },
    Error {
        id: &'a str,
        payload: Failure<'a>,
    },
    Complete {
        id: &'a str,
    },
}

/// Why something is not taken.
#[derive(Serialize)]
pub(super) struct Refusal<'a> {
    message: &'a str,
}

/// The payload of an error is one error. What there is besides clients look
/// for in `errors`: Apollo iOS sees nothing else.
#[derive(Serialize)]
pub(super) struct Failure<'a> {
    #[serde(flatten)]
    first: Option<&'a ServerError>,
    errors: &'a [ServerError],
}

impl<'a> Outgoing<'a> {
    /// `None` for what is not said in this dialect.
    pub(super) fn of(message: &'a ServerMessage<'_>) -> Option<Self> {
        Some(match message {
            ServerMessage::ConnectionAck => Self::ConnectionAck,
            ServerMessage::ConnectionError { message } => {
                Self::ConnectionError { payload: Refusal { message } }
            }
            ServerMessage::KeepAlive => Self::KeepAlive,
            ServerMessage::Next { id, payload } => Self::Data { id, payload },
            ServerMessage::Error { id, payload } => {
                Self::Error { id, payload: Failure { first: payload.first(), errors: payload } }
            }
            ServerMessage::Complete { id } | ServerMessage::Stopped { id } => Self::Complete { id },
            ServerMessage::Pong { .. } => return None,
        })
    }
}
