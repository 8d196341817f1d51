//! What a person's groups and e-mail address put into their tokens. Pure: no clock, no network.
//!
//! A group called `todos/write` becomes the scope `todos/write` of the access token, one called `tenant=acme` the claim
//! `tenant` of both tokens. Groups can have almost any name, and somebody else may be allowed to make them, so that
//! whatever is not plainly one of the two is left out and counted: a token must never be refused for it.

use std::collections::BTreeMap;

/// A claim's value has at most this many bytes.
pub const VALUE: usize = 128;
/// A scope has at most this many bytes; Cognito's resource servers take longer ones, APIs rarely do.
pub const SCOPE: usize = 128;
/// All that is added takes at most this many bytes: tokens travel in headers, which servers cut at 8 KB.
pub const TOTAL: usize = 3_072;

/// Claims that say who somebody is, who issued the token, for whom and until when. Cognito refuses most of them itself
/// (the list is in its page on this trigger), but by failing the sign-in or by ignoring the whole answer.
const RESERVED: [&str; 24] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "client_id",
    "device_key",
    "email",
    "email_verified",
    "event_id",
    "exp",
    "iat",
    "identities",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "origin_jti",
    "scope",
    "sub",
    "token_use",
    "username",
    "version",
];

/// What the tokens get besides what Cognito puts into them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Of the ID and the access token.
    pub claims: BTreeMap<String, String>,
    /// Of the access token.
    pub scopes: Vec<String>,
    /// Groups that looked like a claim or a scope and are neither, contradict each other, or are too much.
    pub left_out: usize,
}

impl Added {
    /// Whether `bytes` more are too much; if not they are taken.
    fn full(&mut self, bytes: usize, taken: &mut usize) -> bool {
        let full = *taken + bytes > TOTAL;
        if full {
            self.left_out += 1;
        } else {
            *taken += bytes;
        }
        full
    }
}

/// What `groups` and a verified `email` add.
///
/// The answer does not depend on the groups' order: of two groups that say different things of one claim neither counts.
#[must_use]
pub fn added<'a>(groups: impl IntoIterator<Item = &'a str>, email: Option<&str>) -> Added {
    let mut groups: Vec<&str> = groups.into_iter().collect();
    groups.sort_unstable();
    groups.dedup();
    let mut added = Added::default();
    let mut taken = 0;
    if let Some(email) = email {
        if !printable(email) {
            added.left_out += 1;
        } else if !added.full("email".len() + email.len(), &mut taken) {
            added.claims.insert("email".into(), email.into());
        }
    }
    let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for group in groups {
        match said(group) {
            Said::Claim(name, value) => wanted.entry(name).or_default().push(value),
            Said::Scope if !added.full(group.len() + 1, &mut taken) => added.scopes.push(group.into()),
            Said::Scope | Said::Nothing => (),
            Said::Wrong => added.left_out += 1,
        }
    }
    for (name, values) in wanted {
        if let [value] = values[..] {
            if !added.full(name.len() + value.len(), &mut taken) {
                added.claims.insert(name.into(), value.into());
            }
        } else {
            added.left_out += values.len();
        }
    }
    added
}

/// What one group says.
enum Said<'a> {
    Claim(&'a str, &'a str),
    Scope,
    /// It is a group and no more.
    Nothing,
    /// It looks like a claim or a scope, and may be none.
    Wrong,
}

fn said(group: &str) -> Said<'_> {
    if let Some((name, value)) = group.split_once('=') {
        if may_be_set(name) && printable(value) { Said::Claim(name, value) } else { Said::Wrong }
    } else if let Some((server, scope)) = group.split_once('/') {
        let plain = !server.is_empty() && !scope.is_empty() && group.len() <= SCOPE && group.bytes().all(in_a_scope);
        // Cognito's own scopes let an app change the person's account.
        if plain && !server.starts_with("aws.") { Said::Scope } else { Said::Wrong }
    } else {
        Said::Nothing
    }
}

