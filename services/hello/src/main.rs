//! Greets by name: `GET /?name=Ada` answers `Hello, Ada!`.

use lambda_http::{Error, Request, RequestExt, service_fn};

async fn greet(request: Request) -> Result<String, Error> {
    let parameters = request.query_string_parameters();
    let name = parameters.first("name").unwrap_or("world");
    Ok(format!("Hello, {name}!"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    rust_shared::http::run(service_fn(greet)).await
}

#[cfg(test)]
mod tests {
    use lambda_http::aws_lambda_events::query_map::QueryMap;
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn greets_the_world_by_default() {
        assert_eq!(greet(Request::default()).await.unwrap(), "Hello, world!");
    }

    #[tokio::test]
    async fn greets_by_name() {
        let query: QueryMap = "name=Ada".parse().unwrap();
        let request = Request::default().with_query_string_parameters(query);
        assert_eq!(greet(request).await.unwrap(), "Hello, Ada!");
    }

    proptest! {
        #[test]
        fn greets_everybody(name in ".*") {
            let query = QueryMap::from(std::collections::HashMap::from([("name".to_owned(), name.clone())]));
            let request = Request::default().with_query_string_parameters(query);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            prop_assert_eq!(runtime.block_on(greet(request)).unwrap(), format!("Hello, {name}!"));
        }
    }
}
