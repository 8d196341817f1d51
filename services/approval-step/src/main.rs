//! Decides whether somebody may approve a payment, as a task of a state machine.
//!
//! A decision is an answer, also when it is no. An error is either worth another try (`ApproverUnknown`,
//! `DirectoryUnavailable`) or not (`InvalidRequest`, `Broken`); its name tells the machine which.

mod decide;
mod directory;
mod fault;

use std::env;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use lambda_runtime::{Error, LambdaEvent};

use crate::decide::{Decision, Request};
use crate::fault::Fault;

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::new(rust_shared::aws::config()));
static APPROVERS: LazyLock<String> = LazyLock::new(|| env::var("APPROVERS").unwrap_or_default());

async fn handle(event: LambdaEvent<Request>) -> Result<Decision, Fault> {
    let checked = event.payload.checked().map_err(Fault::InvalidRequest)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    if let Some(decision) = checked.at_once(now) {
        return Ok(decision);
    }
    let approver = directory::approver(&CLIENT, &APPROVERS, &checked.request.approver).await?;
    Ok(checked.by(approver))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    LazyLock::force(&CLIENT);
    rust_shared::events::run(|event| Box::pin(handle(event))).await
}
