//! A to-do, and what a caller may say about one. What is wrong with a field is said where it is read: a value of
//! these types is always fit to be stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Characters of a title at most, after white space around it is gone.
pub const TITLE_CHARACTERS: usize = 200;
/// Characters of notes at most.
pub const NOTES_CHARACTERS: usize = 4_000;

/// What names a to-do: 128 bits, as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u128);

impl Id {
    /// A new one from the system's random numbers, which the instances of a function do not share.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::getrandom(&mut bytes)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }

    /// The one of a caller's idempotency key: the same key names the same to-do, so that the condition "not there yet"
    /// is all it takes to create it once.
    pub fn of_key(key: &str) -> Self {
        Self(digest(&["todos", key]))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

/// Another spelling of an id would be another address of the same thing, so there is just one.
impl FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let id = u128::from_str_radix(text, 16).map(Self).map_err(|_| ())?;
        if id.to_string() == text { Ok(id) } else { Err(()) }
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One line that says something: trimmed, not empty, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Title(String);

impl Title {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Title {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("must not be empty".into());
        }
        if text.chars().any(char::is_control) {
            return Err("must be one line without control characters".into());
        }
        at_most(TITLE_CHARACTERS, text)?;
        Ok(Self(text.into()))
    }
}

/// Any text of some length; of the control characters only those that lay it out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Notes(String);

impl Notes {
    /// Their text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Notes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.chars().any(|character| character.is_control() && !"\n\r\t".contains(character)) {
            return Err("must not have control characters besides tab and new line".into());
        }
        at_most(NOTES_CHARACTERS, &text)?;
        Ok(Self(text))
    }
}

fn at_most(limit: usize, text: &str) -> Result<(), String> {
    match text.chars().count() {
        count if count > limit => Err(format!("has {count} characters, at most {limit} are allowed")),
        _ => Ok(()),
    }
}

/// What a caller sends to create a to-do or to replace one. A field that is not known is refused: a misspelled one
/// would otherwise be lost in silence.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// What is to be done.
    pub title: Title,
    /// More about it.
    #[serde(default)]
    pub notes: Option<Notes>,
    /// Whether it is done.
    #[serde(default)]
    pub done: bool,
}

impl Wanted {
    /// Tells one wish from another: whether a key that comes again asks for the same.
    pub fn fingerprint(&self) -> String {
        let notes = self.notes.as_ref().map(Notes::as_str);
        let known = if notes.is_some() { "notes" } else { "" };
        let done = if self.done { "done" } else { "" };
        format!("{:032x}", digest(&[self.title.as_str(), known, notes.unwrap_or_default(), done]))
    }
}

/// A to-do as it is stored and answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Todo {
    /// Its name.
    pub id: Id,
    /// What is to be done.
    pub title: String,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Whether it is done.
    pub done: bool,
    /// 1, and one more with every change: what `ETag` says.
    pub version: u64,
    /// When it was created, RFC 3339, UTC.
    pub created_at: String,
    /// When it was changed last.
    pub updated_at: String,
}

impl Todo {
    /// A first version.
    pub fn new(id: Id, wanted: Wanted, now: &str) -> Self {
        Self {
            id,
            title: wanted.title.0,
            notes: wanted.notes.map(|notes| notes.0),
            done: wanted.done,
            version: 1,
            created_at: now.into(),
            updated_at: now.into(),
        }
    }
}

/// 128 bits of the parts' SHA-256, each with its length before it so that no two lists of parts look the same.
fn digest(parts: &[&str]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(json: &str) -> Result<Wanted, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_title_is_all_it_takes() {
        let read = wanted(r#"{"title": "  Buy milk \n"}"#).unwrap();
        assert_eq!((read.title.as_str(), read.notes, read.done), ("Buy milk", None, false));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let long = |count| format!(r#"{{"title": "{}"}}"#, "ü".repeat(count));
        assert!(wanted(&long(TITLE_CHARACTERS)).is_ok());
        assert!(wanted(&long(TITLE_CHARACTERS + 1)).unwrap_err().contains("has 201 characters, at most 200"));
        let notes = format!(r#"{{"title": "a", "notes": "{}"}}"#, "n".repeat(NOTES_CHARACTERS + 1));
        for (json, said) in [
            (r#"{"title": ""}"#, "must not be empty"),
            (r#"{"title": " \t\u2003"}"#, "must not be empty"),
            (r#"{"title": "a\u0000b"}"#, "without control characters"),
            (r#"{"title": "a\nb"}"#, "must be one line"),
            (r#"{"title": "a", "notes": "\u001b[2J"}"#, "control characters besides tab and new line"),
            (notes.as_str(), "at most 4000"),
            (r#"{"title": "a", "titel": "b"}"#, "unknown field `titel`"),
            (r#"{"title": "a", "id": "0"}"#, "unknown field `id`"),
            (r#"{"title": "a", "title": "b"}"#, "duplicate field"),
            (r#"{"title": 1}"#, "expected a string"),
            (r#"{"title": "a", "done": "yes"}"#, "expected a boolean"),
            (r#"{"title": "\ud800"}"#, "hex escape"),
            ("{}", "missing field `title`"),
        ] {
            let error = wanted(json).unwrap_err();
            assert!(error.contains(said), "{json}: {error}");
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = Id(0xab << 64);
        assert_eq!(id.to_string().parse(), Ok(id));
        for other in ["", "ab", "+0000000000000000000000000000001", &id.to_string().to_uppercase(), &"0".repeat(33)] {
            assert_eq!(other.parse::<Id>(), Err(()), "{other}");
        }
        assert_ne!(Id::random().unwrap(), Id::random().unwrap());
    }

    #[test]
    fn a_fingerprint_tells_wishes_apart() {
        let prints = [
            r#"{"title": "a"}"#,
            r#"{"title": "b"}"#,
            r#"{"title": "a", "done": true}"#,
            r#"{"title": "a", "notes": ""}"#,
            r#"{"title": "a", "notes": "n"}"#,
            r#"{"title": "an"}"#,
        ]
        .map(|json| wanted(json).unwrap().fingerprint());
        for (place, print) in prints.iter().enumerate() {
            assert!(!prints[..place].contains(print));
        }
        assert_eq!(wanted(r#"{"done": false, "title": " a"}"#).unwrap().fingerprint(), prints[0]);
    }

    proptest! {
        #[test]
        fn whatever_is_taken_keeps_the_rules(title in any::<String>(), notes in any::<Option<String>>()) {
            let json = serde_json::json!({"title": title, "notes": notes}).to_string();
            if let Ok(read) = wanted(&json) {
                let title = read.title.as_str();
                prop_assert!(!title.is_empty() && title.trim() == title && title.chars().count() <= TITLE_CHARACTERS);
                prop_assert!(!title.chars().any(char::is_control));
            }
        }

        #[test]
        fn no_text_that_is_no_id_is_taken(text in "[0-9a-fA-F+-]{0,34}") {
            if let Ok(id) = text.parse::<Id>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
