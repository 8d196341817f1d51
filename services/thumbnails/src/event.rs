//! What a record of S3 asks for.
//!
//! S3 delivers at least once and in any order, encodes keys like a form does, and never asks whether the bucket is the
//! one that results are put into.

use aws_lambda_events::s3::S3EventRecord;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Pictures lie below this, in the manifest's trigger too.
pub const INBOX: &str = "in/";

/// An object to make a thumbnail of.
#[derive(Debug, PartialEq, Eq)]
pub struct Task {
    /// The bucket it lies in.
    pub bucket: String,
    /// Its key, as whoever put it there wrote it.
    pub key: String,
    /// What it held when the event happened.
    pub etag: Option<String>,
    /// Grows with every change of the same key: see [`newer`].
    pub sequencer: String,
}

impl Task {
    /// Reads a record: a task, or None with the reason said in the log, for what is not ours to do.
    ///
    /// # Errors
    /// What is no record of an object.
    pub fn read(record: &S3EventRecord, thumbnails: &str) -> Result<Option<Self>, String> {
        let bucket = record.s3.bucket.name.clone().ok_or("a record without a bucket")?;
        let encoded = record.s3.object.key.as_deref().ok_or("a record without a key")?;
        let key = decoded(encoded)?;
        // The trigger lets none of these through. A trigger is changed more easily than what it leads to is undone:
        // a thumbnail of a thumbnail of a thumbnail, until somebody sees the bill.
        let ours = record.event_name.as_deref().is_some_and(|name| name.contains("ObjectCreated:"));
        if bucket == thumbnails || !key.starts_with(INBOX) || key.len() == INBOX.len() || !ours {
            tracing::warn!(bucket, key, event = record.event_name, "not ours to do");
            return Ok(None);
        }
        let sequencer = record.s3.object.sequencer.clone().unwrap_or_default();
        Ok(Some(Self { bucket, key, etag: record.s3.object.e_tag.clone(), sequencer }))
    }

    /// Where the thumbnail goes: the same for every version of the object, and another for every other object.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}.png", &self.key[INBOX.len()..])
    }
}

/// A key as it was written: events carry it percent-encoded, with `+` for a space.
fn decoded(encoded: &str) -> Result<String, String> {
    let spaced = encoded.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| "a key that is no UTF-8")?;
    Ok(decoded.into_owned())
}

/// A key as metadata can carry it: in ASCII.
#[must_use]
pub fn encoded(key: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');
    utf8_percent_encode(key, KEPT).to_string()
}

/// Whether a change happened after another of the same key, by their sequencers: hexadecimal numbers of any length.
#[must_use]
pub fn newer(one: &str, other: &str) -> bool {
    let number = |text: &str| text.trim_start_matches('0').to_ascii_uppercase();
    let (one, other) = (number(one), number(other));
    (one.len(), one) > (other.len(), other)
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::s3::S3Event;
    use proptest::prelude::*;

    use super::*;

    const EVENT: &str = include_str!("../events/thumbnails.json");

    fn odd() -> impl Strategy<Value = serde_json::Value> {
        prop_oneof![
            Just(serde_json::json!(null)),
            Just(serde_json::json!([])),
            Just(serde_json::json!({})),
            any::<i64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ]
    }

    fn record() -> S3EventRecord {
        let mut event: S3Event = serde_json::from_str(EVENT).unwrap();
        event.records.remove(0)
    }

    #[test]
    fn a_record_is_a_task() {
        let task = Task::read(&record(), "out").unwrap().unwrap();
        assert_eq!((task.bucket.as_str(), task.key.as_str()), ("thumbnails-pictures", "in/Zürich 1+1.jpg"));
        assert_eq!(task.target(), "Zürich 1+1.jpg.png");
        assert_eq!(task.sequencer, "0C0F6F405D6ED209E1");
        assert_eq!(encoded(&task.key), "in/Z%C3%BCrich%201%2B1.jpg");
    }

    #[test]
    fn its_own_output_other_keys_and_other_events_are_left_alone() {
        assert_eq!(Task::read(&record(), "thumbnails-pictures").unwrap(), None);
        let mut other = record();
        other.s3.object.key = Some("out/in/1.jpg".into());
        assert_eq!(Task::read(&other, "out").unwrap(), None);
        other.s3.object.key = Some("in/".into());
        assert_eq!(Task::read(&other, "out").unwrap(), None);
        let mut removed = record();
        removed.event_name = Some("ObjectRemoved:Delete".into());
        assert_eq!(Task::read(&removed, "out").unwrap(), None);
    }

    #[test]
    fn what_names_no_object_is_an_error() {
        for key in [None, Some("in/%FF"), Some("%C3")] {
            let mut odd = record();
            odd.s3.object.key = key.map(Into::into);
            assert!(Task::read(&odd, "out").is_err());
        }
    }

    #[test]
    fn sequencers_are_numbers() {
        assert!(newer("0C0F6F405D6ED209E2", "0C0F6F405D6ED209E1"));
        assert!(newer("10", "9"));
        assert!(newer("00a", "9"));
        assert!(newer("1", ""));
        assert!(!newer("0C", "c"));
        assert!(!newer("", ""));
    }

    proptest! {
        #[test]
        fn whatever_a_key_is_it_is_read_or_refused(key in any::<String>(), name in any::<Option<String>>(), bucket in any::<Option<String>>()) {
            let mut odd = record();
            (odd.s3.object.key, odd.event_name, odd.s3.bucket.name) = (Some(key), name, bucket);
            if let Ok(Some(task)) = Task::read(&odd, "out") {
                prop_assert!(!task.target().is_empty());
            }
        }

        #[test]
        fn whatever_stands_in_an_event_it_is_read_or_refused(place in any::<prop::sample::Index>(), value in odd()) {
            let mut event: serde_json::Value = serde_json::from_str(EVENT).unwrap();
            let record = "/Records/0";
            let fields = ["", "/eventName", "/eventTime", "/s3", "/s3/bucket", "/s3/bucket/name", "/s3/object", "/s3/object/key",
                "/s3/object/size", "/s3/object/eTag", "/s3/object/sequencer", "/s3/object/versionId", "/userIdentity"];
            *event.pointer_mut(&format!("{record}{}", place.get(&fields))).unwrap() = value;
            if let Ok(event) = serde_json::from_value::<S3Event>(event) {
                let _ = Task::read(&event.records[0], "out");
            }
        }

        #[test]
        fn every_key_comes_out_as_it_was_written(key in "\\PC{1,40}") {
            let written = format!("in/{key}");
            let mut one = record();
            one.s3.object.key = Some(encoded(&written).replace("%20", "+"));
            let task = Task::read(&one, "out").unwrap().unwrap();
            prop_assert_eq!(&task.key, &written);
            prop_assert!(encoded(&task.key).is_ascii());
        }

        #[test]
        fn of_two_sequencers_at_most_one_is_newer(one in "[0-9A-Fa-f]{0,20}", other in "[0-9A-Fa-f]{0,20}") {
            prop_assert!(!(newer(&one, &other) && newer(&other, &one)));
        }
    }
}
