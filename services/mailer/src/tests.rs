//! The worker with keys in memory, which die where a function can die.

use std::cell::Cell;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Mutex;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use proptest::prelude::*;

use crate::mail::Mail;
use crate::once::{Claim, Keys};
use crate::post::Post;
use crate::worker::Worker;

const EVENT: &str = include_str!("../events/mailer.json");
const POISON: &str = include_str!("../events/poison.json");
const ADA: &str = "059f36b4-87a3-44ab-83d2-661975830a7d";
const GRACE: &str = "2e1424d4-f796-459a-8184-9c92662be6da";

thread_local! {
    static NOW_MS: Cell<u64> = const { Cell::new(1_800_000_000_000) };
}

fn clock() -> u64 {
    NOW_MS.get()
}

fn later(seconds: u64) {
    NOW_MS.set(NOW_MS.get() + seconds * 1000);
}

/// Keys that behave as the table does.
#[derive(Default)]
struct Memory {
    keys: Mutex<HashMap<String, Option<(String, u64)>>>, // None: done
    forgets_marks: bool,
}

impl Keys for Memory {
    async fn claim(&self, key: &str, owner: &str, now: u64, until: u64) -> Result<Claim, Box<dyn Error + Send + Sync>> {
        let mut keys = self.keys.lock().unwrap();
        match keys.get(key) {
            Some(None) => return Ok(Claim::Done),
            Some(Some((_, until))) if *until >= now => return Ok(Claim::Busy),
            _ => {}
        }
        keys.insert(key.into(), Some((owner.into(), until)));
        Ok(Claim::Ours)
    }

    async fn done(&self, key: &str, owner: &str, _: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut keys = self.keys.lock().unwrap();
        let mine = matches!(keys.get(key), Some(Some((holder, _))) if holder == owner);
        if self.forgets_marks || !mine {
            return Err("no such claim".into());
        }
        keys.insert(key.into(), None);
        Ok(())
    }
}

/// What the post does with mails to addresses that begin so.
#[derive(Default)]
struct Recorder {
    sent: Mutex<Vec<String>>,
    refuses: Mutex<String>,
    dies_before: Cell<bool>,
    dies_after: Cell<bool>,
}

impl Post for &Recorder {
    // Not `async fn`: the cells of a test need not be shared between threads.
    #[allow(clippy::manual_async_fn)]
    fn send(&self, mail: &Mail) -> impl Future<Output = Result<(), String>> + Send {
        let refused =
            mail.to.starts_with(self.refuses.lock().unwrap().as_str()) && !self.refuses.lock().unwrap().is_empty();
        let (before, after) = (self.dies_before.get(), self.dies_after.get());
        if !before && !refused {
            self.sent.lock().unwrap().push(mail.key.clone());
        }
        async move {
            if before || after {
                std::future::pending::<()>().await;
            }
            if refused { Err("SES: MessageRejected".into()) } else { Ok(()) }
        }
    }
}

struct Scene<'a> {
    worker: Worker<Memory, &'a Recorder>,
    post: &'a Recorder,
}

impl<'a> Scene<'a> {
    fn new(post: &'a Recorder) -> Self {
        Self { worker: Worker { keys: Memory::default(), post, clock }, post }
    }

    /// One invocation of ten seconds: the messages that come again.
    async fn invoke(&self, batch: SqsEvent) -> Vec<String> {
        let answer = self.worker.work(batch, "r-1", clock() + 10_000).await;
        answer.batch_item_failures.into_iter().map(|one| one.item_identifier).collect()
    }

    /// One invocation that is killed where the post hangs.
    async fn killed(&self, batch: SqsEvent) {
        tokio::select! {
            biased;
            _ = self.invoke(batch) => panic!("it should have died"),
            () = std::future::ready(()) => {}
        }
        self.post.dies_before.set(false);
        self.post.dies_after.set(false);
    }

    fn sent(&self) -> Vec<String> {
        self.post.sent.lock().unwrap().clone()
    }
}

