//! An HTTP API's event, as it is and with one member that is something else.

use proptest::prelude::*;
use serde_json::Value;

pub const EVENT: &str = include_str!("event.json");

/// The event without one of its members, or with anything in its place.
pub fn odd() -> impl Strategy<Value = String> {
    (0_usize..16, ".{0,9}|[0-9]{1,20}|null|\\[\\]|\\{\\}", any::<bool>()).prop_map(|(member, put, cut)| {
        let mut whole: Value = serde_json::from_str(EVENT).unwrap();
        let members = whole.as_object_mut().unwrap();
        let name = members.keys().nth(member % members.len()).cloned().unwrap();
        let value = serde_json::from_str(&put).unwrap_or(Value::String(put));
        if cut {
            members.remove(&name)
        } else {
            members.insert(name, value)
        };
        whole.to_string()
    })
}
