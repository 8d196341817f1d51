//! Where a list goes on. A caller gets it as it is and gives it back as it is.
//!
//! It is signed, so that nobody makes one up: a table is scanned only from where one of its pages ended. The key is in
//! Secrets Manager. While a rotation goes round, instances sign with the new key or the one before it, so both are taken;
//! a cursor is good until the rotation after the next, and rotations are five minutes apart at least.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rust_shared::secrets::{Secret, Value};
use sha2::Sha256;

use crate::store::Fault;
use crate::todo::Id;

/// Characters of a key at least: 32 random bytes in any writing are enough, a word that somebody thought of is not.
const SHORTEST_KEY: usize = 32;
const ID_BYTES: usize = 16;
const TAG_BYTES: usize = 32;
/// What is signed begins with it: a tag made for something else is none of these, and it is the format's version.
const PURPOSE: &[u8] = b"todos cursor 1:";

/// The place behind this to-do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub Id);

impl Cursor {
    /// As a caller gets it.
    pub fn signed(self, key: &Value) -> String {
        let tag = signature(key.expose(), self.0).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([&self.0.0.to_be_bytes()[..], &tag].concat())
    }
}

/// A cursor as a caller sent it, of which nothing is known yet.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    id: Id,
    tag: [u8; TAG_BYTES],
}

impl Claim {
    /// The cursor, if it was signed with this key or the one before it.
    pub fn verified(&self, key: &Value) -> Option<Cursor> {
        let fits = |key: &str| signature(key, self.id).verify_slice(&self.tag).is_ok();
        let fitting = fits(key.expose()) || key.previous().is_some_and(|key| long_enough(key) && fits(key));
        fitting.then_some(Cursor(self.id))
    }
}

impl FromStr for Claim {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ())?;
        let (id, tag) = bytes.split_at_checked(ID_BYTES).ok_or(())?;
        let id = Id(u128::from_be_bytes(id.try_into().map_err(|_| ())?));
        Ok(Self { id, tag: tag.try_into().map_err(|_| ())? })
    }
}

fn signature(key: &str, id: Id) -> Hmac<Sha256> {
    let key = Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    key.chain_update(PURPOSE).chain_update(id.0.to_be_bytes())
}

fn long_enough(key: &str) -> bool {
    key.len() >= SHORTEST_KEY
}

/// Who knows the key.
pub trait Keys {
    /// The key, fetched or remembered.
    fn key(&self) -> impl Future<Output = Result<Value, Fault>> + Send;

    /// The key after nothing fitted this one: another instance may know a newer one already.
    fn newer(&self, than: &Value) -> impl Future<Output = Result<Value, Fault>> + Send;
}

impl Keys for Secret {
    async fn key(&self) -> Result<Value, Fault> {
        usable(self.value().await)
    }

    async fn newer(&self, than: &Value) -> Result<Value, Fault> {
        usable(self.refused(than).await)
    }
}

fn usable(key: Result<Value, rust_shared::secrets::Error>) -> Result<Value, Fault> {
    match key {
        Ok(key) if long_enough(key.expose()) => Ok(key),
        Ok(_) => {
            tracing::error!("the key of the cursors has less than {SHORTEST_KEY} characters");
            Err(Fault::Down)
        }
        Err(error) => {
            tracing::error!(%error, "there is no key to sign cursors with");
            Err(Fault::Down)
        }
    }
}

#[cfg(test)]
pub mod testing {
    //! Keys as a test sets them.

    use std::sync::Mutex;

    use super::*;

    /// What is known, what Secrets Manager has, and how often that was asked.
    pub struct Ring {
        pub known: Mutex<Result<Value, Fault>>,
        pub current: Mutex<Result<Value, Fault>>,
        pub asked: Mutex<u32>,
    }

    impl Ring {
        pub fn with(known: Result<Value, Fault>, current: Result<Value, Fault>) -> Self {
            Self { known: Mutex::new(known), current: Mutex::new(current), asked: Mutex::new(0) }
        }
    }

    impl Default for Ring {
        fn default() -> Self {
            Self::with(Ok(key("first", None)), Ok(key("first", None)))
        }
    }

    impl Keys for Ring {
        async fn key(&self) -> Result<Value, Fault> {
            self.known.lock().unwrap().clone()
        }

        async fn newer(&self, _: &Value) -> Result<Value, Fault> {
            *self.asked.lock().unwrap() += 1;
            let current = self.current.lock().unwrap().clone()?;
            *self.known.lock().unwrap() = Ok(current.clone());
            Ok(current)
        }
    }

    pub fn key(name: &str, before: Option<&str>) -> Value {
        let long = |name| format!("{name} key of the tests, long enough");
        Value::new(name, &long(name), before.map(long).as_deref())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::key;
    use super::*;

    const PLACE: Cursor = Cursor(Id(0x1234_5678));

    fn read(text: &str, key: &Value) -> Option<Cursor> {
        text.parse::<Claim>().ok()?.verified(key)
    }

    #[test]
    fn one_that_was_changed_is_none() {
        let key = key("first", None);
        let token = PLACE.signed(&key);
        assert_eq!(read(&token, &key), Some(PLACE));
        for place in 0..token.len() {
            let other = if &token[place..=place] == "A" { "B" } else { "A" };
            let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
            assert_eq!(read(&changed, &key), None, "{changed}");
        }
        for other in ["", "%00", &token[1..], &token[..63], &format!("{token} "), &format!("{token}AAAA"), "ü"] {
            assert!(other.parse::<Claim>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_rotation_goes_round_and_the_one_after_it_ends_what_was() {
        let (first, second, third) = (key("first", None), key("second", Some("first")), key("third", Some("second")));
        let token = PLACE.signed(&first);
        assert_eq!(read(&token, &second), Some(PLACE), "an instance that is further on takes it");
        assert_eq!(read(&token, &third), None);
        assert_eq!(read(&PLACE.signed(&second), &first), None, "who is behind has to ask");
    }

    #[test]
    fn a_key_that_can_be_guessed_is_none() {
        let guessed = PLACE.signed(&Value::new("", "crab", None));
        let key = Value::new("2", key("second", None).expose(), Some("crab"));
        assert_eq!(read(&guessed, &key), None, "nor the one before it");
        assert_eq!(usable(Ok(Value::new("", "crab", None))), Err(Fault::Down));
    }

    #[test]
    fn the_signature_is_hmac_sha256() {
        // printf 'todos cursor 1:' and 16 bytes, by openssl dgst -sha256 -hmac KEY
        let token = PLACE.signed(&Value::new("", "0123456789abcdef0123456789abcdef", None));
        assert_eq!(token, "AAAAAAAAAAAAAAAAEjRWeKG_C04jH9wnuMJvA8IEDk0Svc15SIONcOnzED80RMAc");
    }

    proptest! {
        #[test]
        fn comes_back_as_it_went(id in any::<u128>()) {
            let key = key("first", None);
            prop_assert_eq!(read(&Cursor(Id(id)).signed(&key), &key), Some(Cursor(Id(id))));
        }

        #[test]
        fn nothing_else_is_taken(text in any::<String>(), bytes in any::<[u8; 48]>()) {
            let key = key("second", Some("first"));
            prop_assert_eq!(read(&text, &key), None);
            prop_assert_eq!(read(&URL_SAFE_NO_PAD.encode(bytes), &key), None);
        }
    }
}
