//! Serves the events of everything that is no HTTP request: schedules, buses, buckets, queues, Step Functions, Cognito.
//!
//! ```no_run
//! use lambda_http::{Error, LambdaEvent};
//! use serde_json::Value;
//!
//! async fn handle(event: LambdaEvent<Value>) -> Result<(), Error> {
//!     tracing::info!(detail = %event.payload["detail"], "heard");
//!     Ok(())
//! }
//!
//! # async fn never() -> Result<(), Error> {
//! rust_shared::events::run(handle).await
//! # }
//! ```

use std::fmt::Debug;

use lambda_http::lambda_runtime::{self, Diagnostic};
use lambda_http::{Error, LambdaEvent, Service, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::telemetry::{self, Answer, Arrival, Watch};

/// The type of error that Lambda, and a `Catch` of Step Functions, sees for an event that is not of the handler's type.
pub const NO_SUCH_EVENT: &str = "NoSuchEvent";

/// What a batch came to: the answer for the event source, and how many records failed of how many there were.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch<U> {
    answer: U,
    records: usize,
    failures: usize,
}

impl<U> Batch<U> {
    /// Of `records`, `failures` were not worked off: they come again, or are set apart.
    pub fn new(answer: U, records: usize, failures: usize) -> Self {
        Self { answer, records, failures }
    }

    /// The answer for the event source.
    pub fn answer(&self) -> &U {
        &self.answer
    }

    /// How many records there were, and how many of them failed.
    pub fn counts(&self) -> (usize, usize) {
        (self.records, self.failures)
    }
}

/// Serves events until Lambda stops the process. Each is one request: it fails when the handler returns an error.
///
/// An error is Lambda's too: the name of its type and its words are what the caller, or a `Retry` of Step Functions,
/// gets to see ([`Diagnostic`]). An event that is not of the type `T` never reaches the handler: it is
/// [`NO_SUCH_EVENT`], with the path of the field that is wrong.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run<T, U, E, F, W>(handler: F) -> Result<(), Error>
where
    T: DeserializeOwned,
    U: Serialize,
    E: Into<Diagnostic> + Debug,
    F: Fn(LambdaEvent<T>) -> W,
    W: Future<Output = Result<U, E>>,
{
    telemetry::init();
    let single = |value| Answer { value, records: None };
    lambda_runtime::run(recorded(handler, single, false)).await
}

/// The same for batches, which are counted by their records and not as one request.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run_batch<T, U, E, F, W>(handler: F) -> Result<(), Error>
where
    T: DeserializeOwned,
    U: Serialize,
    E: Into<Diagnostic> + Debug,
    F: Fn(LambdaEvent<T>) -> W,
    W: Future<Output = Result<Batch<U>, E>>,
{
    telemetry::init();
    lambda_runtime::run(recorded(handler, told, true)).await
}

fn told<U>(batch: Batch<U>) -> Answer<U> {
    Answer { records: Some(batch.counts()), value: batch.answer }
}

/// The handler as Lambda calls it. The event is decoded here and not by the runtime, so that one which is of no use
/// leaves its line too.
fn recorded<T, R, U, E, F, W>(
    handler: F,
    answer: impl Fn(R) -> Answer<U> + Copy,
    batch: bool,
) -> impl Service<
    LambdaEvent<Box<RawValue>>,
    Response = Box<RawValue>,
    Error = Diagnostic,
    Future = impl Future<Output = Result<Box<RawValue>, Diagnostic>>,
>
where
    T: DeserializeOwned,
    U: Serialize,
    E: Into<Diagnostic>,
    F: Fn(LambdaEvent<T>) -> W,
    W: Future<Output = Result<R, E>>,
{
    service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let (payload, context) = event.into_parts();
        let watch = Watch::over(&Arrival { context: &context, bytes: payload.get().len(), traceparent: None, batch });
        let work = watch.within(|| decode(payload.get()).map(|typed| handler(LambdaEvent::new(typed, context))));
        watch.until(async move { work?.await.map(answer).map_err(Into::into) })
    })
}

