//! One invocation: what it is known by while it lasts, and the one line at its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Instant, SystemTime};

use lambda_http::Context;
use lambda_http::lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::metrics::{Counted, Details, emit};
use super::trace::Trace;

/// True until the first invocation of this process: that one bore the cold start.
static COLD: AtomicBool = AtomicBool::new(true);

fn first(unused: &AtomicBool) -> bool {
    unused.swap(false, Ordering::Relaxed)
}

tokio::task_local! {
    static CURRENT: Arc<Current>;
}

/// What can be known about the invocation that is at work.
pub(super) struct Current {
    request_id: String,
    pub trace: Trace,
    /// Of the HTTP answer; 0 where there is none.
    status: AtomicU16,
}

impl Current {
    /// Who it is, as members of a JSON object.
    pub fn named(&self) -> String {
        let request_id = serde_json::Value::from(self.request_id.as_str());
        format!(r#""request_id":{request_id},"trace_id":"{:032x}""#, self.trace.id)
    }
}

/// Asks about the invocation that is at work in this task; none outside of one.
pub(super) fn during<T>(ask: impl FnOnce(&Current) -> T) -> Option<T> {
    CURRENT.try_with(|one| ask(one)).ok()
}

/// Notes the status of the HTTP answer.
pub(crate) fn answered_with(status: u16) {
    during(|one| one.status.store(status, Ordering::Relaxed));
}

/// What is known of an event before anybody works on it.
pub(crate) struct Arrival<'a> {
    pub context: &'a Context,
    pub bytes: usize,
    pub traceparent: Option<&'a str>,
    /// Counted by its records, which the answer tells, and not as one request.
    pub batch: bool,
}

/// An answer, and of a batch how many records it had and how many of them failed.
pub(crate) struct Answer<U> {
    pub value: U,
    pub records: Option<(usize, usize)>,
}

/// Watches over the work for one event: its line and its metrics, whatever becomes of it.
pub(crate) struct Watch {
    invocation: Invocation,
    current: Arc<Current>,
}

impl Watch {
    /// Starts the clock.
    pub fn over(arrival: &Arrival<'_>) -> Self {
        let trace = Trace::of(arrival.context, arrival.traceparent);
        let request_id = arrival.context.request_id.clone();
        let mut invocation = Invocation::begin(arrival.context);
        invocation.trace_id = Some(trace.id);
        (invocation.request_bytes, invocation.batch) = (arrival.bytes, arrival.batch);
        Self { invocation, current: Arc::new(Current { request_id, trace, status: AtomicU16::new(0) }) }
    }

    /// Runs the part of the work that is done before there is a future of it.
    pub fn within<T>(&self, begin: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(Arc::clone(&self.current), begin)
    }

    /// Runs work whose answer goes out later and in pieces: [`Watch::sent`] or [`Watch::refused`] then ends the watch.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(Arc::clone(&self.current), work).await
    }

    /// The answer is out, with this status and so many bytes.
    pub fn sent(mut self, status: u16, bytes: usize) {
        self.invocation.response_bytes = bytes;
        self.invocation.answered(status);
    }

    /// There is no answer, or only a part of one.
    pub fn refused(self, diagnostic: &Diagnostic) {
        self.invocation.refused(diagnostic);
    }

    /// Runs the work. Its answer comes back as the JSON that Lambda gets, so that it is written only once.
    pub async fn until<U: Serialize>(
        mut self,
        work: impl Future<Output = Result<Answer<U>, Diagnostic>>,
    ) -> Result<Box<RawValue>, Diagnostic> {
        let current = Arc::clone(&self.current);
        let all = async move {
            let done = work.await.and_then(|answer| {
                let written = to_raw_value(&answer.value).map_err(|error| no_json(&error))?;
                self.invocation.records = answer.records;
                Ok(written)
            });
            #[cfg(feature = "otlp")]
            self.export(done.as_ref().err()).await;
            match done {
                Ok(answer) => {
                    self.invocation.response_bytes = answer.get().len();
                    self.invocation.answered(self.current.status.load(Ordering::Relaxed));
                    Ok(answer)
                }
                Err(diagnostic) => {
                    self.invocation.refused(&diagnostic);
                    Err(diagnostic)
                }
            }
        };
        CURRENT.scope(current, all).await
    }

    #[cfg(feature = "otlp")]
    async fn export(&self, error: Option<&Diagnostic>) {
        let Invocation { context, began, started, cold_start, .. } = &self.invocation;
        let finished = super::otlp::Finished {
            context,
            trace: &self.current.trace,
            began: *began,
            lasted: started.elapsed(),
            cold_start: *cold_start,
            status: self.current.status.load(Ordering::Relaxed),
            error,
        };
        super::otlp::export(&finished).await;
    }
}

fn no_json(error: &serde_json::Error) -> Diagnostic {
    Diagnostic { error_type: "AnswerIsNoJson".into(), error_message: error.to_string() }
}

/// The one line of an invocation. Dropped without an outcome, which only a panic does, it says `"outcome":"panic"`.
#[derive(Debug)]
#[must_use = "an invocation without an outcome is logged as a panic"]
pub struct Invocation {
    context: Context,
    trace_id: Option<u128>,
    cold_start: bool,
    began: SystemTime,
    started: Instant,
    request_bytes: usize,
    response_bytes: usize,
    batch: bool,
    records: Option<(usize, usize)>,
    open: bool,
}

