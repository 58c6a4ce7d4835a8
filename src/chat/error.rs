//! What can go wrong for a client.

use std::time::Duration;

use super::text::Line;

/// What can go wrong for a client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server does not answer; repeating may help.
    #[error("the server can't be reached: {0}")]
    Unreachable(String),
    /// It answered that it does not do this.
    #[error("{message}")]
    Refused {
        /// `extensions.code`.
        code: String,
        /// For people; safe to show.
        message: String,
        /// After how long repeating may succeed.
        again: Option<Duration>,
    },
    /// What answered is not Chatterbox, or of another version.
    #[error("the server's answer can't be understood: {0}")]
    Unreadable(String),
    /// The session has ended.
    #[error("signed out: sign in again")]
    SignedOut,
    /// Nobody is signed in, and there is nobody to ask.
    #[error("{0}")]
    Unknown(&'static str),
    /// The tokens can't be kept.
    #[error("can't keep the tokens in {path}: {source}")]
    Credentials {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// No certificate of an authority was found.
    #[error("found no certificates to check the server's with (see SSL_CERT_FILE)")]
    NoCertificates,
    /// Standard input, standard output or the terminal failed.
    #[error("the terminal: {0}")]
    Terminal(#[from] std::io::Error),
    /// What was written was not sent before the end.
    #[error("not sent: {0} of what was written")]
    Unsent(usize),
}

/// The result of what a client does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether the same may succeed later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { code, .. } => matches!(code.as_str(), "UNAVAILABLE" | "RATE_LIMITED"),
            _ => false,
        }
    }

    /// Whether the API answered with this code.
    pub(super) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// After how long repeating may succeed, where the server said so.
    pub(super) fn again(&self) -> Option<Duration> {
        match self {
            Self::Refused { again, .. } => *again,
            _ => None,
        }
    }

    pub(super) fn unreachable(source: &(dyn std::error::Error + 'static)) -> Self {
        Self::Unreachable(Line::from(crate::error::chain(source)).to_string())
    }

    pub(super) fn unreadable(source: &dyn std::error::Error) -> Self {
        Self::Unreadable(Line::from(source.to_string()).to_string())
    }
}
