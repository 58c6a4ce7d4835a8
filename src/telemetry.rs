//! Logs, metrics and trace ids.

use std::{fmt, io::IsTerminal, sync::OnceLock, thread, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Level;
use tracing_subscriber::util::TryInitError;

use crate::{
    ambient::Ambient,
    config::{LogFilter, LogFormat},
    error::{Error, Result},
};

/// Upper bounds of the buckets of every histogram whose name ends in
/// `_seconds`: from a look into memory to a store that is timing out.
const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// The same of those whose name ends in `_batch_size`: powers of two.
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// How often what was measured is folded into the buckets; until then each
/// measurement is kept.
const UPKEEP: Duration = Duration::from_secs(5);

/// Sends the log to standard error, for the rest of the process.
///
/// # Errors
///
/// Where that was done before.
pub fn log(filter: &LogFilter, format: LogFormat) -> Result<(), TryInitError> {
    use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

    // Whole frames, with tokens and passwords in them. Not by a directive of
    // the filter: a more specific one would outdo it.
    let no_frames = filter_fn(|metadata| {
        *metadata.level() != Level::TRACE || !metadata.target().starts_with("tungstenite")
    });
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter.to_filter())
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        // It would be said where it failed to be said, and end the process.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.finish().with(no_frames).try_init(),
        LogFormat::Json => {
            let subscriber = subscriber.json().flatten_event(true).with_current_span(false);
            subscriber.finish().with(no_frames).try_init()
        }
    }
}

/// What was measured in this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// The metrics of the process; collecting them begins with the first call.
    ///
    /// # Errors
    ///
    /// Where another recorder was installed.
    pub fn install(ambient: &Ambient) -> Result<Self> {
        static INSTALLED: OnceLock<Result<Metrics, String>> = OnceLock::new();

        let installed = INSTALLED.get_or_init(|| Self::start(ambient));
        installed.clone().map_err(Error::internal)
    }

    /// All of them, in Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    fn start(ambient: &Ambient) -> Result<Self, String> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_batch_size".to_owned()), SIZES)
            })
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|error| error.to_string())?;
        metrics::gauge!("chatterbox_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        metrics::gauge!("process_start_time_seconds").set(seconds(ambient));
        let upkeep = handle.clone();
        // A thread, because tests run several runtimes in one process, each of
        // which ends before the recorder does.
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || {
                loop {
                    thread::sleep(UPKEEP);
                    upkeep.run_upkeep();
                }
            })
            .map_err(|error| error.to_string())?;
        Ok(Self(handle))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; whole seconds fit")]
fn seconds(ambient: &Ambient) -> f64 {
    (ambient.now().0 / 1_000_000) as f64
}

/// Finds one request, or one operation on a socket, in the logs: 32 lower-case
/// hexadecimal digits, not all zero (W3C Trace Context, section 3.2.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceId(pub String);

impl TraceId {
    /// A new one.
    #[must_use]
    pub fn new(ambient: &Ambient) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(ambient.bytes()).max(1)))
    }

    /// That of the caller, from the header `traceparent`; nothing where it is
    /// malformed, as section 4.3 asks.
    #[must_use]
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut fields = header.split('-');
        let version = hex(fields.next()?, 2)?;
        let trace = hex(fields.next()?, 32)?;
        let parent = hex(fields.next()?, 16)?;
        hex(fields.next()?, 2)?;
        let known = version != "ff" && (version != "00" || fields.next().is_none());
        let zero = |text: &str| text.bytes().all(|digit| digit == b'0');
        (known && !zero(trace) && !zero(parent)).then(|| Self(trace.to_owned()))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex(text: &str, length: usize) -> Option<&str> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (digits && text.len() == length).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::{Random, SystemClock};

    #[test]
    fn a_trace_id_is_taken_from_a_valid_header_only() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        for header in
            [format!("00-{id}-00f067aa0ba902b7-01"), format!("01-{id}-00f067aa0ba902b7-01-more")]
        {
            assert_eq!(
                TraceId::from_traceparent(&header),
                Some(TraceId(id.to_owned())),
                "{header}"
            );
        }
        for header in [
            String::new(),
            format!("ff-{id}-00f067aa0ba902b7-01"),
            format!("00-{id}-00f067aa0ba902b7-01-more"),
            format!("00-{id}-00f067aa0ba902b7"),
            format!("00-{id}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", &id[1..]),
        ] {
            assert_eq!(TraceId::from_traceparent(&header), None, "{header}");
        }
    }

    #[test]
    fn a_new_trace_id_has_32_digits() {
        struct Small;
        impl Random for Small {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
        }
        let id = TraceId::new(&Ambient::new(SystemClock, Small));
        assert_eq!(id.0, format!("{:0>32}", 1));
    }

    #[test]
    fn metrics_are_installed_once_and_render_buckets_in_seconds() {
        let ambient = Ambient::system();
        let first = Metrics::install(&ambient).expect("installed");
        let second = Metrics::install(&ambient).expect("installed");
        metrics::histogram!("chatterbox_test_seconds").record(Duration::from_millis(2));
        for text in [first.render(), second.render()] {
            assert!(text.contains("chatterbox_test_seconds_bucket{le=\"0.0025\"} 1"), "{text}");
            assert!(text.contains("chatterbox_build_info{version="), "{text}");
        }
    }
}
