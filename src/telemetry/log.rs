//! Where the log and the spans go.

use std::io::IsTerminal;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    Layer, filter::filter_fn, layer::SubscriberExt, registry, registry::LookupSpan,
    util::SubscriberInitExt, util::TryInitError,
};

use super::Export;
use crate::config::{LogFilter, LogFormat};

/// Sends the log to standard error, and spans to where `export` sends them,
/// for the rest of the process.
///
/// # Errors
///
/// Where that was done before.
pub fn log(
    filter: &LogFilter,
    format: LogFormat,
    export: Option<&Export>,
) -> Result<(), TryInitError> {
    // Whole frames, with tokens and passwords in them. Not by a directive of
    // the filter: a more specific one would outdo it.
    let no_frames = filter_fn(|metadata| {
        *metadata.level() != Level::TRACE || !metadata.target().starts_with("tungstenite")
    });
    match export {
        // One filter for all: what it leaves out is not even made.
        None => registry().with(text(format)).with(filter.to_filter()).with(no_frames).try_init(),
        Some(export) => {
            let spans = tracing_opentelemetry::layer()
                .with_tracer(export.tracer())
                .with_location(false)
                .with_target(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_context_activation(false)
                .with_filter(filter_fn(is_exported).with_max_level_hint(Level::DEBUG));
            let text = text(format).with_filter(filter.to_filter());
            registry().with(text).with(spans).with(no_frames).try_init()
        }
    }
}

fn text<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let text = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        // It would be said where it failed to be said, and end the process.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => text.boxed(),
        LogFormat::Json => text.json().flatten_event(true).with_current_span(false).boxed(),
    }
}

/// The spans of this service, and what went wrong in them.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    let least = if metadata.is_span() { Level::DEBUG } else { Level::WARN };
    metadata.target().starts_with("chatterbox") && *metadata.level() <= least
}
