//! The event of Cognito's trigger before tokens are generated, in its second and third form, and the answer to it.
//!
//! The forms are the same but for who signs in: the third comes for machines (client credentials) too, with neither
//! attributes nor groups. Cognito wants its event back with the answer in it, so that everything else of it is kept as
//! it came, whatever it is.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::claims::{Added, added};

/// One request for tokens.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Event {
    asked: Asked,
    whole: Map<String, Value>,
}

/// What is read of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    version: String,
    trigger_source: String,
    user_pool_id: String,
    #[serde(default)]
    caller_context: Caller,
    #[serde(default)]
    request: Request,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Caller {
    #[serde(default, deserialize_with = "or_nothing")]
    client_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default, deserialize_with = "or_nothing")]
    user_attributes: Map<String, Value>,
    #[serde(default, deserialize_with = "or_nothing")]
    group_configuration: Groups,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    #[serde(default, deserialize_with = "or_nothing")]
    groups_to_override: Vec<String>,
}

/// Cognito writes `null` where it has nothing.
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

impl TryFrom<Map<String, Value>> for Event {
    type Error = String;

    fn try_from(whole: Map<String, Value>) -> Result<Self, String> {
        let asked = Asked::deserialize(&Value::Object(whole.clone())).map_err(|error| error.to_string())?;
        match asked.version.as_str() {
            "2" | "3" => Ok(Self { asked, whole }),
            other => Err(format!("an event of version `{other:.20}`: the pool's trigger must have V2_0 or V3_0")),
        }
    }
}

/// What happened, for whoever hears of it: never an address, a name or a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Issued {
    /// Cognito's name of the moment, such as `TokenGeneration_Authentication`.
    pub moment: String,
    /// The pool's id.
    pub user_pool: String,
    /// The app client's id.
    pub client: String,
    /// The person's id in the pool; none of a machine.
    pub subject: Option<String>,
    /// The names of the claims that were added.
    pub claims: Vec<String>,
    /// The scopes that were added.
    pub scopes: Vec<String>,
    /// How many groups could not be used.
    pub left_out: usize,
}

impl Issued {
    /// As the `detail` of an event.
    #[must_use]
    pub fn detail(&self) -> Value {
        json!({
            "moment": self.moment, "userPool": self.user_pool, "client": self.client, "subject": self.subject,
            "claims": self.claims, "scopes": self.scopes, "leftOut": self.left_out,
        })
    }
}

impl Event {
    /// The answer for Cognito, and what there is to tell of it.
    #[must_use]
    pub fn answered(mut self) -> (Value, Issued) {
        let request = &self.asked.request;
        let text = |name: &str| request.user_attributes.get(name).and_then(Value::as_str);
        let email = text("email").filter(|_| text("email_verified") == Some("true"));
        let groups = request.group_configuration.groups_to_override.iter().map(String::as_str);
        let added = added(groups, email);
        let issued = Issued {
            moment: self.asked.trigger_source.clone(),
            user_pool: self.asked.user_pool_id.clone(),
            client: self.asked.caller_context.client_id.clone(),
            subject: text("sub").map(str::to_owned),
            claims: added.claims.keys().cloned().collect(),
            scopes: added.scopes.clone(),
            left_out: added.left_out,
        };
        let groups = self.whole.get("request").and_then(|request| request.get("groupConfiguration"));
        let details = details(added, groups.filter(|groups| !groups.is_null()).cloned());
        self.whole.insert("response".into(), json!({ "claimsAndScopeOverrideDetails": details }));
        (Value::Object(self.whole), issued)
    }
}

