//! What an HTTP API answers when it cannot do what was asked: `application/problem+json` (RFC 9457).

use std::error::Error as StdError;
use std::fmt::Write;
use std::pin::Pin;

use lambda_http::http::header::CONTENT_TYPE;
use lambda_http::http::{HeaderValue, Response, StatusCode};
use lambda_http::{Body, IntoResponse};
use serde::Serialize;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Longer words of others (a value that was refused, for one) are cut here: bytes.
const LONGEST: usize = 300;

/// Why a request was not answered as asked, in words that may be told to anybody.
///
/// Any error becomes one by `?`: a 500 that says nothing, and a log line that says everything.
///
/// ```
/// use rust_shared::http::{Problem, StatusCode};
///
/// fn double(text: &str) -> Result<u64, Problem> {
///     let number: u64 = text.parse().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "n must be a number"))?;
///     number.checked_mul(2).ok_or_else(|| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "n is too large"))
/// }
/// assert_eq!(double("x").unwrap_err().status(), StatusCode::BAD_REQUEST);
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl Problem {
    /// A problem of the kind that its status says (`about:blank`).
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > LONGEST {
            detail.truncate(detail.floor_char_boundary(LONGEST));
            detail.push('…');
        }
        let title = status.canonical_reason().unwrap_or("Error").into();
        Self { kind: "about:blank".into(), title, status, detail, field: None }
    }

    /// 404: there is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 500, and a log line with the error and all its causes. Nothing of it is told to the caller.
    #[must_use]
    pub fn internal(error: &(dyn StdError + 'static)) -> Self {
        let mut causes = String::new();
        let mut next = error.source();
        while let Some(cause) = next {
            let _ = write!(causes, "{}{cause}", if causes.is_empty() { "" } else { ": " });
            next = cause.source();
        }
        tracing::error!(%error, causes, "answered with 500");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "")
    }

    /// The same problem as one of a documented kind: a URI, and what it is called.
    #[must_use]
    pub fn of_kind(self, kind: impl Into<String>, title: impl Into<String>) -> Self {
        Self { kind: kind.into(), title: title.into(), ..self }
    }

    /// The same problem about one field of the body: `items[0].title`.
    #[must_use]
    pub fn about(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is said about it.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The field of the body that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

/// Also what an axum handler may return, or have made by `?`.
impl From<Problem> for Response<String> {
    fn from(problem: Problem) -> Self {
        let body = serde_json::to_string(&problem).unwrap_or_default();
        let mut response = Response::new(body);
        *response.status_mut() = problem.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response
    }
}

impl From<Problem> for Response<Body> {
    fn from(problem: Problem) -> Self {
        Response::<String>::from(problem).map(Body::from)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Response::<String>::from(self).into_response()
    }
}

impl<E: StdError + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::internal(&error)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn as_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::telemetry::testing::Lines;

    fn body(problem: Problem) -> Value {
        serde_json::from_str(Response::<String>::from(problem).body()).unwrap()
    }

    #[test]
    fn a_problem_is_its_rfcs_document() {
        let problem = Problem::new(StatusCode::CONFLICT, "there is one already").about("title");
        let response = Response::<String>::from(problem.clone());
        assert_eq!(
            (response.status(), &response.headers()[CONTENT_TYPE]),
            (StatusCode::CONFLICT, &PROBLEM_JSON.parse().unwrap())
        );
        let wanted = json!({
            "type": "about:blank", "title": "Conflict", "status": 409, "detail": "there is one already", "field": "title",
        });
        assert_eq!(body(problem.clone()), wanted);
        let own = body(problem.of_kind("https://example.com/problems/taken", "Taken"));
        assert_eq!((&own["type"], &own["title"]), (&json!("https://example.com/problems/taken"), &json!("Taken")));
    }

    #[test]
    fn an_error_is_logged_and_not_told() {
        let lines = Lines::capture();
        let failed = || -> Result<(), Problem> {
            std::fs::read("/no/such/secret")?;
            Ok(())
        };
        assert_eq!(
            body(failed().unwrap_err()),
            json!({"type": "about:blank", "title": "Internal Server Error", "status": 500})
        );
        assert!(lines.all()[0]["error"].as_str().unwrap().starts_with("No such file"));
    }

    proptest! {
        #[test]
        fn whatever_it_says_it_is_short_and_json(detail in ".{0,400}", status in 100_u16..1000) {
            let problem = Problem::new(StatusCode::from_u16(status).unwrap(), detail);
            prop_assert!(problem.detail().len() <= LONGEST + "…".len());
            prop_assert_eq!(&body(problem)["status"], &json!(status));
        }
    }
}
