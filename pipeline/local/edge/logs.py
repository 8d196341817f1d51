"""Books every line a function prints in its log group exactly once, without waiting for lines that never come.

One stream per execution environment, as on AWS. A line printed before the response is in the pipe when the response
arrives, so draining reads the pipe instead of sleeping. What comes later (after the response, or when the process ends)
is flushed by the environment's own reader thread as soon as no invocation claims it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from pipeline.local.patching import Patch, replace

LINGER_S = 0.2  # how long a line waits for an invocation to claim it
EARLY_FLUSH_LINES = 5000  # a chatty invocation is written before it ends, so that memory stays bounded
CHUNK = 65536

_local = threading.local()

Listener = Callable[[str, str, list[str]], None]
_listeners: list[Listener] = []  # told of every line: account, region, lines


def group_name(config: Mapping[str, Any]) -> str:
    return str((config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}")


def spawning_stream() -> str:
    """The stream of the environment that this thread is spawning."""
    environment: EnvironmentLog | None = getattr(_local, "environment", None)
    return environment.stream if environment else f"local/{secrets.token_hex(16)}"


class EnvironmentLog:
    """The output of one execution environment and the stream it belongs to."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        today = datetime.now(UTC)
        version = config.get("Version", "$LATEST")
        self.config = dict(config)
        self.stream = f"{today:%Y/%m/%d}/[{version}]{secrets.token_hex(16)}"
        self.busy = False
        self._lines: list[str] = []
        self._partial = b""
        self._fd: int | None = None
        self._attached = threading.Event()
        self._lock = threading.Lock()

    def pump(self, pipe: Any) -> None:
        """The reader thread's life: until the process (and whoever inherited its output) is gone."""
        self._fd = pipe.fileno()
        os.set_blocking(self._fd, False)
        self._attached.set()
        poll = select.poll()
        poll.register(self._fd, select.POLLIN | select.POLLHUP)
        try:
            while True:
                poll.poll(LINGER_S * 1000 if self._lines else None)
                with self._lock:
                    open_still = self._read()
                    crowded = len(self._lines) > EARLY_FLUSH_LINES
                if not open_still:
                    break
                if crowded or (self._lines and not self.busy and not poll.poll(LINGER_S * 1000)):
                    self.flush()
        finally:
            with self._lock:
                self._fd = None
                if self._partial:
                    self._lines.append(self._partial.decode(errors="backslashreplace"))
                    self._partial = b""
            pipe.close()
            if not self.busy:
                self.flush()

    def take(self) -> list[str]:
        """All complete lines so far, straight from the pipe."""
        self._attached.wait(1.0)
        with self._lock:
            self._read()
            lines, self._lines = self._lines, []
        return lines

    def flush(self) -> None:
        if lines := self.take():
            append(self.config, self.stream, lines)

    def release(self) -> None:
        """No invocation claims lines from here on."""
        self.busy = False
        if self._fd is None:
            self.flush()

    def _read(self) -> bool:
        """Everything the pipe holds; False once its other end is closed."""
        while self._fd is not None:
            try:
                chunk = os.read(self._fd, CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not chunk:
                return False
            *complete, self._partial = (self._partial + chunk).split(b"\n")
            self._lines += [line.rstrip(b"\r").decode(errors="backslashreplace") for line in complete]
        return False


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


@contextlib.contextmanager
def spawning(worker: Any) -> Iterator[None]:
    """Gives the worker a fresh log before its process starts; the old one's leftovers are written."""
    old: EnvironmentLog | None = getattr(worker, "crabwalk_log", None)
    if old:
        old.release()
    worker.crabwalk_log = _local.environment = EnvironmentLog(worker.config)
    worker.crabwalk_log.busy = getattr(_local, "invoking", None) is worker
    try:
        yield
    finally:
        _local.environment = None


def _invoking(original: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(
        self: Any,
        event: Any,
        request_id: str,
        *,
        trace_id: str | None = None,
        invoked_function_arn: str | None = None,
    ) -> Any:
        _local.invoking = self
        if log := getattr(self, "crabwalk_log", None):
            log.busy = True
        try:
            return original(self, event, request_id, trace_id=trace_id, invoked_function_arn=invoked_function_arn)
        finally:
            _local.invoking = None
            if log := getattr(self, "crabwalk_log", None):
                _local.stream = log.stream
                log.release()

    return invoke


def _pumping(_original: Callable[..., Any]) -> Callable[..., Any]:
    def pump(self: Any, stream: Any, log_queue: Any) -> None:  # noqa: ARG001
        self.crabwalk_log.pump(stream)

    return pump


def _draining(_original: Callable[..., Any]) -> Callable[..., Any]:
    def drain(self: Any, *_args: Any, **_kwargs: Any) -> str:
        log: EnvironmentLog | None = getattr(self, "crabwalk_log", None)
        return "\n".join(log.take()) if log else ""

    return drain


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
        lines = [
            f"START RequestId: {request_id} Version: {version}",
            *(log_text.split("\n") if log_text else ()),
            f"END RequestId: {request_id}",
            (
                f"REPORT RequestId: {request_id}\tDuration: {duration_ms} ms\tBilled Duration: {duration_ms} ms\t"
                f"Memory Size: {memory} MB\tMax Memory Used: {memory} MB"
            ),
        ]
        append(config, stream, lines)
        _local.tail = lines

    return emit


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
    worker = lambda_runtime.ProvidedWorker
    why = "waited 50 ms for lines of silent functions, and a late line went astray"
    return [
        replace(worker, "invoke", "self event request_id trace_id invoked_function_arn", why, _invoking),
        replace(worker, "_pump_output", "self stream log_queue", why, _pumping),
        replace(worker, "_drain_stderr", "self", why, _draining),
        replace(worker, "_drain_stderr_bounded", "self first_line_wait idle_confirm hard_cap", why, _draining),
        replace(
            lambda_svc,
            "_emit_lambda_logs",
            "func request_id log_text error duration_ms log_source",
            "opened a stream per invocation",
            _emitting,
        ),
        replace(lambda_svc, "_execute_function", "func event", "LogType=Tail had no REPORT line", _tailing),
    ]