/// `groups` go back as they came: without them Cognito would take the person out of all groups.
fn details(added: Added, groups: Option<Value>) -> Value {
    let claims = json!({ "claimsToAddOrOverride": added.claims, "claimsToSuppress": [] });
    let mut access = claims.clone();
    access["scopesToAdd"] = added.scopes.into();
    access["scopesToSuppress"] = json!([]);
    let mut details = json!({ "idTokenGeneration": claims, "accessTokenGeneration": access });
    if let Some(groups) = groups {
        details["groupOverrideDetails"] = groups;
    }
    details
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PERSON: &str = include_str!("../events/person.json");
    const MACHINE: &str = include_str!("../events/machine.json");

    fn answer(text: &str) -> (Value, Issued) {
        serde_json::from_str::<Event>(text).unwrap().answered()
    }

    #[test]
    fn a_persons_tokens_get_claims_and_the_access_token_scopes() {
        let (answer, issued) = answer(PERSON);
        let details = &answer["response"]["claimsAndScopeOverrideDetails"];
        let claims = json!({"email": "ada@example.com", "tenant": "acme"});
        assert_eq!(details["idTokenGeneration"], json!({"claimsToAddOrOverride": claims, "claimsToSuppress": []}));
        assert_eq!(details["accessTokenGeneration"]["claimsToAddOrOverride"], claims);
        assert_eq!(details["accessTokenGeneration"]["scopesToAdd"], json!(["todos/write"]));
        assert_eq!(issued.claims, ["email", "tenant"]);
        assert_eq!(issued.subject.as_deref(), Some("a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"));
    }

    #[test]
    fn the_event_comes_back_as_it_was_with_its_groups() {
        let (answer, _) = answer(PERSON);
        let mut asked: Value = serde_json::from_str(PERSON).unwrap();
        let groups = &asked["request"]["groupConfiguration"];
        assert_eq!(&answer["response"]["claimsAndScopeOverrideDetails"]["groupOverrideDetails"], groups);
        asked["response"] = answer["response"].clone();
        assert_eq!(answer, asked);
    }

    #[test]
    fn a_machine_has_nobodys_claims() {
        let (answer, issued) = answer(MACHINE);
        let details = &answer["response"]["claimsAndScopeOverrideDetails"];
        assert_eq!(details["accessTokenGeneration"]["claimsToAddOrOverride"], json!({}));
        assert_eq!(details.get("groupOverrideDetails"), None);
        assert_eq!((issued.moment.as_str(), issued.subject), ("TokenGeneration_ClientCredentials", None));
    }

    #[test]
    fn an_address_counts_only_when_it_is_verified() {
        for other in [r#""email_verified": "false""#, r#""email_verified": true"#, r#""x": "y""#] {
            let (_, issued) = answer(&PERSON.replace(r#""email_verified": "true""#, other));
            assert_eq!(issued.claims, ["tenant"], "{other}");
        }
    }

    #[test]
    fn what_is_told_has_no_address_and_no_value() {
        let told = answer(PERSON).1.detail().to_string();
        for private in ["ada", "acme", "example.com"] {
            assert!(!told.contains(private), "{told}");
        }
    }

    #[test]
    fn another_form_of_the_event_is_refused_with_what_to_do() {
        let error =
            serde_json::from_str::<Event>(&PERSON.replace(r#""version": "3""#, r#""version": "1""#)).unwrap_err();
        assert!(error.to_string().contains("V2_0 or V3_0"), "{error}");
        for text in ["{}", "[]", "null", "\"\"", r#"{"version": 3}"#] {
            assert!(serde_json::from_str::<Event>(text).is_err(), "{text}");
        }
    }

    /// Any JSON, of which some is close to an event.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,20}|[a-z]{1,5}[=/][a-z]{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,10}|email|sub|groupsToOverride|email_verified", inner, 0..6)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_an_event_or_refused(text in "\\PC{0,200}") {
            if let Ok(event) = serde_json::from_str::<Event>(&text) {
                let _ = event.answered();
            }
        }

        #[test]
        fn whatever_is_in_the_event_it_is_answered_or_refused(
            request in any_json(), groups in any_json(), attributes in any_json(), swapped in 0..4,
        ) {
            let mut event: Value = serde_json::from_str(PERSON).unwrap();
            match swapped {
                0 => event["request"] = request,
                1 => event["request"]["groupConfiguration"] = groups,
                2 => event["request"]["userAttributes"] = attributes,
                _ => event["request"]["groupConfiguration"]["groupsToOverride"] = groups,
            }
            if let Ok(event) = serde_json::from_value::<Event>(event) {
                let (answer, _) = event.answered();
                prop_assert!(answer["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"].is_object());
            }
        }
    }
}
