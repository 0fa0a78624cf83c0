//! Counts of requests, as Prometheus reads them (text format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tamis_engine::Engine;

/// Upper ends of the buckets of durations, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];

/// Requests by method, route and status.
#[derive(Default)]
pub(crate) struct Metrics {
    series: Mutex<BTreeMap<(String, String, u16), Series>>,
    /// Requests that are being answered.
    pub(crate) active: AtomicU64,
}

#[derive(Default)]
struct Series {
    count: u64,
    seconds: f64,
    buckets: [u64; BUCKETS.len()],
}

impl Metrics {
    /// Counts a request. Routes are patterns, so that the number of series has a bound.
    pub(crate) fn count(&self, method: &str, route: &str, status: u16, took: Duration) {
        let mut all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let series = all.entry((method.to_owned(), route.to_owned(), status)).or_default();
        let seconds = took.as_secs_f64();
        series.count += 1;
        series.seconds += seconds;
        series.buckets.iter_mut().zip(BUCKETS).filter(|(_, end)| seconds <= *end).for_each(|(bucket, _)| *bucket += 1);
    }
}

/// All counts of a server.
pub(crate) fn text(
    metrics: &Metrics,
    engine: &Engine,
    (running, waiting): (u64, u64),
) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let store = engine.repo().store().stats();
    let single = [
        ("tamis_requests_active", "gauge", "Requests that are being answered.", metrics.active.load(Ordering::Relaxed)),
        ("tamis_jobs_running", "gauge", "Jobs at work.", running),
        ("tamis_jobs_queued", "gauge", "Jobs that wait.", waiting),
        ("tamis_store_requests_total", "counter", "Requests to the lake's storage.", store.requests),
        ("tamis_store_read_bytes_total", "counter", "Bytes read from the lake.", store.bytes_read),
        ("tamis_store_written_bytes_total", "counter", "Bytes written to the lake.", store.bytes_written),
    ];
    for (name, kind, help, value) in single {
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}")?;
    }
    let name = "tamis_request_seconds";
    writeln!(out, "# HELP {name} How long answers took, by route.\n# TYPE {name} histogram")?;
    let all = metrics.series.lock().unwrap_or_else(PoisonError::into_inner);
    for ((method, route, status), series) in all.iter() {
        let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
        for (end, count) in BUCKETS.iter().zip(series.buckets) {
            writeln!(out, "{name}_bucket{{{labels},le=\"{end}\"}} {count}")?;
        }
        writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", series.count)?;
        writeln!(out, "{name}_sum{{{labels}}} {}\n{name}_count{{{labels}}} {}", series.seconds, series.count)?;
    }
    Ok(out)
}
