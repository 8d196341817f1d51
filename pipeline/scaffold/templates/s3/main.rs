//! Sees each object that is put into the bucket.

<<module>>use aws_lambda_events::s3::{S3Event, S3EventRecord};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use percent_encoding::percent_decode_str;

/// The object's key as whoever put it there wrote it: events carry it encoded like a form, a space as `+`.
fn key(record: &S3EventRecord) -> Result<String, Error> {
    let encoded = record.s3.object.key.as_deref().ok_or("a record without a key")?.replace('+', " ");
    Ok(percent_decode_str(&encoded).decode_utf8()?.into_owned())
}

/// S3 delivers at least once, and an error makes Lambda repeat all of the event: a repetition must change nothing.
async fn handle(event: LambdaEvent<S3Event>) -> Result<(), Error> {
    for record in &event.payload.records {
        let key = key(record)?;
        let bucket = record.s3.bucket.name.as_deref().unwrap_or_default();
        tracing::info!(bucket, key, bytes = record.s3.object.size, "object");
    }
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

    fn sample() -> S3Event {
        serde_json::from_str(include_str!("../events/<<name>>.json")).unwrap()
    }

    #[test]
    fn keys_are_decoded() {
        assert_eq!(key(&sample().records[0]).unwrap(), "in/Zürich 1+1.jpg");
    }

    #[tokio::test]
    async fn an_event_without_a_key_is_an_error() {
        let mut event = sample();
        assert!(handle(LambdaEvent::new(event.clone(), Context::default())).await.is_ok());
        event.records[0].s3.object.key = None;
        assert!(handle(LambdaEvent::new(event, Context::default())).await.is_err());
    }
}
