//! What the environment variables say; every value of them may be a secret, and none is ever printed.

use crate::http::Url;

const TYPES: [&str; 3] = ["platform", "function", "extension"];

/// Headers of a request, whose values are never shown.
#[derive(Clone, Default)]
pub struct Headers(pub Vec<(String, String)>);

/// What this extension goes by.
#[derive(Clone, Default)]
pub struct Settings {
    /// Where Lambda's API of this environment listens.
    pub api: String,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, as it stands there.
    endpoint: Option<String>,
    /// `OTEL_EXPORTER_OTLP_HEADERS`.
    pub headers: Headers,
    /// What to subscribe to: `TELEMETRY_TYPES`, else the platform's events alone.
    pub types: Vec<String>,
    /// Where telemetry comes in: Lambda calls it by the name of the sandbox, whose address is its own business. On a
    /// machine that is no sandbox, which the embedded AWS's endpoint tells, it is loopback alone.
    pub listen: &'static str,
    /// What is said of every record: the function, its version, where it runs.
    pub resource: Vec<(&'static str, String)>,
}

impl Settings {
    /// Reads them by name.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let named = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let function = named("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        let service = named("OTEL_SERVICE_NAME").unwrap_or_else(|| function.clone());
        let resource = [
            ("service.name", service),
            ("faas.name", function),
            ("faas.version", named("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default()),
            ("cloud.provider", "aws".into()),
            ("cloud.platform", "aws_lambda".into()),
            ("cloud.region", named("AWS_REGION").unwrap_or_default()),
        ];
        let types = named("TELEMETRY_TYPES").map(|text| {
            text.split(',').map(str::trim).filter(|one| TYPES.contains(one)).map(str::to_owned).collect::<Vec<_>>()
        });
        Self {
            api: named("AWS_LAMBDA_RUNTIME_API").unwrap_or_default(),
            endpoint: named("OTEL_EXPORTER_OTLP_ENDPOINT"),
            headers: Headers(named("OTEL_EXPORTER_OTLP_HEADERS").map(|text| headers(&text)).unwrap_or_default()),
            types: types.filter(|some| !some.is_empty()).unwrap_or_else(|| vec!["platform".into()]),
            listen: if named("AWS_ENDPOINT_URL").is_some_and(|url| url.starts_with("http://127.0.0.1:")) {
                "127.0.0.1"
            } else {
                "0.0.0.0"
            },
            resource: resource.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        }
    }

    /// The collector; none where none is named.
    pub fn endpoint(&self) -> Result<Option<Url>, String> {
        self.endpoint.as_deref().map(Url::read).transpose()
    }
}

/// `name=value,name=value`, values percent-encoded; what is no header is left out.
fn headers(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.trim().to_owned(), decoded(value.trim())))
        .filter(|(name, value)| {
            let token = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            !name.is_empty() && name.chars().all(token) && !value.chars().any(char::is_control)
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(byte) = hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::read(|name| variables.iter().find(|(one, _)| *one == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn headers_are_decoded_and_what_could_become_another_header_is_left_out() {
        let found = settings(&[("OTEL_EXPORTER_OTLP_HEADERS", "dd-api-key=a%20b=, x=1%0D%0AHost: y, =z,also=2")]);
        let expected = [("dd-api-key", "a b="), ("also", "2")];
        assert_eq!(found.headers.0, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn only_the_platform_is_heard_unless_more_is_named() {
        assert_eq!(settings(&[]).types, ["platform"]);
        assert_eq!(settings(&[("TELEMETRY_TYPES", "function, other,platform")]).types, ["function", "platform"]);
    }

    #[test]
    fn without_an_endpoint_there_is_none() {
        assert!(settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).endpoint().unwrap().is_none());
        assert!(settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://x")]).endpoint().is_err());
    }

    proptest! {
        #[test]
        fn no_text_of_headers_ends_in_a_panic(text in ".*") {
            for (_, value) in headers(&text) {
                prop_assert!(!value.contains(['\r', '\n']));
            }
        }
    }
}
