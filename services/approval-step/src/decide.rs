//! The request, the decision, and the rules between them. Pure: the clock and the approver are given.

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use serde::{Deserialize, Serialize};

/// The longest id or name.
const NAME: usize = 64;
/// A hundred million euros: what is larger is a mistake of whoever asks.
const MOST_CENTS: u64 = 10_000_000_000;

/// Somebody asks that a payment be approved.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The payment's id.
    pub id: String,
    /// How much it is, in cents.
    pub amount_cents: u64,
    /// Who wants it paid.
    pub requested_by: String,
    /// Who says yes.
    pub approver: String,
    /// Until when it may be approved, such as `2027-01-15T03:00:00Z`.
    pub expires: String,
}

/// What the directory knows of an approver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Approver {
    /// How much they may approve at once, in cents.
    pub limit_cents: u64,
    /// Whether they may approve at all at present.
    pub active: bool,
}

/// What the state machine goes on with.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "decision", rename_all = "camelCase")]
pub enum Decision {
    /// It is paid.
    Approved {
        /// The payment's id.
        id: String,
        /// Who said yes.
        approver: String,
    },
    /// It is not paid, and asking again would change nothing.
    Rejected {
        /// The payment's id.
        id: String,
        /// Why.
        reason: Reason,
    },
}

/// Why a payment is not approved. That is an answer, no error.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nobody approves what they asked for themselves.
    OwnRequest,
    /// Its time is over.
    Expired,
    /// The approver may not approve at present.
    Inactive,
    /// The approver may not approve as much.
    OverLimit,
}

/// The request, once it is known to make sense.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checked {
    /// The request.
    pub request: Request,
    expires_s: i64,
}

impl Request {
    /// # Errors
    /// With the field that makes no sense.
    pub fn checked(self) -> Result<Checked, String> {
        let (id, by, approver) = (&self.id, &self.requested_by, &self.approver);
        for (name, value) in [("id", id), ("requestedBy", by), ("approver", approver)] {
            if value.trim().is_empty() || value.len() > NAME || value.chars().any(char::is_control) {
                return Err(format!("{name}: 1 to {NAME} printable characters"));
            }
        }
        if !(1..=MOST_CENTS).contains(&self.amount_cents) {
            return Err(format!("amountCents: 1 to {MOST_CENTS}"));
        }
        let expires = DateTime::from_str(&self.expires, DateTimeFormat::DateTimeWithOffset)
            .map_err(|_| "expires: a time such as 2027-01-15T03:00:00Z")?;
        Ok(Checked { request: self, expires_s: expires.secs() })
    }
}

impl Checked {
    /// The decision, if it needs no look at the approver; `now` in seconds since 1970.
    #[must_use]
    pub fn at_once(&self, now: i64) -> Option<Decision> {
        // Names are compared as people read them: the directory's are lower case.
        if self.request.requested_by.trim().to_lowercase() == self.request.approver.trim().to_lowercase() {
            return Some(self.rejected(Reason::OwnRequest));
        }
        (now >= self.expires_s).then(|| self.rejected(Reason::Expired))
    }

    /// The decision by the approver.
    #[must_use]
    pub fn by(&self, approver: Approver) -> Decision {
        if !approver.active {
            self.rejected(Reason::Inactive)
        } else if self.request.amount_cents > approver.limit_cents {
            self.rejected(Reason::OverLimit)
        } else {
            Decision::Approved { id: self.request.id.clone(), approver: self.request.approver.clone() }
        }
    }

    fn rejected(&self, reason: Reason) -> Decision {
        Decision::Rejected { id: self.request.id.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000; // 2027-01-15 08:00 UTC
    const BOSS: Approver = Approver { limit_cents: 500_000, active: true };

    fn request(change: &Value) -> Value {
        let mut request = json!({
            "id": "p-1", "amountCents": 120_000, "requestedBy": "ada", "approver": "grace", "expires": "2027-01-15T09:00:00Z",
        });
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        request
    }

    fn decided(change: &Value, approver: Approver) -> Value {
        let request: Request = serde_json::from_value(request(change)).unwrap();
        let checked = request.checked().unwrap();
        serde_json::to_value(checked.at_once(NOW).unwrap_or_else(|| checked.by(approver))).unwrap()
    }

    #[test]
    fn a_decision_says_what_and_why() {
        let approved = json!({"decision": "approved", "id": "p-1", "approver": "grace"});
        assert_eq!(decided(&json!({}), BOSS), approved);
        assert_eq!(decided(&json!({"amountCents": 500_000}), BOSS), approved);
        for (change, approver, reason) in [
            (json!({"amountCents": 500_001}), BOSS, "over-limit"),
            (json!({}), Approver { active: false, ..BOSS }, "inactive"),
            (json!({"approver": " Ada"}), BOSS, "own-request"),
            (json!({"expires": "2027-01-15T09:00:00+01:00"}), BOSS, "expired"),
        ] {
            assert_eq!(decided(&change, approver), json!({"decision": "rejected", "id": "p-1", "reason": reason}));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_field() {
        for (change, field) in [
            (json!({"id": ""}), "id"),
            (json!({"id": "x".repeat(65)}), "id"),
            (json!({"approver": "a\nb"}), "approver"),
            (json!({"requestedBy": "  "}), "requestedBy"),
            (json!({"amountCents": 0}), "amountCents"),
            (json!({"amountCents": MOST_CENTS + 1}), "amountCents"),
            (json!({"expires": "soon"}), "expires"),
        ] {
            let request: Request = serde_json::from_value(request(&change)).unwrap();
            let refused = request.checked().unwrap_err();
            assert_eq!(refused.split(':').next(), Some(field));
        }
    }

    #[test]
    fn another_form_is_no_request() {
        for change in
            [json!({"amountCents": -1}), json!({"amountCents": 1.5}), json!({"amount": 3}), json!({"id": null})]
        {
            assert!(serde_json::from_value::<Request>(request(&change)).is_err());
        }
    }

    #[test]
    fn the_samples_are_requests() {
        for sample in [include_str!("../events/own-request.json"), include_str!("../events/payment.json")] {
            serde_json::from_str::<Request>(sample).unwrap().checked().unwrap();
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_nothing_over_the_limit_is_approved(
            id in "\\PC{0,70}", by in "\\PC{0,70}|[aA]da", approver in "\\PC{0,70}|[aA]da ?",
            amount in any::<u64>(), expires in "\\PC{0,30}|20[0-9]{2}-0[1-9]-1[0-9]T0[0-9]:00:00Z",
            limit in any::<u64>(), active in any::<bool>(), now in any::<i64>(),
        ) {
            let asked = Request { id, amount_cents: amount, requested_by: by, approver, expires };
            if let Ok(checked) = asked.clone().checked() {
                let decision = checked.at_once(now).unwrap_or_else(|| checked.by(Approver { limit_cents: limit, active }));
                if matches!(decision, Decision::Approved { .. }) {
                    prop_assert!(active && amount <= limit && amount > 0 && asked.requested_by != asked.approver);
                }
            }
        }

        #[test]
        fn no_input_is_a_panic(text in "\\PC{0,120}|\\{(\"(id|amountCents|approver|expires)\": ?(\"\\PC{0,9}\"|[0-9]{1,25}),?){0,5}\\}") {
            if let Ok(request) = serde_json::from_str::<Request>(&text) {
                let _ = request.checked();
            }
        }
    }
}
