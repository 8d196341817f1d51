//! JSON bodies as types: what comes in is one, or a problem that says which field is wrong.

use std::pin::Pin;

use lambda_http::http::header::CONTENT_TYPE;
use lambda_http::http::{HeaderMap, HeaderValue, Response, StatusCode};
use lambda_http::{Body, IntoResponse, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::Problem;

/// Longer bodies are refused unless the service asks for them: bytes. (Lambda itself takes 6 MB.)
pub const LONGEST_BODY: usize = 256 * 1024;

/// A body of JSON: taken out of a request as a type, or put into an answer.
///
/// ```
/// use lambda_http::{Request, Response};
/// use rust_shared::http::{Json, Problem, StatusCode};
/// use serde_json::{Value, json};
///
/// async fn create(request: Request) -> Result<Response<String>, Problem> {
///     let Json(todo): Json<Value> = Json::from_request(&request)?;
///     Ok(Json(json!({"id": 1, "title": todo["title"]})).with(StatusCode::CREATED))
/// }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> Json<T> {
    /// The body of a request, at most [`LONGEST_BODY`].
    ///
    /// # Errors
    /// 415 where it does not say that it is JSON, 413 where it is too long, 400 where it is no JSON or of another form,
    /// with the path of the field.
    pub fn from_request(request: &Request) -> Result<Self, Problem> {
        Self::from_parts(request.headers(), request.body().as_ref(), LONGEST_BODY)
    }

    /// The same for a body of at most `longest` bytes, and for what is no `lambda_http` request, as with axum.
    ///
    /// # Errors
    /// As [`Json::from_request`].
    pub fn from_parts(headers: &HeaderMap, body: &[u8], longest: usize) -> Result<Self, Problem> {
        if !is_json(headers) {
            let detail = "the body must be application/json, and the content type must say so";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        if body.len() > longest {
            let detail = format!("the body may have {longest} bytes and has {}", body.len());
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        let mut json = serde_json::Deserializer::from_slice(body);
        let value = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| refused(&error.path().to_string(), error.inner()))?;
        json.end().map_err(|error| refused(".", &error))?;
        Ok(Self(value))
    }
}

/// `application/json`, and whatever calls itself a kind of JSON (`application/merge-patch+json`).
fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

fn refused(path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    if error.classify() != Category::Data {
        return Problem::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {text}"));
    }
    // serde's words name a missing field, its path only where the field should be.
    let missing = text.strip_prefix("missing field `").and_then(|rest| Some(rest.split_once('`')?.0));
    let field = match (path, missing) {
        (".", Some(name)) => name.to_owned(),
        (_, Some(name)) => format!("{path}.{name}"),
        (_, None) => path.to_owned(),
    };
    let words = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    Problem::new(StatusCode::BAD_REQUEST, words).about(field)
}

impl<T: Serialize> Json<T> {
    /// An answer with this status. A value that cannot be written as JSON is a 500.
    pub fn with(&self, status: StatusCode) -> Response<String> {
        match serde_json::to_string(&self.0) {
            Ok(body) => {
                let mut response = Response::new(body);
                *response.status_mut() = status;
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(error) => Problem::internal(&error).into(),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        self.with(StatusCode::OK).map(Body::from).into_response()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(deny_unknown_fields)]
    struct List {
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Item {
        title: String,
        done: Option<bool>,
    }

    fn typed(content_type: &str, body: &[u8]) -> Result<List, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        Json::from_parts(&headers, body, 1000).map(|Json(list)| list)
    }

    fn refused(body: &str) -> (u16, String, Option<String>) {
        let problem = typed("application/json", body.as_bytes()).unwrap_err();
        (problem.status().as_u16(), problem.detail().to_owned(), problem.field().map(str::to_owned))
    }

    #[test]
    fn a_body_of_the_type_is_taken() {
        let list = List { items: vec![Item { title: "tea".into(), done: None }] };
        for media in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert_eq!(typed(media, br#"{"items": [{"title": "tea"}]}"#).unwrap(), list);
        }
    }

    #[test]
    fn what_is_no_json_is_400() {
        let deep = format!(r#"{{"items": [{{"more": {}"#, "[".repeat(900));
        for body in ["", "{", "{]", "nul", r#"{"items": []} more"#, "\u{1}", &deep] {
            let (status, detail, field) = refused(body);
            assert_eq!((status, field), (400, None), "{body}");
            assert!(detail.starts_with("the body is no JSON: "), "{detail}");
        }
        assert_eq!(typed("application/json", b"{\"items\": [{\"title\": \"\xff\"}]}").unwrap_err().status(), 400);
    }

    #[test]
    fn what_is_of_another_form_is_400_with_its_field() {
        let wrong = |body: &str| refused(body).2.unwrap();
        assert_eq!(refused("{}"), (400, "missing field `items`".into(), Some("items".into())));
        assert_eq!(wrong(r#"{"items": [{"done": true}]}"#), "items[0].title");
        assert_eq!(wrong(r#"{"items": [{"title": "a"}, {"title": 7}]}"#), "items[1].title");
        assert_eq!(wrong(r#"{"items": {}}"#), "items");
        assert_eq!(wrong(r#"{"items": [], "more": 1}"#), "more");
        assert_eq!(refused(r#"{"items": "a"}"#).1, "invalid type: string \"a\", expected a sequence");
    }

    #[test]
    fn a_body_that_is_too_long_or_of_another_media_type_is_not_read() {
        assert_eq!(typed("application/json", &[b' '; 1001]).unwrap_err().status(), 413);
        for media in ["text/plain", "", "application/jsonp", "text/html+json", "application/x-www-form-urlencoded"] {
            assert_eq!(typed(media, b"{").unwrap_err().status(), 415, "{media}");
        }
        let problem = Json::<List>::from_request(&Request::new(Body::from("{}"))).unwrap_err();
        assert_eq!(problem.status(), 415);
    }

    #[test]
    fn an_answer_says_that_it_is_json() {
        let answer = Json(json!({"a": 1})).with(StatusCode::CREATED);
        assert_eq!((answer.status().as_u16(), answer.body().as_str()), (201, r#"{"a":1}"#));
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
        let broken = Json(std::collections::BTreeMap::from([((1, 2), 3)])).with(StatusCode::OK);
        assert_eq!(broken.status(), 500);
    }

    proptest! {
        #[test]
        fn no_body_is_a_panic(body: Vec<u8>, media in "(application/json)|.{0,20}") {
            if let Ok(media) = media.parse() {
                let headers = HeaderMap::from_iter([(CONTENT_TYPE, media)]);
                let problem = Json::<List>::from_parts(&headers, &body, 80).unwrap_err();
                prop_assert!([400, 413, 415].contains(&problem.status().as_u16()));
            }
        }

        #[test]
        fn what_is_written_is_read(titles in proptest::collection::vec(".{0,9}", 0..4), done: Option<bool>) {
            let list = List { items: titles.into_iter().map(|title| Item { title, done }).collect() };
            let body = serde_json::to_vec(&list).unwrap();
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, "application/json".parse().unwrap())]);
            prop_assert_eq!(Json::from_parts(&headers, &body, usize::MAX).unwrap(), Json(list));
        }
    }
}
