"""Functions of `provided.*` run in execution environments of their own, those of `pipeline.local.runtime_api`.

MiniStack keeps the pool (who is free, who is stale, who was idle too long); this is what it keeps in it. Its own kind
had no extensions, kept streamed answers back until their end, and took 95 ms for a warm invocation.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from pipeline.local.edge import logs, response_streams, spawn
from pipeline.local.executables import ArchitectureError
from pipeline.local.patching import Patch, replace, require
from pipeline.local.runtime_api import Answer, Environment, InitError, InitTimeoutError

REASONS = {"Sandbox.Timedout": "timeout"}  # of a SHUTDOWN; any other end is a failure


class Process:
    """An environment as the pool sees it: something that is polled, ended and waited for."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.kill = environment.kill
        self.terminate = environment.terminate

    def poll(self) -> int | None:
        """None while it takes invocations."""
        return None if self.environment.usable else 1

    def wait(self, timeout: float | None = None) -> None:
        """TimeoutExpired where it goes on."""
        if not self.environment.wait(timeout):
            raise subprocess.TimeoutExpired("environment", timeout or 0.0)


class EnvironmentWorker(lambda_runtime.Worker):  # type: ignore[misc]
    """One place of the pool, with at most one environment at a time."""

    _proc: Process | None

    def _spawn(self, init_timeout: float | None = None) -> None:
        self._log = logs.EnvironmentLog(self.config)
        try:
            environment = spawn.environment(self.config, self.code_zip, self._log)
        except ArchitectureError as fault:
            raise InitError(fault.error_type, str(fault)) from fault
        try:
            environment.start(lambda_runtime._PROVIDED_INIT_TIMEOUT if init_timeout is None else init_timeout)  # noqa: SLF001
        except BaseException as fault:
            if isinstance(fault, InitError):
                fault.lines = tuple(environment.lines())
            environment.terminate("failure")
            raise
        self._proc = Process(environment)

    def invoke(
        self,
        event: Any,
        request_id: str,
        *,
        trace_id: str | None = None,
        invoked_function_arn: str | None = None,
    ) -> dict[str, Any]:
        """What MiniStack makes the invocation's result of."""
        with self._lock:
            cold, begun, init_ms = self._proc is None or self._proc.poll() is not None, time.monotonic(), None
            try:
                if cold:
                    self._start()
                    init_ms = (time.monotonic() - begun) * 1000
            except InitError as fault:
                logs.written_to(self._log.stream, None)
                return {
                    "status": "error",
                    "error": fault.what,
                    "error_payload": fault.payload,
                    "cold_start": True,
                    "log": "\n".join(fault.lines),
                }
            assert self._proc is not None  # noqa: S101
            environment, handed = self._proc.environment, time.monotonic()
            answer = environment.invoke(
                json.dumps(event).encode(),
                request_id=request_id,
                arn=invoked_function_arn or self.config.get("FunctionArn", ""),
                trace_id=trace_id,
                stream=response_streams.wanted(self.config),
            )
            took_ms = (time.monotonic() - handed) * 1000
            if not environment.usable:
                self._proc = None
                environment.terminate(REASONS.get(answer.error_type or "", "failure"))
            logs.written_to(self._log.stream, init_ms, took_ms)
            return _result(answer, cold)

    def _start(self) -> None:
        """On AWS an Init phase that overruns is run again, with the function's own time."""
        try:
            self._spawn()
        except InitTimeoutError:
            self._spawn(float(self.config.get("Timeout", 3)))


def _result(answer: Answer, cold: bool) -> dict[str, Any]:
    shared = {"cold_start": cold, "log": "\n".join(answer.lines)}
    if answer.error_type is None:
        return {"status": "ok", "result": answer.body if answer.streamed else _value(answer.body), **shared}
    payload = _value(answer.body)
    if not isinstance(payload, dict):
        payload = {"errorType": answer.error_type, "errorMessage": answer.body.decode(errors="replace")}
    return {"status": "error", "error": payload.get("errorMessage"), "error_payload": payload, **shared}


def _value(body: bytes) -> Any:
    """What MiniStack hands on as JSON; anything else stays as it is."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def apply() -> list[Patch]:
    def choosing(original: Callable[..., Any]) -> Callable[..., Any]:
        def choose(config: dict[str, Any]) -> Any:
            return EnvironmentWorker if str(config.get("Runtime", "")).startswith("provided") else original(config)

        return choose

    why = "no extensions, no streams, 95 ms a warm invocation"
    return [
        replace(lambda_runtime, "_worker_class_for", "config", why, choosing),
        require(lambda_runtime, "kill_workers", "workers"),
        require(lambda_runtime.Worker, "__init__", "self func_name config code_zip"),
        require(lambda_svc, "_execute_function_provided_warm", "func event request_id"),
        *spawn.required(),
    ]
