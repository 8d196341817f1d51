//! Telemetry of Lambda in, OTLP's JSON out: every event a log record, the figures of a report metrics as well.
//!
//! What comes: <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>. What goes:
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.

use serde_json::{Value, json};

const SCOPE: &str = "telemetry-extension";
const WARN: u8 = 13;
const INFO: u8 = 9;
const ERROR: u8 = 17;
/// The figures of `platform.report`, as metrics: key, name, unit.
const FIGURES: [(&str, &str, &str); 4] = [
    ("durationMs", "aws.lambda.duration", "ms"),
    ("billedDurationMs", "aws.lambda.billed_duration", "ms"),
    ("initDurationMs", "aws.lambda.init_duration", "ms"),
    ("maxMemoryUsedMB", "aws.lambda.max_memory_used", "MBy"),
];

/// One event of Lambda's.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    kind: String,
    nanos: u128,
    body: String,
    request: Option<String>,
    severity: u8,
    figures: Vec<(usize, f64)>,
}

impl Record {
    /// An event that has nothing but its text.
    #[cfg(test)]
    pub fn of(kind: &str, nanos: u128, body: String) -> Self {
        Self { kind: kind.to_owned(), nanos, body, request: None, severity: INFO, figures: Vec::new() }
    }

    /// What it weighs, about.
    pub fn size(&self) -> usize {
        self.body.len() + self.kind.len() + 64
    }
}

/// Reads a delivery of the Telemetry API; what is no event is left out.
pub fn read(body: &[u8]) -> Vec<Record> {
    let Ok(Value::Array(events)) = serde_json::from_slice(body) else {
        return Vec::new();
    };
    events.iter().filter_map(record).collect()
}

fn record(event: &Value) -> Option<Record> {
    let kind = event["type"].as_str()?;
    let told = &event["record"];
    let metrics = &told["metrics"];
    let figure = |(at, (key, _, _)): (usize, &(&str, &str, &str))| metrics[key].as_f64().map(|value| (at, value));
    let report = kind == "platform.report";
    Some(Record {
        kind: kind.to_owned(),
        nanos: nanos(event["time"].as_str().unwrap_or_default()),
        body: told.as_str().map_or_else(|| told.to_string(), str::to_owned),
        request: told["requestId"].as_str().map(str::to_owned),
        severity: match told["status"].as_str() {
            Some("success") | None => INFO,
            Some(_) => ERROR,
        },
        figures: if report { FIGURES.iter().enumerate().filter_map(figure).collect() } else { Vec::new() },
    })
}

