//! Greets by name: `GET /greetings/Ada` answers `Hello, Ada!`.

<<module>>use axum::{Router, extract::Path, routing::get};
use lambda_http::Error;

async fn greet(Path(name): Path<String>) -> String {
    tracing::info!(name, "greeting");
    format!("Hello, {name}!")
}

fn router() -> Router {
    Router::new().route("/", get(|| async { "Hello, world!" })).route("/greetings/{name}", get(greet))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    <<serve>>(router()).await
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, Request, Service};

    use super::*;

    async fn status(path: &str) -> u16 {
        let request = lambda_http::http::Request::get(path).body(Body::Empty).unwrap();
        router().call(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn answers_its_sample_event() {
        let request: Request = lambda_http::request::from_str(include_str!("../events/<<name>>.json")).unwrap();
        assert_eq!(router().call(request).await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn knows_its_paths_and_no_other() {
        assert_eq!((status("/").await, status("/greetings/Ada").await), (200, 200));
        assert_eq!(status("/other").await, 404);
    }
}
