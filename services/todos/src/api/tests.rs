//! The API as a caller sees it: events as API Gateway sends them, a store in memory.

use lambda_http::{Body, Request, Response};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer;
use crate::cursor::Cursor;
use crate::cursor::testing::{Ring, key};
use crate::store::{Fault, testing::Memory};
use crate::todo::Id;

const EVENT: &str = include_str!("../../events/list.json");

/// What a test sends: method, path, query, headers, body.
#[derive(Clone, Debug, Default)]
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Option<&'a str>,
    base64: bool,
}

impl<'a> Call<'a> {
    fn to(method: &'a str, path: &'a str) -> Self {
        Self { method, path, ..Self::default() }
    }

    fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn query(self, query: &'a str) -> Self {
        Self { query, ..self }
    }

    fn body(self, body: &'a str) -> Self {
        Self { body: Some(body), ..self }.with("content-type", "application/json")
    }

    fn event(&self) -> Value {
        let mut event: Value = serde_json::from_str(EVENT).unwrap();
        event["requestContext"]["http"]["method"] = self.method.into();
        event["rawPath"] = self.path.into();
        event["rawQueryString"] = self.query.into();
        for (name, value) in &self.headers {
            event["headers"][name] = (*value).into();
        }
        event["body"] = self.body.into();
        event["isBase64Encoded"] = self.base64.into();
        event
    }

    async fn send(self, store: &Memory) -> Answered {
        self.send_with(store, &Ring::default()).await
    }

    async fn send_with(self, store: &Memory, keys: &Ring) -> Answered {
        let request: Request = lambda_http::request::from_str(&self.event().to_string()).unwrap();
        Answered(answer(store, keys, request).await)
    }
}

struct Answered(Response<Body>);

impl Answered {
    fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    fn header(&self, name: &str) -> &str {
        self.0.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(self.0.body()).unwrap()
    }