/// Whether a group may set this claim: a short plain name that means nothing to whoever checks tokens.
fn may_be_set(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=32).contains(&name.len())
        && name.as_bytes()[0].is_ascii_lowercase()
        && name.bytes().all(plain)
        && !RESERVED.contains(&name)
}

/// The characters RFC 6749 (3.3) has for scopes: no space, which separates them, no quote, no backslash.
fn in_a_scope(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"\\".contains(&byte)
}

fn printable(value: &str) -> bool {
    (1..=VALUE).contains(&value.len()) && !value.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims(groups: &[&str]) -> Vec<(String, String)> {
        added(groups.iter().copied(), None).claims.into_iter().collect()
    }

    #[test]
    fn a_group_is_a_scope_a_claim_or_just_a_group() {
        let added = added(["todos/write", "tenant=acme", "editors", "todos/read"], Some("ada@example.com"));
        assert_eq!(added.scopes, ["todos/read", "todos/write"]);
        assert_eq!(added.claims["tenant"], "acme");
        assert_eq!(added.claims["email"], "ada@example.com");
        assert_eq!(added.left_out, 0);
    }

    #[test]
    fn nobody_without_groups_and_address_gets_anything() {
        assert_eq!(added([], None), Added::default());
        assert_eq!(added([""], Some("")).left_out, 1);
    }

    #[test]
    fn no_group_sets_a_claim_that_says_who_somebody_is() {
        for name in RESERVED {
            let group = format!("{name}=root");
            let added = added([group.as_str()], None);
            assert_eq!((added.claims.len(), added.left_out), (0, 1), "{name}");
        }
        let names =
            ["cognito:groups", "custom:x", "dev:x", "Sub", "SUB", "", " sub", "_a", "1a", "a-b", "ſub", "__proto__"];
        for name in names {
            assert_eq!(claims(&[&format!("{name}=root")]), [], "{name}");
        }
    }

    #[test]
    fn hostile_scopes_are_left_out() {
        for group in ["a/b c", "a/\"b", "a/b\\", "/b", "a/", "/", "a/ü", "a/b\n", "aws.cognito.signin/user.admin"] {
            let added = added([group], None);
            assert_eq!((added.scopes.len(), added.left_out), (0, 1), "{group}");
        }
        let long = format!("a/{}", "x".repeat(SCOPE));
        assert!(added([long.as_str()], None).scopes.is_empty());
    }

    #[test]
    fn two_groups_that_contradict_each_other_are_both_left_out() {
        let groups = ["tenant=a", "tenant=b", "plan=free", "plan=free"];
        assert_eq!(claims(&groups), [("plan".into(), "free".into())]);
        assert_eq!(added(groups, None).left_out, 2);
    }

    #[test]
    fn a_person_of_very_many_groups_still_gets_a_token_that_fits() {
        let groups: Vec<String> = (0..500).map(|number| format!("server-{number:03}/scope")).collect();
        let added = added(groups.iter().map(String::as_str), None);
        assert!(added.scopes.join(" ").len() <= TOTAL);
        assert_eq!(added.scopes.len() + added.left_out, 500);
    }

    proptest! {
        #[test]
        fn whatever_groups_there_are_the_answer_is_small_and_harmless(
            groups in prop::collection::vec("(sub|iss|tenant|[a-z:_]{0,8}|\\PC{0,6})[=/]\\PC{0,40}|\\PC{0,60}|.{0,20}", 0..12),
            email in prop::option::of("\\PC{0,200}"),
        ) {
            let added_first = added(groups.iter().map(String::as_str), email.as_deref());
            let bytes: usize = added_first.claims.iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(bytes + added_first.scopes.iter().map(|scope| scope.len() + 1).sum::<usize>() <= TOTAL);
            for name in added_first.claims.keys() {
                prop_assert!(name == "email" || (!RESERVED.contains(&name.as_str()) && !name.contains(':')));
            }
            prop_assert!(added_first.scopes.iter().all(|scope| !scope.contains(char::is_whitespace)));
            let backwards = added(groups.iter().rev().map(String::as_str), email.as_deref());
            prop_assert_eq!(added_first, backwards);
        }
    }
}
