//! Operations whose results come one after another in the body of one answer:
//! subscriptions for clients without WebSocket.

use std::{convert::Infallible, future::pending, pin::pin, sync::Arc, time::Duration};

use async_graphql::{Executor, Response as Answer};
use axum::{
    body::Body,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{StreamExt, stream::poll_fn};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tracing::{Instrument, Span, debug};

use super::{
    HttpParts, SLOW_CONSUMER,
    framing::Framing,
    operation::{self, coded, unavailable},
    payload::{Payload, Payloads},
    pieces::next_piece,
    request::{Caller, refusal},
    running::{Counted, guarded},
};
use crate::{api::codes::Code, telemetry::TraceId};

/// How many pieces of results wait for a client that does not read, besides
/// those in the buffers of its connection. When they do, its operation is not looked at.
const ROOM: usize = 16;

/// For how many signs of life a client may leave unread what waits for it.
const UNREAD: u32 = 3;

/// Why a stream ends.
#[derive(Debug)]
enum End {
    /// The operation has.
    Complete,
    /// The service stops.
    Stopping,
    /// The client did not keep up.
    TooSlow,
    /// The session ended.
    SessionEnded,
    /// The client is not there any more, or has not read for too long.
    Gone,
}

/// Whose stream it is, and how it is written.
pub(super) struct Stream {
    /// Who subscribes; nobody where a single result is to come, which is
    /// waited for whatever happens meanwhile.
    pub(super) subscriber: Option<Caller>,
    pub(super) trace: TraceId,
    pub(super) framing: Framing,
}

/// Answers with what the operation says, as it comes.
pub(super) fn open<E: Executor>(
    parts: Arc<HttpParts<E>>,
    stream: Stream,
    payloads: Payloads,
) -> Response {
    if parts.stop.is_cancelled() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the service is about to stop");
    }
    let content_type = stream.framing.content_type();
    let (sender, mut results) = mpsc::channel(ROOM);
    let span = Span::current();
    let payloads = guarded(payloads, stream.trace.clone(), span.clone()).boxed();
    // From here on the service waits for the stream before it ends.
    parts.sockets.clone().spawn(stream.run(parts, payloads, sender).instrument(span));
    let body = poll_fn(move |cx| results.poll_recv(cx)).map(Ok::<_, Infallible>);
    let headers = [
        (header::CONTENT_TYPE, content_type.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies would wait for more.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

impl Stream {
    async fn run<E: Executor>(
        self,
        parts: Arc<HttpParts<E>>,
        mut payloads: Payloads,
        sender: mpsc::Sender<Bytes>,
    ) {
        let _counted = Counted::new("chatterbox_http_streams");
        let viewer = self.subscriber.and_then(Caller::viewer);
        let _present = viewer.map(|viewer| parts.online.open(viewer.user));
        let mut interrupted = pin!(async {
            tokio::select! {
                biased;
                end = self.interrupted(&parts) => end,
                () = sender.closed() => End::Gone,
            }
        });
        let said = self.say_all(parts.request_times.heartbeat, &mut payloads, &sender);
        let end = tokio::select! {
            biased;
            end = &mut interrupted => end,
            end = said => end,
        };
        // Whatever ends the stream ends its operation first.
        drop(payloads);
        debug!(?end, "a stream ends");
        if let Some(farewell) = self.farewell(&end) {
            let _in_time = timeout(parts.request_times.heartbeat, sender.send(farewell)).await;
        }
    }

    async fn interrupted<E>(&self, parts: &HttpParts<E>) -> End {
        let Some(caller) = self.subscriber else { return pending().await };
        let session = caller.viewer().map(|viewer| parts.ended.open(viewer.session));
        let session_ended = async {
            match &session {
                Some(session) => session.ended().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = parts.stop.cancelled() => End::Stopping,
            () = session_ended => End::SessionEnded,
        }
    }

    async fn say_all(
        &self,
        beat: Duration,
        payloads: &mut Payloads,
        sender: &mpsc::Sender<Bytes>,
    ) -> End {
        let mut ticks = interval_at(Instant::now() + beat, beat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said = self.framing.opening();
        loop {
            while !said.is_empty() {
                let sent = sender.send(next_piece(&mut said));
                if !matches!(timeout(beat * UNREAD, sent).await, Ok(Ok(()))) {
                    return End::Gone;
                }
            }
            let mut unread = 0;
            let payload = loop {
                tokio::select! {
                    payload = payloads.next() => break payload,
                    _ = ticks.tick() => {}
                }
                // Not waited for: the operation may hold what others wait for.
                unread = match sender.try_send(self.framing.heartbeat()) {
                    Ok(()) => 0,
                    Err(_) => unread + 1,
                };
                if unread == UNREAD {
                    return End::Gone;
                }
            };
            let Some(payload) = payload else { return End::Complete };
            if is_too_slow(&payload) {
                return End::TooSlow;
            }
            said = match self.framing.next(&payload) {
                Ok(said) => said,
                Err(error) => {
                    tracing::error!(%error, "could not write a result");
                    return End::Gone;
                }
            }
        }
    }

    /// What a client is told last.
    fn farewell(&self, end: &End) -> Option<Bytes> {
        let Self { framing, trace, .. } = self;
        let (reason, last) = match end {
            End::Gone => return None,
            End::Complete => return Some(framing.complete()),
            End::SessionEnded => {
                (coded(Code::Unauthenticated, "the session has ended"), framing.complete())
            }
            End::Stopping => {
                (unavailable("the service is about to stop", trace), framing.broken_off())
            }
            End::TooSlow => {
                let message = "too slow: resume from the last cursor";
                (coded(Code::SlowConsumer, message), framing.broken_off())
            }
        };
        let mut told = Answer::from_errors(vec![reason]);
        operation::complete(&mut told);
        let told = framing.failed(&told.errors).unwrap_or_default();
        Some([told, last].concat().into())
    }
}

fn is_too_slow(payload: &Payload) -> bool {
    match payload {
        Payload::Own(response) => {
            response.errors.iter().any(|error| operation::code(error) == Some(SLOW_CONSUMER))
        }
        Payload::Shared(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, stream};
    use tokio::sync::Notify;

    use super::*;
    use crate::api::http::negotiation::StreamType;

    const BEAT: Duration = Duration::from_millis(20);

    fn of_events() -> Stream {
        let trace = TraceId("t".to_owned());
        let framing = Framing::new(StreamType::Events, &trace);
        Stream { subscriber: None, trace, framing }
    }

    #[tokio::test]
    async fn signs_of_life_that_nobody_reads_do_not_hold_up_the_operation() {
        let stream = of_events();
        let (sender, mut said) = mpsc::channel(1);
        let goes_on = Arc::new(Notify::new());
        let woken = goes_on.clone();
        let mut payloads = stream::once(async move {
            woken.notified().await;
            Payload::Own(Answer::default())
        })
        .boxed();
        let mut saying = pin!(stream.say_all(BEAT, &mut payloads, &sender));
        assert!(timeout(BEAT * 3 / 2, &mut saying).await.is_err(), "it waits");
        goes_on.notify_one();
        assert!(saying.as_mut().now_or_never().is_none(), "what it says has to wait");
        assert!(said.recv().await.is_some(), "the opening");
        assert!(saying.as_mut().now_or_never().is_some(), "the operation has ended");
        assert!(said.recv().await.unwrap().starts_with(b"event: next"));
    }

    #[tokio::test]
    async fn who_reads_nothing_for_three_signs_of_life_is_gone() {
        let stream = of_events();
        let (sender, _unread) = mpsc::channel(1);
        let begun = Instant::now();
        let mut payloads = stream::pending().boxed();
        let end = stream.say_all(BEAT, &mut payloads, &sender).await;
        assert!(matches!(end, End::Gone), "{end:?}");
        assert!(begun.elapsed() >= BEAT * UNREAD, "{:?}", begun.elapsed());
    }
}
