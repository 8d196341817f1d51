//! JSON log lines, and exactly one line with `"event":"request"` an invocation.
//!
//! Those lines are counted per function version and compared with CloudWatch's `Invocations`, so a line is written
//! however the invocation ends: answered, failed, panicked or refused. (The platform alone sees a timeout or a kill.)

use std::env;
use std::time::Instant;

use lambda_http::Context;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// Sends every event of the process to stdout as one JSON object a line; call it once, first thing in `main`.
///
/// What is let through: `RUST_LOG` (`info`, `warn,hello=debug`, …), else Lambda's own `AWS_LAMBDA_LOG_LEVEL`, else `info`.
pub fn init() {
    let wanted = env::var("RUST_LOG").or_else(|_| env::var("AWS_LAMBDA_LOG_LEVEL")).ok();
    // A second call (tests) leaves the first subscriber in place.
    let _ = tracing::subscriber::set_global_default(subscriber(wanted.as_deref(), std::io::stdout));
}

fn subscriber<W>(wanted: Option<&str>, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = wanted.and_then(|text| text.parse::<Targets>().ok());
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_ansi(false)
        .with_writer(writer)
        .with_filter(targets.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)));
    tracing_subscriber::registry().with(lines)
}

/// The one line of an invocation. Dropped without an outcome, which only a panic does, it says `"outcome":"panic"`.
#[derive(Debug)]
#[must_use = "an invocation without an outcome is logged as a panic"]
pub struct Invocation {
    request_id: String,
    version: String,
    started: Instant,
    open: bool,
}

impl Invocation {
    /// Starts the clock; the version comes from `AWS_LAMBDA_FUNCTION_VERSION` through the runtime's context.
    pub fn begin(context: &Context) -> Self {
        Self {
            request_id: context.request_id.clone(),
            version: context.env_config.version.clone(),
            started: Instant::now(),
            open: true,
        }
    }

    /// Answered, with this HTTP status.
    pub fn answered(mut self, status: u16) {
        self.open = false;
        self.line("ok", status);
    }

    /// Ended in an `Err`: an error for Lambda too.
    pub fn failed(mut self) {
        self.open = false;
        self.line("error", 0);
    }

    fn line(&self, outcome: &str, status: u16) {
        let duration_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(
            event = "request",
            request_id = self.request_id,
            version = self.version,
            outcome,
            status = (status > 0).then_some(status),
            duration_ms,
        );
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        if self.open {
            self.line("panic", 0);
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Captures what the subscriber writes, for this thread and until dropped.

    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::subscriber::DefaultGuard;

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
            let guard = tracing::subscriber::set_default(super::subscriber(wanted, move || writer.clone()));
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
}

#[cfg(test)]
mod tests {
    use super::testing::Lines;

    #[test]
    fn levels_are_those_asked_for() {
        let lines = Lines::capture_at(Some("warn,loud=debug"));
        tracing::info!("not heard");
        tracing::warn!("heard");
        tracing::debug!(target: "loud", "heard too");
        let heard: Vec<_> = lines.all().iter().map(|line| line["message"].clone()).collect();
        assert_eq!(heard, ["heard", "heard too"]);
    }

    #[test]
    fn an_unknown_level_means_info() {
        let lines = Lines::capture_at(Some("hello=loud"));
        tracing::debug!("not heard");
        tracing::info!("heard");
        assert_eq!(lines.all().len(), 1);
    }
}
