"""What a pipe makes of events: which of them pass its filters, what an answer sends, which settings hold. Pure.

Source: "Amazon EventBridge Pipes" in the EventBridge user guide (filtering, enrichment, batching), and the Pipes API.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Event = dict[str, Any]
Pattern = Mapping[str, Any]  # one compiled alternative, without `$or`
Matches = Callable[[Event, Pattern], bool]

EMPTY: tuple[Any, ...] = (None, "", {}, [])
ENCODED = {"aws:sqs": "body", "aws:kinesis": "data"}  # the field of an event that holds text of its own
_STREAM = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
}
# The block of a source's settings and what it says unless told otherwise, by the service in the source's ARN.
SOURCES: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "sqs": ("SqsQueueParameters", {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}),
    "dynamodb": ("DynamoDBStreamParameters", _STREAM),
    "kinesis": ("KinesisStreamParameters", _STREAM),
}
TARGETS = ("sqs", "events", "sns", "states", "lambda")
_PATH = re.compile(r"\$((?:\.[A-Za-z0-9_-]+|\[\d+\])+)")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")


def settings(kind: str, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """`SourceParameters` as they are answered: with everything that holds for a source of this service."""
    block, usual = SOURCES[kind]
    given = dict(parameters or {})
    if not (given.get("FilterCriteria") or {}).get("Filters"):
        given.pop("FilterCriteria", None)  # an empty one takes the filters away
    return {**given, block: {**usual, **(given.get(block) or {})}}


def passing(events: Sequence[Event], patterns: Sequence[Pattern], matches: Matches) -> list[bool]:
    """Whether each event matches one of the patterns; all do where there is none."""
    return [not patterns or any(_matches(event, pattern, matches) for pattern in patterns) for event in events]


def _matches(event: Event, pattern: Pattern, matches: Matches) -> bool:
    """A pattern that is an object reads the text as JSON, one of strings as it is; other text is no match."""
    field = ENCODED.get(str(event.get("eventSource")))
    if field is None or field not in pattern:
        return matches(event, pattern)
    text = _text(event, field)
    try:
        document = json.loads(text)
    except ValueError:
        document = text
    structured = isinstance(document, dict | list)
    if structured != isinstance(pattern[field], Mapping):
        return False
    return matches({**event, field: document if structured else text}, pattern)


def _text(event: Event, field: str) -> str:
    if field == "body":
        return str(event[field])
    try:
        return base64.b64decode(event[field], validate=True).decode()
    except ValueError:
        return str(event[field])


def sent(answer: Any) -> list[Any]:
    """What goes to the target: each element of a list, or the one value; nothing for an empty answer."""
    if answer in EMPTY:
        return []
    return list(answer) if isinstance(answer, list) else [answer]


def text_of(item: Any) -> str:
    """An item as the text of a message."""
    return item if isinstance(item, str) else json.dumps(item, separators=(",", ":"), ensure_ascii=False)


def resolved(value: Any, item: Any) -> Any:
    """A setting of the target; where it is a path (`$.body.customer`), what the item has there, else None."""
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        return value
    found = item
    for name, index in _STEP.findall(value):
        if isinstance(found, str):
            try:
                found = json.loads(found)  # the text of a message is looked into, as AWS does
            except ValueError:
                return None
        try:
            found = found[name] if name else found[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return found
