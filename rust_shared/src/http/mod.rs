//! Serves the events of an HTTP API or a function URL (payload 2.0), also when they come by a direct invocation; answers
//! as a whole ([`run`]) or in a stream ([`run_streaming`]).

mod json;
mod problem;
mod streaming;

use std::convert::Infallible;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lambda_http::lambda_runtime::{self, Diagnostic};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, Error, IntoResponse, LambdaEvent, Request, Response, Service, service_fn};
use serde_json::value::RawValue;

pub use json::{Json, LONGEST_BODY};
pub use lambda_http::http::StatusCode;
pub use problem::{PROBLEM_JSON, Problem};
pub use streaming::{Chunks, run_streaming, whole};

use crate::telemetry::{self, Answer, Arrival, Watch};

/// Serves requests until Lambda stops the process: an axum `Router`, or a function in [`lambda_http::service_fn`].
///
/// The service must always be ready for the next request, as those two are.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run<S, R, E>(service: S) -> Result<(), Error>
where
    S: Service<Request, Response = R, Error = E>,
    S::Future: Send + 'static,
    R: IntoResponse + Send,
    E: Into<Diagnostic> + Debug + Send,
{
    telemetry::init();
    lambda_runtime::run(recorded(service)).await
}

/// A handler that may end in a [`Problem`], as a service for [`run`]: a problem is an answer, and no error for Lambda.
///
/// ```no_run
/// use lambda_http::{Error, Request};
/// use rust_shared::http::{Problem, answers, run};
///
/// async fn handle(_: Request) -> Result<&'static str, Problem> {
///     Err(Problem::not_found("there is nothing here"))
/// }
///
/// # async fn never() -> Result<(), Error> {
/// run(answers(handle)).await
/// # }
/// ```
pub fn answers<F, W, R>(
    handler: F,
) -> impl Service<Request, Response = Response<Body>, Error = Infallible, Future = impl Future + Send + 'static>
where
    F: Fn(Request) -> W,
    W: Future<Output = Result<R, Problem>> + Send + 'static,
    R: IntoResponse + Send,
{
    service_fn(move |request: Request| {
        let answer = handler(request);
        async move {
            match answer.await {
                Ok(answer) => Ok(answer.into_response().await),
                Err(problem) => Ok(problem.into()),
            }
        }
    })
}

/// The service as Lambda calls it. The event is decoded here and not by the runtime, so that one which is no HTTP
/// request leaves its log line too.
fn recorded<S, R, E>(
    mut service: S,
) -> impl Service<LambdaEvent<Box<RawValue>>, Response = Box<RawValue>, Error = Diagnostic>
where
    S: Service<Request, Response = R, Error = E>,
    S::Future: Send + 'static,
    R: IntoResponse + Send,
    E: Into<Diagnostic> + Debug + Send,
{
    let reached = Arc::new(AtomicBool::new(false));
    let within = Arc::clone(&reached);
    let mut http = Adapter::from(service_fn(move |request: Request| {
        within.store(true, Ordering::Relaxed);
        let answer = service.call(request);
        async move {
            let response = answer.await.map_err(Into::into)?.into_response().await;
            telemetry::answered_with(response.status().as_u16());
            Ok::<_, Diagnostic>(response)
        }
    }));
    service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let request = serde_json::from_str::<LambdaRequest>(event.payload.get());
        let traceparent = request.as_ref().ok().and_then(traceparent).map(str::to_owned);
        let (context, bytes) = (event.context, event.payload.get().len());
        let arrival = Arrival { context: &context, bytes, traceparent: traceparent.as_deref(), batch: false };
        let watch = Watch::over(&arrival);
        reached.store(false, Ordering::Relaxed);
        let call = || request.map(|request| http.call(LambdaEvent::new(request, context)));
        // lambda_http panics for a path or a host that cannot be part of a URL; the service's own panics go on.
        let begun = match catch_unwind(AssertUnwindSafe(|| watch.within(call))) {
            Ok(called) => called.map_err(|error| no_request(&error.to_string())),
            Err(panic) if reached.load(Ordering::Relaxed) => resume_unwind(panic),
            Err(_) => Err(no_request("its path, host or method is none")),
        };
        watch.until(async move { Ok(Answer { value: begun?.await?, records: None }) })
    })
}

fn traceparent(request: &LambdaRequest) -> Option<&str> {
    match request {
        LambdaRequest::ApiGatewayV2(request) => request.headers.get("traceparent")?.to_str().ok(),
        #[allow(unreachable_patterns)] // the enum is open to further event sources
        _ => None,
    }
}

