//! JSON log lines on stdout, which Lambda puts into the function's log group.

use std::env;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// What is let through: `RUST_LOG` (`info`, `warn,my_crate=debug`), else Lambda's own `AWS_LAMBDA_LOG_LEVEL`, else `info`.
pub fn init() {
    let wanted = env::var("RUST_LOG").or_else(|_| env::var("AWS_LAMBDA_LOG_LEVEL")).ok();
    let targets = wanted.and_then(|text| text.parse::<Targets>().ok());
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_ansi(false)
        .with_filter(targets.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)));
    tracing_subscriber::registry().with(lines).init();
}
