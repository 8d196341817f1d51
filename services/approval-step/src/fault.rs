//! Why there is no decision. The names are a contract: the state machine's `Retry` and `Catch` match on them, and they
//! stand in `infra/machine.tf`.

use std::fmt;

use lambda_runtime::Diagnostic;

/// No decision. Step Functions sees the variant's name as the error, and the words in its cause.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The request makes no sense: asking again would not help.
    InvalidRequest(String),
    /// The directory does not know the approver, perhaps not yet: worth another try.
    ApproverUnknown(String),
    /// The directory did not answer: worth another try.
    DirectoryUnavailable(String),
    /// The directory is not as it should be: a person must look.
    Broken(String),
}

impl Fault {
    /// What the state machine matches on.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::ApproverUnknown(_) => "ApproverUnknown",
            Self::DirectoryUnavailable(_) => "DirectoryUnavailable",
            Self::Broken(_) => "Broken",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRequest(why)
            | Self::ApproverUnknown(why)
            | Self::DirectoryUnavailable(why)
            | Self::Broken(why) => to.write_str(why),
        }
    }
}

impl From<Fault> for Diagnostic {
    fn from(fault: Fault) -> Self {
        Self { error_type: fault.name().into(), error_message: fault.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_knows_every_name() {
        let machine = include_str!("../infra/machine.tf");
        let faults = [Fault::InvalidRequest, Fault::ApproverUnknown, Fault::DirectoryUnavailable, Fault::Broken];
        for fault in faults {
            let diagnostic = Diagnostic::from(fault("why".into()));
            assert!(machine.contains(&format!("\"{}\"", diagnostic.error_type)), "{}", diagnostic.error_type);
            assert_eq!(diagnostic.error_message, "why");
        }
        assert!(machine.contains(&format!("\"{}\"", rust_shared::events::NO_SUCH_EVENT)));
    }
}
