//! How the results of one operation are written one after another into the
//! body of an answer.

use async_graphql::ServerError;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Result;

use super::{
    negotiation::StreamType,
    operation::{RequestError, Written},
    payload::Payload,
};
use crate::telemetry::TraceId;

/// How results are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// GraphQL over Server-Sent Events, "Distinct connections mode":
    /// <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>.
    Events,
    /// The multipart protocol of Apollo's clients:
    /// <https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol>.
    Parts {
        /// Some clients look for it inside of texts too, so nobody may be able
        /// to write it into a message to them.
        boundary: String,
    },
}

/// Says that a stream failed as a whole.
#[derive(Serialize)]
struct Failed<'a> {
    payload: (),
    errors: &'a [ServerError],
}

impl Framing {
    /// How the answer to the request of this trace id is written.
    pub(super) fn new(stream: StreamType, trace: &TraceId) -> Self {
        match stream {
            StreamType::Events => Self::Events,
            StreamType::Parts => Self::Parts { boundary: trace.to_string() },
        }
    }

    /// The value of `Content-Type`.
    pub(super) fn content_type(&self) -> String {
        match self {
            Self::Events => "text/event-stream; charset=utf-8".to_owned(),
            Self::Parts { boundary } => {
                format!("multipart/mixed;boundary=\"{boundary}\";subscriptionSpec=1.0")
            }
        }
    }

    /// What comes first.
    pub(super) fn opening(&self) -> Bytes {
        match self {
            Self::Events => self.heartbeat(),
            Self::Parts { boundary } => format!("\r\n--{boundary}").into(),
        }
    }

    /// A sign of life, which clients pass over.
    pub(super) fn heartbeat(&self) -> Bytes {
        match self {
            Self::Events => Bytes::from_static(b":\n\n"),
            Self::Parts { boundary } => part(&[b"{}"], boundary),
        }
    }

    /// A result.
    ///
    /// # Errors
    ///
    /// Where it can't be written as JSON.
    pub(super) fn next(&self, payload: &Payload) -> Result<Bytes> {
        let json = match payload {
            Payload::Own(response) => serde_json::to_vec(&Written(response))?.into(),
            Payload::Shared(payload) => payload.clone(),
        };
        Ok(match self {
            Self::Events => event(&json),
            Self::Parts { boundary } => part(&[b"{\"payload\":", &json, b"}"], boundary),
        })
    }

    /// Why nothing more comes.
    ///
    /// # Errors
    ///
    /// Where it can't be written as JSON.
    pub(super) fn failed(&self, errors: &[ServerError]) -> Result<Bytes> {
        Ok(match self {
            Self::Events => event(&serde_json::to_vec(&RequestError { errors })?),
            Self::Parts { boundary } => {
                part(&[&serde_json::to_vec(&Failed { payload: (), errors })?], boundary)
            }
        })
    }

    /// That the operation has ended.
    pub(super) fn complete(&self) -> Bytes {
        match self {
            // Without data browsers would pass over it.
            Self::Events => Bytes::from_static(b"event: complete\ndata:\n\n"),
            Self::Parts { .. } => Bytes::from_static(b"--\r\n"),
        }
    }

    /// That the stream ends, though the operation has not: who reads events
    /// without `complete` comes back.
    pub(super) fn broken_off(&self) -> Bytes {
        match self {
            Self::Events => Bytes::new(),
            Self::Parts { .. } => self.complete(),
        }
    }
}

/// JSON has no line breaks of its own.
fn event(json: &[u8]) -> Bytes {
    [b"event: next\ndata: ", json, b"\n\n"].concat().into()
}

/// With the delimiter behind it, which shows that it is whole.
fn part(json: &[&[u8]], boundary: &str) -> Bytes {
    let head: &[u8] = b"\r\ncontent-type: application/json\r\n\r\n";
    [head, &json.concat(), b"\r\n--", boundary.as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use async_graphql::Response;

    use super::*;

    fn written(framing: &Framing) -> String {
        let own = Payload::Own(Response::new(async_graphql::value!({ "one": "a\nb" })));
        let shared = Payload::Shared(Bytes::from_static(br#"{"data":{"one":2}}"#));
        let failure = framing.failed(&[ServerError::new("no", None)]).expect("JSON");
        let next = |payload| framing.next(payload).expect("JSON");
        let all = [
            framing.opening(),
            next(&own),
            framing.heartbeat(),
            next(&shared),
            failure,
            framing.complete(),
        ];
        String::from_utf8(all.concat()).expect("text")
    }

    /// GraphQL, section 7.1: what was not executed has no data, which null would be.
    #[test]
    fn what_was_not_executed_has_no_data() {
        let refused = Payload::Own(Response::from_errors(vec![ServerError::new("no", None)]));
        for stream in [StreamType::Events, StreamType::Parts] {
            let framing = Framing::new(stream, &TraceId("7".to_owned()));
            let text = String::from_utf8(framing.next(&refused).expect("JSON").into());
            let text = text.expect("text");
            assert!(text.contains(r#"{"errors":[{"message":"no""#), "{text}");
            assert!(!text.contains("data\":"), "{text}");
        }
    }

    #[test]
    fn events_are_written_as_the_protocol_says() {
        let framing = Framing::new(StreamType::Events, &TraceId("7".to_owned()));
        assert_eq!(
            written(&framing),
            concat!(
                ":\n\n",
                "event: next\ndata: {\"data\":{\"one\":\"a\\nb\"}}\n\n",
                ":\n\n",
                "event: next\ndata: {\"data\":{\"one\":2}}\n\n",
                "event: next\ndata: {\"errors\":[{\"message\":\"no\"}]}\n\n",
                "event: complete\ndata:\n\n",
            )
        );
        assert!(framing.broken_off().is_empty());
    }

    #[test]
    fn parts_are_written_as_the_protocol_says() {
        let framing = Framing::new(StreamType::Parts, &TraceId("7".to_owned()));
        assert_eq!(framing.content_type(), "multipart/mixed;boundary=\"7\";subscriptionSpec=1.0");
        let head = "\r\ncontent-type: application/json\r\n\r\n";
        assert_eq!(
            written(&framing),
            [
                "\r\n--7",
                head,
                "{\"payload\":{\"data\":{\"one\":\"a\\nb\"}}}\r\n--7",
                head,
                "{}\r\n--7",
                head,
                "{\"payload\":{\"data\":{\"one\":2}}}\r\n--7",
                head,
                "{\"payload\":null,\"errors\":[{\"message\":\"no\"}]}\r\n--7",
                "--\r\n",
            ]
            .concat()
        );
        assert_eq!(framing.broken_off(), framing.complete());
    }
}
