//! Sessions that ended while access tokens of theirs may still be about.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chatterbox_graph::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Follower;
use crate::{
    ids::SessionId,
    messaging::{Change, Entry},
};

/// Tells which sessions ended, and closes their sockets. Filled from the log
/// on every node, so that no request costs a look-up in SQL.
#[derive(Clone, Default)]
pub struct EndedSessions {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    ended: HashMap<SessionId, Timestamp>,
    open: HashMap<SessionId, (CancellationToken, usize)>,
}

/// A socket of a session, while it is open.
pub struct OpenSocket {
    sessions: EndedSessions,
    session: SessionId,
    token: CancellationToken,
}

impl EndedSessions {
    /// Notes that the session ended, and closes its sockets.
    pub fn end(&self, session: SessionId, at: Timestamp) {
        let mut state = self.lock();
        state.ended.insert(session, at);
        if let Some((token, _)) = state.open.get(&session) {
            token.cancel();
        }
    }

    /// Whether the session is known to have ended.
    #[must_use]
    pub fn contains(&self, session: SessionId) -> bool {
        self.lock().ended.contains_key(&session)
    }

    /// Notes that a socket of the session is open, until what is returned is dropped.
    #[must_use]
    pub fn open(&self, session: SessionId) -> OpenSocket {
        let mut state = self.lock();
        let ended = state.ended.contains_key(&session);
        let (token, sockets) = state.open.entry(session).or_default();
        *sockets += 1;
        if ended {
            token.cancel();
        }
        OpenSocket { sessions: self.clone(), session, token: token.clone() }
    }

    /// Forgets sessions that ended before `before`: their access tokens have
    /// all expired.
    pub fn forget(&self, before: Timestamp) {
        self.lock().ended.retain(|_, at| *at >= before);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenSocket {
    /// Returns once the session has ended; at once where it has.
    pub async fn ended(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        if let Some((_, sockets)) = state.open.get_mut(&self.session) {
            *sockets -= 1;
            if *sockets == 0 {
                state.open.remove(&self.session);
            }
        }
    }
}

impl Follower for EndedSessions {
    fn follow(&self, entry: &Arc<Entry>) {
        if let Change::SessionEnded { session } = entry.change {
            self.end(session, entry.at);
        }
    }
}
