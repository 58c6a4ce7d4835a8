//! One socket, from its opening to its close. All of it, its operations too,
//! runs in one task: what a client does not read holds up only its own
//! operations, and what waits is sent together.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::{Executor, Response, parser::types::OperationType};
use axum::extract::ws::Message;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use metrics::SharedString;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};
use tracing::{
    debug,
    field::{Empty, display},
    info_span,
};

use super::{
    HttpParts, SOCKET_BURST, SOCKET_MESSAGES, SOCKET_OPERATIONS, SOCKET_PLACES,
    close::Close,
    execution::{self, Operation},
    line::Line,
    misread,
    operation::{self, Parameters, is_failure, is_request_error, refused},
    payload::Payload,
    protocol::{self, ClientMessage, Dialect, ServerMessage},
    request::Caller,
    running::{Counted, Heard, Running},
    wire::Wire,
};
use crate::{
    accounts::Client,
    api::codes::Code,
    live::{Connected, OpenSocket},
    telemetry::TraceId,
};

/// The code by which a resolver's stream tells that its subscriber did not
/// keep up. On a socket no client gets to see it.
pub const SLOW_CONSUMER: &str = Code::SlowConsumer.name();

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

impl Turn {
    /// What ends a socket, for its metrics.
    fn label(&self) -> SharedString {
        match self {
            Self::Close(close) => close.code().to_string().into(),
            Self::Closed => "client".into(),
            Self::Gone | Self::Acknowledged(_) => "gone".into(),
        }
    }
}

/// One socket.
pub(super) struct Socket<E> {
    parts: Arc<HttpParts<E>>,
    wire: Wire,
    dialect: Dialect,
    client: Client,
    running: Running,
    /// Who was let in, and where what they ask for waits.
    caller: Option<(Caller, Line)>,
    heard: Instant,
    pace: DefaultDirectRateLimiter,
    _counted: Counted,
}

impl<E: Executor> Socket<E> {
    /// One that is open, on which nothing was said yet.
    pub(super) fn new(
        parts: Arc<HttpParts<E>>,
        wire: Wire,
        dialect: Dialect,
        client: Client,
    ) -> Self {
        let quota = Quota::per_second(SOCKET_MESSAGES).allow_burst(SOCKET_BURST);
        Self {
            parts,
            wire,
            dialect,
            client,
            running: Running::default(),
            caller: None,
            heard: Instant::now(),
            pace: RateLimiter::direct(quota),
            _counted: Counted::new("chatterbox_websocket_connections"),
        }
    }

    /// Serves it until it is closed.
    pub(super) async fn serve(&mut self) {
        let end = self.until_end().await;
        // Whatever ends the socket ends its operations first.
        self.running = Running::default();
        metrics::counter!("chatterbox_websocket_closes_total", "code" => end.label()).increment(1);
        match end {
            Turn::Close(close) => {
                debug!(?close, "closing a socket");
                self.wire.close(close).await;
            }
            Turn::Closed => self.wire.closed().await,
            Turn::Gone | Turn::Acknowledged(_) => {}
        }
    }

    async fn until_end(&mut self) -> Turn {
        let times = self.parts.socket_times;
        let stop = self.parts.stop.clone();
        let mut stopped = pin!(stop.cancelled());
        // Until the client is let in its patience ends then; later it is pinged.
        let mut alarm = pin!(sleep(times.init));
        let mut session: Option<OpenSocket> = None;
        let mut _present: Option<Connected> = None;
        // When it was asked for a sign of life last.
        let mut asked = None;
        loop {
            let turn = tokio::select! {
                biased;
                () = &mut stopped => return Turn::Close(Close::GOING_AWAY),
                () = ended(session.as_ref()) => return Turn::Close(Close::FORBIDDEN),
                () = &mut alarm => {
                    if self.caller.is_none() {
                        return Turn::Close(Close::INIT_TIMEOUT);
                    }
                    if asked.is_some_and(|asked| self.heard < asked) {
                        return Turn::Gone;
                    }
                    let now = Instant::now();
                    asked = Some(now);
                    alarm.as_mut().reset(times.ping_after(now));
                    match self.ping() {
                        Ok(()) => continue,
                        Err(turn) => return turn,
                    }
                }
                turn = poll_fn(|cx| self.poll_exchange(cx)) => turn,
            };
            let Turn::Acknowledged(caller) = turn else { return turn };
            alarm.as_mut().reset(times.ping_after(Instant::now()));
            session = caller.viewer().map(|viewer| self.parts.ended.open(viewer.session));
            _present = caller.viewer().map(|viewer| self.parts.online.open(viewer.user));
        }
    }

    fn ping(&mut self) -> Result<(), Turn> {
        self.wire.ping();
        self.send(&ServerMessage::KeepAlive)
    }

