//! Removes the drafts that nobody has touched for a month, once for each night.
//!
//! The scheduler delivers at least once and may be late, and Lambda tries an invocation that failed again. So a run is
//! named by the time it was scheduled for, which is the same in all its deliveries: it is claimed by a conditional
//! write, remembered after each page, and done once. When time runs out it ends with an error; Lambda then invokes again
//! with the same event, which goes on where this one stopped, and what is left after that is the next night's.

mod runs;
mod sweep;
mod tick;

use std::env;
use std::fmt;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use lambda_runtime::{Diagnostic, Error, LambdaEvent};
use serde::Serialize;

use crate::runs::{Claim, Progress};
use crate::sweep::{Drafts, Limit};
use crate::tick::Tick;

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::new(rust_shared::aws::config()));
static DRAFTS: LazyLock<String> = LazyLock::new(|| env::var("DRAFTS").unwrap_or_default());
static RUNS: LazyLock<String> = LazyLock::new(|| env::var("RUNS").unwrap_or_default());

/// Why a run did not come to its end.
#[derive(Debug)]
pub enum Fault {
    /// The event names no run.
    NoRun(String),
    /// Another invocation took the run over.
    Lost,
    /// Time ran out; the next invocation goes on.
    Unfinished(Progress),
    /// A table did not answer.
    Table(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRun(why) | Self::Table(why) => to.write_str(why),
            Self::Lost => to.write_str("another invocation has taken this run over"),
            Self::Unfinished(progress) => write!(to, "{} swept so far, to be continued", progress.swept),
        }
    }
}

impl<E: std::error::Error + 'static, R: fmt::Debug + 'static> From<aws_sdk_dynamodb::error::SdkError<E, R>> for Fault {
    fn from(error: aws_sdk_dynamodb::error::SdkError<E, R>) -> Self {
        Self::Table(DisplayErrorContext(error).to_string())
    }
}

impl From<Fault> for Diagnostic {
    fn from(fault: Fault) -> Self {
        let name = match fault {
            Fault::NoRun(_) => "NoRun",
            Fault::Lost => "Lost",
            Fault::Unfinished(_) => "Unfinished",
            Fault::Table(_) => "Table",
        };
        Self { error_type: name.into(), error_message: fault.to_string() }
    }
}

/// What became of a delivery.
#[derive(Debug, Serialize)]
struct Answer {
    run: String,
    outcome: &'static str,
    swept: u64,
}

async fn handle(event: LambdaEvent<Tick>) -> Result<Answer, Fault> {
    let now = milliseconds(SystemTime::now());
    let (tick, deadline) = (event.payload, event.context.deadline());
    let run = tick.run(now / 1_000).map_err(Fault::NoRun)?;
    let drafts = Drafts { client: &CLIENT, table: &DRAFTS, before: run.before, page: tick.page() };
    let limit = Limit { deadline, pages: tick.pages.unwrap_or(u32::MAX) };
    if tick.dry_run {
        let mut progress = Progress::default();
        drafts.sweep(None, &mut progress, limit).await?;
        return Ok(Answer { run: run.name, outcome: "dry-run", swept: progress.swept });
    }
    let (held, claim) = runs::claim(&CLIENT, &RUNS, &run.name, now, milliseconds(deadline)).await?;
    let (outcome, swept) = match claim {
        Claim::Done(progress) => ("done-before", progress.swept),
        Claim::Elsewhere(progress) => ("elsewhere", progress.swept),
        Claim::Mine(mut progress) => {
            if !drafts.sweep(Some(&held), &mut progress, limit).await? {
                held.leave().await?;
                return Err(Fault::Unfinished(progress));
            }
            held.done(&progress).await?;
            ("swept", progress.swept)
        }
    };
    tracing::info!(run = run.name, outcome, swept, "drafts");
    Ok(Answer { run: run.name, outcome, swept })
}

fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    LazyLock::force(&CLIENT);
    rust_shared::events::run(|event| Box::pin(handle(event))).await
}
