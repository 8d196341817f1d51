//! The drafts, page by page: those that nobody has touched for a month go, and none that somebody touches meanwhile.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;

use crate::Fault;
use crate::runs::{Held, Progress, number, text};

/// `status` is a word of the database's own, so that it cannot stand in an expression by itself.
const OLD: &str = "#status = :draft AND touched < :before";
/// What a page and remembering it may take at most; with less than that left none is begun.
const RESERVE: Duration = Duration::from_secs(10);

/// The table of drafts and what is old in it.
#[derive(Debug)]
pub struct Drafts<'a> {
    /// How the table is reached.
    pub client: &'a Client,
    /// Its name.
    pub table: &'a str,
    /// Drafts last touched before this second since 1970 are old.
    pub before: i64,
    /// Items a page has.
    pub page: i32,
}

/// How long an invocation may go on.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// When Lambda ends it.
    pub deadline: SystemTime,
    /// Pages it works off at most.
    pub pages: u32,
}

impl Limit {
    /// Whether there is no time for another page at `now`, with `pages` done.
    #[must_use]
    pub fn reached(&self, pages: u32, now: SystemTime) -> bool {
        pages >= self.pages || now + RESERVE > self.deadline
    }
}

impl Drafts<'_> {
    /// Sweeps from where the run stands, and says whether it came to the end of the table. `held`: none for a dry run,
    /// which changes nothing and only counts.
    ///
    /// # Errors
    /// When the table does not answer, or the run is somebody else's by now.
    pub async fn sweep(&self, held: Option<&Held<'_>>, progress: &mut Progress, limit: Limit) -> Result<bool, Fault> {
        let mut pages = 0;
        loop {
            if limit.reached(pages, SystemTime::now()) {
                return Ok(false);
            }
            let (old, last) = self.page(progress.after.as_deref()).await?;
            for draft in &old {
                if held.is_none() || self.gone(draft).await? {
                    progress.swept += 1;
                }
            }
            pages += 1;
            progress.after = last;
            if progress.after.is_none() {
                return Ok(true);
            }
            if let Some(held) = held {
                held.keep(progress).await?;
            }
        }
    }

    /// The old drafts of one page, and what it ended with; none at the end of the table.
    async fn page(&self, after: Option<&str>) -> Result<(Vec<String>, Option<String>), Fault> {
        let page = self
            .client
            .scan()
            .table_name(self.table)
            .limit(self.page)
            .set_exclusive_start_key(after.map(|id| [("id".into(), text(id))].into()))
            .filter_expression(OLD)
            .projection_expression("id")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":draft", text("draft"))
            .expression_attribute_values(":before", number(self.before))
            .send()
            .await?;
        let id = |item: &std::collections::HashMap<String, _>| {
            item.get("id").and_then(|id: &aws_sdk_dynamodb::types::AttributeValue| id.as_s().ok()).cloned()
        };
        let old = page.items().iter().filter_map(id).collect();
        Ok((old, page.last_evaluated_key().and_then(id)))
    }

    /// Deletes one draft, unless somebody touched it since it was read; whether it is gone by this.
    async fn gone(&self, draft: &str) -> Result<bool, Fault> {
        let deleted = self
            .client
            .delete_item()
            .table_name(self.table)
            .key("id", text(draft))
            .condition_expression(OLD)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":draft", text("draft"))
            .expression_attribute_values(":before", number(self.before))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(error.into()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_is_begun_that_could_not_be_remembered() {
        let now = SystemTime::now();
        let limit = Limit { deadline: now + Duration::from_mins(1), pages: 3 };
        assert!(!limit.reached(0, now));
        assert!(!limit.reached(2, now + Duration::from_secs(50)));
        assert!(limit.reached(2, now + Duration::from_secs(51)));
        assert!(limit.reached(3, now));
        assert!(limit.reached(0, now + Duration::from_hours(1)));
    }
}
