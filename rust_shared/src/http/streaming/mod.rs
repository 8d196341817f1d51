//! Serves a function URL that streams its answers: what a body yields leaves at once, and it is asked for more only
//! when there is room, so that an answer of any length takes the memory of one piece.
//!
//! `lambda_http` streams too, but writes an error in mid-stream into the answer itself, as if it were data, and then
//! ends it as if it were whole. Here an error ends the answer in Lambda's own way: by the trailers
//! `Lambda-Runtime-Function-Error-Type` and `-Body` of the Runtime API, so that half a file is not taken for a whole one:
//! Lambda counts it among the function's `Errors`, whoever called `InvokeWithResponseStream` gets the error in its last
//! event, and behind a function URL the connection breaks off (so it is on the embedded AWS; AWS does not document it).

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use futures_util::{FutureExt, future::BoxFuture};
use http_body::Frame;
use lambda_http::http::header::{CONTENT_TYPE, SET_COOKIE, TRAILER, TRANSFER_ENCODING};
use lambda_http::http::{self, HeaderMap, HeaderName, HeaderValue};
use lambda_http::lambda_runtime::{Diagnostic, LambdaInvocation, MetadataPrelude, Runtime, tower};
use lambda_http::request::LambdaRequest;
use lambda_http::{Error, LambdaEvent, Request, RequestExt, Response, Service, service_fn};
use lambda_runtime_api_client::{PooledClient, body::Body, build_request};
use serde_json::json;

use super::{no_request, traceparent};
use crate::telemetry::{self, Arrival, Watch};

const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
/// Between the status and headers and the body of an answer.
const DELIMITER: [u8; 8] = [0; 8];

/// The body of a streamed answer; an error ends it, and the client sees that it is not whole.
pub type Chunks = BoxStream<'static, Result<Bytes, Error>>;

/// A body that is there already.
pub fn whole(body: impl Into<Bytes>) -> Chunks {
    stream::iter([Ok(body.into())]).boxed()
}

/// Serves requests until Lambda stops the process. Each leaves one request line when its last byte has gone out.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run_streaming<H, F>(handler: H) -> Result<(), Error>
where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Chunks>> + Send + 'static,
{
    telemetry::init();
    let client = Arc::new(PooledClient::builder().build());
    let unused = service_fn(|_: LambdaEvent<()>| async { Ok::<_, Infallible>(()) });
    let handler = Arc::new(handler);
    let streamed = tower::layer::layer_fn(|_| Streamed { handler: Arc::clone(&handler), client: Arc::clone(&client) });
    Runtime::new(unused).layer(streamed).run().await
}

/// The handler as Lambda's loop calls it: it sends its answers to the Runtime API itself.
struct Streamed<H> {
    handler: Arc<H>,
    client: Arc<PooledClient>,
}

impl<H, F> Service<LambdaInvocation> for Streamed<H>
where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Chunks>> + Send + 'static,
{
    type Response = ();
    type Error = Error;
    type Future = BoxFuture<'static, Result<(), Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: LambdaInvocation) -> Self::Future {
        let (handler, client) = (Arc::clone(&self.handler), Arc::clone(&self.client));
        async move {
            let sent = client.call(posted(&*handler, event).await?).await;
            // Nobody takes the answer any more: its line is written, and the next request may come.
            if let Err(error) = sent {
                tracing::warn!(%error, "the answer could not be sent to its end");
            }
            Ok(())
        }
        .boxed()
    }
}

