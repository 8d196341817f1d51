//! A Lambda extension that receives platform telemetry and sends it on in batches, as OTLP over HTTP.
//!
//! It registers for SHUTDOWN only, so Lambda waits for it at the end of an environment and never in an invocation. An
//! extension that ends takes the function with it: whatever goes wrong here is said in a line, and never ends it.

mod buffer;
mod encode;
mod environment;
mod http;
mod lambda;
mod listener;
mod sender;
mod told;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use buffer::Buffer;
use environment::Settings;
use lambda::Lambda;

/// How long what Lambda still tells after SHUTDOWN is waited for, once it is quiet.
const QUIET: Duration = Duration::from_millis(50);
/// What is left of the two seconds after SHUTDOWN for the end of this process.
const RESERVE: Duration = Duration::from_millis(200);
const RETRY: Duration = Duration::from_secs(1);

/// Runs until Lambda says SHUTDOWN.
pub fn run() {
    let settings = Settings::read(|name| std::env::var(name).ok());
    let buffer = Arc::new(Buffer::default());
    let lambda = loop {
        match Lambda::register(&settings.api) {
            Ok(lambda) => break lambda,
            Err(fault) => told::warn("not registered", &fault.to_string()),
        }
        thread::sleep(RETRY);
    };
    let sending = match begin(&settings, &lambda, &buffer) {
        Ok(sending) => sending,
        Err(fault) => {
            told::warn("nothing is sent", &fault);
            false
        }
    };
    let deadline = loop {
        match lambda.next() {
            Ok(Some(deadline)) => break deadline,
            Ok(None) => {}
            Err(fault) => {
                told::warn("no event", &fault.to_string());
                thread::sleep(RETRY);
            }
        }
    };
    if sending {
        finish(&buffer, deadline.checked_sub(RESERVE).unwrap_or(deadline));
    }
}

/// Listens, subscribes and starts to send; false where there is nowhere to send to.
fn begin(settings: &Settings, lambda: &Lambda, buffer: &Arc<Buffer>) -> Result<bool, String> {
    let Some(endpoint) = settings.endpoint()? else {
        return Ok(false);
    };
    let port = listener::listen(settings.listen, Arc::clone(buffer)).map_err(|fault| fault.to_string())?;
    let sender = sender::Sender::new(&endpoint, settings);
    let kept = Arc::clone(buffer);
    thread::Builder::new().name("sender".into()).spawn(move || sender.run(&kept)).map_err(|fault| fault.to_string())?;
    lambda.subscribe(port, &settings.types).map_err(|fault| fault.to_string())?;
    Ok(true)
}

/// Sends everything that is there and still comes, up to the deadline.
fn finish(buffer: &Buffer, deadline: Instant) {
    while Instant::now() < deadline && buffer.grew_within(QUIET) {}
    buffer.flush(deadline);
    if let Some(lost) = buffer.left() {
        told::warn("not sent before the end", &format!("{lost} records"));
    }
}
