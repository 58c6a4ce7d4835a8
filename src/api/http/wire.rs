//! The frames of one socket: what waits to be sent, and how much may.

use std::{
    collections::VecDeque,
    sync::LazyLock,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Error,
    extract::ws::{Message, WebSocket},
};
use futures::{SinkExt, StreamExt, future::poll_fn};
use metrics::Counter;

use super::close::Close;

/// How many bytes may wait for a client that does not read. When they do,
/// its messages are not looked at, and what its operations say has to wait.
const ROOM: usize = 64 * 1024;
/// How long a client may take to take its leave.
const FAREWELL: Duration = Duration::from_secs(3);

static SENT: LazyLock<Traffic> = LazyLock::new(|| Traffic {
    messages: metrics::counter!("chatterbox_websocket_sent_messages_total"),
    bytes: metrics::counter!("chatterbox_websocket_sent_bytes_total"),
});
static RECEIVED: LazyLock<Traffic> = LazyLock::new(|| Traffic {
    messages: metrics::counter!("chatterbox_websocket_received_messages_total"),
    bytes: metrics::counter!("chatterbox_websocket_received_bytes_total"),
});

/// Counts messages on all sockets, some hundred thousand a second: looked up
/// once.
struct Traffic {
    messages: Counter,
    bytes: Counter,
}

impl Traffic {
    fn count(&self, bytes: usize) {
        self.messages.increment(1);
        self.bytes.increment(bytes as u64);
    }
}

/// The frames of one socket.
pub(super) struct Wire {
    /// In a box, because it is large and is moved around.
    socket: Box<WebSocket>,
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    unflushed: bool,
}

impl Wire {
    pub(super) fn new(socket: WebSocket) -> Self {
        let socket = Box::new(socket);
        Self { socket, waiting: VecDeque::new(), waiting_bytes: 0, unflushed: false }
    }

    /// Whether more may be sent. One frame more than there is room for is
    /// taken, whatever its size.
    pub(super) fn has_room(&self) -> bool {
        self.waiting_bytes < ROOM
    }

    /// Sends a message with the next [`Wire::poll_send`].
    pub(super) fn send(&mut self, text: String) {
        SENT.count(text.len());
        self.waiting_bytes += text.len();
        self.waiting.push_back(Message::Text(text.into()));
    }

    /// Asks the client for a sign of life, unless it is not even reading.
    pub(super) fn ping(&mut self) {
        if self.has_room() {
            self.waiting.push_back(Message::Ping(Vec::new().into()));
        }
    }

    /// What the client sends.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        let received = self.socket.poll_next_unpin(cx);
        if let Poll::Ready(Some(Ok(Message::Text(text)))) = &received {
            RECEIVED.count(text.len());
        }
        received
    }

    /// Sends all that waits, together. Ready with whether there was anything.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        while !self.waiting.is_empty() {
            ready!(self.socket.poll_ready_unpin(cx))?;
            if let Some(message) = self.waiting.pop_front() {
                if let Message::Text(text) = &message {
                    self.waiting_bytes -= text.len();
                }
                self.socket.start_send_unpin(message)?;
                self.unflushed = true;
            }
        }
        // Most sockets rest most of the time: they keep no room for what may wait.
        self.waiting = VecDeque::new();
        if !self.unflushed {
            return Poll::Ready(Ok(false));
        }
        ready!(self.socket.poll_flush_unpin(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(true))
    }

    /// Sends what waits, says why it closes, and waits a moment for the client
    /// to agree: a connection that is cut while something unread is on its way
    /// loses the reason too.
    pub(super) async fn close(&mut self, close: Close) {
        self.waiting.push_back(Message::Close(Some(close.into_frame())));
        let farewell = async {
            if poll_fn(|cx| self.poll_send(cx)).await.is_ok() {
                self.drain().await;
            }
        };
        let _in_time = tokio::time::timeout(FAREWELL, farewell).await;
    }

    /// Answers the client that closes.
    pub(super) async fn closed(&mut self) {
        let _in_time = tokio::time::timeout(FAREWELL, self.drain()).await;
    }

    async fn drain(&mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}
