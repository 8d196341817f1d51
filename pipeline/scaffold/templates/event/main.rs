//! Hears of orders on an event bus.

<<module>>use aws_lambda_events::eventbridge::EventBridgeEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

/// The `detail` of an event of the type `OrderPlaced`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderPlaced {
    order_id: String,
    total_cents: u64,
}

/// `EventBridge` delivers at least once: an event whose `id` was here before must change nothing.
async fn handle(event: LambdaEvent<EventBridgeEvent<OrderPlaced>>) -> Result<(), Error> {
    let EventBridgeEvent { id, source, detail, .. } = event.payload;
    tracing::info!(id, source, order = detail.order_id, total_cents = detail.total_cents, "order placed");
    Ok(())
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

    #[tokio::test]
    async fn hears_of_an_order() {
        let event: EventBridgeEvent<OrderPlaced> = serde_json::from_str(EVENT).unwrap();
        assert_eq!((event.detail.order_id.as_str(), event.detail.total_cents), ("o-1042", 2990));
        assert!(handle(LambdaEvent::new(event, Context::default())).await.is_ok());
    }

    #[test]
    fn a_detail_of_another_form_is_an_error() {
        let other = EVENT.replace("orderId", "order");
        assert!(serde_json::from_str::<EventBridgeEvent<OrderPlaced>>(&other).is_err());
    }
}
