//! Runs beside a function: notes each invocation, and sends what it noted in batches and before the end.

<<module>>use lambda_extension::{Error, Extension, LambdaEvent, NextEvent, service_fn};

const BATCH: usize = 100;

/// What was noted since the last flush.
#[derive(Debug, Default)]
struct Notes {
    requests: Vec<String>,
}

impl Notes {
    /// Takes an event in; how many notes were sent for it.
    fn take(&mut self, event: &NextEvent) -> usize {
        match event {
            NextEvent::Invoke(invoke) => {
                self.requests.push(invoke.request_id.clone());
                if self.requests.len() < BATCH { 0 } else { self.flush() }
            }
            NextEvent::Shutdown(_) => self.flush(),
        }
    }

    fn flush(&mut self) -> usize {
        let sent = self.requests.len();
        tracing::info!(sent, "flushed");
        self.requests.clear();
        sent
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    <<telemetry>>::init();
    let mut notes = Notes::default();
    let events = service_fn(move |event: LambdaEvent| {
        notes.take(&event.next);
        if !event.next.is_invoke() {
            // Lambda gives two seconds from SHUTDOWN on, and waits for no more than the end of this process.
            std::process::exit(0);
        }
        async { Ok::<_, Error>(()) }
    });
    Extension::new().with_events(&["INVOKE", "SHUTDOWN"]).with_events_processor(events).run().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> NextEvent {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn everything_is_sent_before_the_end() {
        let mut notes = Notes::default();
        assert_eq!(notes.take(&event(include_str!("../events/invoke.json"))), 0);
        assert_eq!(notes.take(&event(include_str!("../events/shutdown.json"))), 1);
        assert_eq!(notes.flush(), 0);
    }

    #[test]
    fn a_full_batch_is_sent_at_once() {
        let mut notes = Notes::default();
        let invoke = event(include_str!("../events/invoke.json"));
        assert_eq!((1..BATCH).map(|_| notes.take(&invoke)).sum::<usize>(), 0);
        assert_eq!(notes.take(&invoke), BATCH);
    }
}