fn event(text: &str) -> SqsEvent {
    serde_json::from_str(text).unwrap()
}

fn message(id: &str, key: &str, to: &str, group: Option<&str>) -> SqsMessage {
    let body = serde_json::json!({"key": key, "to": to, "subject": "Hi", "text": "Hello"}).to_string();
    let attributes = group.map(|group| ("MessageGroupId".to_string(), group.to_string())).into_iter().collect();
    let mut message = SqsMessage::default();
    (message.message_id, message.body, message.attributes) = (Some(id.into()), Some(body), attributes);
    message
}

fn batch(records: Vec<SqsMessage>) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = records;
    event
}

#[tokio::test]
async fn a_good_batch_is_sent_in_its_order_and_leaves_nothing() {
    let post = Recorder::default();
    let scene = Scene::new(&post);
    assert!(scene.invoke(event(EVENT)).await.is_empty());
    assert_eq!(scene.sent(), ["welcome/1", "welcome/2"]);
}

#[tokio::test]
async fn a_message_that_comes_again_changes_nothing() {
    let post = Recorder::default();
    let scene = Scene::new(&post);
    for _ in 0..3 {
        assert!(scene.invoke(event(EVENT)).await.is_empty());
        later(60);
    }
    assert_eq!(scene.sent(), ["welcome/1", "welcome/2"]);
}

#[tokio::test]
async fn two_messages_with_one_key_are_one_mail() {
    let post = Recorder::default();
    let scene = Scene::new(&post);
    let twice = vec![message("1", "k", "a@b.c", None), message("2", "k", "a@b.c", None)];
    assert!(scene.invoke(batch(twice)).await.is_empty());
    assert_eq!(scene.sent(), ["k"]);
}

#[tokio::test]
async fn only_the_mail_that_was_refused_comes_again() {
    let post = Recorder::default();
    *post.refuses.lock().unwrap() = "ada".into();
    let scene = Scene::new(&post);
    assert_eq!(scene.invoke(event(EVENT)).await, [ADA]);
    assert_eq!(scene.sent(), ["welcome/2"]);
    post.refuses.lock().unwrap().clear();
    later(60);
    assert!(scene.invoke(event(EVENT)).await.is_empty());
    assert_eq!(scene.sent(), ["welcome/2", "welcome/1"]);
}

#[tokio::test]
async fn poison_holds_nobody_up_and_comes_again_until_the_queue_gives_it_up() {
    let post = Recorder::default();
    let scene = Scene::new(&post);
    let mut both = event(POISON);
    both.records.extend(event(EVENT).records);
    for _ in 0..2 {
        assert_eq!(scene.invoke(both.clone()).await, [GRACE]);
        assert_eq!(scene.sent(), ["welcome/1", "welcome/2"]);
    }
}

#[tokio::test]
async fn killed_between_claim_and_send_it_is_sent_once_the_claim_has_run_out() {
    let post = Recorder::default();
    let scene = Scene::new(&post);
    post.dies_before.set(true);
    scene.killed(batch(vec![message("1", "k", "a@b.c", None)])).await;
    assert!(scene.sent().is_empty());
    later(5);
    assert_eq!(scene.invoke(batch(vec![message("1", "k", "a@b.c", None)])).await, ["1"], "somebody may be at it");
    later(9);
    assert!(scene.invoke(batch(vec![message("1", "k", "a@b.c", None)])).await.is_empty());
    assert_eq!(scene.sent(), ["k"]);
}

#[tokio::test]
async fn killed_between_send_and_mark_it_is_sent_twice() {
    let post = Recorder::default();
    let scene = Scene::new(&post);
    post.dies_after.set(true);
    scene.killed(batch(vec![message("1", "k", "a@b.c", None)])).await;
    assert_eq!(scene.sent(), ["k"]);
    later(60);
    assert!(scene.invoke(batch(vec![message("1", "k", "a@b.c", None)])).await.is_empty());
    assert_eq!(scene.sent(), ["k", "k"]);
}

