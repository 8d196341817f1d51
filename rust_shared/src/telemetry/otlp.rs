//! Sends the span of a finished invocation to a collector or an extension, as OTLP/HTTP in its JSON form.
//!
//! Lambda freezes the process as soon as it has the answer, so the span goes out before it: to a neighbour on loopback, over
//! the HTTP client that the runtime has anyway. It never fails an invocation, and never holds it up for long.
//!
//! Sources: "OTLP specification 1.7", OTLP/HTTP; OpenTelemetry semantic conventions for `FaaS` and HTTP spans.

use std::env;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_http::Context;
use lambda_http::http::{Request, Uri};
use lambda_http::lambda_runtime::Diagnostic;
use lambda_runtime_api_client::Client;
use lambda_runtime_api_client::body::Body;
use serde_json::{Value, json};

use super::trace::Trace;

/// A neighbour answers in less than a millisecond; nobody waits longer for one that does not.
const PATIENCE: Duration = Duration::from_millis(200);
/// The receiving side of a request, and an error, as OTLP numbers them.
const SERVER: u8 = 2;
const ERROR: u8 = 2;

static EXPORTER: LazyLock<Option<Exporter>> = LazyLock::new(|| {
    let own = env::var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").ok();
    let shared =
        || env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok().map(|base| format!("{}/v1/traces", base.trim_end_matches('/')));
    Exporter::to(&own.or_else(shared)?)
});

/// What a span tells of a finished invocation.
pub(super) struct Finished<'a> {
    pub context: &'a Context,
    pub trace: &'a Trace,
    pub began: SystemTime,
    pub lasted: Duration,
    pub cold_start: bool,
    pub status: u16,
    pub error: Option<&'a Diagnostic>,
}

/// Sends the span where `OTEL_EXPORTER_OTLP_ENDPOINT` says, if it says anything and the caller keeps the trace.
pub(super) async fn export(finished: &Finished<'_>) {
    if let (Some(exporter), true) = (&*EXPORTER, finished.trace.sampled) {
        exporter.send(document(finished).to_string()).await;
    }
}

struct Exporter {
    client: Client,
    path: String,
}

impl Exporter {
    /// None, and a warning, for what is no `http` address: whoever needs TLS has a collector beside the function.
    fn to(endpoint: &str) -> Option<Self> {
        let made = endpoint.parse::<Uri>().ok().and_then(|uri| {
            let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"))?;
            let neighbour = Uri::builder().scheme("http").authority(authority.as_str()).path_and_query("/").build();
            let client = Client::builder().with_endpoint(neighbour.ok()?).build().ok()?;
            Some(Self { client, path: uri.path().to_owned() })
        });
        if made.is_none() {
            tracing::warn!(endpoint, "no spans are sent: the endpoint must be an http address");
        }
        made
    }

    async fn send(&self, document: String) {
        let request = Request::post(&self.path).header("content-type", "application/json").body(Body::from(document));
        let Ok(request) = request else { return };
        match tokio::time::timeout(PATIENCE, self.client.call(request)).await {
            Ok(Ok(answer)) if answer.status().is_success() => {}
            Ok(Ok(answer)) => tracing::warn!(status = answer.status().as_u16(), "the span was refused"),
            Ok(Err(error)) => tracing::warn!(%error, "the span was not sent"),
            Err(_) => tracing::warn!("the span was not taken in time"),
        }
    }
}

/// One span, as an `ExportTraceServiceRequest`.
fn document(finished: &Finished<'_>) -> Value {
    let Finished { context, trace, began, lasted, cold_start, status, error } = finished;
    let config = &context.env_config;
    let service = env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| config.function_name.clone());
    let resource = [
        text("service.name", &service),
        text("cloud.provider", "aws"),
        text("faas.name", &config.function_name),
        text("faas.version", &config.version),
    ];
    let mut attributes = vec![
        text("faas.invocation_id", &context.request_id),
        text("cloud.resource_id", &context.invoked_function_arn),
        json!({"key": "faas.coldstart", "value": {"boolValue": cold_start}}),
    ];
    if *status > 0 {
        // 64-bit integers are strings in protobuf's JSON.
        attributes.push(json!({"key": "http.response.status_code", "value": {"intValue": status.to_string()}}));
    }
    if let Some(error) = error {
        attributes.push(text("error.type", &error.error_type));
    }
    let mut span = json!({
        "traceId": format!("{:032x}", trace.id),
        "spanId": format!("{:016x}", trace.span),
        "name": config.function_name,
        "kind": SERVER,
        "startTimeUnixNano": nanoseconds(*began),
        "endTimeUnixNano": nanoseconds(*began + *lasted),
        "attributes": attributes,
    });
    if let Some(parent) = trace.parent {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    if error.is_some() || *status >= 500 {
        span["status"] = json!({"code": ERROR, "message": error.map_or("", |error| &error.error_message)});
    }
    let spans = json!([{"scope": {"name": "rust_shared"}, "spans": [span]}]);
    json!({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": spans}]})
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn nanoseconds(at: SystemTime) -> String {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::telemetry::testing::{LIVE, Lines, context};

    const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn spanned(status: u16, error: Option<&Diagnostic>) -> Value {
        let (context, trace) = (context(LIVE), Trace::from_traceparent(W3C).unwrap());
        let (began, lasted) = (UNIX_EPOCH + Duration::from_millis(1_800_000_000_001), Duration::from_micros(1500));
        document(&Finished { context: &context, trace: &trace, began, lasted, cold_start: true, status, error })
    }

    #[test]
    fn a_span_is_what_the_protocol_says() {
        let span = &spanned(200, None)["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((&span["parentSpanId"], &span["kind"]), (&json!("00f067aa0ba902b7"), &json!(2)));
        assert_eq!(span["startTimeUnixNano"], "1800000000001000000");
        assert_eq!(span["endTimeUnixNano"], "1800000000002500000");
        assert_eq!(span.get("status"), None);
        let status = json!({"key": "http.response.status_code", "value": {"intValue": "200"}});
        assert!(span["attributes"].as_array().unwrap().contains(&status));
    }

    #[test]
    fn failures_are_marked() {
        let error = Diagnostic { error_type: "Broken".into(), error_message: "no such thing".into() };
        let span = &spanned(0, Some(&error))["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["status"], json!({"code": 2, "message": "no such thing"}));
        assert_eq!(spanned(503, None)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["status"]["code"], 2);
    }

    #[tokio::test]
    async fn it_goes_to_the_collector() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let collector = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut heard = Vec::new();
            let mut piece = [0; 4096];
            while !heard.ends_with(b"the document") {
                let count = connection.read(&mut piece).unwrap();
                heard.extend_from_slice(&piece[..count]);
            }
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            String::from_utf8(heard).unwrap()
        });
        let lines = Lines::capture();
        Exporter::to(&endpoint).unwrap().send("the document".into()).await;
        let heard = collector.join().unwrap();
        assert!(heard.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{heard}");
        assert!(heard.contains("content-type: application/json\r\n"), "{heard}");
        assert!(lines.all().is_empty());
    }

    #[tokio::test]
    async fn nobody_there_is_a_warning_and_no_failure() {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let lines = Lines::capture();
        Exporter::to(&format!("http://{gone}/v1/traces")).unwrap().send("the document".into()).await;
        assert_eq!(lines.all().last().unwrap()["level"], "WARN");
        for endpoint in ["https://collector:4318", "collector", ""] {
            assert!(Exporter::to(endpoint).is_none());
        }
    }
}
