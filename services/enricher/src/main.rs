//! Completes orders on their way through a pipe, from a queue or from Kafka: [`enrich`] says how it ends and why.

mod enrich;
mod record;

use lambda_runtime::{Diagnostic, Error, LambdaEvent};
use rust_shared::events::Batch;
use serde_json::Value;
use serde_json::value::RawValue;

async fn handle(event: LambdaEvent<Vec<Value>>) -> Result<Batch<Vec<Box<RawValue>>>, Diagnostic> {
    let records = event.payload.len();
    let answers = enrich::enrich(event.payload)
        .map_err(|reason| Diagnostic { error_type: "BatchFailed".into(), error_message: reason })?;
    Ok(Batch::new(answers.elements, records, answers.refused))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    rust_shared::events::run_batch(handle).await
}
