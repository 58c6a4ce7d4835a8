//! What can go wrong, in the words of the domain.
//!
//! Three tiers: a refusal that the caller is told about, one variant for each
//! code of the API's contract; what hinders the start, which is for who
//! started the process; the failure of a store ([`StoreError`]), which
//! is opaque; and one table that maps both to what clients see
//! (`api::codes`). A driver's own words never leave the logs.

use std::{borrow::Cow, time::Duration};

/// The source of a failure, for the logs.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// The failure of a store or of another part below the domain.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached just now; repeating is safe.
    #[error("a store can't be reached just now")]
    Unavailable(#[source] Source),
    /// It answered with something that only a defect explains.
    #[error("a store failed")]
    Internal(#[source] Source),
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value is malformed or out of range.
    #[error("{field}: {reason}")]
    Invalid {
        /// The argument, as the API names it.
        field: &'static str,
        /// What is wrong, naming the limit.
        reason: Cow<'static, str>,
    },
    /// No token, or one that is expired, revoked or not ours.
    #[error("sign in first")]
    Unauthenticated,
    /// Wrong login or password, wrong or expired code; never says which.
    #[error("{0}")]
    InvalidCredentials(&'static str),
    /// The account has to be confirmed first.
    #[error("confirm the e-mail address first")]
    EmailNotVerified,
    /// The viewer may not do this here.
    #[error("{0}")]
    Forbidden(&'static str),
    /// No such thing, or none that the viewer may know of.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Already taken, or already so.
    #[error("{field}: {reason}")]
    Conflict {
        /// What is taken, as the API names it.
        field: &'static str,
        /// How so.
        reason: &'static str,
    },
    /// Too often, for now.
    #[error("{what}: try again in {}", patience(*retry_after_ms))]
    RateLimited {
        /// What was too often, naming the limit.
        what: Cow<'static, str>,
        /// After how long repeating may succeed, in milliseconds; not 0.
        retry_after_ms: u64,
    },
    /// The position is too old, or not one of this log.
    #[error("the cursor has expired: fetch anew and start without it")]
    CursorExpired,
    /// What hinders the start of the process, in words for who started it.
    #[error("{0}")]
    Start(String),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of the domain's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A value that is malformed or out of range.
    pub fn invalid(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }

    /// Too often: `what` names the limit, and may be done again after `wait`.
    pub fn rate_limited(what: impl Into<Cow<'static, str>>, wait: Duration) -> Self {
        let whole = wait.as_nanos().div_ceil(1_000_000).max(1);
        let retry_after_ms = u64::try_from(whole).unwrap_or(u64::MAX);
        Self::RateLimited { what: what.into(), retry_after_ms }
    }

    /// A part that can't be reached.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Store(StoreError::Unavailable(source.into()))
    }

    /// A defect.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Store(StoreError::Internal(source.into()))
    }

    /// Whether repeating the same call later may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable(_)))
    }
}

impl From<chatterbox_graph::Error> for Error {
    fn from(error: chatterbox_graph::Error) -> Self {
        match error {
            chatterbox_graph::Error::Unavailable(source) => Self::unavailable(source),
            chatterbox_graph::Error::Internal(source) => Self::internal(source),
        }
    }
}

/// A wait, in whole units that people count in, rounded up.
fn patience(wait_ms: u64) -> String {
    match wait_ms.div_ceil(1_000) {
        0 | 1 => "a second".to_owned(),
        seconds @ 2..=120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// The error with everything that caused it, on one line, for the logs.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
