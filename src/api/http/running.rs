//! The operations that run on one socket.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::{Response, parser::types::OperationType};
use futures::{
    Stream, StreamExt,
    stream::{self, AbortHandle, BoxStream, SelectAll, abortable},
};
use tracing::{Span, error};

use super::{
    operation,
    payload::{Payload, Payloads},
    request::{internal, panic_message},
};
use crate::telemetry::TraceId;

/// What an operation says: a result, or that it has ended.
pub(super) type Output = Option<Payload>;

/// What is heard of an operation.
pub(super) struct Heard {
    /// Of which one.
    pub(super) id: Arc<str>,
    /// Of which kind it is, where this is the first that is heard of it.
    pub(super) first: Option<OperationType>,
    /// What it says.
    pub(super) output: Output,
}

/// The operations that run on one socket.
#[derive(Default)]
pub(super) struct Running {
    streams: SelectAll<BoxStream<'static, Heard>>,
    operations: HashMap<Arc<str>, AbortHandle>,
}

/// Counts what exists in a gauge.
pub(in crate::api) struct Counted(&'static str);

impl Counted {
    pub(in crate::api) fn new(gauge: &'static str) -> Self {
        metrics::gauge!(gauge).increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}

impl Running {
    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether one of this id runs.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.operations.contains_key(id)
    }

    /// Starts one, in `span`.
    pub(super) fn start(
        &mut self,
        id: &str,
        kind: OperationType,
        trace: TraceId,
        span: Span,
        payloads: Payloads,
    ) {
        let id: Arc<str> = id.into();
        let (name, counted) = (id.clone(), Counted::new("chatterbox_websocket_operations"));
        // Only the end is kept in the stream from the beginning, not a whole output.
        let outputs =
            guarded(payloads, trace, span).map(Some).chain(stream::iter([()]).map(|()| None));
        let mut first = Some(kind);
        let outputs = outputs.map(move |output| {
            let _while_it_runs = &counted;
            Heard { id: name.clone(), first: first.take(), output }
        });
        let (outputs, abort) = abortable(outputs);
        self.streams.push(outputs.boxed());
        self.operations.insert(id, abort);
    }

    /// Ends one: nothing more is heard of it. Returns whether it ran.
    pub(super) fn stop(&mut self, id: &str) -> bool {
        let stopped = self.operations.remove(id);
        stopped.map(|operation| operation.abort()).is_some()
    }

    /// What any of them says next.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        match self.streams.poll_next_unpin(cx) {
            Poll::Ready(Some(heard)) => Poll::Ready(heard),
            // None runs: whoever starts one polls again.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Runs in `span`, and turns a panic into an error of ours.
pub(super) fn guarded(
    mut payloads: Payloads,
    trace: TraceId,
    span: Span,
) -> impl Stream<Item = Payload> + Send {
    let within = span.clone();
    let payloads = stream::poll_fn(move |cx| within.in_scope(|| payloads.poll_next_unpin(cx)));
    AssertUnwindSafe(payloads).catch_unwind().map(move |result| {
        let mut payload = result.unwrap_or_else(|panic| {
            span.in_scope(|| error!(panic = panic_message(&*panic), "an operation panicked"));
            Payload::Own(Response::from_errors(vec![internal(Some(&trace))]))
        });
        if let Payload::Own(response) = &mut payload {
            operation::complete(response);
        }
        payload
    })
}
