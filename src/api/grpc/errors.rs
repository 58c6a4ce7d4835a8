//! What went wrong, as a call's status tells it: out of the same table as for
//! GraphQL, with the code as `google.rpc.ErrorInfo`.

use std::collections::HashMap;

use tonic::{Code as StatusCode, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing::{error, warn};

use super::generated::Failure;
use crate::{
    api::codes::{Code, Told},
    error::{Error, StoreError, chain},
    telemetry::TraceId,
};

/// The `domain` of our errors.
const DOMAIN: &str = "chatterbox";

/// Why a call, or a message of it, is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// For a reason that the table has.
    Told(Told),
    /// The caller does not wait any longer.
    TooLate,
}

impl Refusal {
    /// One by a code of the table.
    pub(super) fn new(code: Code, message: &'static str) -> Self {
        Self::Told(Told::new(code, message))
    }

    /// As the status of the call that this trace is of.
    pub(super) fn into_status(self, trace: &TraceId) -> Status {
        let Self::Told(Told { code, message, field, retry_after_ms }) = self else {
            return Status::deadline_exceeded("the deadline of the call has passed");
        };
        let row = code.row();
        let mut metadata = HashMap::new();
        let mut tell = |key: &str, value: String| metadata.insert(key.to_owned(), value);
        if let Some(field) = field {
            tell("field", field.to_owned());
        }
        if let Some(wait) = retry_after_ms {
            tell("retryAfterMs", wait.to_string());
        }
        if row.carries.contains(&"traceId") {
            tell("traceId", trace.0.clone());
        }
        let details = ErrorDetails::with_error_info(row.name, DOMAIN, metadata);
        Status::with_error_details(status_code(code), message, details)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Told(told(&error))
    }
}

/// What the caller is told of an outcome. What they are not told is said in the log.
pub(super) fn told(outcome: &Error) -> Told {
    match outcome {
        Error::Store(StoreError::Unavailable(_)) => {
            warn!(error = chain(outcome), "answered UNAVAILABLE");
        }
        Error::Start(_) | Error::Store(StoreError::Internal(_)) => {
            error!(error = chain(outcome), "answered INTERNAL");
        }
        _ => {}
    }
    Told::of(outcome)
}

impl From<Told> for Failure {
    fn from(Told { code, message, field, retry_after_ms }: Told) -> Self {
        Self {
            code: code.name().to_owned(),
            message: message.into_owned(),
            field: field.unwrap_or_default().to_owned(),
            retry_after_ms: retry_after_ms
                .and_then(|wait| wait.try_into().ok())
                .unwrap_or_default(),
        }
    }
}

/// Why a message was not even read, out of what tonic says: it is too large,
/// or none of this protocol.
pub(super) fn misread(status: &Status) -> Told {
    Told::new(
        Code::BadUserInput,
        match status.code() {
            StatusCode::OutOfRange => "a message must have at most 262,144 bytes",
            _ => "what came is not a ChatMessage",
        },
    )
}

/// The status that the table has for a code.
fn status_code(code: Code) -> StatusCode {
    let all = (0..=16).map(StatusCode::from_i32);
    let mut named = all.filter(|status| name(*status) == code.row().grpc);
    named.next().unwrap_or(StatusCode::Unknown)
}

/// A status by its name in the list of gRPC's status codes.
pub(super) fn name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Ok => "OK",
        StatusCode::Cancelled => "CANCELLED",
        StatusCode::Unknown => "UNKNOWN",
        StatusCode::InvalidArgument => "INVALID_ARGUMENT",
        StatusCode::DeadlineExceeded => "DEADLINE_EXCEEDED",
        StatusCode::NotFound => "NOT_FOUND",
        StatusCode::AlreadyExists => "ALREADY_EXISTS",
        StatusCode::PermissionDenied => "PERMISSION_DENIED",
        StatusCode::ResourceExhausted => "RESOURCE_EXHAUSTED",
        StatusCode::FailedPrecondition => "FAILED_PRECONDITION",
        StatusCode::Aborted => "ABORTED",
        StatusCode::OutOfRange => "OUT_OF_RANGE",
        StatusCode::Unimplemented => "UNIMPLEMENTED",
        StatusCode::Internal => "INTERNAL",
        StatusCode::Unavailable => "UNAVAILABLE",
        StatusCode::DataLoss => "DATA_LOSS",
        StatusCode::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::*;
    use crate::api::{codes::tests::outcomes, http::BODY_LIMIT};

    #[test]
    fn each_code_has_a_status_of_grpc() {
        for code in Code::ALL {
            assert_eq!(name(status_code(code)), code.row().grpc);
        }
    }

    #[test]
    fn each_outcome_is_told_as_the_table_says() {
        let trace = TraceId("f".repeat(32));
        for outcome in outcomes() {
            let row = Code::of(&outcome).row();
            let status = Refusal::from(outcome).into_status(&trace);
            assert_eq!(name(status.code()), row.grpc);
            assert!(!status.message().contains("secret"), "{status}");
            let info = status.get_details_error_info().expect("an ErrorInfo");
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (row.name, "chatterbox"));
            let told: BTreeSet<&str> = info.metadata.keys().map(String::as_str).collect();
            assert_eq!(told, row.carries.iter().copied().collect(), "{}", row.name);
        }
    }

    #[test]
    fn a_failure_tells_the_same() {
        let outcome = Error::rate_limited("too often", Duration::from_millis(1_500));
        let failure = Failure::from(told(&outcome));
        assert_eq!((failure.code.as_str(), failure.retry_after_ms), ("RATE_LIMITED", 1_500));
        let outcome = Error::Conflict { field: "key", reason: "was used for another message" };
        let failure = Failure::from(told(&outcome));
        assert_eq!((failure.code.as_str(), failure.field.as_str()), ("CONFLICT", "key"));
    }

    #[test]
    fn the_limit_that_is_named_is_the_one_that_holds() {
        assert_eq!(BODY_LIMIT, 262_144);
    }
}
