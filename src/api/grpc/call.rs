//! What every call goes through: its trace id, its deadline, its line in the
//! log and its metrics.

use std::{future::pending, panic::AssertUnwindSafe, time::Duration};

use axum::http::{HeaderMap, HeaderValue};
use futures::FutureExt;
use tokio::time::{Instant, sleep_until};
use tonic::{Code as StatusCode, Request, Response, Status};
use tracing::{
    Instrument, Span,
    field::{Empty, display},
    info,
};

use super::errors::{self, Refusal};
use crate::{
    ambient::Ambient,
    api::{
        codes::Code,
        http::request::{caller, mark},
    },
    error::Error,
    telemetry::TraceId,
};

/// How long the caller waits (gRPC over HTTP/2, "Timeout").
const TIMEOUT: &str = "grpc-timeout";

/// A call, until it ends. One that is dropped before was cancelled by its caller.
pub(super) struct Call {
    method: &'static str,
    started: Instant,
    /// When its caller does not wait any longer.
    deadline: Option<Instant>,
    trace: TraceId,
    /// What it runs in.
    pub(super) span: Span,
    ended: bool,
}

impl Call {
    /// Begins one of this method.
    pub(super) fn begin<T>(method: &'static str, request: &Request<T>, ambient: &Ambient) -> Self {
        let started = Instant::now();
        let headers = request.metadata().as_ref();
        let span = tracing::info_span!("request", trace_id = Empty, method = "gRPC", path = method);
        let trace = TraceId::begin(&span, caller(headers).as_ref(), ambient);
        span.record("trace_id", display(&trace));
        let deadline = patience(headers).and_then(|patience| started.checked_add(patience));
        Self { method, started, deadline, trace, span, ended: false }
    }

    /// Answers with what comes of `work`, which may take as long as `limit` and the caller allow.
    pub(super) async fn answer<T>(
        mut self,
        limit: Option<Duration>,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<Response<T>, Status> {
        let span = self.span.clone();
        let outcome = async {
            tokio::select! {
                biased;
                outcome = AssertUnwindSafe(work).catch_unwind() => {
                    outcome.unwrap_or_else(|_panic| Err(Error::internal("a call panicked").into()))
                }
                refusal = self.too_long(limit) => Err(refusal),
            }
        };
        let outcome = outcome.instrument(span).await;
        metrics::histogram!("chatterbox_grpc_request_duration_seconds", "method" => self.method)
            .record(self.started.elapsed());
        match outcome {
            Ok(answer) => {
                self.end(StatusCode::Ok);
                Ok(self.begin_answer(answer))
            }
            Err(refusal) => Err(self.refuse(refusal)),
        }
    }

    /// An answer that begins with the trace id.
    pub(super) fn begin_answer<T>(&self, answer: T) -> Response<T> {
        let mut response = Response::new(answer);
        mark(response.metadata_mut().as_mut(), &self.trace);
        response
    }

    /// Ends the call with a refusal.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> Status {
        let mut status = refusal.into_status(&self.trace);
        mark(status.metadata_mut().as_mut(), &self.trace);
        self.end(status.code());
        status
    }

    /// Ends the call.
    pub(super) fn end(&mut self, status: StatusCode) {
        self.ended = true;
        let duration_ms = self.started.elapsed().as_secs_f64() * 1e3;
        let status = errors::name(status);
        self.span.in_scope(|| info!(status, duration_ms, "answered"));
        count(self.method, status);
    }

    /// Returns once the caller does not wait any longer.
    pub(super) fn late(&self) -> impl Future<Output = ()> + Send + use<> {
        at(self.deadline)
    }

    async fn too_long(&self, limit: Option<Duration>) -> Refusal {
        let own = limit.and_then(|limit| self.started.checked_add(limit));
        tokio::select! {
            biased;
            () = self.late() => Refusal::TooLate,
            () = at(own) => Refusal::new(Code::Unavailable, "this takes too long just now"),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.end(StatusCode::Cancelled);
        }
    }
}

/// Counts a call that ended.
pub(super) fn count(method: &'static str, status: &'static str) {
    metrics::counter!("chatterbox_grpc_requests_total", "method" => method, "status" => status)
        .increment(1);
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => pending().await,
    }
}

/// How long the caller waits: at most 8 digits and a unit. What is malformed says nothing.
fn patience(headers: &HeaderMap<HeaderValue>) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3_600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt;

    use super::*;

    /// How a call ends whose work never does.
    async fn endless(timeout: Option<&str>, limit: Option<Duration>) -> Status {
        let mut request = Request::new(());
        if let Some(timeout) = timeout {
            request.metadata_mut().insert(TIMEOUT, timeout.parse().unwrap());
        }
        let call = Call::begin("SendMessage", &request, &Ambient::system());
        call.answer(limit, pending::<Result<(), _>>()).await.expect_err("it never ends")
    }

    #[tokio::test]
    async fn a_call_takes_as_long_as_its_caller_and_the_service_wait() {
        let (soon, late) = (Some(Duration::from_millis(5)), Some(Duration::from_secs(3_600)));
        for (timeout, limit, status) in [
            (Some("5m"), late, StatusCode::DeadlineExceeded),
            (Some("1H"), soon, StatusCode::Unavailable),
            (Some("never"), soon, StatusCode::Unavailable),
            (None, soon, StatusCode::Unavailable),
        ] {
            let ended = endless(timeout, limit).await;
            assert_eq!(ended.code(), status, "{timeout:?}");
            let code = ended.get_details_error_info().map(|info| info.reason);
            let told = (status == StatusCode::Unavailable).then(|| "UNAVAILABLE".to_owned());
            assert_eq!(code, told, "{timeout:?}");
        }
        assert_eq!(endless(Some("1n"), None).await.code(), StatusCode::DeadlineExceeded);
    }

    #[tokio::test]
    async fn a_call_that_panics_is_a_defect_of_ours() {
        let call = Call::begin("SendMessage", &Request::new(()), &Ambient::system());
        let ended = call.answer(None, async { panic!("a secret") });
        let status: Result<Response<()>, _> = ended.await;
        let status = status.expect_err("it panicked");
        assert_eq!((status.code(), status.message()), (StatusCode::Internal, "an internal error"));
    }

    #[test]
    fn deadlines_are_read_as_the_protocol_writes_them() {
        let read = |text: &'static str| {
            patience(&HeaderMap::from_iter([(
                TIMEOUT.parse().unwrap(),
                HeaderValue::from_static(text),
            )]))
        };
        for (text, expected) in [
            ("2H", Duration::from_secs(7_200)),
            ("3M", Duration::from_secs(180)),
            ("99999999S", Duration::from_secs(99_999_999)),
            ("5m", Duration::from_millis(5)),
            ("7u", Duration::from_micros(7)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for wrong in ["", "S", "5", "5s", "-5S", "+5S", "123456789S", "5 S"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
