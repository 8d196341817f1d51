//! What the schedule sends, and what follows from it: nothing of a run depends on when it really came. Pure.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use serde::Deserialize;

/// A draft that nobody has touched for this long is swept.
pub const UNTOUCHED: Duration = Duration::from_hours(30 * 24);
/// How far in front of the clock a scheduled time may be: a later one would sweep what is still young.
const AHEAD_S: i64 = 300;
/// Items a page has at most; after each page the run is remembered.
const PAGE: u16 = 100;

/// One run, as `payload` in service.yaml asks the scheduler to send it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    time: String,
    /// Only counts what would be swept.
    #[serde(default)]
    pub dry_run: bool,
    /// Pages an invocation works off at most; none: as many as its time allows.
    #[serde(default)]
    pub pages: Option<u32>,
    #[serde(default)]
    page: Option<u16>,
}

/// A run by the time it was scheduled for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// The name of the run: its time, written in one way only.
    pub name: String,
    /// Drafts last touched before this second since 1970 are swept.
    pub before: i64,
}

impl Tick {
    /// The run this is one delivery of; `now` in seconds since 1970.
    ///
    /// # Errors
    /// With what is wrong, for a time that is none or has not come.
    pub fn run(&self, now: i64) -> Result<Run, String> {
        let wrong = || format!("`{:.40}` is no time such as 2027-01-15T03:00:00Z", self.time);
        let time = DateTime::from_str(&self.time, DateTimeFormat::DateTimeWithOffset).map_err(|_| wrong())?;
        let time = DateTime::from_secs(time.secs());
        if time.secs() > now.saturating_add(AHEAD_S) {
            return Err(format!("{:.40} has not come", self.time));
        }
        let name = time.fmt(DateTimeFormat::DateTime).map_err(|_| wrong())?;
        Ok(Run { name, before: time.secs().saturating_sub(UNTOUCHED.as_secs().cast_signed()) })
    }

    /// Items of one page.
    #[must_use]
    pub fn page(&self) -> i32 {
        self.page.unwrap_or(PAGE).clamp(1, 1_000).into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000; // 2027-01-15 08:00 UTC

    fn tick(time: &str) -> Tick {
        serde_json::from_value(serde_json::json!({ "time": time })).unwrap()
    }

    #[test]
    fn a_run_is_named_by_its_time_however_that_is_written() {
        let names: Vec<_> = ["2027-01-15T03:00:00Z", "2027-01-15T04:00:00+01:00", "2027-01-15T03:00:00.250Z"]
            .map(|time| tick(time).run(NOW).unwrap())
            .into();
        assert!(names.iter().all(|run| *run == names[0]), "{names:?}");
        assert_eq!(names[0].name, "2027-01-15T03:00:00Z");
        assert_eq!(names[0].before, NOW - 5 * 3_600 - 30 * 86_400);
    }

    #[test]
    fn what_is_no_time_or_has_not_come_sweeps_nothing() {
        let wrong =
            ["", "tomorrow", "<aws.scheduler.scheduled-time>", "2027-13-01T00:00:00Z", "2027-01-15T08:05:01Z", "1"];
        for time in wrong {
            assert!(tick(time).run(NOW).is_err(), "{time}");
        }
        assert!(tick("2027-01-15T08:05:00Z").run(NOW).is_ok(), "clocks differ a little");
    }

    #[test]
    fn the_samples_are_runs() {
        for sample in [include_str!("../events/night.json"), include_str!("../events/dry-run.json")] {
            serde_json::from_str::<Tick>(sample).unwrap().run(NOW).unwrap();
        }
    }

    proptest! {
        #[test]
        fn no_time_is_a_panic_or_sweeps_what_is_young(time in "\\PC{0,40}|[0-9T:.Z+-]{0,30}", now in any::<i64>()) {
            if let Ok(run) = tick(&time).run(now) {
                prop_assert!(run.before <= now.saturating_add(AHEAD_S));
                prop_assert_eq!(tick(&run.name).run(now).unwrap(), run);
            }
        }

        #[test]
        fn no_payload_is_a_panic(text in "\\PC{0,80}|\\{\"time\": ?\"\\PC{0,20}\"(, \"pages?\": -?[0-9]{1,12})?\\}") {
            if let Ok(tick) = serde_json::from_str::<Tick>(&text) {
                prop_assert!((1..=1_000).contains(&tick.page()));
                let _ = tick.run(NOW);
            }
        }
    }
}