fn no_request(why: &str) -> Diagnostic {
    Diagnostic { error_type: "NoHttpRequest".into(), error_message: why.into() }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::testing::{EVENT, odd};
    use super::*;
    use crate::telemetry::testing::{LIVE, Lines, context, counted};

    fn event(payload: &str) -> LambdaEvent<Box<RawValue>> {
        LambdaEvent::new(RawValue::from_string(payload.into()).unwrap(), context(LIVE))
    }

    async fn answer(request: Request) -> Result<Response<String>, Error> {
        match request.uri().path() {
            "/" => Ok(Response::builder().status(StatusCode::ACCEPTED).body("yes".into())?),
            "/500" => Ok(Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).body("no".into())?),
            "/err" => Err("no such thing".into()),
            _ => panic!("on purpose"),
        }
    }

    #[tokio::test]
    async fn an_answer_is_one_line_with_its_status() {
        let lines = Lines::capture();
        let response = recorded(service_fn(answer)).call(event(EVENT)).await.unwrap();
        let response: Value = serde_json::from_str(response.get()).unwrap();
        assert_eq!((&response["statusCode"], &response["body"]), (&202.into(), &"yes".into()));
        let line = lines.the_request();
        assert_eq!((&line["request_id"], &line["version"]), (&"r-1".into(), &"7".into()));
        assert_eq!((&line["outcome"], &line["status"], &line["level"]), (&"ok".into(), &202.into(), &"INFO".into()));
        assert_eq!(counted(), [[1, 0]]);
    }

    #[tokio::test]
    async fn a_500_that_is_returned_is_no_error_for_lambda_and_counted_as_a_failure() {
        let lines = Lines::capture();
        let event = event(&EVENT.replace(r#""rawPath": "/""#, r#""rawPath": "/500""#));
        let response = recorded(service_fn(answer)).call(event).await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(response.get()).unwrap()["statusCode"], 500);
        assert_eq!(lines.the_request()["outcome"], "ok");
        assert_eq!(counted(), [[1, 1]]);
    }

    #[tokio::test]
    async fn an_error_is_one_line_and_stays_an_error() {
        let lines = Lines::capture();
        let event = event(&EVENT.replace(r#""rawPath": "/""#, r#""rawPath": "/err""#));
        let diagnostic = recorded(service_fn(answer)).call(event).await.err().unwrap();
        assert_eq!(diagnostic.error_message, "no such thing");
        let line = lines.the_request();
        assert_eq!((&line["outcome"], line.get("status")), (&"error".into(), None));
        assert_eq!(counted(), [[1, 1]]);
    }

    #[tokio::test]
    async fn a_problem_is_an_answer_and_a_500_among_them_a_failure() {
        async fn handle(request: Request) -> Result<&'static str, Problem> {
            match request.uri().path() {
                "/" => Err(Problem::not_found("nothing here")),
                _ => Err(std::io::Error::other("the table is away"))?,
            }
        }
        let mut served = recorded(answers(handle));
        let response: Value = serde_json::from_str(served.call(event(EVENT)).await.unwrap().get()).unwrap();
        assert_eq!(
            (&response["statusCode"], &response["headers"]["content-type"]),
            (&404.into(), &PROBLEM_JSON.into())
        );
        let lines = Lines::capture();
        let broken = served.call(event(&EVENT.replace(r#""rawPath": "/""#, r#""rawPath": "/500""#))).await.unwrap();
        assert!(broken.get().contains("Internal Server Error") && !broken.get().contains("the table is away"));
        let lines = lines.all();
        assert_eq!((&lines[0]["error"], &lines[0]["request_id"]), (&"the table is away".into(), &"r-1".into()));
        assert_eq!(counted(), [[1, 0], [1, 1]]);
    }

    #[tokio::test]
    async fn the_callers_trace_is_the_requests() {
        let lines = Lines::capture();
        let sent = r#""headers": {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","#;
        let service = |_: Request| async {
            let headers = telemetry::outgoing();
            assert!(headers[0].1.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{headers:?}");
            Ok::<_, Infallible>("yes")
        };
        recorded(service_fn(service)).call(event(&EVENT.replace(r#""headers": {"#, sent))).await.unwrap();
        assert_eq!(lines.the_request()["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn a_panic_is_one_line() {
        let lines = Lines::capture();
        let event = event(&EVENT.replace(r#""rawPath": "/""#, r#""rawPath": "/panic""#));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let run = || runtime.block_on(recorded(service_fn(answer)).call(event)).is_ok();
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        assert_eq!(lines.the_request()["outcome"], "panic");
        assert_eq!(counted(), [[1, 1]]);
    }

    #[test]
    fn a_panic_before_there_is_a_future_is_one_line() {
        fn soon(_: Request) -> std::future::Ready<Result<&'static str, Infallible>> {
            panic!("on purpose")
        }
        let lines = Lines::capture();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let run = || runtime.block_on(async { recorded(service_fn(soon)).call(event(EVENT)).await.is_ok() });
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        assert_eq!(lines.the_request()["outcome"], "panic");
    }

    #[tokio::test]
    async fn a_path_that_is_none_is_an_error_and_no_panic() {
        let lines = Lines::capture();
        let service = |_: Request| async { Ok::<_, Infallible>("never") };
        let wrong = EVENT.replace(r#""rawPath": "/""#, r#""rawPath": " \u0000:99999""#);
        let diagnostic = recorded(service_fn(service)).call(event(&wrong)).await.err().unwrap();
        assert_eq!(diagnostic.error_type, "NoHttpRequest");
        assert_eq!(lines.the_request()["outcome"], "error");
    }

    #[tokio::test]
    async fn an_event_that_is_no_request_is_one_line() {
        let lines = Lines::capture();
        let service = |_: Request| async { Ok::<_, Infallible>("never") };
        let diagnostic = recorded(service_fn(service)).call(event("[]")).await.err().unwrap();
        assert_eq!(diagnostic.error_type, "NoHttpRequest");
        assert_eq!(lines.the_request()["outcome"], "error");
    }

    proptest! {
        #[test]
        fn no_event_is_a_panic(whole in odd()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let service = |request: Request| async move { Ok::<_, Infallible>(request.uri().path().to_owned()) };
            let answer = runtime.block_on(async { recorded(service_fn(service)).call(event(&whole)).await });
            prop_assert_eq!(counted(), [[1, u64::from(answer.is_err())]]);
        }
    }
}
