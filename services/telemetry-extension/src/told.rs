//! Lines for the function's log: JSON, as everything else in it.

use serde_json::json;

/// Says what went wrong, without any value that is configured.
pub fn warn(message: &str, detail: &str) {
    println!("{}", json!({"level": "WARN", "target": "telemetry-extension", "message": message, "detail": detail}));
}
