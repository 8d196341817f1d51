//! Keeps to-dos: JSON over HTTP in front of one DynamoDB table. What it answers stands in [`api`].
//!
//! `service_fn` and not axum: two paths are matched in less code than a router's set-up takes, and a router would be 80 kB
//! of the binary (`health` has one, `hello` has none) that every cold start loads.

mod api;
mod cursor;
mod etag;
mod store;
mod table;
mod todo;

use std::convert::Infallible;
use std::env;
use std::sync::LazyLock;
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::{Client, config};
use lambda_http::{Body, Error, Request, Response, service_fn};
use rust_shared::secrets::Secret;

use crate::table::Table;

/// A call with its retries must be over before the function's timeout: a 503 tells a caller more than a kill.
const CALL: Duration = Duration::from_secs(4);
const ATTEMPT: Duration = Duration::from_millis(1_500);

/// Made once for all requests of this environment; so are its connections to DynamoDB.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let timeouts = TimeoutConfig::builder().operation_timeout(CALL).operation_attempt_timeout(ATTEMPT).build();
    Client::from_conf(config::Builder::from(rust_shared::aws::config()).timeout_config(timeouts).build())
});
static TABLE: LazyLock<String> = LazyLock::new(|| env::var("TABLE").unwrap_or_default());
static KEY: Secret = Secret::with_previous("CURSOR_KEY");

async fn serve(request: Request) -> Result<Response<Body>, Infallible> {
    Ok(api::answer(&Table::new(&CLIENT, &TABLE), &KEY, request).await)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // While the environment starts, and not with the first request.
    LazyLock::force(&CLIENT);
    rust_shared::http::run(service_fn(serve)).await
}
