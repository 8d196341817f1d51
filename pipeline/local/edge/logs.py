"""Books every line a function prints in its log group exactly once, in one stream per execution environment.

Lines of an invocation stand between its START and END; what is printed later, or by an extension that goes on, is
booked as soon as no invocation claims it (`pipeline.local.runtime.output`).
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.services import cloudwatch_logs, lambda_svc

from pipeline.local.patching import Patch, replace

_local = threading.local()

Listener = Callable[[str, str, list[str]], None]
_listeners: list[Listener] = []  # told of every line: account, region, lines


def group_name(config: Mapping[str, Any]) -> str:
    return str((config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}")


class EnvironmentLog:
    """The output of one execution environment and the stream it belongs to."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        today = datetime.now(UTC)
        version = config.get("Version", "$LATEST")
        self.config = dict(config)
        self.stream = f"{today:%Y/%m/%d}/[{version}]{secrets.token_hex(16)}"

    def late(self, lines: list[str]) -> None:
        """Books what no invocation claimed."""
        append(self.config, self.stream, lines)


def written_to(stream: str, init_ms: float | None, took_ms: float | None = None) -> None:
    """The stream of the invocation that this thread has just run, how long it took, and the init phase before it."""
    _local.stream, _local.init_ms, _local.took_ms = stream, init_ms, took_ms


def append(config: Mapping[str, Any], stream_name: str, lines: list[str]) -> None:
    """Writes lines to the function's log group in the function's own account and region, creating what is missing."""

    def write() -> None:
        now = int(time.time() * 1000)
        group = group_name(config)
        groups = cloudwatch_logs._log_groups  # noqa: SLF001
        if group not in groups:
            groups[group] = {
                "arn": cloudwatch_logs._make_group_arn(group),  # noqa: SLF001
                "creationTime": now,
                "retentionInDays": None,
                "tags": {},
                "subscriptionFilters": {},
                "streams": {},
            }
        empty = {
            "events": [],
            "uploadSequenceToken": "1",
            "creationTime": now,
            "firstEventTimestamp": None,
            "lastEventTimestamp": None,
            "lastIngestionTime": None,
        }
        stream = groups[group]["streams"].setdefault(stream_name, empty)
        events = [{"timestamp": now, "message": line, "ingestionTime": now} for line in lines]
        cloudwatch_logs._append_log_events(stream, events)  # noqa: SLF001
        cloudwatch_logs._fanout_to_subscription_filters(group, stream_name, events)  # noqa: SLF001

    lambda_svc._run_with_function_config_scope(dict(config), write)  # noqa: SLF001
    account, region = lambda_svc._account_region_from_function_config(dict(config))  # noqa: SLF001
    for hear in _listeners:
        hear(account, region, lines)


def _emitting(_original: Callable[..., Any]) -> Callable[..., Any]:
    def emit(
        func: dict[str, Any],
        request_id: str,
        log_text: str,
        error: bool,  # noqa: ARG001
        duration_ms: int,
        *,
        log_source: str | None = None,  # noqa: ARG001
    ) -> None:
        config = func.get("config") or func
        version, memory = config.get("Version", "$LATEST"), config.get("MemorySize", 128)
        stream = getattr(_local, "stream", None) or EnvironmentLog(config).stream
        _local.stream = None
        init_ms, _local.init_ms = getattr(_local, "init_ms", None), None
        took_ms, _local.took_ms = getattr(_local, "took_ms", None), None
        lines = [
            f"START RequestId: {request_id} Version: {version}",
            *(log_text.split("\n") if log_text else ()),
            f"END RequestId: {request_id}",
            _report(request_id, float(duration_ms) if took_ms is None else took_ms, init_ms, memory),
        ]
        append(config, stream, lines)
        _local.tail = lines

    return emit


def _report(request_id: str, took_ms: float, init_ms: float | None, memory: int) -> str:
    """As Lambda writes it of a custom runtime: the init phase is not part of the duration, and is billed with it."""
    billed = max(1, math.ceil(round(took_ms + (init_ms or 0.0), 2)))
    used = f"Memory Size: {memory} MB\tMax Memory Used: {memory} MB"
    init = f"\tInit Duration: {init_ms:.2f} ms" if init_ms is not None else ""
    took = f"Duration: {took_ms:.2f} ms\tBilled Duration: {billed} ms"
    return f"REPORT RequestId: {request_id}\t{took}\t{used}{init}"


def _tailing(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(func: dict[str, Any], event: Any) -> Any:
        _local.tail = None
        result = original(func, event)
        if isinstance(result, dict) and _local.tail:
            result["log"] = "".join(f"{line}\n" for line in _local.tail)
        return result

    return execute


def apply(listener: Listener) -> list[Patch]:
    """`listener` is told of every line once it is booked; it must be quick and never raise."""
    _listeners[:] = [listener]
    return [
        replace(
            lambda_svc,
            "_emit_lambda_logs",
            "func request_id log_text error duration_ms log_source",
            "opened a stream per invocation",
            _emitting,
        ),
        replace(lambda_svc, "_execute_function", "func event", "LogType=Tail had no REPORT line", _tailing),
    ]
