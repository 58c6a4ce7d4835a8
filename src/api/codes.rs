//! What clients are told went wrong: one table, which the code asks and
//! `docs/errors.md` shows.

use std::{borrow::Cow, fmt::Write};

use crate::error::{Error, StoreError};

/// A code of the API's contract, `extensions.code` of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The client has to send something else.
    BadUserInput,
    /// The client has to sign in.
    Unauthenticated,
    /// Login, password or code is wrong.
    InvalidCredentials,
    /// The address has to be confirmed first.
    EmailNotVerified,
    /// The viewer may not.
    Forbidden,
    /// There is none, as far as the viewer may know.
    NotFound,
    /// Taken, or so already.
    Conflict,
    /// Too often.
    RateLimited,
    /// The position in the stream is gone.
    CursorExpired,
    /// The hash of an operation is not known.
    PersistedQueryNotFound,
    /// The subscriber is too far behind.
    SlowConsumer,
    /// A store is away.
    Unavailable,
    /// A defect.
    Internal,
}

/// What a client is told of an outcome.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its code.
    pub code: Code,
    /// The same, for people.
    pub message: Cow<'static, str>,
    /// The argument that is at fault.
    pub field: Option<&'static str>,
    /// After how many milliseconds trying again may help.
    pub retry_after_ms: Option<u64>,
}

impl Told {
    /// How long a client should wait where a store is away, in milliseconds.
    const PATIENCE_MS: u64 = 1_000;

    /// Nothing but the code, and this message.
    #[must_use]
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_ms = (code == Code::Unavailable).then_some(Self::PATIENCE_MS);
        Self { code, message: message.into(), field: None, retry_after_ms }
    }

    /// What is told of an outcome of the domain.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        let code = Code::of(error);
        let told = match code {
            Code::Internal => Self::new(code, "an internal error"),
            _ => Self::new(code, error.to_string()),
        };
        match error {
            Error::Invalid { field, .. } | Error::Conflict { field, .. } => {
                Self { field: Some(*field), ..told }
            }
            Error::RateLimited { retry_after_ms, .. } => {
                Self { retry_after_ms: Some(*retry_after_ms), ..told }
            }
            _ => told,
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// As clients read it.
    pub name: &'static str,
    /// When it is answered.
    pub when: &'static str,
    /// What `extensions` holds beside the code.
    pub carries: &'static [&'static str],
    /// Whether, and how, to try again.
    pub again: &'static str,
    /// The status of a request that is refused as a whole, before an
    /// operation runs; none where that does not happen.
    pub http: Option<u16>,
    /// The same for gRPC, by the name in its list of status codes
    /// (<https://grpc.io/docs/guides/status-codes/>).
    pub grpc: &'static str,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::BadUserInput,
        Self::Unauthenticated,
        Self::InvalidCredentials,
        Self::EmailNotVerified,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::RateLimited,
        Self::CursorExpired,
        Self::PersistedQueryNotFound,
        Self::SlowConsumer,
        Self::Unavailable,
        Self::Internal,
    ];

    /// That of an outcome of the domain.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Invalid { .. } => Self::BadUserInput,
            Error::Unauthenticated => Self::Unauthenticated,
            Error::InvalidCredentials(_) => Self::InvalidCredentials,
            Error::EmailNotVerified => Self::EmailNotVerified,
            Error::Forbidden(_) => Self::Forbidden,
            Error::NotFound(_) => Self::NotFound,
            Error::Conflict { .. } => Self::Conflict,
            Error::RateLimited { .. } => Self::RateLimited,
            Error::CursorExpired => Self::CursorExpired,
            Error::Store(StoreError::Unavailable(_)) => Self::Unavailable,
            Error::Start(_) | Error::Store(StoreError::Internal(_)) => Self::Internal,
        }
    }

    /// That of a request that is refused as a whole with this HTTP status.
    #[must_use]
    pub fn of_http(status: u16) -> Self {
        let known = Self::ALL.into_iter().find(|code| code.row().http == Some(status));
        // Whatever else there is, is about how the request was written.
        known.unwrap_or(Self::BadUserInput)
    }

    /// The code of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// As clients read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// What the table says of it.
    #[must_use]
    pub const fn row(self) -> Row {
        match self {
            Self::BadUserInput => Row {
                name: "BAD_USER_INPUT",
                when: "the request is malformed, or a value is missing, of the wrong type or outside its limits; the message names the limit",
                carries: &["field"],
                again: "no: send another value",
                http: Some(400),
                grpc: "INVALID_ARGUMENT",
            },
            Self::Unauthenticated => Row {
                name: "UNAUTHENTICATED",
                when: "there is no token, or one that has expired, whose session has ended, or that is none of ours",
                carries: &[],
                again: "with a new access token (`refreshSession`); where that says the same, sign in",
                http: None,
                grpc: "UNAUTHENTICATED",
            },
            Self::InvalidCredentials => Row {
                name: "INVALID_CREDENTIALS",
                when: "login, password or one-time code is wrong, used up or expired; it does not say which",
                carries: &[],
                again: "no: ask the user, or for a new code",
                http: None,
                grpc: "UNAUTHENTICATED",
            },
            Self::EmailNotVerified => Row {
                name: "EMAIL_NOT_VERIFIED",
                when: "login and password are right, the address is not confirmed yet",
                carries: &[],
                again: "after `verifyEmail`",
                http: None,
                grpc: "FAILED_PRECONDITION",
            },
            Self::Forbidden => Row {
                name: "FORBIDDEN",
                when: "the viewer sees it and may not do this: their role, a block, an audience or a limit of friends or members forbids it",
                carries: &[],
                again: "no",
                http: Some(403),
                grpc: "PERMISSION_DENIED",
            },
            Self::NotFound => Row {
                name: "NOT_FOUND",
                when: "there is no such thing, or the viewer may not know of it: the two look the same",
                carries: &[],
                again: "no",
                http: Some(404),
                grpc: "NOT_FOUND",
            },
            Self::Conflict => Row {
                name: "CONFLICT",
                when: "a username is taken (an address too, where it need not be confirmed), it is so already, or a `key` was used for another message",
                carries: &["field"],
                again: "no: send another value",
                http: None,
                grpc: "ALREADY_EXISTS",
            },
            Self::RateLimited => Row {
                name: "RATE_LIMITED",
                when: "it was done too often",
                carries: &["retryAfterMs"],
                again: "after `retryAfterMs`",
                http: Some(429),
                grpc: "RESOURCE_EXHAUSTED",
            },
            Self::CursorExpired => Row {
                name: "CURSOR_EXPIRED",
                when: "the `after` of a subscription (in gRPC `last-cursor`) lies before what is kept, or is of another log",
                carries: &[],
                again: "fetch anew and subscribe without `after`",
                http: None,
                grpc: "OUT_OF_RANGE",
            },
            Self::PersistedQueryNotFound => Row {
                name: "PERSISTED_QUERY_NOT_FOUND",
                when: "an operation was only named by its hash (Apollo's automatic persisted queries), and this node does not know it",
                carries: &[],
                again: "at once, with the text and the hash",
                http: None,
                grpc: "NOT_FOUND",
            },
            Self::SlowConsumer => Row {
                name: "SLOW_CONSUMER",
                when: "a subscriber reads more slowly than events come; its stream ends",
                carries: &[],
                again: "subscribe with the last cursor as `after`, or in gRPC as `last-cursor`",
                http: None,
                grpc: "UNAVAILABLE",
            },
            Self::Unavailable => Row {
                name: "UNAVAILABLE",
                when: "what is needed for this can't be reached just now, or the node is about to stop; whether a change was made is not known",
                carries: &["retryAfterMs", "traceId"],
                again: "after `retryAfterMs`, the same call; a message with the same `key`",
                http: Some(503),
                grpc: "UNAVAILABLE",
            },
            Self::Internal => Row {
                name: "INTERNAL",
                when: "a defect of ours; the message says nothing, the logs do, under `traceId`",
                carries: &["traceId"],
                again: "no: report the `traceId`",
                http: Some(500),
                grpc: "INTERNAL",
            },
        }
    }
}

