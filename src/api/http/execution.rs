//! How operations are carried out, whatever brings them.

use std::sync::Arc;

use async_graphql::{
    Executor, Request, Response as Answer, ServerResult, parser::types::OperationType,
};
use futures::{StreamExt, stream};
use tokio::time::timeout;
use tracing::{Instrument, warn};

use super::{
    HttpParts,
    line::{Line, Place},
    operation::{self, Parameters, refused, unavailable},
    payload::{self, Payload, Payloads},
    request::{self, Caller},
};
use crate::telemetry::TraceId;

const NO_STREAM: &str = "a subscription needs a WebSocket with the subprotocol \
    graphql-transport-ws, or an Accept of text/event-stream or of \
    multipart/mixed;subscriptionSpec=1.0";

/// An operation, and of which kind it is.
pub(super) struct Operation {
    pub(super) request: Request,
    pub(super) kind: ServerResult<Option<OperationType>>,
}

impl Operation {
    /// Reads one that was sent.
    pub(super) fn parse<E>(parts: &HttpParts<E>, parameters: Parameters) -> Self {
        let mut request = parameters.into_request();
        let kind = operation::kind(&parts.documents, &mut request);
        Self { request, kind }
    }

    /// Whether it is of this kind.
    pub(super) fn is(&self, kind: OperationType) -> bool {
        matches!(self.kind, Ok(Some(known)) if known == kind)
    }
}

/// What the operation of this caller says, as it comes.
pub(super) fn payloads<E: Executor>(
    parts: Arc<HttpParts<E>>,
    caller: Caller,
    trace: TraceId,
    operation: Operation,
    line: Line,
) -> Payloads {
    if operation.is(OperationType::Subscription) {
        return payload::open(parts, operation.request, caller, trace, line);
    }
    let answer = async move {
        match places(&parts, &line, 1, &trace).await {
            Ok(place) => {
                (Payload::Own(execute(&parts, caller, trace, operation).await), Some(place))
            }
            Err(refusal) => (Payload::Own(refusal), None),
        }
    };
    // Looked at again, and the place given up, only once there was room for the answer.
    let answer = stream::unfold((Some(answer), None), |(answer, _place)| async move {
        let (payload, place) = answer?.await;
        Some((payload, (None, place)))
    });
    answer.boxed()
}

/// Waits in the line for the places of so many operations.
///
/// # Errors
///
/// What is answered where that takes as long as an operation may.
pub(super) async fn places<E>(
    parts: &HttpParts<E>,
    line: &Line,
    many: usize,
    trace: &TraceId,
) -> Result<Place, Answer> {
    let waited = timeout(parts.request_times.operation, line.places(many)).await;
    waited.map_err(|_| {
        warn!("a caller has left too much unread");
        let message = "too many answers wait to be read already";
        Answer::from_errors(vec![unavailable(message, trace)])
    })
}

/// Carries out what is no subscription, within its time.
pub(super) async fn execute<E: Executor>(
    parts: &HttpParts<E>,
    caller: Caller,
    trace: TraceId,
    Operation { mut request, kind }: Operation,
) -> Answer {
    let mut measured = parts.operations.begin(kind.is_ok().then_some(&mut request));
    let span = measured.span();
    let answer = match kind {
        Err(error) => Answer::from_errors(vec![error]),
        Ok(Some(OperationType::Subscription)) => refused(NO_STREAM),
        Ok(_) => {
            let prepared = request::prepare(parts, request, caller, trace.clone());
            let executing = parts.executor.execute(prepared).instrument(span);
            match timeout(parts.request_times.operation, executing).await {
                Ok(answer) => answer,
                Err(_) => {
                    warn!("an operation took too long");
                    Answer::from_errors(vec![unavailable("it took too long", &trace)])
                }
            }
        }
    };
    measured.said(&answer);
    answer
}
