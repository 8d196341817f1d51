//! Runs once for each scheduled time. The scheduler delivers at least once and may be late, so that everything
//! follows from the scheduled time and nothing from the clock.

<<module>>use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

/// What `payload` in service.yaml asks the scheduler to send.
#[derive(Debug, Deserialize)]
struct Tick {
    time: String,
}

/// Where the result of a run goes: a second delivery of the same scheduled time writes it there again and adds nothing.
fn place(tick: &Tick) -> Result<String, Error> {
    if tick.time.is_empty() {
        return Err("no scheduled time".into());
    }
    Ok(format!("reports/{}.json", tick.time))
}

async fn handle(event: LambdaEvent<Tick>) -> Result<String, Error> {
    let place = place(&event.payload)?;
    tracing::info!(time = event.payload.time, place, "report written");
    Ok(place)
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

    fn event(text: &str) -> LambdaEvent<Tick> {
        LambdaEvent::new(serde_json::from_str(text).unwrap(), Context::default())
    }

    #[tokio::test]
    async fn two_deliveries_of_one_time_write_the_same_place() {
        let sample = include_str!("../events/<<name>>.json");
        let first = handle(event(sample)).await.unwrap();
        assert_eq!(first, "reports/2026-01-01T03:00:00Z.json");
        assert_eq!(handle(event(sample)).await.unwrap(), first);
    }

    #[tokio::test]
    async fn without_a_time_nothing_is_written() {
        assert!(handle(event(r#"{"time": ""}"#)).await.is_err());
    }
}
