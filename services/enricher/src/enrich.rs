//! Completes a batch of orders: as many answers as records, in the records' order.
//!
//! What `EventBridge` Pipes does with an enrichment's end decides how this one ends:
//!
//! - An error fails the whole batch; Pipes knows no partial failure of an enrichment. A queue shows all of its messages
//!   again and puts them aside after `max_receives`, good ones too; a stream or topic stands still until its retries are
//!   used up. So an error is only for what concerns the batch: records of an unknown source, or an answer that is too large.
//! - A record that cannot be completed passes on, marked `refused`, with the reason and its text: the target's rules
//!   (or a consumer) lead it aside, and everybody else goes on.
//! - An answer with fewer elements is taken for a filter, and what is missing is gone. So there is one element a record.
//! - More elements than the target's batch (10 of a queue or bus) are not sent at all. So there is never more than one.
//!
//! Pipes delivers at least once, so a target sees repetitions; `from` tells them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::record::{From, Record};

/// What Lambda and Pipes let pass as one answer is 6 MB.
const LARGEST: usize = 6_000_000;

/// An order as it was sent; what else it holds is passed on as it is.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    id: String,
    country: String,
    quantity: u64,
    cents_each: u64,
    #[serde(flatten)]
    more: serde_json::Map<String, Value>,
}

/// What the target gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "status")]
enum Answer {
    Enriched {
        from: From,
        order: Order,
        zone: &'static str,
        shipping_cents: u64,
        total_cents: u64,
    },
    Refused {
        from: From,
        reason: String,
        /// As text: what is no UTF-8 is replaced.
        body: String,
    },
}

/// The answer to one invocation.
#[derive(Debug)]
pub struct Answers {
    /// One element a record.
    pub elements: Vec<Box<RawValue>>,
    /// How many of them are refused.
    pub refused: usize,
}

/// Completes a batch.
///
/// # Errors
/// What concerns the batch as a whole, which then comes again.
pub fn enrich(events: Vec<Value>) -> Result<Answers, String> {
    let mut answers = Answers { elements: Vec::with_capacity(events.len()), refused: 0 };
    let mut bytes = 2;
    for event in events {
        let answer = complete(Record::read(event)?);
        if let Answer::Refused { from, .. } = &answer {
            // Neither text nor reason, which may quote it: those are the customer's.
            tracing::error!(%from, "refused");
            answers.refused += 1;
        }
        let element = to_raw_value(&answer).map_err(|error| error.to_string())?;
        bytes += element.get().len() + 1;
        if bytes > LARGEST {
            return Err(format!("the answer would have more than {LARGEST} bytes: lower the pipe's `batch`"));
        }
        answers.elements.push(element);
    }
    Ok(answers)
}

fn complete(record: Record) -> Answer {
    let body = match record.body {
        Ok(body) => body,
        Err(reason) => return Answer::Refused { from: record.from, reason, body: String::new() },
    };
    match priced(&body) {
        Ok((order, zone, shipping_cents, total_cents)) => {
            Answer::Enriched { from: record.from, order, zone, shipping_cents, total_cents }
        }
        Err(reason) => Answer::Refused { from: record.from, reason, body: String::from_utf8_lossy(&body).into_owned() },
    }
}

fn priced(body: &[u8]) -> Result<(Order, &'static str, u64, u64), String> {
    let order: Order = serde_json::from_slice(body).map_err(|error| format!("no order: {error}"))?;
    let (zone, shipping) = zone(&order.country).ok_or("nothing is shipped to its country")?;
    let total = order.quantity.checked_mul(order.cents_each).and_then(|goods| goods.checked_add(shipping));
    let total = total.ok_or("its sum is too large")?;
    Ok((order, zone, shipping, total))
}

