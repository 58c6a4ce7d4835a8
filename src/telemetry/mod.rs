//! Logs, metrics and traces.

mod export;
mod listed;
mod log;
mod metrics;
mod trace;

pub use self::{
    export::Export,
    listed::{Kind, LISTED, Listed},
    log::log,
    metrics::{Metrics, Probe},
    trace::{TraceId, Traceparent},
};
