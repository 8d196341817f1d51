"""CloudWatch Logs: what functions said, once (`read`) or as it comes (`follow`); no event twice, and none lost."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.aws import TransientError, aws_errors, client, error_code
from pipeline.manifest.environments import Environment

# How far behind the newest event another one may still turn up: Lambda delivers each stream in its own time.
LATE_MS = 20_000
_STREAM = re.compile(r"\[(\$LATEST|\d+)\]")


@dataclass(frozen=True)
class LogEvent:
    """One event of a log group, as it was written."""

    id: str
    stream: str
    time_ms: int
    message: str

    @property
    def version(self) -> str | None:
        """The version of the function that wrote it: Lambda names its streams by it."""
        found = _STREAM.search(self.stream)
        return found[1] if found else None


@dataclass(frozen=True)
class Query:
    """Which events of a log group are wanted; `text` is looked for as it is, `pattern` is CloudWatch's own."""

    group: str
    since_ms: int = 0
    version: str | None = None
    text: str = ""
    pattern: str = ""

    def takes(self, event: LogEvent) -> bool:
        """What CloudWatch cannot be asked for."""
        return (self.version is None or event.version == self.version) and self.text in event.message

    @property
    def asked(self) -> str:
        """The filter that CloudWatch applies: never stricter than `text`."""
        if self.pattern or not self.text or not self.text.isprintable() or set(self.text) & set('"\\'):
            return self.pattern
        return f'"{self.text}"'


def group_of(function: str) -> str:
    """The log group of a function."""
    return f"/aws/lambda/{function}"


def group_exists(env: Environment, function: str) -> bool:
    """Whether a function's log group is there. Raises AwsError."""
    name = group_of(function)
    with aws_errors(f"look for the log group {name}"):
        found = client(env, "logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return any(one["logGroupName"] == name for one in found)


def read(env: Environment, query: Query) -> Iterator[LogEvent]:
    """The events there are now, oldest first, page by page; none where the group does not exist. Raises AwsError."""
    from botocore.exceptions import ClientError

    wanted: dict[str, Any] = {"logGroupName": query.group, "startTime": query.since_ms}
    if query.asked:
        wanted["filterPattern"] = query.asked
    with aws_errors(f"read the log group `{query.group}`"):
        try:
            for page in client(env, "logs").get_paginator("filter_log_events").paginate(**wanted):
                for one in page["events"]:
                    event = LogEvent(one["eventId"], one["logStreamName"], int(one["timestamp"]), str(one["message"]))
                    if query.takes(event):
                        yield event
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise


def follow(
    env: Environment,
    query: Query,
    pause: Callable[[float], None],
    *,
    quickest_s: float = 1.0,
    slowest_s: float = 5.0,
    on_trouble: Callable[[TransientError], None] = lambda _: None,
) -> Iterator[LogEvent]:
    """The events there are and every one that comes, until the caller ends it.

    Events that share a millisecond, or come late, are told apart from known ones by their ids. Asks often while
    events come and seldom while none does; trouble that passes is told and waited out.
    """
    seen: dict[str, int] = {}
    newest, wait = query.since_ms, quickest_s
    while True:
        since = max(query.since_ms, newest - LATE_MS)
        fresh = 0
        try:
            for event in read(env, Query(query.group, since, query.version, query.text, query.pattern)):
                if event.id not in seen:
                    seen[event.id] = event.time_ms
                    newest, fresh = max(newest, event.time_ms), fresh + 1
                    yield event
        except TransientError as trouble:
            on_trouble(trouble)
        seen = {one: time for one, time in seen.items() if time >= newest - LATE_MS}
        wait = quickest_s if fresh else min(wait * 1.5, slowest_s)
        pause(wait)


def requests_by_version(env: Environment, function: str) -> Counter[str]:
    """How many requests each version of `function` logged: `rust_shared::telemetry` writes one line a request."""
    found: Counter[str] = Counter()
    for event in read(env, Query(group_of(function), pattern='"request"')):
        try:
            line = json.loads(event.message)
        except ValueError:
            continue
        if isinstance(line, dict) and line.get("event") == "request":
            found[str(line.get("version"))] += 1
    return found
