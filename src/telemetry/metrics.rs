//! What was measured, and what is looked up when it is asked for.

use std::{
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::runtime::Handle;

use super::listed;
use crate::error::{Error, Result};

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

/// Sets gauges to what is now. Must not wait.
pub type Probe = Arc<dyn Fn() + Send + Sync>;

/// What was measured in this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    process: Collector,
    probe: Option<Probe>,
}

impl Metrics {
    /// The metrics of the process; collecting them begins with the first call.
    ///
    /// # Errors
    ///
    /// Where another recorder was installed.
    pub fn install() -> Result<Self> {
        static INSTALLED: OnceLock<Result<Metrics, String>> = OnceLock::new();

        INSTALLED.get_or_init(Self::start).clone().map_err(Error::internal)
    }

    /// The same, with gauges that `probe` sets whenever they are asked for.
    #[must_use]
    pub fn with_probe(self, probe: Probe) -> Self {
        Self { probe: Some(probe), ..self }
    }

    /// All of them, in Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.process.collect();
        measure_runtime();
        if let Some(probe) = &self.probe {
            probe();
        }
        self.handle.render()
    }

    fn start() -> Result<Self, String> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_batch_size".to_owned()), SIZES)
            })
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|error| error.to_string())?;
        listed::describe();
        metrics::gauge!("chatterbox_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
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
        Ok(Self { handle, process: Collector::default(), probe: None })
    }
}

fn measure_runtime() {
    if let Ok(runtime) = Handle::try_current() {
        let runtime = runtime.metrics();
        metrics::gauge!("chatterbox_runtime_tasks").set(float(runtime.num_alive_tasks()));
        metrics::gauge!("chatterbox_runtime_queue_length").set(float(runtime.global_queue_depth()));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn float(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_installed_once_and_render_buckets_in_seconds() {
        let first = Metrics::install().expect("installed");
        let second = Metrics::install().expect("installed");
        metrics::histogram!("chatterbox_test_seconds").record(Duration::from_millis(2));
        for text in [first.render(), second.render()] {
            assert!(text.contains("chatterbox_test_seconds_bucket{le=\"0.0025\"} 1"), "{text}");
            assert!(text.contains("chatterbox_build_info{version="), "{text}");
        }
    }

    #[test]
    fn what_is_probed_is_what_is_now() {
        let probe = Arc::new(|| metrics::gauge!("chatterbox_test_probed").increment(1.0));
        let metrics = Metrics::install().expect("installed").with_probe(probe);
        for now in ["chatterbox_test_probed 1", "chatterbox_test_probed 2"] {
            assert!(metrics.render().contains(now), "{now}");
        }
    }
}
