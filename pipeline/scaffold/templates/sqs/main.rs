//! Works off the messages of a queue, each by itself: only those that failed come back.

<<module>>use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

/// What a message asks for.
#[derive(Debug, Deserialize)]
struct Job {
    id: String,
    recipient: String,
}

/// SQS delivers at least once: the same job may come again, and must then change nothing.
fn work(job: &Job) -> Result<(), Error> {
    if job.recipient.is_empty() {
        return Err("no recipient yet".into());
    }
    tracing::info!(job = job.id, recipient = job.recipient, "worked off");
    Ok(())
}

async fn handle(event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let mut failed = SqsBatchResponse::default();
    let records = event.payload.records.len();
    for message in event.payload.records {
        let id = message.message_id.unwrap_or_default();
        match serde_json::from_str::<Job>(message.body.as_deref().unwrap_or_default()) {
            Ok(job) => {
                if let Err(error) = work(&job) {
                    tracing::warn!(message_id = id, %error, "comes again");
                    failed.add_failure(id);
                }
            }
            // No repetition helps. It holds nobody up, and after `max_receives` it lies in the dead-letter queue.
            Err(error) => {
                tracing::error!(message_id = id, %error, "poison");
                failed.add_failure(id);
            }
        }
    }
    <<telemetry>>::outcomes(&event.context, records, failed.batch_item_failures.len());
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

    async fn failures(event: &str) -> Vec<String> {
        let event = LambdaEvent::new(serde_json::from_str(event).unwrap(), Context::default());
        handle(event).await.unwrap().batch_item_failures.into_iter().map(|one| one.item_identifier).collect()
    }

    #[tokio::test]
    async fn a_good_batch_leaves_nothing() {
        assert!(failures(EVENT).await.is_empty());
    }

    #[tokio::test]
    async fn only_the_message_that_failed_comes_back() {
        let event = EVENT.replace("ada@example.com", "");
        assert_eq!(failures(&event).await, ["059f36b4-87a3-44ab-83d2-661975830a7d"]);
    }

    #[tokio::test]
    async fn poison_holds_nobody_up() {
        let event = EVENT.replace(r#"\"recipient\": \"grace@example.com\""#, "");
        assert_eq!(failures(&event).await, ["2e1424d4-f796-459a-8184-9c92662be6da"]);
    }
}
