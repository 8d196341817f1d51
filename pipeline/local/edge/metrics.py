"""Records Lambda's metrics per executed version for every invocation, whichever way it came in, stamped with its START.

Invocations, Errors, Throttles, Duration by AWS's dimensions: FunctionName; FunctionName + Resource; FunctionName +
Resource + ExecutedVersion for aliases. A throttle is neither an Invocation nor an Error. Reserved concurrency is
checked here too, because the same functions of MiniStack account for both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from pipeline.local.edge.metric_store import Dimensions, MetricStore, SeriesKey
from pipeline.local.edge.routing import TAG, tagged
from pipeline.local.patching import Patch, replace

NAMESPACE = "AWS/Lambda"
UNITS = {"Invocations": "Count", "Errors": "Count", "Throttles": "Count", "Duration": "Milliseconds"}


def dimension_sets(config: dict[str, Any]) -> tuple[Dimensions, ...]:
    """AWS's dimension sets of one invocation; each sorted by name, as a metric's identity ignores their order."""
    name, version = str(config.get("FunctionName", "unknown")), str(config.get("Version", "$LATEST"))
    function = ("FunctionName", name)
    if alias := config.get(TAG):
        resource = ("Resource", f"{name}:{alias}")
        return (function,), (function, resource), (("ExecutedVersion", version), function, resource)
    resource = ("Resource", name if version == "$LATEST" else f"{name}:{version}")
    return (function,), (function, resource)


def apply(store: MetricStore) -> list[Patch]:
    recorder = Recorder(store)
    dispatched = "func config event request_id started"
    emitted = "function_name duration_ms error throttle"
    once = "runs exactly once per accounted invocation"
    double = "knows direct invocations only and counts throttles twice"
    return [
        replace(lambda_svc, "_execute_function_dispatch", dispatched, once, recorder.dispatching),
        replace(lambda_svc, "_acquire_execution_slot", "func config", "throttles", recorder.acquiring),
        replace(lambda_svc, "_reserved_concurrency", "func config", "ignored on aliases and versions", _reserving),
        replace(lambda_svc, "_emit_lambda_metrics", emitted, double, _silencing),
    ]


class Recorder:
    """Writes what happened to an invocation into the store."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store

    def record(self, config: dict[str, Any], at: float, metrics: dict[str, float]) -> None:
        account, region = lambda_svc._account_region_from_function_config(config)  # noqa: SLF001
        sets = dimension_sets(config)
        for metric, value in metrics.items():
            keys: list[SeriesKey] = [(account, region, NAMESPACE, metric, dimensions) for dimensions in sets]
            self._store.record(keys, at, ((round(value, 2), 1.0),), UNITS[metric])

    def dispatching(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def dispatch(func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float) -> Any:
            config = tagged(config)
            func = {**func, "config": config} if "config" in func else config
            begun, failed = time.perf_counter(), True
            try:
                result = original(func, config, event, request_id, started)
                failed = bool(result.get("error"))
                return result
            finally:
                counts = {"Invocations": 1.0, "Errors": float(failed), "Throttles": 0.0}
                self.record(config, started, {**counts, "Duration": (time.perf_counter() - begun) * 1000})

        return dispatch

    def acquiring(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def acquire(func: dict[str, Any], config: dict[str, Any]) -> Any:
            key, limit = original(func, config)
            if key is None:
                self.record(tagged(config), time.time(), {"Throttles": 1.0})
            return key, limit

        return acquire


def _reserving(original: Callable[..., Any]) -> Callable[..., Any]:
    def reserved(func: dict[str, Any], config: dict[str, Any]) -> Any:
        # the limit stands on the function; records of versions do not carry it
        return original(lambda_svc._functions.get(config.get("FunctionName")) or func, config)  # noqa: SLF001

    return reserved


def _silencing(_original: Callable[..., Any]) -> Callable[..., Any]:
    def emit(*_args: Any, **_kwargs: Any) -> None:
        """In place of MiniStack's own metrics."""

    return emit