/// Where a country lies for the parcel service, and what a parcel costs. A real one would look it up in what it loaded
/// while the environment started.
fn zone(country: &str) -> Option<(&'static str, u64)> {
    match country {
        "DE" => Some(("home", 490)),
        "AT" | "BE" | "DK" | "FR" | "IT" | "NL" | "PL" => Some(("neighbours", 990)),
        "CH" | "GB" | "NO" | "US" => Some(("world", 2490)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const QUEUE: &str = include_str!("../events/enricher.json");
    const KAFKA: &str = include_str!("../events/kafka.json");

    fn answer(events: Vec<Value>) -> (Vec<Value>, usize) {
        let answers = enrich(events).unwrap();
        let elements = answers.elements.iter().map(|one| serde_json::from_str(one.get()).unwrap()).collect();
        (elements, answers.refused)
    }

    fn events(text: &str) -> Vec<Value> {
        serde_json::from_str(text).unwrap()
    }

    fn message(id: &str, body: &str) -> Value {
        json!({"eventSource": "aws:sqs", "messageId": id, "body": body})
    }

    #[test]
    fn orders_of_a_queue_are_completed_in_their_order() {
        let (answers, refused) = answer(events(QUEUE));
        assert_eq!(refused, 0);
        let expected = json!({
            "status": "enriched",
            "from": {"source": "queue", "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d"},
            "order": {"kind": "order", "id": "o-1", "country": "DE", "quantity": 2, "centsEach": 2990},
            "zone": "home", "shippingCents": 490, "totalCents": 6470,
        });
        assert_eq!(answers[0], expected);
        assert_eq!((&answers[1]["order"]["id"], &answers[1]["zone"]), (&json!("o-2"), &json!("neighbours")));
    }

    #[test]
    fn orders_of_kafka_are_completed_alike() {
        let (answers, refused) = answer(events(KAFKA));
        assert_eq!(refused, 0);
        assert_eq!(answers[0]["from"]["offset"], 261_350);
        assert_eq!(answers[0]["totalCents"], 6470);
    }

    #[test]
    fn what_cannot_be_completed_passes_on_marked_in_its_place() {
        let good = r#"{"id": "o", "country": "DE", "quantity": 1, "centsEach": 1}"#;
        let bad = [
            "",
            "{",
            "[]",
            r#"{"id": 1}"#,
            &good.replace("DE", "XX"),
            &good.replace(": 1,", ": 18446744073709551615,"),
        ];
        for body in bad {
            let (answers, refused) = answer(vec![message("1", good), message("2", body), message("3", good)]);
            assert_eq!(refused, 1, "{body}");
            assert_eq!((&answers[1]["status"], &answers[1]["body"]), (&json!("refused"), &json!(body)));
            assert_eq!(answers[1]["from"]["messageId"], "2");
            assert_eq!(answers[2]["status"], "enriched");
        }
    }

    #[test]
    fn a_record_of_another_source_fails_the_batch() {
        let mut events = events(QUEUE);
        events.push(json!({"eventSource": "aws:kinesis", "data": ""}));
        assert!(enrich(events).unwrap_err().contains("neither"));
    }

    #[test]
    fn an_answer_that_nobody_would_take_fails_the_batch() {
        let large = "x".repeat(700_000);
        let events = |count: usize| (0..count).map(|place| message(&place.to_string(), &large)).collect();
        assert_eq!(answer(events(8)).1, 8);
        assert!(enrich(events(9)).unwrap_err().contains("lower the pipe's `batch`"));
    }

    proptest! {
        #[test]
        fn as_many_come_out_as_went_in_and_in_the_same_order(bodies in prop::collection::vec(".{0,40}", 0..6)) {
            let events = bodies.iter().enumerate().map(|(place, body)| message(&place.to_string(), body)).collect();
            let (answers, _) = answer(events);
            let places: Vec<_> = answers.iter().map(|one| one["from"]["messageId"].as_str().unwrap().to_owned()).collect();
            prop_assert_eq!(places, (0..bodies.len()).map(|place| place.to_string()).collect::<Vec<_>>());
        }

        #[test]
        fn an_order_is_completed_or_refused_and_never_lost(quantity in any::<u64>(), cents in any::<u64>(), country in "[A-Z]{2}|DE", id in any::<String>()) {
            let body = json!({"id": id, "country": country, "quantity": quantity, "centsEach": cents}).to_string();
            let (answers, refused) = answer(vec![message("1", &body)]);
            prop_assert_eq!(answers.len(), 1);
            let total = quantity.checked_mul(cents);
            prop_assert!(refused == 1 || answers[0]["totalCents"].as_u64() > total);
        }
    }
}
