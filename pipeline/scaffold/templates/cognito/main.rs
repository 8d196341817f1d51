//! Puts a claim and a scope into the access tokens of a user pool, before they are generated.

<<module>>use aws_lambda_events::cognito::{
    ClaimsAndScopeOverrideDetailsV2, CognitoAccessTokenGenerationV2, CognitoEventUserPoolsPreTokenGenV2,
};
use lambda_runtime::{Error, LambdaEvent, service_fn};

/// Cognito waits five seconds at most, and its user cannot sign in when this fails.
async fn handle(
    event: LambdaEvent<CognitoEventUserPoolsPreTokenGenV2>,
) -> Result<CognitoEventUserPoolsPreTokenGenV2, Error> {
    let mut answer = event.payload;
    let mut token = CognitoAccessTokenGenerationV2::default();
    if let Some(tenant) = answer.request.user_attributes.get("custom:tenant") {
        token.claims_to_add_or_override.insert("tenant".into(), tenant.as_str().into());
        token.scopes_to_add.push(format!("tenant/{tenant}"));
    }
    let mut details = ClaimsAndScopeOverrideDetailsV2::default();
    // Left empty it would take the user out of all groups.
    details.group_override_details = answer.request.group_configuration.clone();
    details.access_token_generation = Some(token);
    answer.response.claims_and_scope_override_details = Some(details);
    Ok(answer)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    <<telemetry>>::init();
    lambda_runtime::run(service_fn(handle)).await
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;
    use serde_json::{Value, json};

    use super::*;

    async fn details(event: &str) -> Value {
        let event = LambdaEvent::new(serde_json::from_str(event).unwrap(), Context::default());
        let answer = serde_json::to_value(handle(event).await.unwrap()).unwrap();
        answer["response"]["claimsAndScopeOverrideDetails"].clone()
    }

    #[tokio::test]
    async fn the_tenant_is_in_the_access_token() {
        let details = details(include_str!("../events/<<name>>.json")).await;
        assert_eq!(details["accessTokenGeneration"]["claimsToAddOrOverride"], json!({"tenant": "acme"}));
        assert_eq!(details["accessTokenGeneration"]["scopesToAdd"], json!(["tenant/acme"]));
        assert_eq!(details["groupOverrideDetails"]["groupsToOverride"], json!(["editors"]));
    }

    #[tokio::test]
    async fn without_a_tenant_nothing_is_added() {
        let event = include_str!("../events/<<name>>.json").replace("custom:tenant", "custom:other");
        let details = details(&event).await;
        assert_eq!(details["accessTokenGeneration"]["claimsToAddOrOverride"], json!({}));
    }
}
