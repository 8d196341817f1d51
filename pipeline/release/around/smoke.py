"""Tries a published version out with sample events before it gets any traffic, and says what it did not answer.

What AWS did not let be tried out says nothing of the version: it is an error, not a fault.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.aws import TransientError
from pipeline.aws.functions import Functions, Invocation
from pipeline.errors import UsageError

RETRY_AFTER_S = 0.5
SHOWN = 300  # characters of an answer in a sentence


@dataclass(frozen=True)
class Check:
    """A sample event and what its answer must be; `status` None: any below 500."""

    event: Path
    status: int | None = None
    error: bool = False  # the function must fail, and its answer is the error
    expect: tuple[str, ...] = ()  # JMESPath


@dataclass(frozen=True)
class SmokeResult:
    """What a sample event was answered; `fault` is empty when it was fine."""

    event: str
    fault: str


def smoke(
    functions: Functions,
    function: str,
    version: str,
    checks: Sequence[Check],
    pause: Callable[[float], None] = time.sleep,
) -> tuple[SmokeResult, ...]:
    """Invoke `version` once with each sample event, in order, and end with the first that is not answered as it must.

    A call that AWS did not take (a throttle, a lost connection) is repeated once. AwsError when AWS did not let it be
    tried out; UsageError when an event cannot be read.
    """
    results: list[SmokeResult] = []
    for check in checks:
        answer = _invoke(functions, function, version, _payload(check.event), pause)
        results.append(SmokeResult(check.event.name, fault_of(check, version, answer)))
        if results[-1].fault:
            break
    return tuple(results)


def fault_of(check: Check, version: str, answer: Invocation) -> str:
    """What of an answer is not as declared, in a sentence; empty when all is."""
    if answer.error and not check.error:
        return f"version {version} failed: {_message(answer.payload)}"
    if check.error and not answer.error:
        return f"version {version} was to fail and answered {_cut(answer.payload)}"
    status = answer.payload.get("statusCode") if isinstance(answer.payload, dict) else None
    if check.status is not None and status != check.status:
        said = "without a status" if status is None else f"{status}"
        return f"version {version} answered {said}, expected was {check.status}"
    if check.status is None and isinstance(status, int) and status >= 500:
        return f"version {version} answered {status}"
    seen = offered(answer.payload)
    wrong = next((fault for one in check.expect if (fault := _unmet(one, seen))), "")
    return f"version {version}: {wrong}" if wrong else ""


def offered(payload: Any) -> Any:
    """What expressions look at: the answer, with a proxy's `body` read where it is JSON text."""
    if not isinstance(payload, dict) or "statusCode" not in payload or not isinstance(payload.get("body"), str):
        return payload
    body = payload["body"]
    try:
        text = base64.b64decode(body, validate=True) if payload.get("isBase64Encoded") else body
        return {**payload, "body": json.loads(text)}
    except (binascii.Error, ValueError, RecursionError):
        return payload


def _unmet(expression: str, seen: Any) -> str:
    """Why an expression does not hold; empty when it does."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        found = jmespath.search(expression, seen)
    except JMESPathError as error:
        return f"expected `{expression}`, but {_line(str(error))}; it answered {_cut(seen)}"
    # JMESPath's own rule: these are false and everything else, 0 too, is true.
    if found is None or found is False or (isinstance(found, (str, list, dict)) and not found):
        return f"expected `{expression}`, which is {_cut(found)}; it answered {_cut(seen)}"
    return ""


def _payload(event: Path) -> bytes:
    try:
        return event.read_bytes()
    except OSError as error:
        raise UsageError(f"the smoke event cannot be read: {error.strerror}", where=str(event)) from error


def _invoke(
    functions: Functions, function: str, version: str, payload: bytes, pause: Callable[[float], None]
) -> Invocation:
    try:
        return functions.invoke(function, version, payload)
    except TransientError:
        pause(RETRY_AFTER_S)
        return functions.invoke(function, version, payload)


def _message(payload: Any) -> str:
    if isinstance(payload, dict) and "errorMessage" in payload:
        return _line(str(payload["errorMessage"]))
    return _cut(payload)


def _cut(value: Any) -> str:
    return _line(json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value)


def _line(text: str) -> str:
    """One line that no terminal obeys."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text[: SHOWN + 1])
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 3]}..."
