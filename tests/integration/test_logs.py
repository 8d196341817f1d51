"""Reading and following a log group: every event once, whatever pages, milliseconds and late arrivals do."""

from __future__ import annotations

from collections.abc import Iterator

import edge_kit as kit
import pytest

from pipeline import local
from pipeline.aws import TransientError
from pipeline.aws.logs import LATE_MS, LogEvent, Query, follow, group_of, read
from pipeline.manifest.environments import Environment

AT = 1_767_225_600_000
PAGE = 10_000


class EnoughError(Exception):
    """Ends a `follow` in its pause."""


@pytest.fixture
def env(embedded: local.Running) -> Environment:
    return Environment(
        "local", "000000000000", "us-east-1", "none", endpoint=embedded.endpoint, credentials=("test", "test")
    )


class Group:
    """A log group with two streams."""

    def __init__(self, running: local.Running, name: str) -> None:
        self.name, self.logs = group_of(name), kit.client(running, "logs")
        self.logs.create_log_group(logGroupName=self.name)
        for version in ("1", "2"):
            self.logs.create_log_stream(logGroupName=self.name, logStreamName=f"2026/01/01/[{version}]abc")

    def put(self, version: str, *events: tuple[int, str]) -> None:
        self.logs.put_log_events(
            logGroupName=self.name,
            logStreamName=f"2026/01/01/[{version}]abc",
            logEvents=[{"timestamp": at, "message": message} for at, message in events],
        )


@pytest.fixture
def group(embedded: local.Running, namespace: str) -> Group:
    return Group(embedded, namespace)


def test_pages_end_in_the_middle_of_a_millisecond(env: Environment, group: Group) -> None:
    for version in ("1", "2"):
        group.put(version, *((AT, f"{version}-{number}") for number in range(PAGE - 1)))
    found = list(read(env, Query(group.name)))
    assert len(found) == 2 * (PAGE - 1)
    assert len({event.id for event in found}) == len(found)
    assert {event.message for event in found} == {f"{v}-{n}" for v in "12" for n in range(PAGE - 1)}
    assert len(list(read(env, Query(group.name, version="2")))) == PAGE - 1


def test_following_tells_every_event_once(env: Environment, group: Group) -> None:
    group.put("1", (AT, "first"), (AT, "twin"))
    rounds: list[list[tuple[str, int, str]]] = [
        [("1", AT, "same millisecond, later")],
        [],
        [("2", AT + 5, "newer")],
        [("1", AT + 1, "late"), ("1", AT + 5, "newer, another stream")],
        [("2", AT + 2 * LATE_MS, "much newer")],
        [("2", AT + 2 * LATE_MS, "and its twin")],
    ]
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if not rounds:
            raise EnoughError
        for version, at, message in rounds.pop(0):
            group.put(version, (at, message))

    assert told(follow(env, Query(group.name, AT - 1), pause, quickest_s=1.0, slowest_s=2.0)) == [
        "first",
        "twin",
        "same millisecond, later",
        "newer",
        "late",
        "newer, another stream",
        "much newer",
        "and its twin",
    ]
    assert waits == [1.0, 1.0, 1.5, 1.0, 1.0, 1.0, 1.0], "seldom while nothing comes"


def test_following_a_group_that_comes_to_be(env: Environment, embedded: local.Running, namespace: str) -> None:
    made: list[Group] = []

    def pause(_seconds: float) -> None:
        if made:
            raise EnoughError
        made.append(Group(embedded, namespace))
        made[0].put("1", (AT, "at last"))

    assert told(follow(env, Query(group_of(namespace)), pause)) == ["at last"]


def test_trouble_that_passes_is_told_and_waited_out() -> None:
    away = Environment(
        "local", "000000000000", "us-east-1", "none", endpoint="http://127.0.0.1:9", credentials=("test", "test")
    )
    troubles: list[TransientError] = []

    def pause(_seconds: float) -> None:
        if len(troubles) == 2:
            raise EnoughError

    assert told(follow(away, Query("/aws/lambda/none"), pause, on_trouble=troubles.append)) == []
    assert all(trouble.what.startswith("could not read the log group") for trouble in troubles)


def told(events: Iterator[LogEvent]) -> list[str]:
    """What was told until there was enough."""
    found: list[str] = []
    with pytest.raises(EnoughError):
        found.extend(event.message for event in events)
    return found
