//! Counters in Prometheus' text format (version 0.0.4).

use kernel::{App, Result, job};
use smithy::schema::Op;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the duration buckets, in microseconds.
const BUCKETS_US: [u64; 12] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

/// The counters of every operation.
pub struct Metrics {
    operations: BTreeMap<(&'static str, &'static str), Counters>,
    unrecognized: AtomicU64,
}

#[derive(Default)]
struct Counters {
    /// Answers of class 2xx, 4xx and 5xx.
    answers: [AtomicU64; 3],
    buckets: [AtomicU64; BUCKETS_US.len()],
    duration_us: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        let operations = model::SERVICES.iter().flat_map(|service| service.operations.iter());
        Self {
            operations: operations.map(|op| ((op.service.id, op.name), Counters::default())).collect(),
            unrecognized: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Counts an answered request; `None` when it named no operation.
    pub fn count(&self, op: Option<&Op>, status: u16, duration: Duration) {
        let Some(counters) = op.and_then(|op| self.operations.get(&(op.service.id, op.name))) else {
            self.unrecognized.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let class = match status {
            0..=399 => 0,
            400..=499 => 1,
            _ => 2,
        };
        counters.answers[class].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        counters.duration_us.fetch_add(micros, Ordering::Relaxed);
        if let Some(bucket) = BUCKETS_US.iter().position(|bound| micros <= *bound) {
            counters.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything, as Prometheus reads it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn render(&self, app: &App) -> Result<String> {
        let mut out = String::from(
            "# HELP vestibule_requests_total Answered requests by operation and class of status.\n\
             # TYPE vestibule_requests_total counter\n",
        );
        let used = || self.operations.iter().filter(|(_, c)| c.answers.iter().any(|n| n.load(Ordering::Relaxed) > 0));
        for ((service, operation), counters) in used() {
            for (class, count) in ["2xx", "4xx", "5xx"].iter().zip(&counters.answers) {
                let count = count.load(Ordering::Relaxed);
                let _ = writeln!(
                    out,
                    "vestibule_requests_total{{service=\"{service}\",operation=\"{operation}\",status=\"{class}\"}} {count}"
                );
            }
        }
        let unrecognized = self.unrecognized.load(Ordering::Relaxed);
        let _ = write!(
            out,
            "# HELP vestibule_requests_unrecognized_total Requests that named no operation.\n\
             # TYPE vestibule_requests_unrecognized_total counter\n\
             vestibule_requests_unrecognized_total {unrecognized}\n\
             # HELP vestibule_request_duration_seconds Time from the whole request to its answer.\n\
             # TYPE vestibule_request_duration_seconds histogram\n"
        );
        for ((service, operation), counters) in used() {
            counters.render(&mut out, service, operation);
        }
        out.push_str("# HELP vestibule_jobs Jobs by state.\n# TYPE vestibule_jobs gauge\n");
        let counts = app.store.read(job::counts)?;
        for state in ["queued", "running", "dead"] {
            let count = counts.iter().find(|(each, _)| each == state).map_or(0, |(_, count)| *count);
            let _ = writeln!(out, "vestibule_jobs{{state=\"{state}\"}} {count}");
        }
        Ok(out)
    }
}

impl Counters {
    fn render(&self, out: &mut String, service: &str, operation: &str) {
        let labels = format!("service=\"{service}\",operation=\"{operation}\"");
        let mut below = 0;
        for (bound, count) in BUCKETS_US.iter().zip(&self.buckets) {
            below += count.load(Ordering::Relaxed);
            let seconds = *bound as f64 / 1e6;
            let _ = writeln!(out, "vestibule_request_duration_seconds_bucket{{{labels},le=\"{seconds}\"}} {below}");
        }
        let total: u64 = self.answers.iter().map(|n| n.load(Ordering::Relaxed)).sum();
        let sum = self.duration_us.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "vestibule_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {total}");
        let _ = writeln!(out, "vestibule_request_duration_seconds_sum{{{labels}}} {sum}");
        let _ = writeln!(out, "vestibule_request_duration_seconds_count{{{labels}}} {total}");
    }
}
