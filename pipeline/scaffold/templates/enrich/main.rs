//! Completes orders on their way through a pipe: as many come out as went in, in the same order.

<<module>>use aws_lambda_events::sqs::SqsMessage;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

/// An order as it was sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    id: String,
    quantity: u64,
    cents_each: u64,
}

/// What the target gets.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
enum Enriched {
    Order {
        id: String,
        total_cents: u64,
    },
    /// Poison, apart: the pipe would repeat the whole batch for an error.
    Refused {
        message_id: String,
        reason: String,
    },
}

fn enriched(message: SqsMessage) -> Enriched {
    match serde_json::from_str::<Order>(message.body.as_deref().unwrap_or_default()) {
        Ok(order) => Enriched::Order {
            total_cents: order.quantity.saturating_mul(order.cents_each),
            id: order.id,
        },
        Err(error) => {
            let message_id = message.message_id.unwrap_or_default();
            tracing::error!(message_id, %error, "poison");
            Enriched::Refused { message_id, reason: error.to_string() }
        }
    }
}

async fn handle(event: LambdaEvent<Vec<SqsMessage>>) -> Result<Vec<Enriched>, Error> {
    let answers: Vec<_> = event.payload.into_iter().map(enriched).collect();
    let refused = answers.iter().filter(|one| matches!(one, Enriched::Refused { .. })).count();
    <<telemetry>>::outcomes(&event.context, answers.len(), refused);
    Ok(answers)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    <<telemetry>>::init();
    lambda_runtime::run(service_fn(handle)).await
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;

    use super::*;

    const EVENT: &str = include_str!("../events/<<name>>.json");

    async fn answer(event: &str) -> Vec<Enriched> {
        handle(LambdaEvent::new(serde_json::from_str(event).unwrap(), Context::default())).await.unwrap()
    }

    fn order(id: &str, total_cents: u64) -> Enriched {
        Enriched::Order { id: id.into(), total_cents }
    }

    #[tokio::test]
    async fn the_order_stays() {
        assert_eq!(answer(EVENT).await, [order("o-1", 5980), order("o-2", 499)]);
    }

    #[tokio::test]
    async fn poison_stays_in_its_place() {
        let answer = answer(&EVENT.replace(r#"\"id\": \"o-1\", "#, "")).await;
        assert!(matches!(&answer[0], Enriched::Refused { message_id, .. } if message_id.starts_with("059f36b4")));
        assert_eq!(answer[1], order("o-2", 499));
    }
}
