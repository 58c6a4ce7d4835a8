//! Why the server closes a socket.

use std::borrow::Cow;

use axum::extract::ws::CloseFrame;

use super::misread;

/// Why the server closes a socket: the codes of RFC 6455, section 7.4.1, and
/// those of `graphql-transport-ws`, which hold in either dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    code: u16,
    reason: Cow<'static, str>,
}

impl Close {
    /// The client is done.
    pub(super) const DONE: Self = Self::new(1000, "Normal closure");
    /// The node stops. Clients come back at once, to another one.
    pub(super) const GOING_AWAY: Self = Self::new(1001, "going away");
    /// The client says more than it may. Clients like graphql-ws do not come
    /// back by themselves after this one: a loop that went wrong ends here.
    pub(super) const FLOOD: Self =
        Self::new(1008, "Policy violation: more than 100 messages a second");
    /// The client did not keep up. Clients of ours come back, and resume.
    pub(super) const TOO_SLOW: Self =
        Self::new(1013, "try again later: resume from the last cursor");
    /// What came is no message.
    pub(super) const NO_TEXT: Self = Self::new(4400, "Invalid message: only text is understood");
    /// What came is no WebSocket frame that is taken.
    pub(super) const UNREADABLE: Self =
        Self::new(4400, "Invalid message: unreadable, or larger than 256 KiB");
    /// The client said something before it was let in.
    pub(super) const UNAUTHORIZED: Self = Self::new(4401, "Unauthorized");
    /// The token is not good, or the session has ended.
    pub(super) const FORBIDDEN: Self = Self::new(4403, "Forbidden");
    /// `connection_init` did not come.
    pub(super) const INIT_TIMEOUT: Self = Self::new(4408, "Connection initialisation timeout");
    /// `connection_init` came again.
    pub(super) const INIT_AGAIN: Self = Self::new(4429, "Too many initialisation requests");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// What came is JSON at most.
    pub(super) fn invalid(error: &serde_json::Error) -> Self {
        Self { code: 4400, reason: format!("Invalid message: {}", misread::json(error)).into() }
    }

    /// The id is in use.
    pub(super) fn exists(id: &str) -> Self {
        Self { code: 4409, reason: format!("Subscriber for {id} already exists").into() }
    }

    /// The code, for its metrics.
    pub(super) fn code(&self) -> u16 {
        self.code
    }

    /// The frame that says so. It has room for 123 bytes of reason (RFC 6455,
    /// sections 5.5 and 5.5.1).
    pub(super) fn into_frame(self) -> CloseFrame {
        let reason = &self.reason[..self.reason.floor_char_boundary(123)];
        CloseFrame { code: self.code, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_its_frame() {
        let frame = Close::exists(&"ü".repeat(200)).into_frame();
        assert!(frame.reason.len() <= 123 && frame.code == 4409);
    }
}
