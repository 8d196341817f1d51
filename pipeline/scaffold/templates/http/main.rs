//! Greets by name: `GET /?name=Ada` answers `Hello, Ada!`.

<<module>>use lambda_http::{Error, Request, RequestExt, service_fn};

async fn greet(request: Request) -> Result<String, Error> {
    let parameters = request.query_string_parameters();
    let name = parameters.first("name").unwrap_or("world");
    tracing::info!(name, "greeting");
    Ok(format!("Hello, {name}!"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    <<serve>>(service_fn(greet)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn greets_the_world_by_default() {
        assert_eq!(greet(Request::default()).await.unwrap(), "Hello, world!");
    }

    #[tokio::test]
    async fn greets_by_name() {
        let request = lambda_http::request::from_str(include_str!("../events/<<name>>.json")).unwrap();
        assert_eq!(greet(request).await.unwrap(), "Hello, Ada!");
    }
}
