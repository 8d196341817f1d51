//! The table without one: items as they are stored, and DynamoDB's answers from a socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

use aws_sdk_dynamodb::config;
use proptest::prelude::*;

use super::*;

fn todo(notes: Option<&str>) -> Todo {
    Todo {
        id: Id(7),
        title: "Buy milk".into(),
        notes: notes.map(Into::into),
        done: true,
        version: 3,
        created_at: "2026-01-01T00:00:00Z".into(),
        updated_at: "2026-01-02T00:00:00Z".into(),
    }
}

#[test]
fn an_item_comes_back_as_it_went() {
    for notes in [None, Some(""), Some("two litres")] {
        assert_eq!(todo_of(&item(&todo(notes), Some("print"))), Some(todo(notes)));
    }
    assert_eq!(text(&item(&todo(None), Some("print")), FINGERPRINT), Some("print"));
}

#[test]
fn an_item_that_lacks_something_is_no_todo() {
    for name in ATTRIBUTES.into_iter().filter(|name| *name != "notes") {
        let mut spoilt = item(&todo(None), None);
        spoilt.insert(name.into(), AttributeValue::Null(true));
        assert_eq!(todo_of(&spoilt), None, "{name}");
        spoilt.remove(name);
        assert_eq!(todo_of(&spoilt), None, "{name}");
    }
}

#[test]
fn a_condition_names_the_versions() {
    assert_eq!(Condition::of(&Only::Any).expression, "attribute_exists(#id)");
    let two = Condition::of(&Only::Versions(vec![4, 2]));
    assert_eq!(two.expression, "attribute_exists(#id) AND #version IN (:v0, :v1)");
    assert_eq!(two.values[1], (":v1".into(), AttributeValue::N("2".into())));
    assert_eq!(Condition::of(&Only::Versions(vec![])).values[0].1, AttributeValue::N("0".into()));
}

#[test]
fn a_refusal_is_told_from_a_failure() {
    assert_eq!(answered(Some("ThrottlingException"), 400), Fault::Busy);
    assert_eq!(answered(Some("ProvisionedThroughputExceededException"), 400), Fault::Busy);
    assert_eq!(answered(Some("InternalServerError"), 500), Fault::Down);
    assert_eq!(answered(Some("AccessDeniedException"), 400), Fault::Broken);
    assert_eq!(answered(None, 400), Fault::Broken);
}

/// A client whose DynamoDB gives this answer, or is not there.
fn client(answer: Option<(u16, &'static str)>) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    if let Some((status, body)) = answer {
        thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                let mut from = BufReader::new(&stream);
                let head: Vec<_> =
                    from.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                from.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
                (&stream).write_all(answer.as_bytes()).unwrap();
            }
        });
    }
    let config = config::Builder::from(rust_shared::aws::config()).endpoint_url(endpoint);
    let config = config.region(config::Region::new("eu-central-1"));
    let config = config.credentials_provider(config::Credentials::new("key", "secret", None, None, "test"));
    Client::from_conf(config.retry_config(config::retry::RetryConfig::disabled()).build())
}

#[tokio::test]
async fn what_dynamodb_says_is_what_a_caller_is_told() {
    let named = |name: &str| format!(r#"{{"__type": "com.amazonaws.dynamodb.v20120810#{name}", "message": "no"}}"#);
    for (answer, fault) in [
        (None, Fault::Down),
        (Some((400, named("ProvisionedThroughputExceededException"))), Fault::Busy),
        (Some((400, named("ThrottlingException"))), Fault::Busy),
        (Some((500, named("InternalServerError"))), Fault::Down),
        (Some((503, "<html>".into())), Fault::Down),
        (Some((400, named("AccessDeniedException"))), Fault::Broken),
        (Some((400, named("ResourceNotFoundException"))), Fault::Broken),
        (Some((200, r#"{"Item": {"id": {"S": "none of ours"}}}"#.into())), Fault::Broken),
        (Some((200, "{".into())), Fault::Broken),
    ] {
        let client = client(answer.clone().map(|(status, body)| (status, &*body.leak())));
        let table = Table::new(&client, "t");
        assert_eq!(table.get(Id(7)).await, Err(fault), "{answer:?}");
    }
}

#[tokio::test]
async fn a_refused_condition_tells_what_is_there() {
    let item = r#"{"id": {"S": "00000000000000000000000000000007"}, "title": {"S": "a"}, "done": {"BOOL": false},
        "version": {"N": "3"}, "created_at": {"S": "x"}, "updated_at": {"S": "y"}, "fingerprint": {"S": "p"}}"#;
    let refused = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException""#;
    let present = client(Some((400, format!(r#"{refused}, "Item": {item}}}"#).leak())));
    let present = Table::new(&present, "t");
    let only = Only::Versions(vec![1]);
    let wanted = || Wanted { title: String::from("b").try_into().unwrap(), notes: None, done: true };
    assert_eq!(present.delete(Id(7), &only).await, Ok(Changed::Stale(3)));
    assert_eq!(present.replace(Id(7), wanted(), &only, "z").await, Ok(Changed::Stale(3)));
    let before = Todo { title: "a".into(), done: false, created_at: "x".into(), updated_at: "y".into(), ..todo(None) };
    assert_eq!(present.create(&todo(None), None).await, Ok(Created::Before(before, Some("p".into()))));

    // What is there is what this very call wants: its first attempt wrote it, and the answer was lost.
    let ours = Wanted { title: String::from("a").try_into().unwrap(), notes: None, done: false };
    let written = Todo { title: "a".into(), done: false, created_at: "x".into(), updated_at: "y".into(), ..todo(None) };
    assert_eq!(present.create(&written, None).await, Ok(Created::New));
    assert_eq!(present.replace(Id(7), ours, &only, "y").await, Ok(Changed::Made(written)));

    let absent = client(Some((400, format!("{refused}}}").leak())));
    let absent = Table::new(&absent, "t");
    assert_eq!(absent.delete(Id(7), &Only::Any).await, Ok(Changed::Missing));
    assert_eq!(absent.replace(Id(7), wanted(), &Only::Any, "z").await, Ok(Changed::Missing));
}

proptest! {
    #[test]
    fn any_item_is_read_or_refused(fields in proptest::collection::hash_map("[a-z_]{1,10}", ".*", 0..9)) {
        let item = fields.into_iter().map(|(name, value)| (name, AttributeValue::S(value)));
        prop_assert_eq!(todo_of(&item.collect()), None); // `done` is never a text
    }
}