impl Invocation {
    /// Starts the clock; the version comes from `AWS_LAMBDA_FUNCTION_VERSION` through the runtime's context.
    ///
    /// [`crate::http::run`] and [`crate::events::run`] do all of it; this is for what is served in another way.
    pub fn begin(context: &Context) -> Self {
        Self {
            context: context.clone(),
            trace_id: None,
            cold_start: first(&COLD),
            began: SystemTime::now(),
            started: Instant::now(),
            request_bytes: 0,
            response_bytes: 0,
            batch: false,
            records: None,
            open: true,
        }
    }

    /// Answered, with this HTTP status (0 where there is none); 500 and above is a failure.
    pub fn answered(mut self, status: u16) {
        self.open = false;
        self.line("ok", status, None);
    }

    /// Ended in an `Err`: an error for Lambda too.
    pub fn failed(mut self) {
        self.open = false;
        self.line("error", 0, None);
    }

    fn refused(mut self, diagnostic: &Diagnostic) {
        self.open = false;
        self.line("error", 0, Some(diagnostic));
    }

    fn line(&self, outcome: &str, status: u16, diagnostic: Option<&Diagnostic>) {
        let lasted = self.started.elapsed();
        let positive = |number: usize| (number > 0).then_some(number);
        tracing::info!(
            event = "request",
            request_id = self.context.request_id,
            version = self.context.env_config.version,
            cold_start = self.cold_start.then_some(true),
            trace_id = self.trace_id.map(|id| format!("{id:032x}")),
            outcome,
            status = (status > 0).then_some(status),
            error_type = diagnostic.map(|one| one.error_type.as_str()),
            error = diagnostic.map(|one| one.error_message.as_str()),
            records = self.records.map(|(records, _)| records),
            failures = self.records.map(|(_, failures)| failures),
            duration_ms = lasted.as_secs_f64() * 1000.0,
            request_bytes = positive(self.request_bytes),
            response_bytes = positive(self.response_bytes),
        );
        let error = outcome != "ok";
        let (requests, failures) = match self.records {
            Some(records) => records,
            // Of a batch that was never worked on nobody knows how many records failed; Lambda's own Errors has it.
            None if self.batch => (0, 0),
            None => (1, usize::from(error || status >= 500)),
        };
        // Stamped with the start, as Lambda stamps its own.
        let counted = Counted::of(requests, failures, self.began).with(|| Details {
            errors: usize::from(error),
            duration: lasted,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
        });
        emit(&self.context, &counted);
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        if self.open {
            self.line("panic", 0, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::telemetry::testing::{LIVE, Lines, context, counted};

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
    fn only_the_first_invocation_of_a_process_is_cold() {
        let (unused, lines) = (AtomicBool::new(true), Lines::capture());
        assert_eq!([first(&unused), first(&unused)], [true, false]);
        let mut cold = Invocation::begin(&context(LIVE)); // another test may have been first
        cold.cold_start = true;
        cold.answered(200);
        Invocation::begin(&context(LIVE)).answered(200);
        let lines = lines.all();
        assert_eq!((&lines[0]["cold_start"], lines[1].get("cold_start")), (&true.into(), None));
    }

    #[tokio::test]
    async fn of_a_batch_whose_answer_never_went_out_no_record_is_counted_as_worked_off() {
        let (context, lines) = (context(LIVE), Lines::capture());
        let watch = Watch::over(&Arrival { context: &context, bytes: 2, traceparent: None, batch: true });
        let no_json = HashMap::from([((1, 2), 3)]);
        let work = async { Ok(Answer { value: no_json, records: Some((10, 0)) }) };
        assert_eq!(watch.until(work).await.unwrap_err().error_type, "AnswerIsNoJson");
        assert_eq!(lines.the_request()["outcome"], "error");
        assert!(counted().is_empty());
    }

    #[tokio::test]
    async fn what_is_said_during_an_invocation_names_it() {
        let lines = Lines::capture();
        tracing::info!("before");
        let mut context = context(LIVE);
        context.request_id = "r-\"1\"".into();
        let arrival = Arrival { context: &context, bytes: 2, traceparent: None, batch: false };
        let watch = Watch::over(&arrival);
        watch.within(|| tracing::info!("at once"));
        let work = async {
            tracing::info!("later");
            Ok(Answer { value: "yes", records: None })
        };
        assert_eq!(watch.until(work).await.unwrap().get(), "\"yes\"");
        let lines = lines.all();
        assert_eq!(lines[0].get("request_id"), None);
        assert_eq!((&lines[1]["message"], &lines[2]["message"]), (&"at once".into(), &"later".into()));
        for line in &lines[1..] {
            assert_eq!((&line["request_id"], &line["trace_id"]), (&"r-\"1\"".into(), &lines[1]["trace_id"]));
        }
        assert_eq!((&lines[3]["request_bytes"], &lines[3]["response_bytes"]), (&2.into(), &5.into()));
    }
}
