//! How a service reaches AWS: one configuration an environment, from Lambda's own environment variables.
//!
//! There is no `aws-config` here: of its chain of credential sources (profiles, web identity, the instance's metadata,
//! containers) a function has exactly one, and the rest would be compiled and carried for nothing.
//!
//! ```
//! # use std::sync::LazyLock;
//! use aws_sdk_secretsmanager::Client; // or whichever the service needs
//!
//! static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::new(rust_shared::aws::config()));
//! ```
//!
//! `LazyLock::force(&CLIENT)` first thing in `main` makes it while the environment starts, with a whole processor: the
//! system's certificates are read there, and not in somebody's first request.

use std::env;
use std::sync::LazyLock;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

/// Within a region a connection takes a few milliseconds, so one that takes longer is tried again soon.
const CONNECT: Duration = Duration::from_secs(1);
/// Until the first byte of an answer. A service that sends long bodies gives that operation a longer one.
const READ: Duration = Duration::from_secs(5);
/// The first call and two more: what a function of a few seconds can still wait for.
const ATTEMPTS: u32 = 3;
/// Grows with each attempt, and is drawn at random below that, so that throttled instances do not come back together.
const BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

static CONFIG: LazyLock<SdkConfig> = LazyLock::new(|| made_from(|name| env::var(name).ok()));

/// The configuration that all clients of this process share, and with it one pool of connections.
///
/// Region and credentials are those that Lambda sets; `AWS_ENDPOINT_URL`, where there is one, is asked instead of AWS.
/// Nothing is read from files or from the network, so it cannot fail: what is missing is told by the first call.
#[must_use]
pub fn config() -> &'static SdkConfig {
    &CONFIG
}

/// The configuration as a set of variables describes it.
fn made_from(variable: impl Fn(&str) -> Option<String>) -> SdkConfig {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let endpoint = variable("AWS_ENDPOINT_URL");
    let credentials = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY")).map(|(key, secret)| {
        let session = variable("AWS_SESSION_TOKEN");
        SharedCredentialsProvider::new(Credentials::new(key, secret, session, None, "environment"))
    });
    let mut config = SdkConfig::builder();
    config.set_endpoint_url(endpoint.clone()).set_credentials_provider(credentials);
    config
        .behavior_version(BehaviorVersion::latest())
        .region(variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).map(Region::new))
        .http_client(https(endpoint.as_deref()))
        .sleep_impl(TokioSleep::new())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).build())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(BACKOFF)
                .with_max_backoff(LONGEST_BACKOFF),
        )
        .build()
}

/// rustls with ring: it needs neither C libraries nor cmake for musl, and is smaller than AWS's own cryptography.
fn https(endpoint: Option<&str>) -> SharedHttpClient {
    let plain = endpoint.is_some_and(|url| url.starts_with("http://"));
    // The system's certificates are read and parsed when the first client is made; without TLS nobody asks for them.
    let trust = if plain { TrustStore::empty() } else { TrustStore::default() };
    let context = TlsContext::builder().with_trust_store(trust).build();
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    match context {
        Ok(context) => client.tls_context(context).build_https(),
        Err(_) => client.build_https(),
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::ProvideCredentials;

    use super::*;

    fn made(variables: &[(&str, &str)]) -> SdkConfig {
        made_from(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into()))
    }

    #[tokio::test]
    async fn credentials_and_region_are_lambdas_own() {
        let config = made(&[
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "session"),
        ]);
        let credentials = config.credentials_provider().unwrap().provide_credentials().await.unwrap();
        assert_eq!(config.region().unwrap().as_ref(), "eu-central-1");
        assert_eq!(credentials.access_key_id(), "key");
        assert_eq!((credentials.secret_access_key(), credentials.session_token()), ("secret", Some("session")));
        assert_eq!(config.endpoint_url(), None);
    }

    #[test]
    fn what_is_missing_or_empty_is_left_to_the_first_call() {
        for variables in [&[][..], &[("AWS_REGION", ""), ("AWS_ACCESS_KEY_ID", "key"), ("AWS_ENDPOINT_URL", "")]] {
            let config = made(variables);
            assert!(config.region().is_none() && config.credentials_provider().is_none());
            assert_eq!(config.endpoint_url(), None);
        }
    }

    #[test]
    fn no_call_waits_longer_than_a_function_may() {
        let config = made(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]);
        let (timeouts, retries) = (config.timeout_config().unwrap(), config.retry_config().unwrap());
        let attempt = timeouts.connect_timeout().unwrap() + timeouts.read_timeout().unwrap();
        let longest = retries.max_attempts() * (attempt + retries.max_backoff());
        assert!(longest < Duration::from_secs(29), "an HTTP API gives up after 29 s, this after {longest:?}");
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:4566"));
    }
}
