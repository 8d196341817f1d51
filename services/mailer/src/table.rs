//! Keys in a `DynamoDB` table, which forgets them by its TTL.

use std::collections::HashMap;
use std::error::Error;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use crate::once::{Claim, Keys};

/// How long a key is remembered: longer than a message can be on its way, 4 days in the queue and 14 in the
/// dead-letter queue it is sent back from. `DynamoDB` deletes some days late, which does no harm.
const KEPT_S: u64 = 30 * 24 * 3600;

/// The table.
pub struct Table {
    /// The client, made once an environment.
    pub client: Client,
    /// The table's name.
    pub name: String,
}

impl Keys for Table {
    async fn claim(&self, key: &str, owner: &str, now: u64, until: u64) -> Result<Claim, Box<dyn Error + Send + Sync>> {
        let written = self
            .client
            .put_item()
            .table_name(&self.name)
            .item("id", text(key))
            .item("state", text("claimed"))
            .item("owner", text(owner))
            .item("until", number(until))
            .item("expires", number(now + KEPT_S))
            .condition_expression("attribute_not_exists(#id) OR (#state = :claimed AND #until < :now)")
            .expression_attribute_names("#id", "id")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":claimed", text("claimed"))
            .expression_attribute_values(":now", number(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = written else { return Ok(Claim::Ours) };
        let failed = error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception);
        if !failed {
            return Err(DisplayErrorContext(error).to_string().into());
        }
        let old = match error.into_service_error() {
            PutItemError::ConditionalCheckFailedException(old) => old.item.unwrap_or_default(),
            _ => HashMap::new(),
        };
        Ok(match (old.get("state"), old.get("owner")) {
            (Some(state), _) if *state == text("done") => Claim::Done,
            // The client asked twice because the first answer was lost.
            (_, Some(holder)) if *holder == text(owner) => Claim::Ours,
            _ => Claim::Busy,
        })
    }

    async fn done(&self, key: &str, owner: &str, now: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.client
            .update_item()
            .table_name(&self.name)
            .key("id", text(key))
            .update_expression("SET #state = :done, #expires = :expires REMOVE #owner, #until")
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":done", text("done"))
            .expression_attribute_values(":expires", number(now + KEPT_S))
            .expression_attribute_values(":owner", text(owner))
            .send()
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        Ok(())
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
