//! What a message of the queue asks for. Nothing in here may reach a log: addresses and texts are people's own.

use serde::Deserialize;

/// A mail to one recipient. No `Debug`: it would end in a log line sooner or later.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Says which mail this is, whatever message brings it: `welcome/user-17`, not an address. The same key, the same
    /// mail: a second one is not sent, even with another text.
    pub key: String,
    /// The recipient's address, without a name.
    pub to: String,
    /// The subject, on one line.
    pub subject: String,
    /// The text, as plain text.
    pub text: String,
}

impl Mail {
    /// Reads a message's body.
    ///
    /// # Errors
    /// What is wrong, in words that hold nothing of the body. No repetition makes it right.
    pub fn parse(body: &str) -> Result<Self, String> {
        // serde's own message would quote the value it stumbled upon.
        let mail: Self = serde_json::from_str(body)
            .map_err(|error| format!("no mail: {:?} error at column {}", error.classify(), error.column()))?;
        for (what, long, most) in [
            ("key", mail.key.len(), 256),
            ("to", mail.to.len(), 320),
            ("subject", mail.subject.len(), 998),
            ("text", mail.text.len(), 200_000),
        ] {
            if long == 0 || long > most {
                return Err(format!("`{what}` has {long} bytes, not 1 to {most}"));
            }
        }
        if mail.subject.contains(char::is_control) {
            return Err("`subject` has control characters".into());
        }
        if !one_address(&mail.to) {
            return Err("`to` is not one plain address".into());
        }
        Ok(mail)
    }
}

/// One address in ASCII with a local part and a domain, and nothing that could make it two. SES judges the rest.
fn one_address(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b",;<>()[]\\\"".contains(&byte));
    plain
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(to: &str, subject: &str) -> String {
        serde_json::json!({"key": "k", "to": to, "subject": subject, "text": "Hello"}).to_string()
    }

    #[test]
    fn a_mail_is_read() {
        let mail = Mail::parse(&body("ada@example.com", "Welcome, Ada — ünïcode")).ok().unwrap();
        assert_eq!((mail.key.as_str(), mail.to.as_str()), ("k", "ada@example.com"));
    }

    #[test]
    fn what_could_add_recipients_or_headers_is_refused() {
        for to in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "a@b.c, d@e.f",
            "a@b.c;d@e.f",
            "A <a@b.c>",
            "a@b.c\nBcc: d@e.f",
        ] {
            assert!(Mail::parse(&body(to, "Hi")).is_err(), "{to:?}");
        }
        assert!(Mail::parse(&body("a@b.c", "Hi\r\nBcc: d@e.f")).is_err());
        assert!(Mail::parse(&body("a@b.c", "")).is_err());
        assert!(Mail::parse(&body("a@b.c", &"x".repeat(999))).is_err());
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused_without_being_quoted(body in any::<String>(), secret in "[a-z]{8}@[a-z]{8}") {
            let _ = Mail::parse(&body);
            let odd = serde_json::json!({"key": 1, "to": [&secret], "subject": &secret, "text": body}).to_string();
            prop_assert!(!Mail::parse(&odd).err().unwrap().contains(&secret));
        }

        #[test]
        fn every_mail_that_is_read_has_one_recipient(to in "[a-z@,; <>\\n]{0,12}") {
            if let Ok(mail) = Mail::parse(&body(&to, "Hi")) {
                prop_assert_eq!(mail.to.matches('@').count(), 1);
                prop_assert!(!mail.to.contains([',', ';', ' ', '\n', '<']));
            }
        }
    }
}
