//! Follows the changes of a `DynamoDB` table, in their order.

<<module>>use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

/// What the table keeps; a deleted item has only its old image.
#[derive(Debug, Deserialize)]
struct Item {
    id: String,
    stock: i64,
}

fn item(record: &EventRecord) -> Result<Item, Error> {
    let removed = record.event_name == "REMOVE";
    let image = if removed { &record.change.old_image } else { &record.change.new_image };
    Ok(serde_dynamo::from_item(image.clone())?)
}

/// A record may come again, after a failure or by itself: it must then change nothing.
fn apply(change: &str, item: &Item) -> Result<(), Error> {
    if item.stock < 0 {
        return Err("sold more than there is".into());
    }
    tracing::info!(change, id = item.id, stock = item.stock, "followed");
    Ok(())
}

async fn handle(event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
    let mut failed = DynamoDbEventResponse::default();
    let (mut seen, mut unapplied) = (0, 0);
    for record in event.payload.records {
        seen += 1;
        let number = record.change.sequence_number.clone().unwrap_or_default();
        match item(&record) {
            Ok(item) => {
                if let Err(error) = apply(&record.event_name, &item) {
                    unapplied += 1;
                    // Lambda goes on from here: what follows waits, so that the order stays.
                    tracing::warn!(sequence_number = number, %error, "comes again");
                    let mut failure = DynamoDbBatchItemFailure::default();
                    failure.item_identifier = Some(number);
                    failed.batch_item_failures.push(failure);
                    break;
                }
            }
            // No repetition helps, and all of the shard would wait behind it. The stream keeps it for a day.
            Err(error) => {
                unapplied += 1;
                tracing::error!(sequence_number = number, %error, "poison");
            }
        }
    }
    <<telemetry>>::outcomes(&event.context, seen, unapplied);
    Ok(failed)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    <<telemetry>>::init();
    lambda_runtime::run(service_fn(handle)).await
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;

    use super::*;

    const EVENT: &str = include_str!("../events/<<name>>.json");

    async fn failures(event: &str) -> Vec<Option<String>> {
        let event = LambdaEvent::new(serde_json::from_str(event).unwrap(), Context::default());
        handle(event).await.unwrap().batch_item_failures.into_iter().map(|one| one.item_identifier).collect()
    }

    #[tokio::test]
    async fn a_good_batch_leaves_nothing() {
        assert!(failures(EVENT).await.is_empty());
    }

    #[tokio::test]
    async fn what_fails_comes_again_with_all_that_follows() {
        let event = EVENT.replace(r#""N": "17""#, r#""N": "-1""#);
        assert_eq!(failures(&event).await, [Some("400000000000000499659".to_string())]);
    }

    #[tokio::test]
    async fn poison_holds_nobody_up() {
        let event = EVENT.replace(r#""N": "17""#, r#""S": "many""#);
        assert!(failures(&event).await.is_empty());
    }
}
