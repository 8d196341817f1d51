//! Works off a batch: says which messages come again, and keeps the order of a FIFO queue's groups.

use std::collections::HashSet;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};

use crate::mail::Mail;
use crate::once::{Claim, Keys};
use crate::post::Post;

/// A claim outlasts its invocation by this much, for clocks that differ and an answer that is on its way.
const MARGIN_S: u64 = 3;
/// With less than this left, no mail is begun: a timeout would take the whole batch back.
const NEEDED_MS: u64 = 1_500;

/// What has become of one message.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Sent,
    /// The same key was sent before.
    Known,
    /// Comes again, and is worked off then.
    Later(String),
    /// Comes again in vain, until it lies in the dead-letter queue.
    Poison(String),
}

/// The mailer with its surroundings.
pub struct Worker<K, P> {
    /// Which mails were sent.
    pub keys: K,
    /// Who delivers.
    pub post: P,
    /// Milliseconds since 1970.
    pub clock: fn() -> u64,
}

impl<K: Keys, P: Post> Worker<K, P> {
    /// Works off one batch, message by message, until `deadline` (milliseconds since 1970); `invocation` is its id.
    ///
    /// Mails of a standard queue could go out side by side. One after the other keeps a FIFO queue's order, and leaves
    /// the pace to the event source mapping: its `max_concurrency` is what SES's rate is kept by.
    pub async fn work(&self, batch: SqsEvent, invocation: &str, deadline: u64) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        let mut held = HashSet::new(); // groups of a FIFO queue in which a message failed
        for message in batch.records {
            let id = message.message_id.clone().unwrap_or_default();
            let group = message.attributes.get("MessageGroupId").cloned();
            let outcome = if group.as_ref().is_some_and(|group| held.contains(group)) {
                Outcome::Later("one before it in its group failed".into())
            } else {
                self.one(&message, &format!("{invocation}/{id}"), deadline).await
            };
            match &outcome {
                Outcome::Sent => tracing::info!(message_id = id, "sent"),
                Outcome::Known => tracing::info!(message_id = id, "was sent before"),
                Outcome::Later(reason) => tracing::warn!(message_id = id, reason, "comes again"),
                Outcome::Poison(reason) => tracing::error!(message_id = id, reason, "poison"),
            }
            if matches!(outcome, Outcome::Later(_) | Outcome::Poison(_)) {
                held.extend(group);
                response.add_failure(id);
            }
        }
        response
    }

    async fn one(&self, message: &SqsMessage, owner: &str, deadline: u64) -> Outcome {
        let mail = match Mail::parse(message.body.as_deref().unwrap_or_default()) {
            Ok(mail) => mail,
            Err(reason) => return Outcome::Poison(reason),
        };
        let now = (self.clock)();
        if now + NEEDED_MS > deadline {
            return Outcome::Later("no time left".into());
        }
        match self.keys.claim(&mail.key, owner, now / 1000, deadline.div_ceil(1000) + MARGIN_S).await {
            Ok(Claim::Ours) => {}
            Ok(Claim::Done) => return Outcome::Known,
            Ok(Claim::Busy) => return Outcome::Later("its key is being worked on".into()),
            Err(error) => return Outcome::Later(format!("its key could not be claimed: {error}")),
        }
        if let Err(reason) = self.post.send(&mail).await {
            return Outcome::Later(reason);
        }
        if let Err(error) = self.keys.done(&mail.key, owner, (self.clock)() / 1000).await {
            // Sent all the same. Coming again, this message would surely send it twice; so it is done, and only
            // another message with the same key could.
            tracing::error!(message_id = message.message_id, %error, "sent, but not marked");
        }
        Outcome::Sent
    }
}
