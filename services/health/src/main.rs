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
}