/// The body for `/v1/logs`.
pub fn logs(resource: &[(&'static str, String)], records: &[Record], dropped: u64) -> String {
    let mut all: Vec<Value> = records.iter().map(log).collect();
    if dropped > 0 {
        all.push(json!({
            "timeUnixNano": "0",
            "severityNumber": WARN,
            "body": {"stringValue": format!("{dropped} records were dropped before these")},
            "attributes": attributes([("event.name", "telemetry.dropped")]),
        }));
    }
    let scope = json!([{"scope": {"name": SCOPE}, "logRecords": all}]);
    json!({"resourceLogs": [{"resource": of(resource), "scopeLogs": scope}]}).to_string()
}

/// The body for `/v1/metrics`; none where no record has figures.
pub fn metrics(resource: &[(&'static str, String)], records: &[Record]) -> Option<String> {
    let mut found = Vec::new();
    for (at, (_, name, unit)) in FIGURES.iter().enumerate() {
        let points: Vec<Value> = records.iter().flat_map(|record| points(record, at)).collect();
        if !points.is_empty() {
            found.push(json!({"name": name, "unit": unit, "gauge": {"dataPoints": points}}));
        }
    }
    let scope = json!([{"scope": {"name": SCOPE}, "metrics": found}]);
    (!found.is_empty())
        .then(|| json!({"resourceMetrics": [{"resource": of(resource), "scopeMetrics": scope}]}).to_string())
}

fn points(record: &Record, figure: usize) -> impl Iterator<Item = Value> {
    let values = record.figures.iter().filter(move |(at, _)| *at == figure);
    values.map(|(_, value)| json!({"timeUnixNano": record.nanos.to_string(), "asDouble": value}))
}

fn log(record: &Record) -> Value {
    let request = record.request.as_deref().map(|id| ("faas.invocation_id", id));
    let named = [("event.name", record.kind.as_str())];
    json!({
        "timeUnixNano": record.nanos.to_string(),
        "severityNumber": record.severity,
        "body": {"stringValue": record.body},
        "attributes": attributes(named.into_iter().chain(request)),
    })
}

fn of(resource: &[(&'static str, String)]) -> Value {
    json!({"attributes": attributes(resource.iter().map(|(name, value)| (*name, value.as_str())))})
}

fn attributes<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Value> {
    pairs.into_iter().map(|(name, value)| json!({"key": name, "value": {"stringValue": value}})).collect()
}

/// Nanoseconds since 1970 of a time as events have it, `2026-01-31T12:00:00.123Z`; 0 for anything else.
fn nanos(text: &str) -> u128 {
    fn number(text: Option<&str>) -> Option<u64> {
        text?.parse().ok()
    }
    let read = || {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let mut days = date.splitn(3, '-');
        let (year, month, day) = (number(days.next())?, number(days.next())?, number(days.next())?);
        let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let mut parts = whole.splitn(3, ':');
        let (hour, minute, second) = (number(parts.next())?, number(parts.next())?, number(parts.next())?);
        if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 {
            return None;
        }
        // Days from civil, with the year beginning in March.
        let shifted = if month > 2 { year } else { year - 1 };
        let (century, of_year) = (shifted / 400, shifted % 400);
        let of_march = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let since = century * 146_097 + of_year * 365 + of_year / 4 - of_year / 100 + of_march - 719_468;
        let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        let seconds = ((since * 24 + hour) * 60 + minute.min(59)) * 60 + second.min(60);
        Some(u128::from(seconds) * 1_000_000_000 + u128::from(number(Some(&digits))?))
    };
    read().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELIVERY: &str = include_str!("../events/delivery.json");

    #[test]
    fn a_report_is_a_log_record_and_metrics() {
        let records = read(DELIVERY.as_bytes());
        assert_eq!(records.len(), 3);
        let resource = [("service.name", "hello".to_owned())];
        let logs: Value = serde_json::from_str(&logs(&resource, &records, 2)).unwrap();
        let told = &logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        assert_eq!(told.as_array().unwrap().len(), 4);
        assert_eq!(told[1]["timeUnixNano"], "1769860800123000000");
        assert_eq!(told[1]["attributes"][1]["value"]["stringValue"], "r-1");
        assert_eq!(told[2]["body"]["stringValue"], "a line");
        let metrics: Value = serde_json::from_str(&metrics(&resource, &records).unwrap()).unwrap();
        let found = &metrics["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
        assert_eq!(found[0]["name"], "aws.lambda.duration");
        assert_eq!(found[0]["gauge"]["dataPoints"][0]["asDouble"], 12.5);
    }

    #[test]
    fn times_are_nanoseconds_since_1970() {
        assert_eq!(nanos("1970-01-01T00:00:00.000Z"), 0);
        assert_eq!(nanos("2024-02-29T23:59:59.5Z"), 1_709_251_199_500_000_000);
        for wrong in ["", "yesterday", "2024-13-01T00:00:00Z", "2024-01-01T99:00:00Z"] {
            assert_eq!(nanos(wrong), 0, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_delivery_ends_in_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let records = read(&bytes);
            logs(&[], &records, 0);
        }

        #[test]
        fn no_event_ends_in_a_panic(kind in ".*", time in ".*", duration in any::<f64>()) {
            let record = json!({"requestId": kind, "status": time, "metrics": {"durationMs": duration}});
            let events = json!([{"type": "platform.report", "time": time, "record": record}, {"type": kind}, 1]);
            let records = read(events.to_string().as_bytes());
            logs(&[], &records, 1);
            metrics(&[], &records);
        }

        #[test]
        fn no_time_ends_in_a_panic(year in any::<u64>(), rest in any::<[u64; 5]>()) {
            nanos(&format!("{year}-{}-{}T{}:{}:{}Z", rest[0], rest[1], rest[2], rest[3], rest[4]));
        }
    }
}
