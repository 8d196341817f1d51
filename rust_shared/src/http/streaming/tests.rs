//! Answers as they go over the wire to a Runtime API, which is a socket here that writes down what it gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread::{self, JoinHandle};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::http::testing::{EVENT, odd};
use crate::telemetry::testing::{LIVE, Lines, context, counted};

/// What the Runtime API got for one invocation.
#[derive(Debug, Default)]
struct Sent {
    path: String,
    headers: Vec<String>,
    body: String,
    trailers: Vec<String>,
}

impl Sent {
    fn prelude(&self) -> Value {
        serde_json::from_str(self.body.split('\0').next().unwrap()).unwrap()
    }

    fn data(&self) -> &str {
        self.body.rsplit('\0').next().unwrap()
    }

    /// What the trailers say: the kind, and the error as it was written.
    fn error(&self) -> (String, Value) {
        let value = |name: &str| {
            let line = self.trailers.iter().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(": ").to_owned()
        };
        let body = BASE64_STANDARD.decode(value("lambda-runtime-function-error-body")).unwrap();
        (value("lambda-runtime-function-error-type"), serde_json::from_slice(&body).unwrap())
    }
}

fn lines(from: &mut impl BufRead) -> Vec<String> {
    from.lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect()
}

/// Takes one POST; `piece` hears of every piece of its body, and says whether it wants more.
fn take(stream: &TcpStream, piece: impl Fn(&str) -> bool) -> Option<Sent> {
    let mut from = BufReader::new(stream);
    let mut headers = lines(&mut from);
    let mut sent = Sent { path: headers.remove(0), headers, ..Sent::default() };
    if let Some(length) = sent.headers.iter().find_map(|line| line.strip_prefix("content-length: ")) {
        let mut body = vec![0; length.parse().unwrap()];
        from.read_exact(&mut body).unwrap();
        sent.body = String::from_utf8(body).unwrap();
    } else {
        loop {
            let mut size = String::new();
            from.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
            if size == 0 {
                break;
            }
            let mut bytes = vec![0; size + 2];
            from.read_exact(&mut bytes).unwrap();
            let text = std::str::from_utf8(&bytes[..size]).unwrap();
            sent.body.push_str(text);
            if !piece(text) {
                return None;
            }
        }
        sent.trailers = lines(&mut from);
    }
    (&*stream).write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
    Some(sent)
}

/// A Runtime API for one invocation, and the client that speaks to it.
fn runtime_api(piece: impl Fn(&str) -> bool + Send + 'static) -> (JoinHandle<Option<Sent>>, Arc<PooledClient>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let server = thread::spawn(move || take(&listener.accept().unwrap().0, piece));
    (server, Arc::new(PooledClient::builder().with_endpoint(endpoint).build()))
}

fn event(payload: &str) -> LambdaInvocation {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.headers.insert(INVOCATION_ID, HeaderValue::from_static("i-1"));
    LambdaInvocation { parts, body: Bytes::copy_from_slice(payload.as_bytes()), context: context(LIVE) }
}

