//! Sends the mails of a queue: `{"key": "welcome/user-17", "to": "ada@example.com", "subject": "…", "text": "…"}`.
//!
//! SQS delivers at least once; a key is sent once ([`once`] says what holds when the function dies in between). Only
//! the messages that failed come again, and those that fail each time end in the dead-letter queue.

mod mail;
mod once;
mod post;
mod table;
#[cfg(test)]
mod tests;
mod worker;

use std::env;
use std::time::UNIX_EPOCH;

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_sesv2::config::retry::RetryConfig;
use lambda_runtime::{Error, LambdaEvent};
use rust_shared::events::Batch;

use crate::post::Ses;
use crate::table::Table;
use crate::worker::Worker;

fn clock() -> u64 {
    UNIX_EPOCH.elapsed().map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn worker() -> Result<Worker<Table, Ses>, Error> {
    let config = rust_shared::aws::config();
    let ses = aws_sdk_sesv2::config::Builder::from(config).retry_config(RetryConfig::disabled()).build();
    Ok(Worker {
        keys: Table { client: aws_sdk_dynamodb::Client::new(config), name: env::var("KEYS")? },
        post: Ses { client: aws_sdk_sesv2::Client::from_conf(ses), sender: env::var("SENDER")? },
        clock,
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let worker = &worker()?;
    rust_shared::events::run_batch(async |event: LambdaEvent<SqsEvent>| {
        let records = event.payload.records.len();
        let answer = Box::pin(worker.work(event.payload, &event.context.request_id, event.context.deadline)).await;
        let failures = answer.batch_item_failures.len();
        Ok::<_, Error>(Batch::new(answer, records, failures))
    })
    .await
}
