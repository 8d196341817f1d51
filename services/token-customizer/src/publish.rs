//! Tells the event bus that tokens were issued. Nobody's sign-in waits for it longer than [`PATIENCE`], and none fails.

use std::env;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use tokio::time::timeout;

use crate::event::Issued;

/// The variable `PATIENCE_MS`, else half a second: Cognito gives the whole trigger five; a warm call takes ten
/// milliseconds, the first one a few hundred.
pub static PATIENCE: LazyLock<Duration> = LazyLock::new(|| patience(env::var("PATIENCE_MS").ok().as_deref()));

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::new(rust_shared::aws::config()));
static BUS: LazyLock<String> = LazyLock::new(|| env::var("BUS").unwrap_or_default());

/// Why the bus was not told.
#[derive(Debug)]
pub enum Untold {
    /// It did not answer in time; the event may have arrived nevertheless.
    Late,
    /// It, or the way to it, refused.
    Refused(String),
}

impl fmt::Display for Untold {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => write!(to, "no answer within {:?}", *PATIENCE),
            Self::Refused(why) => to.write_str(why),
        }
    }
}

/// Makes the client while the environment starts, and not in the first sign-in.
pub fn prepare() {
    LazyLock::force(&CLIENT);
}

/// What is no whole number of milliseconds counts as not said: a sign-in matters more than a typing error.
fn patience(said: Option<&str>) -> Duration {
    Duration::from_millis(said.and_then(|said| said.trim().parse().ok()).unwrap_or(500))
}

/// Tells the bus the variable `BUS` names.
///
/// # Errors
/// When the bus did not take it in time. It is not tried again: the tokens are on their way, and the log has the same.
pub async fn tell(issued: &Issued) -> Result<(), Untold> {
    tell_by(&CLIENT, &BUS, issued).await
}

async fn tell_by(client: &Client, bus: &str, issued: &Issued) -> Result<(), Untold> {
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source("token-customizer")
        .detail_type("TokensIssued")
        .detail(issued.detail().to_string())
        .build();
    let answer = timeout(*PATIENCE, client.put_events().entries(entry).send()).await.map_err(|_| Untold::Late)?;
    let answer = answer.map_err(|error| Untold::Refused(DisplayErrorContext(error).to_string()))?;
    // It is a success that says for each entry whether it was one.
    match answer.entries().iter().find_map(|entry| entry.error_code()) {
        Some(code) => Err(Untold::Refused(code.into())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use aws_sdk_eventbridge::config::{BehaviorVersion, Credentials, Region};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn issued() -> Issued {
        serde_json::from_str::<crate::event::Event>(include_str!("../events/person.json")).unwrap().answered().1
    }

    fn client(endpoint: &str) -> Client {
        let config = rust_shared::aws::config().to_builder().endpoint_url(endpoint).region(Region::new("us-east-1"));
        let config = aws_sdk_eventbridge::config::Builder::from(&config.build())
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"));
        Client::from_conf(config.build())
    }

    fn answer(status: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    /// Something that is no event bus: it reads, and answers with `answer`, or with nothing at all.
    async fn told_to(answer: Option<String>) -> Result<(), Untold> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let other = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut taken = [0; 4096];
                    while stream.read(&mut taken).await.is_ok_and(|bytes| bytes > 0) {
                        if let Some(answer) = &answer {
                            stream.write_all(answer.as_bytes()).await.unwrap();
                        }
                    }
                });
            }
        });
        let told = tell_by(&client(&endpoint), "audit", &issued()).await;
        other.abort();
        told
    }

    #[test]
    fn patience_is_a_number_of_milliseconds() {
        let found = [None, Some("2000"), Some(" 20 "), Some("2 s")].map(patience);
        assert_eq!(found, [500, 2000, 20, 500].map(Duration::from_millis));
    }

    #[tokio::test]
    async fn a_bus_that_never_answers_is_waited_for_that_long_and_no_longer() {
        let begun = Instant::now();
        assert!(matches!(told_to(None).await, Err(Untold::Late)));
        assert!(begun.elapsed() >= *PATIENCE && begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_bus_that_is_not_there_or_refuses_is_an_answer() {
        let nobody = tell_by(&client("http://127.0.0.1:1"), "audit", &issued()).await;
        assert!(nobody.is_err());
        let refused = answer("400 Bad Request", r#"{"__type": "ResourceNotFoundException"}"#);
        let told = told_to(Some(refused)).await.unwrap_err().to_string();
        assert!(told.contains("ResourceNotFoundException"), "{told}");
    }

    #[tokio::test]
    async fn an_entry_that_was_not_taken_is_no_success() {
        let partly = r#"{"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}"#;
        let told = told_to(Some(answer("200 OK", partly))).await.unwrap_err().to_string();
        assert!(told.contains("ThrottlingException"), "{told}");
        let whole = r#"{"FailedEntryCount": 0, "Entries": [{"EventId": "e-0001"}]}"#;
        told_to(Some(answer("200 OK", whole))).await.unwrap();
    }
}
