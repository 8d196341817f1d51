"""The bodies of what an environment tells: events for extensions, headers for the runtime, records of telemetry. Pure.

Schema 2022-12-13: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import math
import time
from typing import Any

from pipeline.local.runtime.model import Answer, Function, Invocation
from pipeline.local.runtime.telemetry import stamp

INIT = {"initializationType": "on-demand", "phase": "init"}


def next_headers(one: Invocation) -> tuple[tuple[str, str], ...]:
    """What the runtime reads beside the event."""
    headers = (
        ("Lambda-Runtime-Aws-Request-Id", one.request_id),
        ("Lambda-Runtime-Deadline-Ms", str(one.deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", one.arn),
        ("Content-Type", "application/json"),
    )
    return (*headers, ("Lambda-Runtime-Trace-Id", one.trace_id)) if one.trace_id else headers


def event_headers(identifier: str) -> tuple[tuple[str, str], ...]:
    """What an extension reads beside an event."""
    return ("Lambda-Extension-Event-Identifier", identifier), ("Content-Type", "application/json")


def invoke_event(one: Invocation) -> dict[str, Any]:
    """INVOKE, as extensions get it."""
    event: dict[str, Any] = {
        "eventType": "INVOKE",
        "deadlineMs": one.deadline_ms,
        "requestId": one.request_id,
        "invokedFunctionArn": one.arn,
    }
    return {**event, "tracing": {"type": "X-Amzn-Trace-Id", "value": one.trace_id or ""}}


def shutdown_event(reason: str, deadline_ms: int) -> dict[str, Any]:
    """SHUTDOWN; `reason` is spindown, timeout or failure."""
    return {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}


def init_start(function: Function) -> dict[str, Any]:
    """platform.initStart."""
    return {**INIT, "functionName": function.name, "functionVersion": function.version}


def init_done(status: str, error_type: str | None) -> dict[str, Any]:
    """platform.initRuntimeDone."""
    return {**INIT, "status": status, **({"errorType": error_type} if error_type else {})}


def init_report(duration_ms: float) -> dict[str, Any]:
    """platform.initReport."""
    return {**INIT, "status": "success", "metrics": {"durationMs": round(duration_ms, 3)}}


def extension(name: str, events: tuple[str, ...]) -> dict[str, Any]:
    """platform.extension."""
    return {"name": name, "state": "Ready", "events": list(events)}


def start(one: Invocation, function: Function) -> dict[str, Any]:
    """platform.start."""
    return {"requestId": one.request_id, "version": function.version, **_tracing(one)}


def runtime_done(one: Invocation) -> dict[str, Any]:
    """platform.runtimeDone."""
    now = time.perf_counter()
    total = (now - one.handed) * 1000
    first = (one.first_byte - one.handed) * 1000 if one.first_byte else total
    answered = stamp(one.begun + first / 1000)
    return {
        "requestId": one.request_id,
        **_outcome(one.answer),
        "metrics": {"durationMs": round(total, 3), "producedBytes": one.produced},
        "spans": [
            {"name": "responseLatency", "start": stamp(one.begun), "durationMs": round(first, 3)},
            {"name": "responseDuration", "start": answered, "durationMs": round(total - first, 3)},
        ],
        **_tracing(one),
    }


def report(one: Invocation, function: Function, init_ms: float | None) -> dict[str, Any]:
    """platform.report; the memory that was used is not measured here, so all of it is named."""
    total = (time.perf_counter() - one.handed) * 1000
    metrics: dict[str, Any] = {
        "durationMs": round(total, 3),
        "billedDurationMs": math.ceil(total + (init_ms or 0.0)),
        "memorySizeMB": function.memory,
        "maxMemoryUsedMB": function.memory,
    }
    if init_ms is not None:
        metrics["initDurationMs"] = round(init_ms, 3)
    return {"requestId": one.request_id, **_outcome(one.answer), "metrics": metrics, **_tracing(one)}


def _outcome(answer: Answer | None) -> dict[str, Any]:
    if answer is None or answer.error_type is None:
        return {"status": "success"}
    status = {"Sandbox.Timedout": "timeout", "Runtime.ExitError": "failure", "Extension.Crash": "failure"}
    return {"status": status.get(answer.error_type, "error"), "errorType": answer.error_type}


def _tracing(one: Invocation) -> dict[str, Any]:
    if not one.trace_id:
        return {}
    parts = dict(part.split("=", 1) for part in one.trace_id.split(";") if "=" in part)
    return {"tracing": {"type": "X-Amzn-Trace-Id", "value": one.trace_id, "spanId": parts.get("Parent")}}
