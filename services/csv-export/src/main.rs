//! Streams the table of `todos` as CSV: `GET /todos.csv` at its function URL, megabytes in the memory of one page.
//!
//! When the table breaks in the middle, the answer ends in an error and not as a short file: see [`rust_shared::http::run_streaming`].

mod csv;
mod export;
mod serve;
mod table;

use std::env;
use std::sync::LazyLock;
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::{Client, config};
use lambda_http::{Error, Request, Response};
use rust_shared::http::Chunks;

use crate::table::Scan;

/// A page with its retries.
const PAGE: Duration = Duration::from_secs(15);
const ATTEMPT: Duration = Duration::from_secs(4);

/// Made once for all requests of this environment; so are its connections to DynamoDB.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let timeouts = TimeoutConfig::builder().operation_timeout(PAGE).operation_attempt_timeout(ATTEMPT).build();
    Client::from_conf(config::Builder::from(rust_shared::aws::config()).timeout_config(timeouts).build())
});
static TABLE: LazyLock<String> = LazyLock::new(|| env::var("TABLE").unwrap_or_default());

async fn serve(request: Request) -> Response<Chunks> {
    serve::answer(&request, || Scan::of(&CLIENT, &TABLE)).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // While the environment starts, and not with the first request.
    LazyLock::force(&CLIENT);
    rust_shared::http::run_streaming(serve).await
}
