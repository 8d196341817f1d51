//! Makes a small picture of each picture that is put into a bucket, in another bucket.
//!
//! An event that fails comes again twice, as Lambda does for whatever is invoked asynchronously, and then lies in the
//! dead-letter queue: a broken picture too, so that it is tried three times and no more.

mod event;
mod picture;
mod shrink;
mod store;
mod stream;

use std::env;

use aws_lambda_events::s3::S3Event;
use aws_sdk_s3::Client;
use lambda_runtime::{Diagnostic, Error, LambdaEvent};

use crate::event::Task;

/// Works off the records of one event, each whatever becomes of the others. The error lies in the dead-letter queue
/// beside the event: it says which and why.
async fn handle(event: LambdaEvent<S3Event>, client: &Client, thumbnails: &str) -> Result<(), Diagnostic> {
    let mut failed = Vec::new();
    for record in &event.payload.records {
        let done = match Task::read(record, thumbnails) {
            Ok(Some(task)) => {
                // Boxed: the client's calls are large, and a future is moved about.
                Box::pin(store::make(client, &task, thumbnails)).await.map(|done| (task.key, done))
            }
            Ok(None) => continue,
            Err(reason) => Err(reason),
        };
        match done {
            Ok((key, done)) => tracing::info!(key, ?done, "worked off"),
            Err(reason) => {
                tracing::error!(key = record.s3.object.key, reason, "failed");
                failed.push(format!("{}: {reason}", record.s3.object.key.as_deref().unwrap_or_default()));
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Diagnostic { error_type: "NoThumbnail".into(), error_message: failed.join("; ") })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Client::new(rust_shared::aws::config());
    let thumbnails = env::var("THUMBNAILS")?;
    let (client, thumbnails) = (&client, &thumbnails);
    rust_shared::events::run(|event| handle(event, client, thumbnails)).await
}