/// The table as Markdown, for the documentation.
#[must_use]
pub fn table() -> String {
    let mut table = String::from(
        "| code | when | carries | again? | HTTP | gRPC |\n|---|---|---|---|---|---|\n",
    );
    for Row { name, when, carries, again, http, grpc } in Code::ALL.map(Code::row) {
        let carries: Vec<String> = carries.iter().map(|field| format!("`{field}`")).collect();
        let carries = if carries.is_empty() { "–".to_owned() } else { carries.join(", ") };
        let http = http.map_or_else(|| "–".to_owned(), |status| status.to_string());
        // Writing to a string can't fail.
        let _ = writeln!(table, "| `{name}` | {when} | {carries} | {again} | {http} | `{grpc}` |");
    }
    table
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    /// One of each outcome that the domain has. What a store says is a secret.
    pub(in crate::api) fn outcomes() -> [Error; 12] {
        [
            Error::invalid("field", "is odd"),
            Error::Unauthenticated,
            Error::InvalidCredentials("wrong"),
            Error::EmailNotVerified,
            Error::Forbidden("not you"),
            Error::NotFound("thing"),
            Error::Conflict { field: "field", reason: "is taken" },
            Error::rate_limited("too often", Duration::from_secs(1)),
            Error::CursorExpired,
            Error::Start("a secret".to_owned()),
            Error::unavailable("a secret"),
            Error::internal("a secret"),
        ]
    }

    #[test]
    fn the_documentation_shows_this_table() {
        let shown = include_str!("../../docs/errors.md");
        assert!(shown.contains(&table()), "docs/errors.md should contain:\n{}", table());
    }

    #[test]
    fn names_and_statuses_are_read_back() {
        for code in Code::ALL {
            assert_eq!(Code::named(code.name()), Some(code));
            if let Some(status) = code.row().http {
                assert_eq!(Code::of_http(status), code);
            }
        }
        for status in [405, 406, 408, 413, 415] {
            assert_eq!(Code::of_http(status), Code::BadUserInput);
        }
    }
}
