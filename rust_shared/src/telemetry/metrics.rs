//! Lines in CloudWatch's embedded metric format; `docs/signals.md` is their contract.

use std::env;
#[cfg(not(test))]
use std::io::Write;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_http::Context;

/// Whether more is told than a release is judged by: each metric is billed for each version that is called.
static DETAILED: LazyLock<bool> = LazyLock::new(|| env::var("CRABWALK_METRICS").is_ok_and(|asked| asked == "detailed"));

/// What a metric line says, and the time it is stamped with.
pub(super) struct Counted {
    requests: usize,
    failures: usize,
    at: SystemTime,
    details: Option<Details>,
}

/// What is told of an invocation beside its outcome, where the service asks for it.
pub(super) struct Details {
    pub errors: usize,
    pub duration: Duration,
    pub request_bytes: usize,
    pub response_bytes: usize,
}

impl Counted {
    /// Requests or records, those of them that failed, and the time they belong to.
    pub fn of(requests: usize, failures: usize, at: SystemTime) -> Self {
        Self { requests, failures: failures.min(requests), at, details: None }
    }

    /// The same with details, where `CRABWALK_METRICS=detailed` asks for them.
    pub fn with(self, details: impl FnOnce() -> Details) -> Self {
        Self { details: DETAILED.then(details), ..self }
    }
}

/// Writes straight to stdout: a metric is no log event, and must be there whatever the log level lets through.
pub(super) fn emit(context: &Context, counted: &Counted) {
    let Some(line) = line(&context.invoked_function_arn, &context.env_config.version, counted) else { return };
    #[cfg(test)]
    super::testing::METRICS.with_borrow_mut(|lines| lines.push(line));
    // One write for the whole line; where nobody reads it there is nobody to tell.
    #[cfg(not(test))]
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// One line, by the dimensions that Lambda itself has for versions behind an alias.
///
/// None for a call by version or without a qualifier, which no release is judged by.
fn line(arn: &str, version: &str, counted: &Counted) -> Option<String> {
    let mut parts = arn.splitn(8, ':').skip(6); // arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS
    let (function, alias) = (parts.next()?, parts.next()?);
    let versions = alias.starts_with('$') || alias.bytes().all(|byte| byte.is_ascii_digit());
    // Names that need no escaping are the only ones Lambda has.
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte));
    let none = counted.requests == 0 && counted.details.is_none();
    if versions || none || ![function, alias, version].into_iter().all(plain) {
        return None;
    }
    let stamp = counted.at.duration_since(UNIX_EPOCH).ok()?.as_millis();
    let told = told(counted);
    // Stored by the second, for whoever looks at the last three hours.
    let metric = |(name, unit, _): &Told| format!(r#"{{"Name":"{name}","Unit":"{unit}","StorageResolution":1}}"#);
    let metrics = told.iter().map(metric).collect::<Vec<_>>().join(",");
    let values: String = told.iter().flat_map(|(name, _, value)| [",\"", name, "\":", value]).collect();
    Some(format!(
        "{{\"_aws\":{{\"Timestamp\":{stamp},\"CloudWatchMetrics\":[{{\"Namespace\":\"crabwalk\",\
         \"Dimensions\":[[\"FunctionName\",\"Resource\",\"ExecutedVersion\"]],\"Metrics\":[{metrics}]}}]}},\
         \"FunctionName\":\"{function}\",\"Resource\":\"{function}:{alias}\",\"ExecutedVersion\":\"{version}\"{values}}}\n"
    ))
}

/// Name, unit and value of a metric.
type Told = (&'static str, &'static str, String);

fn told(counted: &Counted) -> Vec<Told> {
    let whole = |name, unit, value: usize| (name, unit, value.to_string());
    let mut told = Vec::with_capacity(6);
    if counted.requests > 0 {
        told.push(whole("Requests", "Count", counted.requests));
        told.push(whole("Failures", "Count", counted.failures));
    }
    if let Some(details) = &counted.details {
        told.push(whole("Errors", "Count", details.errors));
        told.push(("Duration", "Milliseconds", format!("{:.3}", details.duration.as_secs_f64() * 1000.0)));
        told.push(whole("RequestBytes", "Bytes", details.request_bytes));
        told.push(whole("ResponseBytes", "Bytes", details.response_bytes));
    }
    told
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::telemetry::outcomes;
    use crate::telemetry::testing::{LIVE, context, counted};

    fn at(milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    fn parsed(counted: &Counted) -> Value {
        let line = line(LIVE, "7", counted).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        serde_json::from_str(line.strip_suffix('\n').unwrap()).unwrap()
    }

    fn metric(name: &str, unit: &str) -> Value {
        json!({"Name": name, "Unit": unit, "StorageResolution": 1})
    }

    #[test]
    fn a_metric_line_has_the_dimensions_that_lambda_has() {
        let wanted = json!({
            "_aws": {
                "Timestamp": 1_800_000_000_123_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "crabwalk",
                    "Dimensions": [["FunctionName", "Resource", "ExecutedVersion"]],
                    "Metrics": [metric("Requests", "Count"), metric("Failures", "Count")],
                }],
            },
            "FunctionName": "hello",
            "Resource": "hello:live",
            "ExecutedVersion": "7",
            "Requests": 10,
            "Failures": 1,
        });
        assert_eq!(parsed(&Counted::of(10, 1, at(1_800_000_000_123))), wanted);
    }

    #[test]
    fn details_are_in_the_same_line() {
        let duration = Duration::from_micros(12_345);
        let details = Details { errors: 1, duration, request_bytes: 300, response_bytes: 0 };
        let line = parsed(&Counted { details: Some(details), ..Counted::of(1, 1, at(0)) });
        let metrics = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
        assert_eq!(metrics.as_array().unwrap().len(), 6);
        assert_eq!(metrics[3], metric("Duration", "Milliseconds"));
        let values = ["Requests", "Failures", "Errors", "Duration", "RequestBytes", "ResponseBytes"];
        assert_eq!(json!(values.map(|name| &line[name])), json!([1, 1, 1, 12.345, 300, 0]));
    }

    #[test]
    fn nobody_pays_for_details_without_asking() {
        let counted = Counted::of(1, 0, at(0)).with(|| unreachable!());
        assert_eq!(parsed(&counted)["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn only_calls_through_an_alias_are_counted() {
        let function = LIVE.strip_suffix(":live").unwrap();
        for qualifier in ["", ":12", ":$LATEST", ":", ":a\"b", ":live:more"] {
            let counted = Counted::of(1, 0, at(0));
            assert_eq!(line(&format!("{function}{qualifier}"), "7", &counted), None, "{qualifier}");
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

    proptest! {
        #[test]
        fn whatever_the_function_is_called_a_line_is_json(name in ".*", alias in ".*", version in ".*", requests: usize) {
            let arn = format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}:{alias}");
            if let Some(line) = line(&arn, &version, &Counted::of(requests, usize::MAX, at(0))) {
                let line: Value = serde_json::from_str(&line).unwrap();
                prop_assert_eq!(&line["FunctionName"], &Value::from(name));
                prop_assert_eq!(&line["Failures"], &line["Requests"]);
            }
        }
    }
}
