//! The table of runs: one item a scheduled time, which says who works on it, how far it is, and when it is done.
//!
//! A run belongs to whoever wrote the lease, until that invocation must have ended. Every later write is conditional on
//! it, so that an invocation that lost its run can neither end it nor set it back.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::Fault;

/// How long a run that is over is remembered, and with it that it must not happen again.
const REMEMBERED_S: i64 = 90 * 86_400;

/// How far a run is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// The last draft that was looked at; none at the beginning.
    pub after: Option<String>,
    /// How many drafts are gone.
    pub swept: u64,
}

/// Whose a run is.
#[derive(Debug, Eq, PartialEq)]
pub enum Claim {
    /// This invocation's, from here.
    Mine(Progress),
    /// Nobody's any more: it is done.
    Done(Progress),
    /// Another invocation's, that still runs.
    Elsewhere(Progress),
}

/// One run of the table, held by one invocation.
#[derive(Debug)]
pub struct Held<'a> {
    client: &'a Client,
    table: &'a str,
    run: &'a str,
    lease: i64,
}

/// Takes the run `run` over, until `lease`, milliseconds since 1970; `now` is the same.
///
/// # Errors
/// When the table does not answer.
pub async fn claim<'a>(
    client: &'a Client,
    table: &'a str,
    run: &'a str,
    now: i64,
    lease: i64,
) -> Result<(Held<'a>, Claim), Fault> {
    let held = Held { client, table, run, lease };
    let forgotten = now / 1_000 + REMEMBERED_S;
    let asked = held
        .update("SET #state = :running, #lease = :until, #forgotten = :forgotten")
        .condition_expression("attribute_not_exists(#time) OR (#state = :running AND #lease < :now)")
        .expression_attribute_names("#time", "time")
        .expression_attribute_names("#state", "state")
        .expression_attribute_names("#forgotten", "forgotten")
        .expression_attribute_values(":running", text("running"))
        .expression_attribute_values(":until", number(lease))
        .expression_attribute_values(":forgotten", number(forgotten))
        .expression_attribute_values(":now", number(now))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let claim = match asked.send().await {
        Ok(answer) => Claim::Mine(progress(answer.attributes())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(lost)) => lost_to(lost.item()),
            _ => return Err(error.into()),
        },
    };
    Ok((held, claim))
}

impl Held<'_> {
    /// Remembers how far the run is.
    ///
    /// # Errors
    /// When the run is somebody else's by now, or the table does not answer.
    pub async fn keep(&self, progress: &Progress) -> Result<(), Fault> {
        let update = self.update("SET #after = :after, #swept = :swept");
        self.own(update.set_expression_attribute_values(Some(values(progress)))).await
    }

    /// Ends the run for good.
    ///
    /// # Errors
    /// As those of [`Held::keep`].
    pub async fn done(&self, progress: &Progress) -> Result<(), Fault> {
        let update = self
            .update("SET #state = :done, #swept = :swept REMOVE #after")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":done", text("done"))
            .expression_attribute_values(":swept", number(progress.swept));
        self.own(update).await
    }

    /// Lets whoever comes next go on.
    ///
    /// # Errors
    /// As those of [`Held::keep`].
    pub async fn leave(&self) -> Result<(), Fault> {
        self.own(self.update("SET #lease = :never").expression_attribute_values(":never", number(0))).await
    }

    fn update(&self, expression: &str) -> UpdateItemFluentBuilder {
        let mut update = self.client.update_item().table_name(self.table).key("time", text(self.run));
        for name in ["after", "swept", "lease"] {
            if expression.contains(&format!("#{name}")) {
                update = update.expression_attribute_names(format!("#{name}"), name);
            }
        }
        update.update_expression(expression)
    }

    /// The update, if the run is still this invocation's.
    async fn own(&self, update: UpdateItemFluentBuilder) -> Result<(), Fault> {
        let update = update
            .condition_expression("#lease = :mine")
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_values(":mine", number(self.lease));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Err(Fault::Lost),
                _ => Err(error.into()),
            },
        }
    }
}

fn lost_to(item: Option<&HashMap<String, AttributeValue>>) -> Claim {
    let state = item.and_then(|item| item.get("state")).and_then(|state| state.as_s().ok());
    let progress = progress(item);
    if state.is_some_and(|state| state == "done") { Claim::Done(progress) } else { Claim::Elsewhere(progress) }
}

fn progress(item: Option<&HashMap<String, AttributeValue>>) -> Progress {
    let of = |name| item.and_then(|item| item.get(name));
    Progress {
        after: of("after").and_then(|after| after.as_s().ok()).cloned(),
        swept: of("swept").and_then(|swept| swept.as_n().ok()).and_then(|swept| swept.parse().ok()).unwrap_or(0),
    }
}

fn values(progress: &Progress) -> HashMap<String, AttributeValue> {
    let after = progress.after.as_deref().unwrap_or_default();
    HashMap::from([(":after".into(), text(after)), (":swept".into(), number(progress.swept))])
}

/// A value of the type text.
pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A value of the type number.
pub fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(format!("{value}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_that_is_done_is_not_one_that_somebody_works_on() {
        let item = HashMap::from([("state".into(), text("done")), ("swept".into(), number(7))]);
        assert_eq!(lost_to(Some(&item)), Claim::Done(Progress { after: None, swept: 7 }));
        let item = HashMap::from([("state".into(), text("running")), ("after".into(), text("d-9"))]);
        assert_eq!(lost_to(Some(&item)), Claim::Elsewhere(Progress { after: Some("d-9".into()), swept: 0 }));
        assert_eq!(lost_to(None), Claim::Elsewhere(Progress::default()));
    }

    fn value() -> impl Strategy<Value = AttributeValue> {
        prop_oneof![
            "\\PC{0,20}".prop_map(AttributeValue::S),
            "-?[0-9]{0,30}(\\.[0-9]+)?|\\PC{0,5}".prop_map(AttributeValue::N),
            any::<bool>().prop_map(AttributeValue::Null),
        ]
    }

    proptest! {
        #[test]
        fn whatever_stands_in_the_table_is_read(
            item in prop::collection::hash_map("state|after|swept|lease|[a-z]{1,5}", value(), 0..6),
        ) {
            let _ = lost_to(Some(&item));
        }
    }
}
