//! Answers `healthy` while it can answer at all.

use axum::{Router, routing::get};
use lambda_http::Error;

fn router() -> Router {
    Router::new().route("/", get(|| async { "healthy" }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    rust_shared::http::run(router()).await
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, Request, Service};
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn answers_200() {
        let response = router().call(Request::new(Body::Empty)).await.unwrap();
        assert_eq!(response.status(), 200);
    }

    #[tokio::test]
    async fn knows_no_other_path() {
        let request = lambda_http::http::Request::get("/other").body(Body::Empty).unwrap();
        assert_eq!(router().call(request).await.unwrap().status(), 404);
    }

    proptest! {
        #[test]
        fn is_healthy_at_one_path_alone(path in "/[a-z/%.0-9]{0,9}", method in "GET|POST|PUT|DELETE|HEAD|[A-Z]{1,9}") {
            let asked = lambda_http::http::Request::builder().method(method.as_str()).uri(&path).body(Body::Empty).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let status = runtime.block_on(router().call(asked)).unwrap().status().as_u16();
            let known = path == "/";
            let wanted = if !known { 404 } else if ["GET", "HEAD"].contains(&method.as_str()) { 200 } else { 405 };
            prop_assert_eq!(status, wanted);
        }
    }
}