fn decode<T: DeserializeOwned>(payload: &str) -> Result<T, Diagnostic> {
    let mut json = serde_json::Deserializer::from_str(payload);
    serde_path_to_error::deserialize(&mut json).map_err(|error| Diagnostic {
        error_type: NO_SUCH_EVENT.into(),
        error_message: format!("{}: {}", error.path(), error.inner()),
    })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::telemetry::testing::{LIVE, Lines, context, counted};

    #[derive(Debug, Deserialize, Serialize)]
    struct Order {
        lines: Vec<u32>,
    }

    fn event(payload: &str) -> LambdaEvent<Box<RawValue>> {
        LambdaEvent::new(RawValue::from_string(payload.into()).unwrap(), context(LIVE))
    }

    async fn sum(event: LambdaEvent<Order>) -> Result<u32, Error> {
        event.payload.lines.into_iter().try_fold(0, u32::checked_add).ok_or_else(|| "too much".into())
    }

    async fn one_by_one(event: LambdaEvent<Order>) -> Result<Batch<Vec<u32>>, Error> {
        let failed: Vec<_> = event.payload.lines.iter().copied().filter(|line| *line > 9).collect();
        let counts = (event.payload.lines.len(), failed.len());
        if counts.0 == 0 { Err("no records".into()) } else { Ok(Batch::new(failed, counts.0, counts.1)) }
    }

    async fn single(payload: &str) -> Result<Value, Diagnostic> {
        let mut service = recorded(sum, |value| Answer { value, records: None }, false);
        service.call(event(payload)).await.map(|answer| serde_json::from_str(answer.get()).unwrap())
    }

    async fn batch(payload: &str) -> Result<Value, Diagnostic> {
        let answer = recorded(one_by_one, told, true).call(event(payload)).await;
        answer.map(|answer| serde_json::from_str(answer.get()).unwrap())
    }

    #[tokio::test]
    async fn an_event_is_one_line_and_one_request() {
        let lines = Lines::capture();
        assert_eq!(single(r#"{"lines": [1, 2]}"#).await.unwrap(), 3);
        let line = lines.the_request();
        assert_eq!(
            (&line["request_id"], &line["version"], &line["outcome"]),
            (&json!("r-1"), &json!("7"), &json!("ok"))
        );
        assert_eq!((&line["request_bytes"], &line["response_bytes"]), (&json!(17), &json!(1)));
        assert_eq!((line.get("status"), line.get("records")), (None, None));
        assert_eq!(counted(), [[1, 0]]);
    }

    #[tokio::test]
    async fn an_error_keeps_its_words_and_is_in_the_line() {
        let lines = Lines::capture();
        assert_eq!(single(r#"{"lines": [1, 4294967295]}"#).await.unwrap_err().error_message, "too much");
        let line = lines.the_request();
        assert_eq!((&line["outcome"], &line["error"]), (&json!("error"), &json!("too much")));
        assert_eq!(counted(), [[1, 1]]);
    }

    #[tokio::test]
    async fn an_event_of_another_form_is_an_error_with_its_field() {
        let lines = Lines::capture();
        let refused = single(r#"{"lines": [1, "2"]}"#).await.unwrap_err();
        assert_eq!(refused.error_type, NO_SUCH_EVENT);
        assert!(refused.error_message.starts_with("lines[1]: invalid type: string"), "{}", refused.error_message);
        assert_eq!(lines.the_request()["error_type"], NO_SUCH_EVENT);
        assert_eq!(counted(), [[1, 1]]);
    }

    #[tokio::test]
    async fn a_batch_is_counted_by_what_its_handler_tells() {
        let lines = Lines::capture();
        assert_eq!(batch(r#"{"lines": [1, 10, 2, 11]}"#).await.unwrap(), json!([10, 11]));
        let line = lines.the_request();
        assert_eq!((&line["records"], &line["failures"]), (&json!(4), &json!(2)));
        assert_eq!(counted(), [[4, 2]]);
    }

    #[tokio::test]
    async fn a_batch_that_ends_in_an_error_is_left_to_lambdas_own_count() {
        let lines = Lines::capture();
        assert!(batch(r#"{"lines": []}"#).await.is_err());
        assert!(batch("{}").await.is_err());
        assert_eq!(lines.all().iter().filter(|line| line["outcome"] == "error").count(), 2);
        assert!(counted().is_empty());
    }

    #[test]
    fn a_panic_is_one_line_wherever_it_happens() {
        async fn late(_: LambdaEvent<Value>) -> Result<(), Error> {
            panic!("on purpose")
        }
        fn soon(_: LambdaEvent<Value>) -> std::future::Ready<Result<(), Error>> {
            panic!("on purpose")
        }
        let answer = |value| Answer { value, records: None };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let lines = Lines::capture();
        let run = || runtime.block_on(async { recorded(late, answer, false).call(event("1")).await.is_ok() });
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        assert_eq!(lines.the_request()["outcome"], "panic");
        let lines = Lines::capture();
        let run = || runtime.block_on(async { recorded(soon, answer, false).call(event("1")).await.is_ok() });
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        assert_eq!(lines.the_request()["outcome"], "panic");
        assert_eq!(counted(), [[1, 1], [1, 1]]);
    }

    proptest! {
        #[test]
        fn no_event_is_a_panic(lines in proptest::collection::vec(any::<Option<u64>>(), 0..4), more in ".{0,20}") {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let payload = json!({"lines": lines, "more": more}).to_string();
            let good = lines.iter().all(|line| line.is_some_and(|line| u32::try_from(line).is_ok()));
            let answer = runtime.block_on(batch(&payload));
            prop_assert_eq!(answer.is_ok(), good && !lines.is_empty());
            prop_assert_eq!(counted().len(), usize::from(answer.is_ok()));
        }
    }
}
