//! The rows of a DynamoDB table, by a scan.

use std::collections::HashMap;
use std::time::SystemTime;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::Error;

use crate::export::{COLUMNS, Pages, Row};

/// Items of a page at most; DynamoDB ends one at 1 MB too. Small, so that the first rows are out soon.
const PAGE: i32 = 250;

type Item = HashMap<String, AttributeValue>;

/// A scan that goes on where its last page ended.
pub struct Scan {
    scan: ScanFluentBuilder,
    from: From,
}

enum From {
    Start,
    Key(Item),
    End,
}

impl Scan {
    /// Of a whole table; nothing is read yet.
    pub fn of(client: &Client, table: &str) -> Self {
        let scan = client.scan().table_name(table).limit(PAGE);
        let scan = scan.projection_expression(COLUMNS.map(|name| format!("#{name}")).join(", "));
        let named = |scan: ScanFluentBuilder, name| scan.expression_attribute_names(format!("#{name}"), name);
        Self { scan: COLUMNS.into_iter().fold(scan, named), from: From::Start }
    }
}

impl Pages for Scan {
    async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
        let from = match &self.from {
            From::Start => None,
            From::Key(key) => Some(key.clone()),
            From::End => return Ok(None),
        };
        let answer = self.scan.clone().set_exclusive_start_key(from).send().await.map_err(|error| {
            // The cause is for the log; whoever downloads learns only that the file is not whole.
            tracing::error!(error = %DisplayErrorContext(&error), "the table cannot be read");
            "the table cannot be read"
        })?;
        self.from = answer.last_evaluated_key.map_or(From::End, From::Key);
        Ok(Some(answer.items.unwrap_or_default().into_iter().map(row).collect()))
    }
}

fn row(mut item: Item) -> Row {
    COLUMNS.map(|name| match item.remove(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text,
        Some(AttributeValue::Bool(yes)) => yes.to_string(),
        _ => String::new(),
    })
}

/// Today, as in `2026-01-31`, UTC.
pub fn today() -> String {
    let now = DateTime::from(SystemTime::now()).fmt(DateTimeFormat::DateTimeWithOffset).unwrap_or_default();
    now.chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = AttributeValue> {
        prop_oneof![
            any::<String>().prop_map(AttributeValue::S),
            any::<String>().prop_map(AttributeValue::N),
            any::<bool>().prop_map(AttributeValue::Bool),
            Just(AttributeValue::Null(true)),
            Just(AttributeValue::L(vec![])),
        ]
    }

    #[test]
    fn a_row_has_a_cell_a_column() {
        let item = [
            ("version", AttributeValue::N("3".into())),
            ("done", AttributeValue::Bool(true)),
            ("title", AttributeValue::S("Buy milk".into())),
            ("notes", AttributeValue::Null(true)),
            ("other", AttributeValue::S("not asked for".into())),
        ];
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(row(item), ["", "Buy milk", "", "true", "3", "", ""]);
    }

    #[test]
    fn a_day_has_ten_characters() {
        let day = today();
        assert!(
            day.len() == 10 && day.starts_with("20") && day.chars().filter(|each| *each == '-').count() == 2,
            "{day}"
        );
    }

    proptest! {
        #[test]
        fn any_item_is_a_row(item in proptest::collection::hash_map("[a-z_]{1,10}", value(), 0..9)) {
            prop_assert_eq!(row(item).len(), COLUMNS.len());
        }
    }
}
