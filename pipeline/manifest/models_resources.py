"""What a service owns besides its function: tables, queues, buckets, buses, secrets."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, model_validator

from pipeline.manifest import rules, units
from pipeline.manifest.models_base import GIVEN, Kinded, OneKey
from pipeline.manifest.rules import fault

_KEY = re.compile(r"([A-Za-z0-9_.-]{1,255})(?: \(([SNB])\))?\Z", re.ASCII)
_KEY_FORM = r"^[A-Za-z0-9_.-]{1,255}(?: \([SNB]\))?$"


class Key(NamedTuple):
    """A key's attribute and its type: S text, N number, B bytes."""

    name: str
    type: Literal["S", "N", "B"] = "S"


def _key(value: Any) -> Key:
    if isinstance(value, Key):
        return value
    found = _KEY.match(value) if isinstance(value, str) else None
    if found is None:
        shown = f"`{value}`" if isinstance(value, (str, int, float)) else "this"
        raise fault(f"{shown} is not a key", "write an attribute's name, with (N) or (B) behind it if it is no text")
    return Key(found[1], found[2] or "S")  # type: ignore[arg-type]  # the pattern's own three letters


_Key = Annotated[
    Key,
    rules.Read(_key, Key, {"type": "string", "pattern": _KEY_FORM, "examples": ["id", "created (N)"]}),
]


class DynamodbResource(Kinded):
    """A DynamoDB table, paid by request."""

    kind: ClassVar[Literal["dynamodb"]] = "dynamodb"
    example: ClassVar[str] = "partition_key: id"

    partition_key: _Key
    """The attribute that items are found by: `id`, or with its type `id (S)`, (N) or (B)."""

    sort_key: Annotated[_Key | None, GIVEN] = None
    """The attribute that items of one partition are sorted by."""

    ttl: Annotated[
        Annotated[str, rules.matches(r"[A-Za-z0-9_.-]{1,255}", "an attribute's name", "letters, digits, _ . and -")]
        | None,
        GIVEN,
    ] = None
    """The attribute with the time (seconds since 1970) after which DynamoDB deletes an item."""

    stream: Annotated[Literal["keys-only", "new-image", "old-image", "new-and-old-images"] | None, GIVEN] = None
    """Whether changes are published, and what of them."""

    point_in_time_recovery: bool = True
    """Whether the table can be brought back to any second of the last 35 days."""

    @model_validator(mode="after")
    def _two_keys(self) -> DynamodbResource:
        if self.sort_key is not None and self.sort_key.name == self.partition_key.name:
            what = f"`{self.sort_key.name}` is the partition key already"
            raise fault(what, "name another", at=("sort_key",), because=(("partition_key",),))
        return self


class SqsResource(Kinded):
    """An SQS queue and, behind it, one for the messages that failed too often."""

    kind: ClassVar[Literal["sqs"]] = "sqs"

    visibility_s: Annotated[
        int,
        *rules.quantity(
            units.whole_seconds, "30 s", of=units.TIMES, within=rules.between(0, 43_200, "0 s to 12 h", "s")
        ),
    ] = Field(default=30, validation_alias="visibility")
    """How long a message that is being worked on stays hidden; 6 x the timeout of the function it triggers, or more."""

    retention_s: Annotated[
        int,
        *rules.quantity(
            units.whole_seconds, "4 days", of=units.TIMES, within=rules.between(60, 1_209_600, "1 min to 14 days", "s")
        ),
    ] = Field(default=345_600, validation_alias="retention")
    """How long a message is kept."""

    fifo: bool = False
    """Whether messages of a group keep their order and come once."""

    max_receives: Annotated[Annotated[int, rules.count(1, 1_000, "receives")] | None, GIVEN] = 5
    """How often a message is tried before it is put aside into the queue's dead-letter queue."""


class S3Resource(Kinded):
    """An S3 bucket, private and encrypted."""

    kind: ClassVar[Literal["s3"]] = "s3"

    versioned: bool = True
    """Whether what is overwritten or deleted can be brought back."""


class EventBusResource(Kinded):
    """An EventBridge bus of the service's own events."""

    kind: ClassVar[Literal["event-bus"]] = "event-bus"


class SecretResource(Kinded):
    """A Secrets Manager secret; its value is written by a person, never by crabwalk."""

    kind: ClassVar[Literal["secret"]] = "secret"


Resource = Annotated[
    DynamodbResource | SqsResource | S3Resource | EventBusResource | SecretResource,
    OneKey("resource", "dynamodb: {partition_key: id}"),
]
