//! Serves the events of an HTTP API or a function URL (payload 2.0), also when they come by a direct invocation.

use std::fmt::Debug;

use lambda_http::lambda_runtime::{self, Diagnostic};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Error, IntoResponse, LambdaEvent, Request, RequestExt, Service, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::telemetry::{self, Invocation};

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

/// The service as Lambda calls it. The event is decoded here and not by the runtime, so that one which is no HTTP
/// request leaves its log line too.
fn recorded<S, R, E>(
    mut service: S,
) -> impl Service<LambdaEvent<Box<RawValue>>, Response = impl Serialize, Error = Diagnostic>
where
    S: Service<Request, Response = R, Error = E>,
    S::Future: Send + 'static,
    R: IntoResponse + Send,
    E: Into<Diagnostic> + Debug + Send,
{
    let mut http = Adapter::from(service_fn(move |request: Request| {
        let invocation = Invocation::begin(&request.lambda_context());
        let answer = service.call(request);
        async move {
            match answer.await {
                Ok(answer) => {
                    let response = answer.into_response().await;
                    invocation.answered(response.status().as_u16());
                    Ok(response)
                }
                Err(error) => {
                    invocation.failed();
                    Err(error.into())
                }
            }
        }
    }));
    service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let answer = match serde_json::from_str::<LambdaRequest>(event.payload.get()) {
            Ok(request) => Ok(http.call(LambdaEvent::new(request, event.context))),
            Err(error) => {
                Invocation::begin(&event.context).failed();
                Err(Diagnostic { error_type: "NoHttpRequest".into(), error_message: error.to_string() })
            }
        };
        async move { answer?.await }
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use lambda_http::lambda_runtime::Config;
    use lambda_http::{Context, Response, http::StatusCode};

    use super::*;
    use crate::telemetry::testing::{Lines, counted};

    const EVENT: &str = include_str!("../../services/hello/events/hello.json");

    fn event(payload: &str) -> LambdaEvent<Box<RawValue>> {
        let mut context = Context::default();
        context.request_id = "r-1".into();
        context.invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:hello:live".into();
        context.env_config = Config { version: "7".into(), ..Config::default() }.into();
        LambdaEvent::new(RawValue::from_string(payload.into()).unwrap(), context)
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
        let response = serde_json::to_value(&response).unwrap();
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
        assert_eq!(serde_json::to_value(&response).unwrap()["statusCode"], 500);
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

    #[tokio::test]
    async fn an_event_that_is_no_request_is_one_line() {
        let lines = Lines::capture();
        let service = |_: Request| async { Ok::<_, Infallible>("never") };
        let diagnostic = recorded(service_fn(service)).call(event("[]")).await.err().unwrap();
        assert_eq!(diagnostic.error_type, "NoHttpRequest");
        assert_eq!(lines.the_request()["outcome"], "error");
    }
}
