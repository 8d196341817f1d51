"""Step Functions names a throttled invocation as AWS does, so that a task's `Retry` on it is what it is on AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

from pipeline.local.patching import Patch, replace

THROTTLED = "TooManyRequestsException"


def _calling(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(func_ref: str, event: Any) -> Any:
        try:
            return original(func_ref, event)
        except stepfunctions._ExecutionError as fault:  # noqa: SLF001
            if fault.error != "Lambda.Unknown" or _type(fault.cause) != THROTTLED:
                raise
            raise stepfunctions._ExecutionError(f"Lambda.{THROTTLED}", fault.cause) from fault  # noqa: SLF001

    return call


def _type(cause: str) -> str:
    try:
        return str(json.loads(cause).get("__type"))
    except (ValueError, AttributeError):
        return ""


def apply() -> list[Patch]:
    return [replace(stepfunctions, "_call_lambda", "func_ref event", "a throttle was Lambda.Unknown", _calling)]
