//! Which request gets the export. It is answered when the first page has been read: a table that cannot be read at all
//! is a problem with its own status, and only what breaks later breaks the file.

use futures_util::StreamExt;
use lambda_http::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderName, HeaderValue, Method, StatusCode};
use lambda_http::{Request, RequestExt, Response};
use rust_shared::http::{Chunks, Problem, whole};

use crate::export::{Pages, csv};
use crate::table::today;

const METHODS: &str = "GET, HEAD, OPTIONS";

/// Answers one request; `pages` are begun only where rows are wanted.
pub async fn answer<P: Pages>(request: &Request, pages: impl FnOnce() -> P) -> Response<Chunks> {
    if !["/", "/todos.csv"].contains(&request.raw_http_path()) {
        return problem(StatusCode::NOT_FOUND, "there is nothing at this path");
    }
    match *request.method() {
        Method::GET => export(pages()).await,
        Method::HEAD => file(whole("")),
        Method::OPTIONS => {
            let mut response = Response::new(whole(""));
            *response.status_mut() = StatusCode::NO_CONTENT;
            with(response, ALLOW, METHODS)
        }
        _ => with(problem(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method"), ALLOW, METHODS),
    }
}

async fn export<P: Pages>(mut pages: P) -> Response<Chunks> {
    let Ok(first) = pages.next().await else {
        let refusal = problem(StatusCode::SERVICE_UNAVAILABLE, "the table cannot be read at the moment");
        return with(refusal, RETRY_AFTER, "5");
    };
    file(csv(first.unwrap_or_default(), pages).boxed())
}

fn file(body: Chunks) -> Response<Chunks> {
    let name = format!("attachment; filename=\"todos-{}.csv\"", today());
    let response = with(Response::new(body), CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
    let response = with(response, CONTENT_DISPOSITION, &name);
    with(with(response, CACHE_CONTROL, "no-store"), X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn problem(status: StatusCode, detail: &str) -> Response<Chunks> {
    Response::<String>::from(Problem::new(status, detail)).map(whole)
}

fn with(mut response: Response<Chunks>, name: HeaderName, value: &str) -> Response<Chunks> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use lambda_http::http::Request as HttpRequest;
    use lambda_http::{Body, Error};
    use proptest::prelude::*;

    use super::*;
    use crate::export::testing::Made;
    use crate::export::{COLUMNS, Row};

    fn request(method: &str, path: &str) -> Request {
        let request = HttpRequest::builder().method(method).uri("https://x.lambda-url.eu-central-1.on.aws/");
        request.body(Body::Empty).unwrap().with_raw_http_path(path)
    }

    async fn text(response: Response<Chunks>) -> String {
        let mut text = String::new();
        let mut pieces = response.into_body();
        while let Some(piece) = pieces.next().await {
            text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        text
    }

    fn header<'a>(response: &'a Response<Chunks>, name: &HeaderName) -> &'a str {
        response.headers()[name].to_str().unwrap()
    }

    #[tokio::test]
    async fn an_export_is_a_file() {
        for path in ["/", "/todos.csv"] {
            let response = answer(&request("GET", path), || Made::new(3, 2)).await;
            assert_eq!(response.status(), 200);
            assert!(header(&response, &CONTENT_TYPE).starts_with("text/csv"));
            let name = header(&response, &CONTENT_DISPOSITION);
            assert!(name.starts_with("attachment; filename=\"todos-20") && name.ends_with(".csv\""), "{name}");
            assert_eq!(text(response).await.lines().count(), 1 + 6);
        }
    }

    #[tokio::test]
    async fn only_the_first_page_is_read_before_the_answer_begins() {
        let pages = Made::new(3, 2);
        let asked = Arc::clone(&pages.asked);
        let response = answer(&request("GET", "/"), || pages).await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        let mut pieces = response.into_body();
        assert!(pieces.next().await.unwrap().unwrap().starts_with(COLUMNS[0].as_bytes()));
        assert_eq!(asked.load(Ordering::Relaxed), 1, "the first piece is the first page");
    }

    #[tokio::test]
    async fn a_table_that_cannot_be_read_is_a_problem() {
        struct Broken;
        impl Pages for Broken {
            async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
                Err("AccessDeniedException: arn:aws:…".into())
            }
        }
        let response = answer(&request("GET", "/"), || Broken).await;
        assert_eq!((response.status().as_u16(), header(&response, &RETRY_AFTER)), (503, "5"));
        assert_eq!(header(&response, &CONTENT_TYPE), "application/problem+json");
        assert!(!text(response).await.contains("AccessDenied"));
    }

    #[tokio::test]
    async fn nothing_is_read_for_other_requests() {
        let pages = Made::new(3, 2);
        let asked = Arc::clone(&pages.asked);
        let pages = || Made { asked: Arc::clone(&asked), ..Made::new(3, 2) };
        let head = answer(&request("HEAD", "/"), pages).await;
        assert!(head.status() == 200 && header(&head, &CONTENT_DISPOSITION).starts_with("attachment"));
        assert_eq!(text(head).await, "");
        for (method, path, status) in
            [("OPTIONS", "/", 204), ("POST", "/", 405), ("BREW", "/", 405), ("GET", "/other", 404), ("GET", "", 404)]
        {
            assert_eq!(answer(&request(method, path), pages).await.status().as_u16(), status, "{method} {path}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_answered(method in "[A-Z]{1,8}", path in any::<String>()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let response = runtime.block_on(answer(&request(&method, &path), || Made::new(1, 1)));
            prop_assert!([200, 204, 404, 405].contains(&response.status().as_u16()));
        }
    }
}
