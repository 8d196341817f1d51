//! Sends batches to the collector; tries again, gives up, and says how much was lost.

use std::thread;
use std::time::{Duration, Instant};

use crate::buffer::{Batch, Buffer};
use crate::encode;
use crate::environment::Settings;
use crate::http::{self, Url};
use crate::told;

const LIMIT: Duration = Duration::from_secs(3);
const SHORTEST: Duration = Duration::from_millis(50);
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);

/// The way to one collector.
pub struct Sender {
    logs: Url,
    metrics: Url,
    headers: Vec<(String, String)>,
    resource: Vec<(&'static str, String)>,
}

impl Sender {
    /// To `endpoint`, below which the collector has `/v1/logs` and `/v1/metrics`.
    pub fn new(endpoint: &Url, settings: &Settings) -> Self {
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        headers.extend(settings.headers.0.iter().cloned());
        let resource = settings.resource.clone();
        Self { logs: endpoint.below("/v1/logs"), metrics: endpoint.below("/v1/metrics"), headers, resource }
    }

    /// Sends batch by batch, as long as the process lives.
    pub fn run(&self, buffer: &Buffer) {
        loop {
            let batch = buffer.batch();
            let lost = self.send(&batch, buffer);
            if lost > 0 {
                told::warn("given up", &format!("{lost} records, the collector does not take them"));
            }
            buffer.done(lost);
        }
    }

    /// How many records were lost.
    fn send(&self, batch: &Batch, buffer: &Buffer) -> u64 {
        if batch.dropped > 0 {
            told::warn("dropped", &format!("{} records, there was no room for them", batch.dropped));
        }
        let logs = encode::logs(&self.resource, &batch.records, batch.dropped);
        let metrics = encode::metrics(&self.resource, &batch.records);
        let sent = self.post(&self.logs, &logs, buffer)
            && metrics.is_none_or(|metrics| self.post(&self.metrics, &metrics, buffer));
        if sent { 0 } else { batch.records.len() as u64 }
    }

    fn post(&self, url: &Url, body: &str, buffer: &Buffer) -> bool {
        for attempt in 0..TRIES {
            let left = buffer.deadline().map_or(LIMIT, |deadline| deadline.saturating_duration_since(Instant::now()));
            match http::send("POST", url, &self.headers, body.as_bytes(), Some(left.clamp(SHORTEST, LIMIT))) {
                Ok(answer) if (200..300).contains(&answer.status()) => return true,
                // What the collector refuses it will refuse again.
                Ok(answer) if (400..500).contains(&answer.status()) && answer.status() != 429 => return false,
                _ => thread::sleep(PAUSE * 2_u32.pow(attempt)),
            }
            if buffer.deadline().is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
        }
        false
    }
}
