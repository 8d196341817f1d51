//! The store in DynamoDB. Names of attributes are always written as `#name`: whether one is among DynamoDB's 573
//! reserved words is then nobody's question.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
    error::ConditionalCheckFailedException as Refused,
};

use crate::cursor::Cursor;
use crate::store::{Changed, Created, Fault, Only, Page, Store};
use crate::todo::{Id, Todo, Wanted};

type Item = HashMap<String, AttributeValue>;

/// Everything a to-do is made of; the fingerprint of the wish it came from is nobody's but the store's.
const ATTRIBUTES: [&str; 7] = ["id", "title", "notes", "done", "version", "created_at", "updated_at"];
const FINGERPRINT: &str = "fingerprint";

/// One table, with the client that the whole environment shares.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    client: &'a Client,
    name: &'a str,
}

impl<'a> Table<'a> {
    /// The table with this name.
    pub fn new(client: &'a Client, name: &'a str) -> Self {
        Self { client, name }
    }
}

impl Store for Table<'_> {
    async fn create(&self, todo: &Todo, fingerprint: Option<&str>) -> Result<Created, Fault> {
        let put = self.client.put_item().table_name(self.name).set_item(Some(item(todo, fingerprint)));
        let put = put.condition_expression("attribute_not_exists(#id)").expression_attribute_names("#id", "id");
        match put.return_values_on_condition_check_failure(OnFailure::AllOld).send().await {
            Ok(_) => Ok(Created::New),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    let item = refused.item().ok_or(Fault::Broken)?;
                    let before = todo_of(item).ok_or(Fault::Broken)?;
                    // A retry meets what the first attempt wrote when only its answer was lost.
                    let ours = before == *todo;
                    let print = text(item, FINGERPRINT).map(Into::into);
                    Ok(if ours { Created::New } else { Created::Before(before, print) })
                }
                _ => Err(fault(&error)),
            },
        }
    }

    async fn get(&self, id: Id) -> Result<Option<Todo>, Fault> {
        let get = self.client.get_item().table_name(self.name).key("id", name_of(id));
        // Consistent: whoever has just created one finds it.
        let answer = get.consistent_read(true).send().await.map_err(|error| fault(&error))?;
        answer.item().map(|item| todo_of(item).ok_or(Fault::Broken)).transpose()
    }

    async fn replace(&self, id: Id, wanted: Wanted, only: &Only, now: &str) -> Result<Changed<Todo>, Fault> {
        let todo = Todo::new(id, wanted, now);
        let (set, remove) = match &todo.notes {
            Some(_) => (", #notes = :notes", ""),
            None => ("", " REMOVE #notes"),
        };
        let change =
            format!("SET #title = :title, #done = :done, #updated_at = :now, #version = #version + :one{set}{remove}");
        let condition = Condition::of(only);
        let update = self.client.update_item().table_name(self.name).key("id", name_of(id));
        let update = update.update_expression(change).condition_expression(condition.expression);
        let update = ["id", "title", "done", "updated_at", "version", "notes"]
            .into_iter()
            .fold(update, |update, name| update.expression_attribute_names(format!("#{name}"), name));
        let values = [
            (":title", AttributeValue::S(todo.title.clone())),
            (":done", AttributeValue::Bool(todo.done)),
            (":now", AttributeValue::S(now.into())),
            (":one", AttributeValue::N("1".into())),
        ];
        let notes = todo.notes.clone().map(|notes| (":notes", AttributeValue::S(notes)));
        let values = values.into_iter().chain(notes);
        let values = values.map(|(name, value)| (name.to_owned(), value)).chain(condition.values);
        let update = update.set_expression_attribute_values(Some(values.collect()));
        let update = update.return_values(ReturnValue::AllNew);
        match update.return_values_on_condition_check_failure(OnFailure::AllOld).send().await {
            Ok(answer) => answer.attributes().and_then(todo_of).map(Changed::Made).ok_or(Fault::Broken),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    match refused.item().and_then(todo_of) {
                        Some(there) if says_the_same(&there, &todo) => Ok(Changed::Made(there)),
                        _ => not_changed(refused),
                    }
                }
                _ => Err(fault(&error)),
            },
        }
    }

    async fn delete(&self, id: Id, only: &Only) -> Result<Changed<()>, Fault> {
        let condition = Condition::of(only);
        let delete = self.client.delete_item().table_name(self.name).key("id", name_of(id));
        let delete = delete.expression_attribute_names("#id", "id").condition_expression(condition.expression);
        let delete = if condition.values.is_empty() {
            delete
        } else {
            // A name that no expression has would be refused, and so would an empty set of values.
            let values = condition.values.into_iter().collect();
            delete.expression_attribute_names("#version", "version").set_expression_attribute_values(Some(values))
        };
        match delete.return_values_on_condition_check_failure(OnFailure::AllOld).send().await {
            Ok(_) => Ok(Changed::Made(())),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(refused)) => not_changed(refused),
                _ => Err(fault(&error)),
            },
        }
    }

    async fn page(&self, limit: u8, after: Option<Cursor>) -> Result<Page, Fault> {
        let scan = self.client.scan().table_name(self.name).limit(limit.into());
        let scan = scan.projection_expression(ATTRIBUTES.map(|name| format!("#{name}")).join(", "));
        let scan =
            ATTRIBUTES.into_iter().fold(scan, |scan, name| scan.expression_attribute_names(format!("#{name}"), name));
        let start = after.map(|Cursor(id)| Item::from([("id".to_owned(), name_of(id))]));
        let answer = scan.set_exclusive_start_key(start).send().await.map_err(|error| fault(&error))?;
        let next = match answer.last_evaluated_key() {
            Some(key) => Some(Cursor(text(key, "id").and_then(|id| id.parse().ok()).ok_or(Fault::Broken)?)),
            None => None,
        };
        // One item that somebody else spoilt must not take the whole list away.
        let (todos, spoilt): (Vec<_>, Vec<_>) = answer.items().iter().map(todo_of).partition(Option::is_some);
        if !spoilt.is_empty() {
            tracing::error!(items = spoilt.len(), "items of the table are no to-dos");
        }
        Ok(Page { todos: todos.into_iter().flatten().collect(), next })
    }
}

