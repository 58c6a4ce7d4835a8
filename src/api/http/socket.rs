//! One socket, from its opening to its close. All of it, its operations too,
//! runs in one task: what a client does not read holds up only its own
//! operations, and what waits is sent together.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::{Executor, Response};
use axum::extract::ws::{Message, WebSocket};
use futures::StreamExt;
use serde_json::{Map, Value};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tracing::{debug, info_span};

use super::{
    HttpParts, SOCKET_OPERATIONS,
    operation::{self, Parameters, is_failure, refused},
    payload::Payload,
    protocol::{self, ClientMessage, Close, ServerMessage},
    request::{self, Caller},
    running::{Counted, Output, Running},
    wire::Wire,
};
use crate::{
    live::{Connected, OpenSocket},
    telemetry::TraceId,
};

/// The code by which a resolver's stream tells that its subscriber did not
/// keep up. No client gets to see it.
pub const SLOW_CONSUMER: &str = "SLOW_CONSUMER";

/// Why the exchange pauses or ends.
enum Turn {
    /// The client was let in.
    Acknowledged(Caller),
    /// The server closes.
    Close(Close),
    /// The client closes.
    Closed,
    /// The client is not there any more.
    Gone,
}

struct Socket<E> {
    parts: Arc<HttpParts<E>>,
    wire: Wire,
    running: Running,
    caller: Option<Caller>,
    heard: Instant,
}

/// Serves a socket until it is closed.
pub(super) async fn run<E: Executor>(parts: Arc<HttpParts<E>>, socket: WebSocket) {
    let _counted = Counted::new("chatterbox_websocket_connections");
    let mut socket = Socket {
        parts,
        wire: Wire::new(socket),
        running: Running::default(),
        caller: None,
        heard: Instant::now(),
    };
    let end = socket.until_end().await;
    let Socket { wire, running, .. } = socket;
    // Whatever ends the socket ends its operations first.
    drop(running);
    match end {
        Turn::Close(close) => {
            debug!(?close, "closing a socket");
            wire.close(close).await;
        }
        Turn::Closed => wire.closed().await,
        Turn::Gone | Turn::Acknowledged(_) => {}
    }
}

impl<E: Executor> Socket<E> {
    async fn until_end(&mut self) -> Turn {
        let times = self.parts.socket_times;
        let stop = self.parts.stop.clone();
        let mut stopped = pin!(stop.cancelled());
        let mut init = pin!(sleep(times.init));
        let mut ticks = interval_at(Instant::now() + times.ping, times.ping);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut session: Option<OpenSocket> = None;
        let mut _present: Option<Connected> = None;
        let mut acknowledged = false;
        // When it was asked for a sign of life last.
        let mut asked = None;
        loop {
            let turn = tokio::select! {
                biased;
                () = &mut stopped => return Turn::Close(Close::GOING_AWAY),
                () = ended(session.as_ref()) => return Turn::Close(Close::FORBIDDEN),
                () = &mut init, if !acknowledged => return Turn::Close(Close::INIT_TIMEOUT),
                _ = ticks.tick() => {
                    if asked.is_some_and(|asked| self.heard < asked) {
                        return Turn::Gone;
                    }
                    asked = Some(Instant::now());
                    self.wire.ping();
                    continue;
                }
                turn = poll_fn(|cx| self.poll_exchange(cx)) => turn,
            };
            let Turn::Acknowledged(caller) = turn else { return turn };
            acknowledged = true;
            session = caller.viewer().map(|viewer| self.parts.ended.open(viewer.session));
            _present = caller.viewer().map(|viewer| self.parts.online.open(viewer.user));
        }
    }

