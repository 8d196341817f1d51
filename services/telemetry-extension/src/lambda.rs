//! Lambda's Extensions and Telemetry API, as far as this extension uses it.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::http::{self, Message, Url};

const NAME: &str = "telemetry-extension";
const LIMIT: Duration = Duration::from_secs(5);
/// After SHUTDOWN, where Lambda did not say how long.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// An extension that is registered.
pub struct Lambda {
    api: Url,
    identifier: String,
}

impl Lambda {
    /// Registers for SHUTDOWN only: an extension that wants INVOKE makes Lambda wait for it after every invocation.
    pub fn register(api: &str) -> io::Result<Self> {
        let url = Url::read(&format!("http://{api}")).map_err(io::Error::other)?;
        // The name must be the executable's.
        let own = std::env::args().next().unwrap_or_default();
        let name = own.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(NAME).to_owned();
        let body = json!({"events": ["SHUTDOWN"]}).to_string();
        let headers = [("Lambda-Extension-Name".to_owned(), name)];
        let to = url.below("/2020-01-01/extension/register");
        let answer = checked(http::send("POST", &to, &headers, body.as_bytes(), Some(LIMIT))?)?;
        let identifier = answer.header("lambda-extension-identifier").unwrap_or_default().to_owned();
        Ok(Self { api: url, identifier })
    }

    /// Has events of these types delivered to a port of this environment.
    pub fn subscribe(&self, port: u16, types: &[String]) -> io::Result<()> {
        let body = json!({
            "schemaVersion": "2022-12-13",
            "types": types,
            "buffering": {"maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 100},
            "destination": {"protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{port}/")},
        });
        let to = self.api.below("/2022-07-01/telemetry");
        checked(http::send("PUT", &to, &self.identity(), body.to_string().as_bytes(), Some(LIMIT))?)?;
        Ok(())
    }

    /// Waits for the next event; of SHUTDOWN, until when this process must have ended.
    pub fn next(&self) -> io::Result<Option<Instant>> {
        let to = self.api.below("/2020-01-01/extension/event/next");
        let answer = checked(http::send("GET", &to, &self.identity(), b"", None)?)?;
        let event: Value = serde_json::from_slice(&answer.body)?;
        Ok((event["eventType"] == "SHUTDOWN").then(|| Instant::now() + left(&event)))
    }

    fn identity(&self) -> [(String, String); 1] {
        [("Lambda-Extension-Identifier".to_owned(), self.identifier.clone())]
    }
}

fn left(event: &Value) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = event["deadlineMs"].as_u64().map(Duration::from_millis);
    deadline.map_or(SHUTDOWN, |then| then.saturating_sub(now)).min(SHUTDOWN)
}

fn checked(answer: Message) -> io::Result<Message> {
    let status = answer.status();
    if (200..300).contains(&status) { Ok(answer) } else { Err(io::Error::other(format!("Lambda answered {status}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_after_shutdown_is_never_more_than_lambda_gives() {
        assert_eq!(left(&json!({})), SHUTDOWN);
        assert_eq!(left(&json!({"deadlineMs": u64::MAX})), SHUTDOWN);
        assert_eq!(left(&json!({"deadlineMs": 1})), Duration::ZERO);
    }
}
