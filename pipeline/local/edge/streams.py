"""Streams for functions as AWS has them: retries that end, halves, partial failures, and a destination that is told.

MiniStack tries a failed batch whole and for ever, and takes a partial failure for success. Its pollers stay: they read,
filter, and move on when what they call has succeeded. That call is here: it works a batch off part by part, and says
"failed" until nothing of it is left.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import lambda_svc

from pipeline.local.edge.pipe_targets import DeliveryError, deliver
from pipeline.local.edge.stream_batches import Part, after, first_failure, rules_of, sequence_of
from pipeline.local.patching import Patch, replace

SOURCES = ("aws:dynamodb", "aws:kinesis")

Record = dict[str, Any]
_logger = logging.getLogger("streams")
_turn = threading.local()  # the mapping the poller's thread is busy with


@dataclass
class Work:
    """A batch on its way: its first record, the parts that are left, and how many records they are of."""

    first: str
    parts: tuple[Part, ...]
    count: int
    invocations: int = 0


_working: dict[tuple[str, str], Work] = {}  # by mapping and shard; only the poller's thread touches it


def _mappings(original: Callable[..., Any]) -> Callable[..., Any]:
    def each() -> Iterator[Any]:
        try:
            for account, region, mapping in original():
                _turn.mapping = mapping
                yield account, region, mapping
        finally:
            _turn.mapping = None

    return each


def _invoking(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(func: dict[str, Any], event: Any) -> Any:
        mapping = getattr(_turn, "mapping", None)
        records = event.get("Records") if isinstance(event, dict) else None
        if not mapping or not records or not _is_of(records[0], mapping):
            return original(func, event)
        _turn.mapping = None  # MiniStack calls itself again where a function has another account or region
        try:
            return _work_off(mapping, records, lambda part: original(func, {"Records": part}))
        finally:
            _turn.mapping = mapping

    return execute


def _is_of(record: Any, mapping: dict[str, Any]) -> bool:
    return (
        isinstance(record, dict)
        and record.get("eventSource") in SOURCES
        and record.get("eventSourceARN") == mapping["EventSourceArn"]
    )


def _work_off(mapping: dict[str, Any], records: list[Record], invoke: Callable[[list[Record]], Any]) -> Any:
    """Invokes until all of the batch is done or given up (a success), or a part must wait (a failure)."""
    rules, key = rules_of(mapping), (mapping["UUID"], _shard(records[0]))
    work = _working.get(key)
    if work is None or work.first != sequence_of(records[0]) or work.count > len(records):
        work = Work(sequence_of(records[0]), (Part(0, len(records)),), len(records))
    _working[key] = work
    while work.parts:
        part, *later = work.parts
        batch = records[part.start : part.end]
        result = invoke(batch)
        work.invocations += 1
        failed = bool(result.get("error") or result.get("throttle"))
        place = 0 if failed else first_failure(result.get("body"), batch) if rules.partial else None
        step = after(
            part,
            None if place is None else part.start + place,
            rules,
            reported=not failed,
            age_s=time.time() - _created(records[0]),
        )
        if step.given_up is not None:
            given_up = records[step.given_up.start : step.given_up.end]
            _tell(mapping, given_up, step.condition, work.invocations)
        work.parts = (*step.left, *later)
        if step.pause:
            left = sum(one.end - one.start for one in work.parts)
            return {"error": True, "body": {"errorType": "Retry", "errorMessage": f"{left} records are left"}}
        if not work.parts and work.count < len(records):  # more came meanwhile, and the poller will pass over them too
            work.parts, work.count = (Part(work.count, len(records)),), len(records)
    del _working[key]
    return {"body": None}


def _shard(record: Record) -> str:
    return str(record["eventID"]).partition(":")[0] if "kinesis" in record else ""


def _created(record: Record) -> float:
    times = record.get("dynamodb") or {}, record.get("kinesis") or {}
    return float(times[0].get("ApproximateCreationDateTime") or times[1].get("approximateArrivalTimestamp") or 0)


def _tell(mapping: dict[str, Any], records: list[Record], condition: str, invocations: int) -> None:
    """Tells the mapping's destination where the records were that are given up."""
    target = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    arn = mapping["EventSourceArn"]
    if not target:
        _logger.warning("%s: %d records are given up: %s", arn, len(records), condition)
        return
    block = "KinesisBatchInfo" if "kinesis" in records[0] else "DDBStreamBatchInfo"
    notice = {
        "requestContext": {
            "requestId": new_uuid(),
            "functionArn": mapping["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": invocations,
        },
        "version": "1.0",
        "timestamp": _iso(time.time()),
        block: {
            "shardId": _shard(records[0]) or "shardId-00000000000000000000-00000000",
            "startSequenceNumber": sequence_of(records[0]),
            "endSequenceNumber": sequence_of(records[-1]),
            "approximateArrivalOfFirstRecord": _iso(_created(records[0])),
            "approximateArrivalOfLastRecord": _iso(_created(records[-1])),
            "batchSize": len(records),
            "streamArn": arn,
        },
    }
    try:
        deliver({"Name": mapping["UUID"], "Source": arn, "Target": target}, [notice])
    except DeliveryError as fault:
        _logger.warning("%s: %s", arn, fault)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def apply() -> list[Patch]:
    why = "a stream's failed batch was tried for ever, and a partial failure was a success"
    return [
        replace(lambda_svc, "_iter_all_esms", "", why, _mappings),
        replace(lambda_svc, "_execute_function", "func event", why, _invoking),
    ]
