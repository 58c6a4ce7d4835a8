//! The operations that run on one socket.

use std::{
    collections::{HashMap, hash_map::Entry},
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::Response;
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

/// The operations that run on one socket.
#[derive(Default)]
pub(super) struct Running {
    streams: SelectAll<BoxStream<'static, (Arc<str>, Output)>>,
    operations: HashMap<Arc<str>, Operation>,
}

struct Operation {
    abort: AbortHandle,
    /// Nothing was said yet.
    fresh: bool,
    _counted: Counted,
}

/// Counts what exists in a gauge.
pub(super) struct Counted(&'static str);

impl Counted {
    pub(super) fn new(gauge: &'static str) -> Self {
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
    pub(super) fn start(&mut self, id: &str, trace: TraceId, span: Span, payloads: Payloads) {
        let id: Arc<str> = id.into();
        let (name, end) = (id.clone(), id.clone());
        let results = guarded(payloads, trace, span).map(move |one| (name.clone(), Some(one)));
        let outputs = results.chain(stream::iter([(end, None)]));
        let (outputs, abort) = abortable(outputs);
        self.streams.push(outputs.boxed());
        let counted = Counted::new("chatterbox_websocket_operations");
        self.operations.insert(id, Operation { abort, fresh: true, _counted: counted });
    }

    /// Ends one, if it runs: nothing more is heard of it.
    pub(super) fn stop(&mut self, id: &str) {
        if let Some(operation) = self.operations.remove(id) {
            operation.abort.abort();
        }
    }

    /// Whether this is the first that is heard of the operation.
    pub(super) fn is_first(&mut self, id: &Arc<str>) -> bool {
        match self.operations.entry(id.clone()) {
            Entry::Occupied(mut entry) => std::mem::take(&mut entry.get_mut().fresh),
            Entry::Vacant(_) => false,
        }
    }

    /// What any of them says next.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<(Arc<str>, Output)> {
        match self.streams.poll_next_unpin(cx) {
            Poll::Ready(Some(output)) => Poll::Ready(output),
            // None runs: whoever starts one polls again.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Runs in `span`, and turns a panic into an error of ours.
fn guarded(
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
