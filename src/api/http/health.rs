//! Whether the service runs, and whether its parts answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::future::{BoxFuture, join_all};
use serde_json::json;
use tracing::warn;

use super::HttpParts;
use crate::error::{Error, Result, StoreError, chain};

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks a part for an answer, and returns its name and version.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<String>> + Send + Sync>;

/// A part of the service.
#[derive(Clone)]
pub struct Part {
    /// Its name: `sql`, `graph`, ….
    pub name: &'static str,
    /// Whether the service is of no use without it. Where another one is away
    /// things take longer, on all nodes alike: none of them is to be spared then.
    pub needed: bool,
    /// Asks it for an answer.
    pub check: Check,
}

/// How a part is.
#[derive(Debug)]
pub struct PartReport {
    /// Its name.
    pub name: &'static str,
    /// Whether the service is of no use without it.
    pub needed: bool,
    /// Its version, or the class of its failure: `UNAVAILABLE`, `INTERNAL`,
    /// `TIMEOUT` or, for a file that it needs, `MISSING`. What exactly is wrong
    /// is in the log.
    pub outcome: Result<String, &'static str>,
    /// How long it took to answer.
    pub took: Duration,
}

/// Asks all parts at the same time, each for at most 2 seconds.
pub async fn check_parts(parts: &[Part]) -> Vec<PartReport> {
    join_all(parts.iter().map(check)).await
}

async fn check(part: &Part) -> PartReport {
    let Part { name, needed, .. } = *part;
    let started = Instant::now();
    let outcome = match tokio::time::timeout(PATIENCE, (part.check)()).await {
        Ok(Ok(version)) => Ok(version),
        Ok(Err(error)) => {
            warn!(part = name, error = chain(&error), "a part does not answer");
            Err(match error {
                Error::Store(StoreError::Unavailable(_)) => "UNAVAILABLE",
                Error::Start(_) => "MISSING",
                _ => "INTERNAL",
            })
        }
        Err(_) => {
            warn!(part = name, "a part takes too long to answer");
            Err("TIMEOUT")
        }
    };
    PartReport { name, needed, outcome, took: started.elapsed() }
}

/// Whether the service is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// All parts answer.
    Ready,
    /// All parts answer that are needed.
    Degraded,
    /// A part does not answer that is needed.
    Unavailable,
}

impl Readiness {
    /// What the parts say.
    #[must_use]
    pub fn of(reports: &[PartReport]) -> Self {
        let away = |needed| {
            reports.iter().any(|report| report.needed == needed && report.outcome.is_err())
        };
        match (away(true), away(false)) {
            (true, _) => Self::Unavailable,
            (false, true) => Self::Degraded,
            (false, false) => Self::Ready,
        }
    }
}

/// `/health/live`: the process answers.
pub(super) async fn live() -> Response {
    answer(StatusCode::OK, json!({ "status": "live" }))
}

/// `/health/ready`: every part that is needed answers, and the service is not about to stop. It is
/// `degraded` where another part is away.
pub(super) async fn ready<E>(State(parts): State<Arc<HttpParts<E>>>) -> Response {
    if parts.stop.is_cancelled() {
        return answer(
            StatusCode::SERVICE_UNAVAILABLE,
            json!({ "status": "stopping", "parts": [] }),
        );
    }
    let reports = check_parts(&parts.health).await;
    let (code, status) = match Readiness::of(&reports) {
        Readiness::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Readiness::Degraded => (StatusCode::OK, "degraded"),
        Readiness::Ready => (StatusCode::OK, "ready"),
    };
    let parts: Vec<_> = reports.iter().map(describe).collect();
    answer(code, json!({ "status": status, "parts": parts }))
}

fn describe(report: &PartReport) -> serde_json::Value {
    match &report.outcome {
        Ok(version) => json!({ "name": report.name, "ok": true, "version": version }),
        Err(class) => json!({ "name": report.name, "ok": false, "error": class }),
    }
}

fn answer(status: StatusCode, body: serde_json::Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
