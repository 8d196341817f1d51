//! Puts what a person's groups say into their tokens, before a Cognito user pool issues them.
//!
//! Whoever signs in waits for the answer, and nobody may be locked out because somebody else could not be told: telling
//! the event bus has half a second, and whether it worked is a metric and a log line, never an error.

mod claims;
mod event;
#[cfg(feature = "publish")]
mod publish;

use lambda_runtime::{Diagnostic, Error, LambdaEvent};
use rust_shared::events::Batch;
use serde_json::Value;

use crate::event::{Event, Issued};

/// Never fails by itself. Counted as one record, which failed when nobody could be told: so a version that tells nobody
/// is taken back, and no sign-in is lost to find out.
async fn handle(event: LambdaEvent<Event>) -> Result<Batch<Value>, Diagnostic> {
    let (answer, issued) = event.payload.answered();
    // All that is told where there is no SDK: a subscription filter can pass it on, and nobody waits for it.
    tracing::info!(detail = %issued.detail(), "tokens issued");
    Ok(Batch::new(answer, 1, usize::from(!told(&issued).await)))
}

#[cfg(feature = "publish")]
async fn told(issued: &Issued) -> bool {
    let told = publish::tell(issued).await;
    if let Err(why) = &told {
        tracing::warn!(%why, "nobody was told");
    }
    told.is_ok()
}

#[cfg(not(feature = "publish"))]
fn told(_: &Issued) -> std::future::Ready<bool> {
    std::future::ready(true)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    #[cfg(feature = "publish")]
    publish::prepare();
    rust_shared::events::run_batch(|event| Box::pin(handle(event))).await
}
