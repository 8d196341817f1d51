//! Captures what the subscriber writes, for this thread and until dropped, and the metric lines of this thread.

use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex};

use lambda_http::Context;
use lambda_http::lambda_runtime::Config;
use serde_json::Value;
use tracing::subscriber::DefaultGuard;

pub const LIVE: &str = "arn:aws:lambda:eu-central-1:123456789012:function:hello:live";

thread_local! {
    pub static METRICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What Lambda says with an event for version 7.
pub fn context(arn: &str) -> Context {
    let mut context = Context::default();
    context.request_id = "r-1".into();
    context.invoked_function_arn = arn.into();
    context.env_config = Config { version: "7".into(), ..Config::default() }.into();
    context
}

/// `[Requests, Failures]` of this thread's metric lines since the last call.
pub fn counted() -> Vec<[u64; 2]> {
    let lines = METRICS.take();
    let parsed = lines.iter().map(|line| serde_json::from_str::<Value>(line.trim_end()).unwrap());
    parsed.map(|line| ["Requests", "Failures"].map(|name| line[name].as_u64().unwrap())).collect()
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub struct Lines(Buffer, #[allow(dead_code)] DefaultGuard);

impl Lines {
    pub fn capture() -> Self {
        Self::capture_at(None)
    }

    pub fn capture_at(wanted: Option<&str>) -> Self {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let guard = tracing::subscriber::set_default(super::lines::subscriber(wanted, move || writer.clone()));
        Self(buffer, guard)
    }

    pub fn all(&self) -> Vec<Value> {
        let bytes = self.0.0.lock().unwrap();
        std::str::from_utf8(&bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only line, which must be one about a request.
    pub fn the_request(&self) -> Value {
        let mut lines = self.all();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["event"], "request");
        lines.remove(0)
    }
}
