//! The operations that run on one socket.
//!
//! What has begun is carried on with whether its client reads or not. It may hold what
//! others wait for (a connection to a store, a turn in a line), and would keep that for as
//! long as nobody looks at it. Only what it says waits for room, and what comes after that.

use std::{
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::{Response, parser::types::OperationType};
use futures::{
    Stream, StreamExt,
    stream::{self, AbortHandle, BoxStream, FuturesUnordered, StreamFuture, abortable},
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

type Operation = BoxStream<'static, Heard>;

/// The operations that run on one socket.
#[derive(Default)]
pub(super) struct Running {
    /// Those that are on their way to what they say next.
    going: FuturesUnordered<StreamFuture<Operation>>,
    /// Those that have said something for which there was no room yet.
    held: VecDeque<(Heard, Operation)>,
    /// The one whose words were told last: it goes on once there is room for more.
    told: Option<Operation>,
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
        self.going.push(outputs.boxed().into_future());
        self.operations.insert(id, abort);
    }

    /// Ends one: nothing more is heard of it. Returns whether it ran.
    pub(super) fn stop(&mut self, id: &str) -> bool {
        let Some(stopped) = self.operations.remove(id) else { return false };
        stopped.abort();
        self.held.retain(|(heard, _)| *heard.id != *id);
        true
    }

    /// Carries all of them on, and tells what any of them says next if there is `room` for it.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>, room: bool) -> Poll<Heard> {
        if room && let Some(operation) = self.told.take() {
            self.going.push(operation.into_future());
        }
        loop {
            if room && let Some((heard, operation)) = self.held.pop_front() {
                self.told = Some(operation);
                return Poll::Ready(heard);
            }
            match self.going.poll_next_unpin(cx) {
                Poll::Ready(Some((Some(heard), operation))) => {
                    self.held.push_back((heard, operation));
                }
                Poll::Ready(Some((None, _ended))) => {}
                // None is on its way: whoever starts one polls again.
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
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

#[cfg(test)]
mod tests {
    use futures::task::noop_waker_ref;

    use super::*;

    fn say(running: &mut Running, id: &str) {
        let payloads = stream::iter([1, 2]).map(|_| Payload::Own(Response::default())).boxed();
        let trace = TraceId(id.to_owned());
        running.start(id, OperationType::Subscription, trace, Span::none(), payloads);
    }

    /// Whose words are heard, one after the other, until there are none.
    fn heard(running: &mut Running, room: bool) -> Vec<(String, bool)> {
        let cx = &mut Context::from_waker(noop_waker_ref());
        let mut heard = Vec::new();
        while let Poll::Ready(Heard { id, output, .. }) = running.poll_next(cx, room) {
            heard.push((id.to_string(), output.is_some()));
        }
        heard
    }

    #[test]
    fn what_is_said_waits_for_room_and_what_was_stopped_is_not_heard() {
        let mut running = Running::default();
        for id in ["a", "b"] {
            say(&mut running, id);
        }
        assert_eq!(heard(&mut running, false), []);
        assert!(running.stop("a"));
        // The same name again is something else.
        say(&mut running, "a");
        let of = |id: &str, heard: &[(String, bool)]| {
            heard.iter().filter(|(of, _)| of == id).map(|(_, says)| *says).collect::<Vec<_>>()
        };
        let heard = heard(&mut running, true);
        assert_eq!(of("b", &heard), [true, true, false]);
        assert_eq!(of("a", &heard), [true, true, false]);
    }
}
