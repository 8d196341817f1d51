//! Secrets by reference: an environment variable holds the ARN, Secrets Manager the value.
//!
//! A manifest says `secrets: {TOKEN_KEY: shop/token-key}`, and the service:
//!
//! ```no_run
//! use rust_shared::secrets::Secret;
//!
//! static KEY: Secret = Secret::of("TOKEN_KEY");
//!
//! # fn sign(key: &str) -> Result<(), u16> { Ok(()) }
//! # async fn call() -> Result<(), rust_shared::secrets::Error> {
//! let key = KEY.value().await?;
//! if sign(key.expose()) == Err(401) {
//!     let rotated = KEY.refused(&key).await?; // once: whoever refuses this one too means something else
//!     # let _ = sign(rotated.expose());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It is fetched once an environment and kept for five minutes, since every fetch is billed and takes time. A rotation
//! is noticed by then, or at once when the value is refused. Nothing here writes a value anywhere.
//!
//! What was made with a value and comes back later (a signed token) is checked with two of them: while a rotation goes
//! round, some instances have the new value and some the one before it.
//!
//! ```no_run
//! # use rust_shared::secrets::{Error, Secret};
//! static KEY: Secret = Secret::with_previous("TOKEN_KEY");
//!
//! # fn signed_with(key: &str) -> bool { false }
//! # async fn call() -> Result<bool, Error> {
//! let key = KEY.value().await?;
//! Ok(signed_with(key.expose()) || key.previous().is_some_and(signed_with))
//! # }
//! ```

mod cache;

use std::env;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use aws_sdk_secretsmanager::{Client, config};
use aws_smithy_types::timeout::TimeoutConfig;
use serde::de::DeserializeOwned;

use cache::Cache;

/// Long enough that a busy service fetches rarely, short enough that a rotation is over soon.
const KEPT: Duration = Duration::from_mins(5);

/// A call with its retries, and one attempt: somebody's request waits for it.
const CALL: Duration = Duration::from_secs(3);
const ATTEMPT: Duration = Duration::from_millis(1_500);
const PREVIOUS: &str = "AWSPREVIOUS";
const NONE_THERE: &str = "ResourceNotFoundException";

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let timeouts = TimeoutConfig::builder().operation_timeout(CALL).operation_attempt_timeout(ATTEMPT).build();
    Client::from_conf(config::Builder::from(crate::aws::config()).timeout_config(timeouts).build())
});

/// A secret, fetched when it is first asked for; a `static` of the service.
#[derive(Debug)]
pub struct Secret {
    variable: &'static str,
    previous: bool,
    cache: Cache,
}

impl Secret {
    /// The secret whose ARN an environment variable holds.
    #[must_use]
    pub const fn of(variable: &'static str) -> Self {
        Self::kept(variable, KEPT)
    }

    /// The same, with the value that it had before: [`Value::previous`]. Each fetch is two calls.
    #[must_use]
    pub const fn with_previous(variable: &'static str) -> Self {
        Self { variable, previous: true, cache: Cache::new(KEPT) }
    }

    /// The same, kept for another time than five minutes.
    #[must_use]
    pub const fn kept(variable: &'static str, kept: Duration) -> Self {
        Self { variable, previous: false, cache: Cache::new(kept) }
    }

    /// The value, from the cache while it is fresh. Where Secrets Manager cannot be asked the old value goes on, and a
    /// warning is logged.
    ///
    /// # Errors
    /// When the variable is not set, or there is no value yet and none can be had.
    pub async fn value(&self) -> Result<Value, Error> {
        self.cache.value(Instant::now(), || self.fetch()).await
    }

    /// The value after somebody refused this one: fetched again, unless that was done already.
    ///
    /// # Errors
    /// As [`Secret::value`].
    pub async fn refused(&self, refused: &Value) -> Result<Value, Error> {
        self.cache.refused(Instant::now(), refused, || self.fetch()).await
    }

    async fn fetch(&self) -> Result<Value, Error> {
        let variable = self.variable;
        let arn = env::var(variable).ok().filter(|arn| !arn.is_empty());
        let arn = arn.ok_or_else(|| Error(format!("the variable {variable} holds no ARN of a secret")))?;
        let call = CLIENT.get_secret_value().secret_id(&arn);
        let failed = |error: SdkError<GetSecretValueError>| {
            let why = error.code().map_or_else(|| DisplayErrorContext(&error).to_string(), str::to_owned);
            Error(format!("{variable}: {arn} cannot be read: {why}"))
        };
        let answer = call.clone().send().await.map_err(failed)?;
        let (version, current) = text(answer).ok_or_else(|| Error(format!("{variable}: {arn} holds no text")))?;
        let mut previous = None;
        if self.previous {
            match call.version_stage(PREVIOUS).send().await {
                Ok(answer) => previous = text(answer),
                Err(error) if error.code() == Some(NONE_THERE) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(Value::new(&version, &current, previous.as_ref().map(|(_, text)| text.as_str())))
    }
}

/// The text of an answer, and its version; none where it holds no text.
fn text(answer: GetSecretValueOutput) -> Option<(String, String)> {
    let binary = || String::from_utf8(answer.secret_binary?.into_inner()).ok();
    Some((answer.version_id.unwrap_or_default(), answer.secret_string.or_else(binary)?))
}

/// A secret's value. Only [`Value::expose`] shows it: neither `{:?}` nor an error does.
#[derive(Clone, Eq, PartialEq)]
pub struct Value {
    version: Arc<str>,
    text: Arc<str>,
    previous: Option<Arc<str>>,
}

impl Value {
    /// A value as Secrets Manager would have it: for tests of what takes one.
    #[must_use]
    pub fn new(version: &str, text: &str, previous: Option<&str>) -> Self {
        Self { version: version.into(), text: text.into(), previous: previous.map(Into::into) }
    }

    /// The value itself, for whoever needs it; never for a log line.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The value before this one, if there was one and [`Secret::with_previous`] asked for it.
    #[must_use]
    pub fn previous(&self) -> Option<&str> {
        self.previous.as_deref()
    }

    /// The value as JSON, as databases have it: `{"username": …, "password": …}`.
    ///
    /// # Errors
    /// When it is of another form. Which one is not said, since that would quote it.
    pub fn parsed<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error(format!("version {} of the secret is of another form (line {line}, column {column})", self.version))
        })
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Value").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Why there is no value; it names the variable and the ARN and never quotes a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Login {
        password: String,
    }

    #[test]
    fn no_value_is_shown() {
        let value = Value::new("v-1", r#"{"password": "hunter2"}"#, Some("hunter2"));
        assert_eq!(format!("{value:?}"), r#"Value { version: "v-1", .. }"#);
        assert_eq!(value.parsed::<Login>().unwrap().password, "hunter2");
        let error = value.parsed::<Vec<u8>>().unwrap_err();
        let wrong = Value::new("v-2", r#"{"password": 7, "hunter2": "hunter2"}"#, None).parsed::<Login>().unwrap_err();
        for shown in [format!("{error} {error:?}"), format!("{wrong} {wrong:?}"), format!("{value:#?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[tokio::test]
    async fn a_variable_without_an_arn_is_named() {
        static MISSING: Secret = Secret::kept("NO_SUCH_SECRET", Duration::ZERO);
        let error = MISSING.value().await.unwrap_err();
        assert_eq!(error.to_string(), "the variable NO_SUCH_SECRET holds no ARN of a secret");
    }
}
