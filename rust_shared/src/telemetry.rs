//! JSON log lines, and exactly one line with `"event":"request"` an invocation.
//!
//! Those lines are counted per function version and compared with CloudWatch's `Invocations`, so a line is written
//! however the invocation ends: answered, failed, panicked or refused. (The platform alone sees a timeout or a kill.)
//!
//! Beside it, one line in CloudWatch's embedded metric format for whoever was called through an alias: `Requests` and
//! `Failures` of the version that ran, which a release is judged by. Lambda's own `Errors` does not see an HTTP 500
//! that was returned, nor a message that a batch gave back.

use std::env;
#[cfg(not(test))]
use std::io::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

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

/// Counts what became of a batch: of `records`, `failures` were not worked off (they come again, or are set apart).
///
/// Call it once an invocation, with the invocation's own context. A version is judged by the share that failed.
///
/// ```
/// # let context = lambda_http::Context::default();
/// rust_shared::telemetry::outcomes(&context, 10, 1);
/// ```
pub fn outcomes(context: &Context, records: usize, failures: usize) {
    let counted = Counted { requests: records, failures: failures.min(records), at: SystemTime::now() };
    emit(&context.invoked_function_arn, &context.env_config.version, &counted);
}

/// What a metric line says, and the time it is stamped with.
struct Counted {
    requests: usize,
    failures: usize,
    at: SystemTime,
}

/// Writes straight to stdout: a metric is no log event, and must be there whatever the log level lets through.
fn emit(arn: &str, version: &str, counted: &Counted) {
    let Some(line) = metric_line(arn, version, counted) else { return };
    #[cfg(test)]
    testing::METRICS.with_borrow_mut(|lines| lines.push(line));
    // One write for the whole line; where nobody reads it there is nobody to tell.
    #[cfg(not(test))]
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// One line of the embedded metric format, by the dimensions that Lambda itself has for versions behind an alias.
///
/// None for a call by version or without a qualifier, which no release is judged by.
fn metric_line(arn: &str, version: &str, counted: &Counted) -> Option<String> {
    let mut parts = arn.splitn(8, ':').skip(6); // arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS
    let (function, alias) = (parts.next()?, parts.next()?);
    let versions = alias.starts_with('$') || alias.bytes().all(|byte| byte.is_ascii_digit());
    // Names that need no escaping are the only ones Lambda has.
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte));
    if versions || counted.requests == 0 || ![function, alias, version].into_iter().all(plain) {
        return None;
    }
    let stamp = counted.at.duration_since(UNIX_EPOCH).ok()?.as_millis();
    let Counted { requests, failures, .. } = counted;
    Some(format!(
        "{{\"_aws\":{{\"Timestamp\":{stamp},\"CloudWatchMetrics\":[{{\"Namespace\":\"crabwalk\",\
         \"Dimensions\":[[\"FunctionName\",\"Resource\",\"ExecutedVersion\"]],\"Metrics\":[\
         {{\"Name\":\"Requests\",\"Unit\":\"Count\"}},{{\"Name\":\"Failures\",\"Unit\":\"Count\"}}]}}]}},\
         \"FunctionName\":\"{function}\",\"Resource\":\"{function}:{alias}\",\"ExecutedVersion\":\"{version}\",\
         \"Requests\":{requests},\"Failures\":{failures}}}\n"
    ))
}

/// The one line of an invocation. Dropped without an outcome, which only a panic does, it says `"outcome":"panic"`.
#[derive(Debug)]
#[must_use = "an invocation without an outcome is logged as a panic"]
pub struct Invocation {
    request_id: String,
    version: String,
    arn: String,
    began: SystemTime,
    started: Instant,
    open: bool,
}

impl Invocation {
    /// Starts the clock; the version comes from `AWS_LAMBDA_FUNCTION_VERSION` through the runtime's context.
    pub fn begin(context: &Context) -> Self {
        Self {
            request_id: context.request_id.clone(),
            version: context.env_config.version.clone(),
            arn: context.invoked_function_arn.clone(),
            began: SystemTime::now(),
            started: Instant::now(),
            open: true,
        }
    }

    /// Answered, with this HTTP status; 500 and above is a failure.
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
        // Stamped with the start, as Lambda stamps its own.
        let failed = outcome != "ok" || status >= 500;
        let counted = Counted { requests: 1, failures: usize::from(failed), at: self.began };
        emit(&self.arn, &self.version, &counted);
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
    //! Captures what the subscriber writes, for this thread and until dropped, and the metric lines of this thread.

    use std::cell::RefCell;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::subscriber::DefaultGuard;

    thread_local! {
        pub static METRICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
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
    use std::time::Duration;

    use serde_json::json;

    use super::testing::{Lines, counted};
    use super::*;

    const LIVE: &str = "arn:aws:lambda:eu-central-1:123456789012:function:hello:live";

    fn context(arn: &str) -> Context {
        let mut context = Context::default();
        context.invoked_function_arn = arn.into();
        context.env_config = lambda_http::lambda_runtime::Config { version: "7".into(), ..Default::default() }.into();
        context
    }

    fn at(milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_metric_line_has_the_dimensions_that_lambda_has() {
        let counted = Counted { requests: 10, failures: 1, at: at(1_800_000_000_123) };
        let line = metric_line(LIVE, "7", &counted).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let line: serde_json::Value = serde_json::from_str(line.strip_suffix('\n').unwrap()).unwrap();
        let wanted = json!({
            "_aws": {
                "Timestamp": 1_800_000_000_123_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "crabwalk",
                    "Dimensions": [["FunctionName", "Resource", "ExecutedVersion"]],
                    "Metrics": [{"Name": "Requests", "Unit": "Count"}, {"Name": "Failures", "Unit": "Count"}],
                }],
            },
            "FunctionName": "hello",
            "Resource": "hello:live",
            "ExecutedVersion": "7",
            "Requests": 10,
            "Failures": 1,
        });
        assert_eq!(line, wanted);
    }

    #[test]
    fn only_calls_through_an_alias_are_counted() {
        let function = LIVE.strip_suffix(":live").unwrap();
        for qualifier in ["", ":12", ":$LATEST", ":", ":a\"b", ":live:more"] {
            let counted = Counted { requests: 1, failures: 0, at: at(0) };
            assert_eq!(metric_line(&format!("{function}{qualifier}"), "7", &counted), None, "{qualifier}");
        }
        for arn in ["", "hello", "arn:aws:lambda", "::::::::"] {
            outcomes(&context(arn), 1, 0);
        }
        assert!(counted().is_empty());
    }

    #[test]
    fn a_batch_is_counted_by_its_records() {
        outcomes(&context(LIVE), 10, 0);
        outcomes(&context(LIVE), 10, 3);
        outcomes(&context(LIVE), 0, 0);
        outcomes(&context(LIVE), 1, 2);
        assert_eq!(counted(), [[10, 0], [10, 3], [1, 1]]);
    }

    #[test]
    fn an_invocation_is_one_request_whatever_the_log_level() {
        let lines = Lines::capture_at(Some("off"));
        for status in [200, 302, 404, 499, 500, 503] {
            Invocation::begin(&context(LIVE)).answered(status);
        }
        Invocation::begin(&context(LIVE)).failed();
        drop(Invocation::begin(&context(LIVE)));
        assert_eq!(counted(), [[1, 0], [1, 0], [1, 0], [1, 0], [1, 1], [1, 1], [1, 1], [1, 1]]);
        assert!(lines.all().is_empty());
    }

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
