"""Where a pipe's events come from: a queue, a table's stream, a Kinesis stream. Each gives a batch, and forgets it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ministack import app
from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, kinesis, pipes, sqs

from pipeline.local.edge.pipe_events import SOURCES, Event

QUEUE_LIMIT = 10  # messages a receive gives at most
LOOP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Batch:
    """Events in their order. `forget` takes those at these places from the source; a stream's only all together."""

    events: list[Event]
    forget: Callable[[Sequence[int]], None]
    stream: bool
    began: float  # epoch seconds: when the first of them was there


def on_loop(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls MiniStack where its own handlers run, so that none of them is in the middle of the same list."""
    loop = app._MAIN_LOOP  # noqa: SLF001
    if loop is None:
        return function(*arguments)

    async def call() -> Any:
        return function(*arguments)

    return asyncio.run_coroutine_threadsafe(call(), loop).result(LOOP_TIMEOUT_S)


def limits(pipe: dict[str, Any], service: str) -> dict[str, Any]:
    """The settings of a pipe's source."""
    block, usual = SOURCES[service]
    return {**usual, **((pipe.get("SourceParameters") or {}).get(block) or {})}


def from_queue(pipe: dict[str, Any], limit: int) -> Batch | None:
    """At most this many visible messages, hidden for the queue's visibility time."""
    queue = sqs._queue_by_arn(pipe["Source"])  # noqa: SLF001
    if not queue or not any(message["visible_at"] <= time.time() for message in list(queue["messages"])):
        return None
    url = sqs._queue_url(parse_arn(pipe["Source"]).resource)  # noqa: SLF001
    messages: list[dict[str, Any]] = []
    while len(messages) < limit:
        asked = min(QUEUE_LIMIT, limit - len(messages))
        got = on_loop(sqs._receive_messages_for_esm, url, asked)  # noqa: SLF001
        messages += got
        if not got:
            break
    if not messages:
        return None
    handles = [message["receipt_handle"] for message in messages]  # a later receive changes the message's own

    def forget(places: Sequence[int]) -> None:
        if places:
            on_loop(sqs._delete_messages_for_esm, url, {handles[place] for place in places})  # noqa: SLF001

    events = [_message(message, pipe["Source"]) for message in messages]
    return Batch(events, forget, stream=False, began=min(message["sent_at"] for message in messages))


def _message(message: dict[str, Any], arn: str) -> Event:
    attributes = {
        "ApproximateReceiveCount": str(message["receive_count"]),
        "SentTimestamp": str(int(message["sent_at"] * 1000)),
        "SenderId": (message.get("sys") or {}).get("SenderId") or get_account_id(),
        "ApproximateFirstReceiveTimestamp": str(int(message["first_receive_at"] * 1000)),
    }
    named = {"MessageGroupId": "group_id", "MessageDeduplicationId": "dedup_id", "SequenceNumber": "seq"}
    attributes |= {name: str(message[key]) for name, key in named.items() if message.get(key)}
    own = (message.get("message_attributes") or {}).items()
    return {
        "messageId": message["id"],
        "receiptHandle": message["receipt_handle"],
        "body": message["body"],
        "attributes": attributes,
        "messageAttributes": {
            name: {key[0].lower() + key[1:]: one for key, one in value.items()} for name, value in own
        },
        "md5OfBody": message["md5_body"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": get_region(),
    }


def from_table(pipe: dict[str, Any], limit: int) -> Batch | None:
    """The table's next changes."""
    spec, table = pipes._dynamodb_stream_source(pipe["Source"]) or (None, "")  # noqa: SLF001
    stored = dynamodb._tables.get(table)  # noqa: SLF001
    if spec is None or not stored or stored.get("LatestStreamArn") != pipe["Source"]:
        return None
    scope = {"account_id": spec.account_id, "region": spec.region}
    at = max(int(pipes._positions.get(pipe["Arn"], 0)), dynamodb.stream_start_position(table, **scope))  # noqa: SLF001
    records = dynamodb.stream_records_since(table, at, limit, **scope)
    if not records:
        return None

    def forget(places: Sequence[int]) -> None:
        pipes._positions[pipe["Arn"]] = at + len(places)  # noqa: SLF001

    return Batch(list(records), forget, True, float(records[0]["dynamodb"]["ApproximateCreationDateTime"]))


def from_kinesis(pipe: dict[str, Any], limit: int) -> Batch | None:
    """The next records of the first shard that has some."""
    positions = pipes._positions.get(pipe["Arn"]) or {}  # noqa: SLF001
    for shard, records in _shards(pipe["Source"]).items():
        at = int(positions.get(shard, 0))
        if found := records[at : at + limit]:

            def forget(places: Sequence[int], shard: str = shard, at: int = at) -> None:
                pipes._positions[pipe["Arn"]] = {**positions, shard: at + len(places)}  # noqa: SLF001

            began = float(found[0]["ApproximateArrivalTimestamp"])
            return Batch([_record(record, shard, pipe["Source"]) for record in found], forget, True, began)
    return None


def _shards(arn: str) -> dict[str, list[dict[str, Any]]]:
    stream = kinesis._streams.get(parse_arn(arn).resource.removeprefix("stream/"))  # noqa: SLF001
    return {name: shard["records"] for name, shard in stream["shards"].items()} if stream else {}


def _record(record: dict[str, Any], shard: str, arn: str) -> Event:
    return {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": record["PartitionKey"],
        "sequenceNumber": record["SequenceNumber"],
        "data": record["Data"],
        "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{record['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{get_account_id()}:role/pipe",
        "awsRegion": get_region(),
        "eventSourceARN": arn,
    }


def kinesis_start(pipe: dict[str, Any]) -> dict[str, int]:
    """Where a new pipe begins in each shard."""
    latest = pipe["StartingPosition"] != "TRIM_HORIZON"
    return {shard: len(records) if latest else 0 for shard, records in _shards(pipe["Source"]).items()}


READERS: dict[str, Callable[[dict[str, Any], int], Batch | None]] = {
    "sqs": from_queue,
    "dynamodb": from_table,
    "kinesis": from_kinesis,
}
