//! Who may approve, and how much: a table that a directory of people is copied into, minutes late.

use std::collections::HashMap;
use std::fmt::Debug;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::decide::Approver;
use crate::fault::Fault;

/// What the database says while it is busy or restarts; everything else it refuses it refuses again.
const PASSING: [&str; 6] = [
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionInProgressException",
];

/// The approver of that name.
///
/// # Errors
/// [`Fault::ApproverUnknown`] or [`Fault::DirectoryUnavailable`] where another try may help, else [`Fault::Broken`].
pub async fn approver(client: &Client, table: &str, name: &str) -> Result<Approver, Fault> {
    let key = AttributeValue::S(name.trim().to_lowercase());
    let found = client.get_item().table_name(table).key("name", key).consistent_read(true).send().await;
    let found = found.map_err(unanswered)?;
    let item = found.item.ok_or_else(|| Fault::ApproverUnknown(format!("nobody is called `{name}` yet")))?;
    read(&item).ok_or_else(|| Fault::Broken(format!("the directory's entry of `{name}` lacks limit_cents or active")))
}

fn read(item: &HashMap<String, AttributeValue>) -> Option<Approver> {
    let limit_cents = item.get("limit_cents")?.as_n().ok()?.parse().ok()?;
    Some(Approver { limit_cents, active: *item.get("active")?.as_bool().ok()? })
}

fn unanswered<E, R>(error: SdkError<E, R>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: Debug + 'static,
{
    let refused = matches!(&error, SdkError::ServiceError(said) if !said.err().code().is_some_and(passing))
        || matches!(error, SdkError::ConstructionFailure(_));
    let why = DisplayErrorContext(error).to_string();
    if refused { Fault::Broken(why) } else { Fault::DirectoryUnavailable(why) }
}

fn passing(code: &str) -> bool {
    PASSING.contains(&code)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use proptest::prelude::*;

    use super::*;

    fn refused(code: &str) -> Fault {
        let said = GetItemError::generic(ErrorMetadata::builder().code(code).message("no").build());
        unanswered(SdkError::service_error(said, ()))
    }

    #[test]
    fn what_passes_is_tried_again_and_what_stays_is_not() {
        assert!(matches!(refused("ThrottlingException"), Fault::DirectoryUnavailable(_)));
        assert!(matches!(refused("ProvisionedThroughputExceededException"), Fault::DirectoryUnavailable(_)));
        for code in ["AccessDeniedException", "ResourceNotFoundException", "ValidationException", ""] {
            assert!(matches!(refused(code), Fault::Broken(_)), "{code}");
        }
        let late: SdkError<GetItemError, ()> = SdkError::timeout_error("too late");
        assert!(matches!(unanswered(late), Fault::DirectoryUnavailable(_)));
        let never: SdkError<GetItemError, ()> = SdkError::construction_failure("no region");
        assert!(matches!(unanswered(never), Fault::Broken(_)));
    }

    #[test]
    fn an_entry_has_a_limit_and_a_state() {
        let item = |limit: AttributeValue| {
            HashMap::from([("limit_cents".into(), limit), ("active".into(), AttributeValue::Bool(true))])
        };
        let read_as = |limit| read(&item(limit)).map(|approver| approver.limit_cents);
        assert_eq!(read_as(AttributeValue::N("500".into())), Some(500));
        for wrong in [AttributeValue::N("-1".into()), AttributeValue::N("1e3".into()), AttributeValue::S("500".into())]
        {
            assert_eq!(read_as(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_the_table_is_read_or_broken(limit in "\\PC{0,30}|-?[0-9]{1,30}", active in any::<bool>()) {
            let item = [("limit_cents".into(), AttributeValue::N(limit)), ("active".into(), AttributeValue::Bool(active))];
            if let Some(found) = read(&item.into()) {
                prop_assert_eq!(found.active, active);
            }
        }
    }
}