    /// Takes what there is from the client and from the operations, as long
    /// as there is room for what they cause, and then sends it all.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        loop {
            let room = self.wire.has_room();
            if room && let Poll::Ready(received) = self.wire.poll_receive(cx) {
                match self.received(received) {
                    Ok(None) => continue,
                    Ok(Some(turn)) | Err(turn) => return Poll::Ready(turn),
                }
            }
            if let Poll::Ready(heard) = self.running.poll_next(cx, room) {
                match self.said(heard) {
                    Ok(()) => continue,
                    Err(turn) => return Poll::Ready(turn),
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
        if self.pace.check().is_err() {
            return Err(Turn::Close(Close::FLOOD));
        }
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(None),
            Message::Close(_) => return Err(Turn::Closed),
            Message::Binary(_) => return Err(Turn::Close(Close::NO_TEXT)),
        };
        let message = match self.dialect.read(text.as_str()) {
            Ok(message) => message,
            Err(error) => return self.not_understood(&error).map(|()| None),
        };
        match message {
            ClientMessage::ConnectionInit { payload } => {
                return self.init(payload.as_ref()).map(Some);
            }
            ClientMessage::Subscribe { id, payload } => self.subscribe(&id, payload)?,
            ClientMessage::Complete { id } => {
                if self.running.stop(&id) {
                    self.send(&ServerMessage::Stopped { id: &id })?;
                }
            }
            ClientMessage::Ping { payload } => self.send(&ServerMessage::Pong { payload })?,
            ClientMessage::Pong {} => {}
            ClientMessage::Terminate => return Err(Turn::Close(Close::DONE)),
        }
        Ok(None)
    }

    fn not_understood(&mut self, error: &serde_json::Error) -> Result<(), Turn> {
        match self.dialect {
            Dialect::Current => Err(Turn::Close(Close::invalid(error))),
            Dialect::Older => {
                let message = format!("Invalid message: {}", misread::json(error));
                self.send(&ServerMessage::ConnectionError { message: &message })
            }
        }
    }

    fn init(&mut self, payload: Option<&Map<String, Value>>) -> Result<Turn, Turn> {
        if self.caller.is_some() {
            return Err(Turn::Close(Close::INIT_AGAIN));
        }
        let caller = Caller::of(&self.parts, self.client, protocol::authorization(payload));
        if caller.is_refused() {
            self.send(&ServerMessage::ConnectionError { message: "Forbidden" })?;
            return Err(Turn::Close(Close::FORBIDDEN));
        }
        let line = self.parts.lines.of(caller.sender()).narrowed(SOCKET_PLACES);
        self.caller = Some((caller, line));
        self.send(&ServerMessage::ConnectionAck)?;
        self.send(&ServerMessage::KeepAlive)?;
        Ok(Turn::Acknowledged(caller))
    }

    fn subscribe(&mut self, id: &str, parameters: Parameters) -> Result<(), Turn> {
        let Some((caller, line)) = self.caller.clone() else {
            return Err(Turn::Close(Close::UNAUTHORIZED));
        };
        if self.running.contains(id) {
            match self.dialect {
                Dialect::Current => return Err(Turn::Close(Close::exists(id))),
                // Its clients start again what they are not sure of.
                Dialect::Older => {
                    self.running.stop(id);
                }
            }
        }
        if self.running.len() >= SOCKET_OPERATIONS {
            let message =
                format!("at most {SOCKET_OPERATIONS} operations run on a socket at a time");
            return self.refuse(id, refused(message));
        }
        let operation = Operation::parse(&self.parts, parameters);
        let kind = operation.kind.as_ref().ok().copied().flatten().unwrap_or(OperationType::Query);
        let span = info_span!("operation", trace_id = Empty);
        let trace = TraceId::begin(&span, None, &self.parts.ambient);
        span.record("trace_id", display(&trace));
        let parts = self.parts.clone();
        let payloads =
            span.in_scope(|| execution::payloads(parts, caller, trace.clone(), operation, line));
        self.running.start(id, kind, trace, span, payloads);
        Ok(())
    }

    fn refuse(&mut self, id: &str, mut refusal: Response) -> Result<(), Turn> {
        operation::complete(&mut refusal);
        self.send(&ServerMessage::Error { id, payload: &refusal.errors })
    }

    fn said(&mut self, Heard { id, first, output }: Heard) -> Result<(), Turn> {
        let id = &*id;
        let response = match output {
            Some(Payload::Own(response)) => response,
            Some(Payload::Shared(payload)) => return self.send_next(id, &payload),
            None => {
                self.running.stop(id);
                return self.send(&ServerMessage::Complete { id });
            }
        };
        if response.errors.iter().any(|error| operation::code(error) == Some(SLOW_CONSUMER)) {
            return Err(Turn::Close(Close::TOO_SLOW));
        }
        if first.is_some_and(|kind| never_began(kind, &response)) {
            self.running.stop(id);
            return self.send(&ServerMessage::Error { id, payload: &response.errors });
        }
        self.send(&ServerMessage::Next { id, payload: &response })
    }

    fn send(&mut self, message: &ServerMessage<'_>) -> Result<(), Turn> {
        if let Some(text) = self.dialect.write(message).map_err(|error| unwritable(&error))? {
            self.wire.send(text);
        }
        Ok(())
    }

    fn send_next(&mut self, id: &str, payload: &[u8]) -> Result<(), Turn> {
        let text = self.dialect.write_next(id, payload).map_err(|error| unwritable(&error))?;
        self.wire.send(text);
        Ok(())
    }
}

fn unwritable(error: &serde_json::Error) -> Turn {
    tracing::error!(%error, "could not write a message");
    Turn::Gone
}

/// Whether the operation was not executed, or its stream not made: an error
/// of that has the path of its field.
fn never_began(kind: OperationType, response: &Response) -> bool {
    match kind {
        OperationType::Query | OperationType::Mutation => is_request_error(response),
        OperationType::Subscription => {
            is_failure(response) && response.errors.iter().all(|error| error.path.len() <= 1)
        }
    }
}

/// Returns once the session has ended.
async fn ended(session: Option<&OpenSocket>) {
    match session {
        Some(session) => session.ended().await,
        None => pending().await,
    }
}
