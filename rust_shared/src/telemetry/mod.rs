//! JSON log lines, and exactly one line with `"event":"request"` an invocation.
//!
//! Those lines are counted per function version and compared with CloudWatch's `Invocations`, so a line is written
//! however the invocation ends: answered, failed, panicked or refused. (The platform alone sees a timeout or a kill.)
//!
//! Beside it, one line in CloudWatch's embedded metric format for whoever was called through an alias: `Requests` and
//! `Failures` of the version that ran, which a release is judged by. Lambda's own `Errors` does not see an HTTP 500
//! that was returned, nor a message that a batch gave back.

mod invocation;
mod lines;
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(test)]
pub(crate) mod testing;
mod trace;

use std::time::SystemTime;

use lambda_http::Context;

pub use invocation::Invocation;
pub(crate) use invocation::{Answer, Arrival, Watch, answered_with};
pub use lines::init;
pub use trace::{Trace, current as trace, outgoing};

/// Counts what became of a batch: of `records`, `failures` were not worked off (they come again, or are set apart).
///
/// Call it once an invocation, with the invocation's own context; [`crate::events::run_batch`] does it by itself. A
/// version is judged by the share that failed.
///
/// ```
/// # let context = lambda_http::Context::default();
/// rust_shared::telemetry::outcomes(&context, 10, 1);
/// ```
pub fn outcomes(context: &Context, records: usize, failures: usize) {
    metrics::emit(context, &metrics::Counted::of(records, failures, SystemTime::now()));
}
