//! One JSON object a line on stdout, which Lambda puts into the function's log group.

use std::env;
use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use super::invocation::{Current, during};

/// Sends every event of the process to stdout as one JSON object a line; call it once, first thing in `main`.
///
/// What is let through: `RUST_LOG` (`info`, `warn,hello=debug`, …), else Lambda's own `AWS_LAMBDA_LOG_LEVEL`, else `info`.
/// What is said during an invocation carries its `request_id` and `trace_id`.
pub fn init() {
    let wanted = env::var("RUST_LOG").or_else(|_| env::var("AWS_LAMBDA_LOG_LEVEL")).ok();
    // A second call (tests) leaves the first subscriber in place.
    let _ = tracing::subscriber::set_global_default(subscriber(wanted.as_deref(), std::io::stdout));
}

/// What [`init`] makes the process's own: lines of the wanted levels to a writer.
pub(super) fn subscriber<W>(wanted: Option<&str>, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = wanted.and_then(|text| text.parse::<Targets>().ok());
    let plain = format().json().flatten_event(true).with_current_span(false).with_span_list(false).with_ansi(false);
    let lines = tracing_subscriber::fmt::layer()
        .json() // how the fields of spans are kept
        .with_ansi(false)
        .event_format(Line(plain))
        .with_writer(writer)
        .with_filter(targets.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)));
    tracing_subscriber::registry().with(lines)
}

/// The subscriber's own JSON, and whose invocation it was said in.
struct Line(Format<Json>);

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let named = event.metadata().fields().field("request_id").is_some();
        let whose = if named { None } else { during(Current::named) };
        let Some(whose) = whose else { return self.0.format_event(context, out, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        match line.trim_end().strip_suffix('}') {
            Some(open) => writeln!(out, "{open},{whose}}}"),
            None => out.write_str(&line),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::telemetry::testing::Lines;

    #[test]
    fn levels_are_those_asked_for() {
        let lines = Lines::capture_at(Some("warn,loud=debug"));
        tracing::info!("not heard");
        tracing::warn!("heard");
        tracing::debug!(target: "loud", "heard too");
        let heard: Vec<_> = lines.all().iter().map(|line| line["message"].clone()).collect();
        assert_eq!(heard, ["heard", "heard too"]);
    }

    #[test]
    fn an_unknown_level_means_info() {
        let lines = Lines::capture_at(Some("hello=loud"));
        tracing::debug!("not heard");
        tracing::info!("heard");
        assert_eq!(lines.all().len(), 1);
    }
}