    /// A refusal, in the form that every refusal has; its detail.
    fn problem(&self, status: u16) -> String {
        assert_eq!((self.status(), self.header("content-type")), (status, "application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["type"].is_string(), "{problem}");
        problem["detail"].as_str().unwrap_or_default().into()
    }
}

async fn made(store: &Memory, title: &str) -> String {
    let body = json!({"title": title}).to_string();
    let answered = Call::to("POST", "/todos").body(&body).send(store).await;
    assert_eq!(answered.status(), 201);
    answered.header("location").into()
}

#[tokio::test]
async fn a_todo_is_created_read_replaced_and_deleted() {
    let store = Memory::default();
    let created = Call::to("POST", "/todos").body(r#"{"title": " Buy milk ", "notes": "two 🥛"}"#).send(&store).await;
    assert_eq!((created.status(), created.header("etag")), (201, "\"1\""));
    let place = created.header("location").to_owned();
    let todo = created.json();
    assert_eq!(place, format!("/todos/{}", todo["id"].as_str().unwrap()));
    assert_eq!((&todo["title"], &todo["notes"], &todo["done"]), (&"Buy milk".into(), &"two 🥛".into(), &false.into()));
    assert!(todo["created_at"].as_str().unwrap().ends_with('Z'), "{todo}");

    let read = Call::to("GET", &place).send(&store).await;
    assert_eq!((read.status(), read.header("etag"), read.json()), (200, "\"1\"", todo));
    let replaced = Call::to("PUT", &place).body(r#"{"title": "Buy oat milk", "done": true}"#).send(&store).await;
    assert_eq!((replaced.status(), replaced.header("etag")), (200, "\"2\""));
    assert_eq!((&replaced.json()["done"], replaced.json().get("notes")), (&true.into(), None));
    let deleted = Call::to("DELETE", &place).send(&store).await;
    assert_eq!((deleted.status(), deleted.0.body().is_empty()), (204, true));
    for method in ["GET", "DELETE"] {
        Call::to(method, &place).send(&store).await.problem(404);
    }
    Call::to("PUT", &place).body(r#"{"title": "a"}"#).send(&store).await.problem(404);
    assert!(store.kept.lock().unwrap().is_empty(), "a PUT creates nothing");
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let store = Memory::default();
    for number in 0..45 {
        made(&store, &number.to_string()).await;
    }
    let mut titles = vec![];
    let mut query = "limit=20".to_owned();
    loop {
        let page = Call::to("GET", "/todos").query(&query).send(&store).await.json();
        titles.extend(page["items"].as_array().unwrap().iter().map(|todo| todo["title"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("cursor={next}&limit=20");
    }
    assert_eq!(titles.len(), 45);
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), 45);
    let usual = Call::to("GET", "/todos").send(&store).await.json();
    assert_eq!(usual["items"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn a_list_is_never_longer_than_asked_and_a_made_up_place_is_refused() {
    let store = Memory::default();
    for query in ["limit=0", "limit=101", "limit=-1", "limit=", "limit=1e1", "limit=%31x", "limit=99999999999999999999"]
    {
        let detail = Call::to("GET", "/todos").query(query).send(&store).await.problem(400);
        assert!(detail.contains("from 1 to 100"), "{query}: {detail}");
    }
    for query in ["cursor=", "cursor=abc", "cursor=%FF%FE", "cursor=00000000000000000000000000000000ffffffff"] {
        assert!(Call::to("GET", "/todos").query(query).send(&store).await.problem(400).contains("cursor"), "{query}");
    }
    assert_eq!(Call::to("GET", "/todos").query("limit=100&else=1").send(&store).await.status(), 200);
}

fn from(place: u128, signer: &rust_shared::secrets::Value) -> String {
    format!("limit=1&cursor={}", Cursor(Id(place)).signed(signer))
}

#[tokio::test]
async fn a_cursor_of_an_instance_that_knows_a_newer_key_is_taken_after_asking_once() {
    let store = Memory::default();
    let keys = Ring::with(Ok(key("first", None)), Ok(key("second", Some("first"))));
    let (old, new) = (from(0, &key("first", None)), from(0, &key("second", None)));
    for (query, asked) in [(&old, 0), (&new, 1), (&new, 1), (&old, 1)] {
        assert_eq!(Call::to("GET", "/todos").query(query).send_with(&store, &keys).await.status(), 200);
        assert_eq!(*keys.asked.lock().unwrap(), asked);
    }
    let forged = from(0, &key("somebody's", None));
    let detail = Call::to("GET", "/todos").query(&forged).send_with(&store, &keys).await.problem(400);
    assert!(detail.contains("cursor"), "{detail}");
    assert_eq!(*keys.asked.lock().unwrap(), 2);
}

#[tokio::test]
async fn without_a_key_only_a_list_of_one_page_is_answered() {
    let (store, keys) = (Memory::default(), Ring::with(Err(Fault::Down), Err(Fault::Down)));
    assert_eq!(Call::to("GET", "/todos").send_with(&store, &keys).await.status(), 200);
    Call::to("GET", "/todos").query("cursor=abc").send_with(&store, &keys).await.problem(400);
    for number in 0..2 {
        made(&store, &number.to_string()).await;
    }
    assert_eq!(Call::to("GET", "/todos").send_with(&store, &keys).await.status(), 200);
    for query in ["limit=1".to_owned(), from(0, &key("first", None))] {
        let answered = Call::to("GET", "/todos").query(&query).send_with(&store, &keys).await;
        let detail = answered.problem(503);
        assert_eq!(answered.header("retry-after"), "1");
        assert!(!detail.contains("key") && !detail.contains("secret"), "{detail}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    let store = Memory::default();
    let long = json!({"title": "x".repeat(201)}).to_string();
    let long_notes = json!({"title": "x", "notes": "x".repeat(4001)}).to_string();
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\"text\"",
        "{}",
        r#"{"title": null}"#,
        r#"{"title": 1}"#,
        r#"{"title": ""}"#,
        &long,
        &long_notes,
        r#"{"title": "a", "done": "no"}"#,
        r#"{"title": "a", "priority": 1}"#,
        r#"{"title": "a"} {}"#,
    ] {
        let created = Call::to("POST", "/todos").body(body).send(&store).await;
        let detail = created.problem(400);
        assert!(!detail.contains("src/") && !detail.contains("panicked"), "{detail}");
    }
    let place = made(&store, "a").await;
    Call::to("PUT", &place).body("{}").send(&store).await.problem(400);
    let huge = json!({"title": "a", "notes": "n".repeat(2_000_000)}).to_string();
    Call::to("POST", "/todos").body(&huge).send(&store).await.problem(413);
    Call::to("POST", "/todos").body("{}").with("content-type", "text/plain").send(&store).await.problem(415);
}

#[tokio::test]
async fn a_body_may_come_in_base64() {
    let store = Memory::default();
    // {"title": "Grüße"} and two bytes that are no UTF-8
    let call = Call { base64: true, ..Call::to("POST", "/todos").body("eyJ0aXRsZSI6ICJHcsO8w59lIn0=") };
    assert_eq!(call.send(&store).await.json()["title"], "Grüße");
    let call = Call { base64: true, ..Call::to("POST", "/todos").body("//4=") };
    call.send(&store).await.problem(400);
}

#[tokio::test]
async fn a_change_is_made_to_the_version_it_was_meant_for() {
    let store = Memory::default();
    let place = made(&store, "a").await;
    let put = |tags| Call::to("PUT", &place).body(r#"{"title": "b"}"#).with("if-match", tags);
    assert_eq!(put("\"1\"").send(&store).await.header("etag"), "\"2\"");
    for tags in ["\"1\"", "W/\"2\"", "\"xyz\""] {
        let refused = put(tags).send(&store).await;
        refused.problem(412);
        assert_eq!(refused.header("etag"), "\"2\"", "{tags}");
        Call::to("DELETE", &place).with("if-match", tags).send(&store).await.problem(412);
    }
    for tags in ["2", "\"2", ""] {
        put(tags).send(&store).await.problem(400);
    }
    assert_eq!(put("\"7\", \"2\"").send(&store).await.header("etag"), "\"3\"");
    assert_eq!(put("*").send(&store).await.header("etag"), "\"4\"");
    assert_eq!(Call::to("DELETE", &place).with("if-match", "\"4\"").send(&store).await.status(), 204);
    put("*").send(&store).await.problem(404);
}

#[tokio::test]
async fn a_copy_that_is_still_good_is_not_sent_again() {
    let store = Memory::default();
    let place = made(&store, "a").await;
    let asked = |tags| Call::to("GET", &place).with("if-none-match", tags);
    for tags in ["\"1\"", "W/\"1\"", "*", "\"0\", \"1\""] {
        let same = asked(tags).send(&store).await;
        assert_eq!((same.status(), same.header("etag"), same.0.body().is_empty()), (304, "\"1\"", true));
    }
    assert_eq!(asked("\"2\"").send(&store).await.status(), 200);
}

#[tokio::test]
async fn a_key_creates_once() {
    let store = Memory::default();
    let post = |key, body| Call::to("POST", "/todos").with("idempotency-key", key).body(body);
    let first = post("key-1", r#"{"title": "a"}"#).send(&store).await;
    let again = post("key-1", r#"{"title":"a","done":false}"#).send(&store).await;
    assert_eq!((again.status(), again.header("location")), (201, first.header("location")));
    assert_eq!(store.kept.lock().unwrap().len(), 1);
    post("key-1", r#"{"title": "b"}"#).send(&store).await.problem(422);
    assert_ne!(post("key-2", r#"{"title": "a"}"#).send(&store).await.header("location"), first.header("location"));
    for key in ["", "   ", "ä", &"k".repeat(256)] {
        post(key, r#"{"title": "a"}"#).send(&store).await.problem(400);
    }
}

#[tokio::test]
async fn paths_and_methods() {
    let store = Memory::default();
    let place = made(&store, "a").await;
    let head = Call::to("HEAD", &place).send(&store).await;
    assert_eq!((head.status(), head.header("etag"), head.0.body().is_empty()), (200, "\"1\"", true));
    assert_eq!(Call::to("HEAD", "/todos").send(&store).await.status(), 200);
    for (path, methods) in [("/todos", "GET, HEAD, POST, OPTIONS"), (&place, "GET, HEAD, PUT, DELETE, OPTIONS")] {
        let options = Call::to("OPTIONS", path).send(&store).await;
        assert_eq!((options.status(), options.header("allow")), (204, methods));
        let refused = Call::to("PATCH", path).send(&store).await;
        refused.problem(405);
        assert_eq!(refused.header("allow"), methods);
    }
    let encoded = place["/todos/".len()..].bytes().map(|digit| format!("%{digit:x}"));
    let encoded = format!("/todos/{}", encoded.collect::<Vec<_>>().concat());
    assert_eq!(Call::to("GET", &encoded).send(&store).await.status(), 200, "{encoded}");
    for path in
        ["/", "/todo", "/todosx", "/todos/", "/todos/1", "/todos/%", "/todos/%zz", "/todos/a/b", &format!("{place}/")]
    {
        Call::to("GET", path).send(&store).await.problem(404);
    }
}

#[tokio::test]
async fn a_store_that_fails_is_a_5xx_that_names_no_cause() {
    let store = Memory::default();
    let place = made(&store, "a").await;
    for (fault, status, after) in [(Fault::Busy, 503, "1"), (Fault::Down, 503, "1"), (Fault::Broken, 500, "")] {
        *store.fault.lock().unwrap() = Some(fault);
        let body = r#"{"title": "a"}"#;
        for call in [
            Call::to("GET", "/todos"),
            Call::to("GET", &place),
            Call::to("POST", "/todos").body(body),
            Call::to("PUT", &place).body(body),
            Call::to("DELETE", &place),
        ] {
            let answered = call.send(&store).await;
            let detail = answered.problem(status);
            assert_eq!(answered.header("retry-after"), after);
            assert!(!detail.contains("table") && !detail.contains("throttled"), "{detail}");
        }
    }
}

fn words(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![3 => proptest::sample::select(of).prop_map(String::from), 1 => any::<String>()]
}

fn visible() -> impl Strategy<Value = String> {
    prop_oneof![Just("application/json".to_owned()), Just("\"1\"".to_owned()), Just("*".to_owned()), "[ -~]{0,20}",]
}

const PATHS: &[&str] = &["/todos", "/todos/00000000000000000000000000000007", "/todos/", "/todos/%37"];
const BODIES: &[&str] = &[r#"{"title": "a"}"#, r#"{"title": 1}"#, "{", r#"{"title":"a","notes":null,"done":true}"#];

proptest! {
    #[test]
    fn whatever_comes_in_is_answered(
        method in proptest::sample::select(&["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"][..]),
        path in words(PATHS),
        query in "(limit=[0-9]{0,3}|cursor=[0-9A-Za-z_-]{0,65}|[a-z&=+]{0,9}|)",
        names in proptest::collection::vec(visible(), 4),
        body in proptest::option::of(words(BODIES)),
    ) {
        // What is no path at all is refused before it comes here.
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        let names = ["content-type", "if-match", "if-none-match", "idempotency-key"].into_iter().zip(&names);
        let call = Call {
            method,
            path: &path,
            query: &query,
            headers: names.map(|(name, value)| (name, value.as_str())).collect(),
            body: body.as_deref(),
            base64: false,
        };
        let request: Request = lambda_http::request::from_str(&call.event().to_string()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answered = Answered(runtime.block_on(answer(&Memory::default(), &Ring::default(), request)));
        let status = answered.status();
        prop_assert!([200, 201, 204, 400, 404, 405, 413, 415].contains(&status), "{}", status);
        if status >= 400 && method != "HEAD" {
            answered.problem(status);
        }
    }
}