/// A condition on what is there: its existence, and its version where a caller named some.
struct Condition {
    expression: String,
    values: Vec<(String, AttributeValue)>,
}

impl Condition {
    fn of(only: &Only) -> Self {
        let Only::Versions(versions) = only else {
            return Self { expression: "attribute_exists(#id)".into(), values: vec![] };
        };
        // Versions begin with 1: where none fits, 0 is asked for.
        let versions = if versions.is_empty() { &[0][..] } else { versions };
        let named = versions.iter().enumerate();
        let values: Vec<_> =
            named.map(|(place, version)| (format!(":v{place}"), AttributeValue::N(version.to_string()))).collect();
        let one_of: Vec<_> = values.iter().map(|(value, _)| value.as_str()).collect();
        Self { expression: format!("attribute_exists(#id) AND #version IN ({})", one_of.join(", ")), values }
    }
}

/// A condition fails where there is no item, and where there is one with another version.
fn not_changed<T>(refused: &Refused) -> Result<Changed<T>, Fault> {
    match refused.item() {
        None => Ok(Changed::Missing),
        Some(item) => number(item, "version").map(Changed::Stale).ok_or(Fault::Broken),
    }
}

/// Whether a change that is refused has been made already: a retry meets what the first attempt wrote when only its
/// answer was lost. Whoever else wrote the same at the same millisecond wanted the same.
fn says_the_same(there: &Todo, wanted: &Todo) -> bool {
    let Todo { title, notes, done, updated_at, .. } = there;
    (title, notes, done, updated_at) == (&wanted.title, &wanted.notes, &wanted.done, &wanted.updated_at)
}

fn name_of(id: Id) -> AttributeValue {
    AttributeValue::S(id.to_string())
}

fn item(todo: &Todo, fingerprint: Option<&str>) -> Item {
    let notes = todo.notes.clone().map(|notes| ("notes", AttributeValue::S(notes)));
    let print = fingerprint.map(|print| (FINGERPRINT, AttributeValue::S(print.into())));
    let fields = [
        ("id", name_of(todo.id)),
        ("title", AttributeValue::S(todo.title.clone())),
        ("done", AttributeValue::Bool(todo.done)),
        ("version", AttributeValue::N(todo.version.to_string())),
        ("created_at", AttributeValue::S(todo.created_at.clone())),
        ("updated_at", AttributeValue::S(todo.updated_at.clone())),
    ];
    fields.into_iter().chain(notes).chain(print).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// None where an attribute is missing or of another type: that item is none of ours.
fn todo_of(item: &Item) -> Option<Todo> {
    Some(Todo {
        id: text(item, "id")?.parse().ok()?,
        title: text(item, "title")?.into(),
        notes: text(item, "notes").map(Into::into),
        done: *item.get("done")?.as_bool().ok()?,
        version: number(item, "version")?,
        created_at: text(item, "created_at")?.into(),
        updated_at: text(item, "updated_at")?.into(),
    })
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    Some(item.get(name)?.as_s().ok()?)
}

fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// What a failed call means for whoever asked; the cause goes into the log, where it stays.
fn fault<E>(error: &SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let fault = match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => Fault::Down,
        SdkError::ServiceError(answer) => answered(answer.err().code(), answer.raw().status().as_u16()),
        _ => Fault::Broken,
    };
    tracing::error!(error = %DisplayErrorContext(error), "{fault}");
    fault
}

fn answered(code: Option<&str>, status: u16) -> Fault {
    match code {
        Some("ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "ThrottlingException") => Fault::Busy,
        _ if status >= 500 => Fault::Down,
        _ => Fault::Broken,
    }
}

#[cfg(test)]
mod tests;
