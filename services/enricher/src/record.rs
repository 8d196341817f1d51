//! What a pipe hands over: records of a queue, or of Kafka, as one JSON array.
//!
//! A pipe flattens Kafka's records into the same list a queue has (an event source mapping would nest them by
//! partition). Key and value are base64, a header is a list of bytes, `partition` is a number or a string, and what a
//! record lacks is left out.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One record, with what it says taken out of its wrapping.
#[derive(Debug)]
pub struct Record {
    /// Where it came from: what a target tells repetitions by.
    pub from: From,
    /// What it says; the error is why that cannot be read.
    pub body: Result<Vec<u8>, String>,
}

/// Where a record came from.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "source")]
pub enum From {
    /// A queue.
    Queue {
        /// SQS's own id, the same each time the message is delivered.
        message_id: String,
    },
    /// A topic of Kafka; partition and offset name the record.
    Kafka {
        topic: String,
        partition: u64,
        offset: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
}

/// As it may be logged: without key and headers, which may be about people.
impl Display for From {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue { message_id } => write!(out, "message {message_id}"),
            Self::Kafka { topic, partition, offset, .. } => write!(out, "{topic}/{partition} at {offset}"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KafkaRecord {
    event_source_key: Option<String>,
    topic: Option<String>,
    partition: Partition,
    offset: u64,
    key: Option<String>,
    value: Option<String>,
    #[serde(default)]
    headers: Vec<BTreeMap<String, Vec<i16>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Partition {
    Number(u64),
    Text(String),
}

impl Record {
    /// Reads one element of a pipe's event.
    ///
    /// # Errors
    /// When it is of no source known here. Then the pipe is wired wrongly, and nothing about the record can be told.
    pub fn read(event: Value) -> Result<Self, String> {
        let source = event.get("eventSource").and_then(Value::as_str).unwrap_or_default().to_owned();
        match source.as_str() {
            "aws:sqs" => queue(&event).map_err(|error| format!("a message: {error}")),
            "aws:kafka" | "SelfManagedKafka" => kafka(event).map_err(|error| format!("a record of Kafka: {error}")),
            _ => Err("a record that is neither of a queue nor of Kafka".into()),
        }
    }
}

fn queue(event: &Value) -> Result<Record, serde_json::Error> {
    let message = Message::deserialize(event)?;
    let body = message.body.map(String::into_bytes).ok_or_else(|| "no body".into());
    Ok(Record { from: From::Queue { message_id: message.message_id }, body })
}

fn kafka(event: Value) -> Result<Record, String> {
    let record: KafkaRecord = serde_json::from_value(event).map_err(|error| error.to_string())?;
    let partition = match record.partition {
        Partition::Number(number) => number,
        Partition::Text(text) => text.parse().map_err(|_| "its partition is no number")?,
    };
    // A cluster without servers leaves `topic` out; `eventSourceKey` is topic and partition.
    let named =
        record.event_source_key.as_deref().and_then(|key| key.rsplit_once('-')).map(|(topic, _)| topic.to_owned());
    let topic = record.topic.or(named).ok_or("no topic")?;
    let key = record.key.map(|key| decoded(&key).map_or(key, |bytes| String::from_utf8_lossy(&bytes).into_owned()));
    // Some versions write bytes as Java has them, with a sign: the lowest eight bits are the same.
    let text = |bytes: Vec<i16>| {
        let bytes: Vec<u8> = bytes.into_iter().map(|byte| byte.to_le_bytes()[0]).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let headers = record.headers.into_iter().flatten().map(|(name, bytes)| (name, text(bytes))).collect();
    let body = match record.value {
        Some(value) => decoded(&value),
        None => Err("no value: a tombstone".into()),
    };
    Ok(Record { from: From::Kafka { topic, partition, offset: record.offset, key, headers }, body })
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("no base64: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SELF_MANAGED: &str = include_str!("../events/kafka.json");
    const SERVERLESS: &str = include_str!("../events/msk-serverless.json");

    fn first(text: &str) -> Value {
        serde_json::from_str::<Vec<Value>>(text).unwrap().remove(0)
    }

    #[test]
    fn a_record_of_kafka_is_unwrapped() {
        let record = Record::read(first(SELF_MANAGED)).unwrap();
        let headers = BTreeMap::from([("traceparent".to_string(), "00-1".to_string()), ("umlaut".into(), "ü".into())]);
        let expected =
            From::Kafka { topic: "orders".into(), partition: 3, offset: 261_350, key: Some("o-1".into()), headers };
        assert_eq!(record.from, expected);
        assert!(record.body.unwrap().starts_with(b"{\"kind\""));
    }

    #[test]
    fn a_record_of_a_serverless_cluster_has_no_topic_or_key_and_a_partition_as_text() {
        let record = Record::read(first(SERVERLESS)).unwrap();
        let expected = From::Kafka {
            topic: "new-orders".into(),
            partition: 0,
            offset: 20_192,
            key: None,
            headers: BTreeMap::new(),
        };
        assert_eq!(record.from, expected);
        assert!(record.body.is_ok());
    }

    #[test]
    fn a_tombstone_and_what_is_no_base64_are_told_apart_from_records_of_elsewhere() {
        let mut event = first(SELF_MANAGED);
        event["value"] = Value::Null;
        assert!(Record::read(event.clone()).unwrap().body.unwrap_err().contains("tombstone"));
        event["value"] = json!("***");
        assert!(Record::read(event.clone()).unwrap().body.unwrap_err().contains("base64"));
        event["eventSource"] = json!("aws:kinesis");
        assert!(Record::read(event).is_err());
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(event in anything()) {
            let _ = Record::read(event);
        }

        #[test]
        fn whatever_one_field_holds_is_read_or_refused(field in 0..12_usize, value in anything()) {
            let mut event = first(SELF_MANAGED);
            event["messageId"] = json!("1");
            let names = ["eventSource", "eventSourceKey", "topic", "partition", "offset", "key", "value", "headers", "messageId", "body", "timestamp", "other"];
            event[names[field]] = value;
            let _ = Record::read(event.clone());
            event["eventSource"] = json!("aws:sqs");
            let _ = Record::read(event);
        }

        #[test]
        fn every_value_comes_out_as_it_went_in(bytes in any::<Vec<u8>>()) {
            let mut event = first(SELF_MANAGED);
            event["value"] = json!(STANDARD.encode(&bytes));
            prop_assert_eq!(Record::read(event).unwrap().body.unwrap(), bytes);
        }
    }
}