async fn served<F>(payload: &str, handler: impl Fn(Request) -> F + Send + Sync + 'static) -> Sent
where
    F: Future<Output = Response<Chunks>> + Send + 'static,
{
    let (server, client) = runtime_api(|_| true);
    Streamed { handler: Arc::new(handler), client }.call(event(payload)).await.unwrap();
    server.join().unwrap().unwrap()
}

fn pieces(items: Vec<Result<&'static str, &'static str>>) -> Chunks {
    stream::iter(items).map(|item| item.map(Bytes::from).map_err(Into::into)).boxed()
}

#[tokio::test]
async fn an_answer_is_a_prelude_and_its_pieces() {
    let kept = Lines::capture();
    let sent = served(EVENT, async |request: Request| {
        assert_eq!(request.lambda_context().request_id, "r-1");
        let response = Response::builder().status(203).header("x-a", "b").header("set-cookie", "c=d");
        response.body(pieces(vec![Ok("one,"), Ok(""), Ok("two")])).unwrap()
    })
    .await;
    assert_eq!(sent.path, "POST /2018-06-01/runtime/invocation/r-1/response HTTP/1.1");
    for header in [
        "lambda-runtime-function-response-mode: streaming",
        "transfer-encoding: chunked",
        "content-type: application/vnd.awslambda.http-integration-response",
        "lambda-runtime-invocation-id: i-1",
    ] {
        assert!(sent.headers.iter().any(|line| line == header), "{header} is not in {:?}", sent.headers);
    }
    let wanted = json!({
        "statusCode": 203,
        "headers": {"x-a": "b", "content-type": "application/octet-stream"},
        "cookies": ["c=d"],
    });
    assert_eq!((sent.prelude(), sent.data(), sent.trailers.len()), (wanted, "one,two", 0));
    let line = kept.the_request();
    assert_eq!((&line["status"], &line["response_bytes"], counted()), (&203.into(), &7.into(), vec![[1, 0]]));
}

#[tokio::test]
async fn a_piece_has_left_before_the_next_is_made() {
    let (told, heard) = mpsc::channel();
    let (server, client) = runtime_api(move |text| {
        if text == "first" {
            told.send(()).unwrap();
        }
        true
    });
    let heard = Arc::new(Mutex::new(heard));
    let handler = move |_: Request| {
        let heard = Arc::clone(&heard);
        async move {
            // Made only when the Runtime API has the first; waited for on another thread, so that this one can send.
            let waited = tokio::task::spawn_blocking(move || heard.lock().unwrap().recv().unwrap());
            let second = waited.map(|waited| waited.map(|()| Bytes::from("second")).map_err(Error::from));
            Response::new(stream::iter([Ok(Bytes::from("first"))]).chain(stream::once(second)).boxed())
        }
    };
    Streamed { handler: Arc::new(handler), client }.call(event(EVENT)).await.unwrap();
    assert_eq!(server.join().unwrap().unwrap().data(), "firstsecond");
}

#[tokio::test]
async fn an_error_in_mid_stream_is_told_by_trailers_and_counted() {
    let sent = served(EVENT, async |_| Response::new(pieces(vec![Ok("one"), Err("broke"), Ok("never")]))).await;
    let (kind, error) = sent.error();
    assert_eq!((sent.data(), kind.as_str()), ("one", "StreamBroken"));
    assert_eq!(error, json!({"errorType": "StreamBroken", "errorMessage": "broke"}));
    assert_eq!(counted(), [[1, 1]]);
}

#[tokio::test]
async fn a_panic_in_mid_stream_is_told_too() {
    let kept = Lines::capture();
    let sent = served(EVENT, async |_| {
        let made = stream::iter(0..3).map(|number| match number {
            0 => Ok(Bytes::from("one")),
            _ => panic!("on purpose"),
        });
        Response::new(made.boxed())
    })
    .await;
    assert_eq!((sent.data(), sent.error().0.as_str(), counted()), ("one", "Panicked", vec![[1, 1]]));
    assert_eq!(kept.all().last().unwrap()["outcome"], "error");
}

#[tokio::test]
async fn what_never_becomes_an_answer_is_an_error() {
    let kept = Lines::capture();
    let sent = served(EVENT, async |_| -> Response<Chunks> { panic!("on purpose") }).await;
    assert_eq!(sent.path, "POST /2018-06-01/runtime/invocation/r-1/error HTTP/1.1");
    assert!(sent.body.contains("Panicked") && !sent.body.contains("on purpose"), "{}", sent.body);
    let line = kept.the_request();
    assert_eq!((&line["outcome"], &line["error_type"], counted()), (&"error".into(), &"Panicked".into(), vec![[1, 1]]));

    for payload in ["[]", "{", "", "\u{0}"] {
        let sent = served(payload, async |_| Response::new(whole("never"))).await;
        assert!(sent.path.ends_with("/r-1/error HTTP/1.1") && sent.body.contains("NoHttpRequest"), "{sent:?}");
        assert_eq!(counted(), [[1, 1]]);
    }
}

#[tokio::test]
async fn who_has_gone_is_sent_nothing_more_and_that_is_no_failure() {
    let made = Arc::new(AtomicUsize::new(0));
    let (server, client) = runtime_api(|text| text != "piece");
    let source = Arc::clone(&made);
    let handler = move |_: Request| {
        let source = Arc::clone(&source);
        async move {
            let endless = stream::repeat_with(move || {
                source.fetch_add(1, Ordering::Relaxed);
                Ok(Bytes::from("piece"))
            });
            // Between two pieces the thread is free, as it is while a page is read.
            Response::new(endless.then(async |piece| (tokio::task::yield_now().await, piece).1).boxed())
        }
    };
    let mut service = Streamed { handler: Arc::new(handler), client };
    service.call(event(EVENT)).await.unwrap();
    assert!(server.join().unwrap().is_none());
    assert!(made.load(Ordering::Relaxed) > 0, "it ended, though the source never does");
    assert_eq!(counted(), [[1, 0]]);
}

proptest! {
    #[test]
    fn no_event_is_a_panic(whole in odd()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handler = async |_: Request| Response::new(super::whole("yes"));
        let post = runtime.block_on(posted(&handler, event(&whole))).unwrap();
        let refused = post.uri().path().ends_with("/error");
        prop_assert!(refused || post.uri().path().ends_with("/response"));
        drop(post);
        prop_assert_eq!(counted(), [[1, u64::from(refused)]]);
    }
}