#[tokio::test]
async fn a_mail_that_could_not_be_marked_does_not_come_again() {
    let post = Recorder::default();
    let mut scene = Scene::new(&post);
    scene.worker.keys.forgets_marks = true;
    assert!(scene.invoke(event(EVENT)).await.is_empty());
    assert_eq!(scene.sent().len(), 2);
}

#[tokio::test]
async fn without_time_nothing_is_begun_and_no_key_claimed() {
    let post = Recorder::default();
    let scene = Scene::new(&post);
    let answer = scene.worker.work(event(EVENT), "r-1", clock() + 1_000).await;
    assert_eq!(answer.batch_item_failures.len(), 2);
    assert!(scene.worker.keys.keys.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_failure_holds_its_own_group_of_a_fifo_queue() {
    let post = Recorder::default();
    *post.refuses.lock().unwrap() = "ada".into();
    let scene = Scene::new(&post);
    let batch = batch(vec![
        message("1", "a1", "ada@b.c", Some("a")),
        message("2", "b1", "bob@b.c", Some("b")),
        message("3", "a2", "amy@b.c", Some("a")),
        message("4", "b2", "bob@b.c", Some("b")),
    ]);
    assert_eq!(scene.invoke(batch).await, ["1", "3"]);
    assert_eq!(scene.sent(), ["b1", "b2"]);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn odd() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(serde_json::json!(null)),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
        any::<i64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
    ]
}

proptest! {
    #[test]
    fn whatever_stands_in_an_event_it_is_refused_or_answered(place in any::<prop::sample::Index>(), value in odd()) {
        let mut odd: serde_json::Value = serde_json::from_str(EVENT).unwrap();
        let fields = ["", "/messageId", "/body", "/attributes", "/attributes/SentTimestamp", "/messageAttributes", "/eventSource"];
        *odd.pointer_mut(&format!("/Records/0{}", place.get(&fields))).unwrap() = value;
        if let Ok(event) = serde_json::from_value::<SqsEvent>(odd) {
            let post = Recorder::default();
            let scene = Scene::new(&post);
            prop_assert!(runtime().block_on(scene.invoke(event)).len() < 2);
            prop_assert!(scene.sent().contains(&"welcome/2".to_string()));
        }
    }

    #[test]
    fn whatever_a_message_holds_it_is_answered(bodies in prop::collection::vec(any::<Option<String>>(), 0..5), group in any::<Option<String>>()) {
        let post = Recorder::default();
        let scene = Scene::new(&post);
        let records: Vec<_> = bodies.into_iter().enumerate().map(|(place, body)| {
            let mut one = message(&place.to_string(), "k", "a@b.c", group.as_deref());
            one.body = body;
            one
        }).collect();
        let failed = runtime().block_on(scene.invoke(batch(records.clone())));
        prop_assert!(failed.len() <= records.len());
    }

    #[test]
    fn each_key_is_sent_once_and_what_failed_is_told(asked in prop::collection::vec((0..4_u8, any::<bool>()), 0..12), rounds in 1..4_usize) {
        let post = Recorder::default();
        *post.refuses.lock().unwrap() = "refused".into();
        let scene = Scene::new(&post);
        let records: Vec<_> = asked.iter().enumerate().map(|(place, (key, refused))| {
            message(&place.to_string(), &format!("k{key}"), if *refused { "refused@b.c" } else { "a@b.c" }, None)
        }).collect();
        for _ in 0..rounds {
            let failed = runtime().block_on(scene.invoke(batch(records.clone())));
            for (place, (key, _)) in asked.iter().enumerate() {
                let done = scene.worker.keys.keys.lock().unwrap().get(&format!("k{key}")) == Some(&None);
                prop_assert!(done || failed.contains(&place.to_string()));
            }
            later(60);
        }
        let mut sent = scene.sent();
        sent.sort();
        let many = sent.len();
        sent.dedup();
        prop_assert_eq!(many, sent.len());
    }
}