    /// Takes what there is from the client and from the operations, as long
    /// as there is room for what they cause, and then sends it all.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        loop {
            if self.wire.has_room() {
                if let Poll::Ready(received) = self.wire.poll_receive(cx) {
                    match self.received(received) {
                        Ok(None) => continue,
                        Ok(Some(turn)) | Err(turn) => return Poll::Ready(turn),
                    }
                }
                if let Poll::Ready((id, output)) = self.running.poll_next(cx) {
                    match self.said(&id, output) {
                        Ok(()) => continue,
                        Err(turn) => return Poll::Ready(turn),
                    }
                }
            }
            match self.wire.poll_send(cx) {
                // There may be room again.
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) | Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Turn::Gone),
            }
        }
    }

    fn received(
        &mut self,
        received: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<Turn>, Turn> {
        let message = match received {
            None => return Err(Turn::Gone),
            Some(Err(error)) => {
                debug!(%error, "a socket broke off");
                return Err(Turn::Close(Close::UNREADABLE));
            }
            Some(Ok(message)) => message,
        };
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(None),
            Message::Close(_) => return Err(Turn::Closed),
            Message::Binary(_) => return Err(Turn::Close(Close::NO_TEXT)),
        };
        let message = serde_json::from_str(text.as_str())
            .map_err(|error| Turn::Close(Close::invalid(&error)))?;
        match message {
            ClientMessage::ConnectionInit { payload } => {
                return self.init(payload.as_ref()).map(Some);
            }
            ClientMessage::Subscribe { id, payload } => self.subscribe(&id, payload)?,
            ClientMessage::Complete { id } => self.running.stop(&id),
            ClientMessage::Ping { payload } => self.send(&ServerMessage::Pong { payload })?,
            ClientMessage::Pong {} => {}
        }
        Ok(None)
    }

    fn init(&mut self, payload: Option<&Map<String, Value>>) -> Result<Turn, Turn> {
        if self.caller.is_some() {
            return Err(Turn::Close(Close::INIT_AGAIN));
        }
        let caller = Caller::of(&self.parts, protocol::authorization(payload));
        if caller == Caller::Unknown {
            return Err(Turn::Close(Close::FORBIDDEN));
        }
        self.caller = Some(caller);
        self.send(&ServerMessage::ConnectionAck)?;
        Ok(Turn::Acknowledged(caller))
    }

    fn subscribe(&mut self, id: &str, parameters: Parameters) -> Result<(), Turn> {
        let Some(caller) = self.caller else { return Err(Turn::Close(Close::UNAUTHORIZED)) };
        if self.running.contains(id) {
            return Err(Turn::Close(Close::exists(id)));
        }
        if self.running.len() >= SOCKET_OPERATIONS {
            let message =
                format!("at most {SOCKET_OPERATIONS} operations run on a socket at a time");
            return self.refuse(id, refused(message));
        }
        let mut request = parameters.into_request();
        if let Err(error) = self.parts.documents.parse(&mut request) {
            return self.refuse(id, Response::from_errors(vec![error]));
        }
        let trace = TraceId::new(&self.parts.ambient);
        let span = info_span!("operation", trace_id = %trace);
        let (parts, traced) = (self.parts.clone(), trace.clone());
        let plainly = move |request| {
            let request = request::prepare(&parts, request, caller, traced);
            parts.executor.execute_stream(request, None)
        };
        let payloads = span.in_scope(|| match caller.viewer() {
            Some(viewer) => {
                let feeds = self.parts.feeds.clone();
                feeds.open(request, viewer, Box::new(plainly))
            }
            None => plainly(request).map(Payload::Own).boxed(),
        });
        self.running.start(id, trace, span, payloads);
        Ok(())
    }

    fn refuse(&mut self, id: &str, mut refusal: Response) -> Result<(), Turn> {
        operation::complete(&mut refusal);
        self.send(&ServerMessage::Error { id, payload: &refusal.errors })
    }

    fn said(&mut self, id: &Arc<str>, output: Output) -> Result<(), Turn> {
        let response = match output {
            Some(Payload::Own(response)) => response,
            Some(Payload::Shared(payload)) => {
                self.running.is_first(id);
                return self.send_next(id, &payload);
            }
            None => {
                self.running.stop(id);
                return self.send(&ServerMessage::Complete { id });
            }
        };
        if response.errors.iter().any(|error| operation::code(error) == Some(SLOW_CONSUMER)) {
            return Err(Turn::Close(Close::TOO_SLOW));
        }
        if self.running.is_first(id) && never_began(&response) {
            self.running.stop(id);
            return self.send(&ServerMessage::Error { id, payload: &response.errors });
        }
        self.send(&ServerMessage::Next { id, payload: &response })
    }

    fn send(&mut self, message: &ServerMessage<'_>) -> Result<(), Turn> {
        let text = serde_json::to_string(message).map_err(|error| unwritable(&error))?;
        self.wire.send(text);
        Ok(())
    }

    fn send_next(&mut self, id: &str, payload: &[u8]) -> Result<(), Turn> {
        let text = protocol::next(id, payload).map_err(|error| unwritable(&error))?;
        self.wire.send(text);
        Ok(())
    }
}

fn unwritable(error: &serde_json::Error) -> Turn {
    tracing::error!(%error, "could not write a message");
    Turn::Gone
}

/// Whether the operation was not executed, or its stream not made: such an
/// error has the path of its field at most.
fn never_began(response: &Response) -> bool {
    is_failure(response) && response.errors.iter().all(|error| error.path.len() <= 1)
}

/// Returns once the session has ended.
async fn ended(session: Option<&OpenSocket>) {
    match session {
        Some(session) => session.ended().await,
        None => pending().await,
    }
}
