//! Runs beside a function: what Lambda tells of its invocations goes to an OTLP endpoint, and no invocation waits for it.

use std::process::ExitCode;

fn main() -> ExitCode {
    telemetry_extension::run();
    ExitCode::SUCCESS
}