/// What the Runtime API is sent for one invocation: an answer, or the error that there is none.
async fn posted<H, F>(handler: &H, event: LambdaInvocation) -> Result<http::Request<Body>, Error>
where
    H: Fn(Request) -> F,
    F: Future<Output = Response<Chunks>>,
{
    let request = serde_json::from_slice::<LambdaRequest>(&event.body);
    let traced = request.as_ref().ok().and_then(traceparent).map(str::to_owned);
    let bytes = event.body.len();
    let watch = Watch::over(&Arrival { context: &event.context, bytes, traceparent: traced.as_deref(), batch: false });
    let base = format!("/2018-06-01/runtime/invocation/{}", event.context.request_id);
    let id = event.parts.headers.get(INVOCATION_ID).cloned();
    let post = move |end: &str| {
        let mut post = build_request().method(http::Method::POST).uri(format!("{base}/{end}"));
        // Lambda tells by it the answer of an invocation that it has given up.
        if let (Some(headers), Some(id)) = (post.headers_mut(), id) {
            headers.insert(INVOCATION_ID, id);
        }
        post
    };
    // lambda_http panics for a path or a host that cannot be part of a URL.
    let request = request.map_err(|error| no_request(&error.to_string())).and_then(|request| {
        catch_unwind(|| Request::from(request)).map_err(|_| no_request("its path, host or method is none"))
    });
    let request = match request {
        Ok(request) => request.with_lambda_context(event.context),
        Err(why) => return refused(post("error"), watch, &why),
    };
    let answer = watch.during(async { handler(request).await });
    let Ok(answer) = AssertUnwindSafe(answer).catch_unwind().await else {
        return refused(post("error"), watch, &panicked());
    };
    let (parts, chunks) = answer.into_parts();
    let prelude = prelude(parts.status, parts.headers)?;
    let body = Answer { prelude: Some(prelude), chunks, watch: Some(watch), status: parts.status.as_u16(), bytes: 0 };
    let post = post("response").header("lambda-runtime-function-response-mode", "streaming");
    let post = post.header(CONTENT_TYPE, "application/vnd.awslambda.http-integration-response");
    let post = post.header(TRANSFER_ENCODING, "chunked");
    Ok(post.header(TRAILER, format!("{ERROR_TYPE}, {ERROR_BODY}")).body(Body::new(body))?)
}

fn refused(post: http::request::Builder, watch: Watch, why: &Diagnostic) -> Result<http::Request<Body>, Error> {
    watch.refused(why);
    Ok(post.header(ERROR_TYPE, &why.error_type).body(Body::from(written(why)))?)
}

fn written(why: &Diagnostic) -> String {
    json!({"errorType": why.error_type, "errorMessage": why.error_message}).to_string()
}

fn panicked() -> Diagnostic {
    Diagnostic { error_type: "Panicked".into(), error_message: "it panicked".into() }
}

/// Status, headers and cookies, as they are written before the body of a function URL's answer.
fn prelude(status_code: http::StatusCode, mut headers: HeaderMap) -> Result<Bytes, Error> {
    let cookies = headers.get_all(SET_COOKIE).iter();
    let cookies = cookies.map(|cookie| String::from_utf8_lossy(cookie.as_bytes()).into_owned()).collect();
    headers.remove(SET_COOKIE);
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    let mut bytes = serde_json::to_vec(&MetadataPrelude { status_code, headers, cookies })?;
    bytes.extend(DELIMITER);
    Ok(bytes.into())
}

/// The prelude and then the body, drawn piece by piece by whoever sends it.
struct Answer {
    prelude: Option<Bytes>,
    chunks: Chunks,
    /// None when the answer is over.
    watch: Option<Watch>,
    status: u16,
    bytes: usize,
}

impl Answer {
    /// Ends the answer as one that is not whole.
    fn broken(&mut self, why: &Diagnostic) -> Frame<Bytes> {
        if let Some(watch) = self.watch.take() {
            watch.refused(why);
        }
        // Base64 is always fit for a header; the kinds are written here.
        let mut trailers = HeaderMap::new();
        for (name, value) in [(ERROR_TYPE, why.error_type.clone()), (ERROR_BODY, BASE64_STANDARD.encode(written(why)))]
        {
            if let Ok(value) = HeaderValue::from_str(&value) {
                trailers.insert(name, value);
            }
        }
        Frame::trailers(trailers)
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(prelude) = self.prelude.take() {
            return Poll::Ready(Some(Ok(Frame::data(prelude))));
        }
        let this = &mut *self;
        let Some(watch) = &this.watch else { return Poll::Ready(None) };
        // A panic here would end the task that sends, and leave Lambda with half an answer and no reason.
        let poll = || watch.within(|| this.chunks.as_mut().poll_next(context));
        let frame = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Some(Ok(chunk)))) => {
                this.bytes += chunk.len();
                Frame::data(chunk)
            }
            Ok(Poll::Ready(Some(Err(error)))) => {
                this.broken(&Diagnostic { error_type: "StreamBroken".into(), error_message: error.to_string() })
            }
            Ok(Poll::Ready(None)) => {
                if let Some(watch) = this.watch.take() {
                    watch.sent(this.status, this.bytes);
                }
                return Poll::Ready(None);
            }
            Err(_) => this.broken(&panicked()),
        };
        Poll::Ready(Some(Ok(frame)))
    }
}

/// Whoever was to get the rest has gone. That is no failure of this version, and the rest is never made.
impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.within(|| tracing::warn!("nobody takes the rest of the answer"));
            watch.sent(self.status, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests;
