//! What the server counts, for Prometheus.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Counters, shared by all who count.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Labels, Counter>,
    photos: Counter,
    broken: Counter,
    seconds: Histogram,
    batches: Histogram,
    /// Photos that are read or wait for a model.
    pub queue: Gauge,
    registry: Arc<Registry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    path: String,
    status: u32,
}

impl Metrics {
    pub fn new() -> Self {
        let requests = Family::<Labels, Counter>::default();
        let (photos, broken, queue) = (Counter::default(), Counter::default(), Gauge::default());
        let seconds = Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let batches = Histogram::new(exponential_buckets(1.0, 2.0, 9));
        let mut registry = Registry::with_prefix("petal");
        registry.register("requests", "Requests by path and status", requests.clone());
        registry.register("photos", "Photos that were read", photos.clone());
        registry.register("broken_photos", "Photos that could not be read", broken.clone());
        registry.register("request_seconds", "How long answers to POST took", seconds.clone());
        registry.register("batch_photos", "Photos that went through a model together", batches.clone());
        registry.register("queue_photos", "Photos that are read or wait for a model", queue.clone());
        Metrics { requests, photos, broken, seconds, batches, queue, registry: Arc::new(registry) }
    }

    /// A request was answered.
    pub fn request(&self, path: String, status: u16, time: Duration, timed: bool) {
        self.requests.get_or_create(&Labels { path, status: u32::from(status) }).inc();
        if timed {
            self.seconds.observe(time.as_secs_f64());
        }
    }

    pub fn photo(&self, is_whole: bool) {
        if is_whole {
            self.photos.inc()
        } else {
            self.broken.inc()
        };
    }

    pub fn batch(&self, photos: usize) {
        self.batches.observe(photos as f64);
    }

    /// As Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
