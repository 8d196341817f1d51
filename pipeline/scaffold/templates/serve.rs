
/// Serves requests until Lambda stops the process, and counts those answered 500 or above as failures.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn serve<S, R, E>(mut service: S) -> Result<(), lambda_http::Error>
where
    S: lambda_http::Service<lambda_http::Request, Response = R, Error = E>,
    S::Future: Send + 'static,
    R: lambda_http::IntoResponse + Send,
    E: Into<lambda_http::lambda_runtime::Diagnostic> + std::fmt::Debug + Send,
{
    let counted = lambda_http::service_fn(move |request: lambda_http::Request| {
        let context = lambda_http::RequestExt::lambda_context(&request);
        let answer = service.call(request);
        async move {
            let response = match answer.await {
                Ok(answer) => Ok(answer.into_response().await),
                Err(error) => Err(error),
            };
            let failed = response.as_ref().map_or(true, |one| one.status().is_server_error());
            outcomes(&context, 1, usize::from(failed));
            response
        }
    });
    lambda_http::run(counted).await
}
