//! Once a key: what makes the same mail go out once although SQS delivers at least once.
//!
//! Before sending, the key is claimed by a conditional write, until just after the invocation's own deadline: whoever
//! holds the claim later is no longer running. After sending, the key is marked as done. So, of one key:
//!
//! | the invocation ends | the mail | holds |
//! |---|---|---|
//! | before the claim | not sent; the message comes again and sends it | exactly once |
//! | between claim and send | not sent; the message comes again, finds the claim run out, and sends it | exactly once |
//! | while SES is asked, or after it and before the mark | perhaps sent, and sent once more when the message comes again | at least once |
//! | after the mark, before the message is deleted | sent; the message comes again and changes nothing | exactly once |
//!
//! In the third row somebody must choose, for SES takes no idempotency token: a mail twice, or perhaps none. This
//! service chooses twice. For at most once, mark the key as done *before* sending; then the second and third row lose
//! the mail instead, and a person must look for keys that are done without a log line `sent`.
//!
//! A queue hides a message for at least six times the function's timeout, and a claim lasts little longer than one
//! timeout: when a message comes again, the claim of its first try has run out.

use std::error::Error;

/// What asking for a key ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours: send.
    Ours,
    /// Somebody else is at it, or died at it a moment ago.
    Busy,
    /// The mail was sent before.
    Done,
}

/// Where keys are kept.
pub trait Keys {
    /// Claims `key` for `owner` until `until`, unless it is done or another claim has not run out at `now`; both in
    /// seconds since 1970.
    fn claim(
        &self,
        key: &str,
        owner: &str,
        now: u64,
        until: u64,
    ) -> impl Future<Output = Result<Claim, Box<dyn Error + Send + Sync>>> + Send;

    /// Marks `key` as done, if `owner` still has the claim.
    fn done(
        &self,
        key: &str,
        owner: &str,
        now: u64,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send;
}
