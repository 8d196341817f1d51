"""What becomes of a stream's batch after an invocation: what is done, what is tried again, what is given up. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html and the pages beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FOR_EVER = -1
PARTIAL = "ReportBatchItemFailures"


@dataclass(frozen=True)
class Rules:
    """A mapping's settings. `retries` and `age_s` (seconds) are -1 for ever."""

    retries: int = FOR_EVER
    age_s: int = FOR_EVER
    halve: bool = False
    partial: bool = False


@dataclass(frozen=True)
class Part:
    """Records `start` to `end` (exclusive) of a batch, and how often they failed as they are."""

    start: int
    end: int
    failures: int = 0


@dataclass(frozen=True)
class Step:
    """What is left of a part, in order; `given_up` with AWS's word for why; `pause` before it is tried again."""

    left: tuple[Part, ...] = ()
    given_up: Part | None = None
    condition: str = ""
    pause: bool = False


def rules_of(mapping: Mapping[str, Any]) -> Rules:
    """The settings of an event source mapping as MiniStack stores it."""
    return Rules(
        int(mapping.get("MaximumRetryAttempts", FOR_EVER)),
        int(mapping.get("MaximumRecordAgeInSeconds", FOR_EVER)),
        bool(mapping.get("BisectBatchOnFunctionError")),
        PARTIAL in (mapping.get("FunctionResponseTypes") or ()),
    )


def sequence_of(record: Mapping[str, Any]) -> str:
    """The sequence number of a DynamoDB or Kinesis record."""
    return str((record.get("dynamodb") or {}).get("SequenceNumber") or (record.get("kinesis") or {})["sequenceNumber"])


def first_failure(answer: Any, records: Sequence[Mapping[str, Any]]) -> int | None:
    """Place of the first record an answer reports as failed; None if none. What it does not name well fails all."""
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except ValueError:
            return None
    reported = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not reported:
        return None
    places = {sequence_of(record): place for place, record in enumerate(records)}
    try:
        return min(places[entry["itemIdentifier"]] for entry in reported)
    except (KeyError, TypeError):
        return 0


def after(part: Part, failed_at: int | None, rules: Rules, *, reported: bool, age_s: float) -> Step:
    """What follows an invocation with `part`, of which the record at `failed_at` (a place in the batch) failed first.

    `reported`: the function itself named it, so the rest begins there; else the invocation failed, and the part may be
    halved, which uses up no retry. `age_s`: of the batch's oldest record.
    """
    if failed_at is None:
        return Step()
    rest = Part(failed_at, part.end, part.failures + 1 if failed_at == part.start else 1)
    if 0 <= rules.age_s < age_s:
        return Step(given_up=rest, condition="MaximumRecordAgeExceeded")
    if rules.halve and not reported and rest.end - rest.start > 1:
        middle = (rest.start + rest.end) // 2
        return Step((Part(rest.start, middle, part.failures), Part(middle, rest.end, part.failures)))
    if 0 <= rules.retries < rest.failures:
        return Step(given_up=rest, condition="RetryAttemptsExhausted")
    return Step((rest,), pause=failed_at == part.start)
