from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from release_kit import FRESH, walking

from pipeline.aws.objects import Stored
from pipeline.errors import AwsError, UsageError
from pipeline.manifest.environments import Environment
from pipeline.manifest.models_hooks import Probe as Declared
from pipeline.release.around import probe
from pipeline.release.around.probe import Prober, due, stored, wanted
from pipeline.release.model import Rollout
from pipeline.release.terms import Probe, Terms

ENV = Environment("local", "000000000000", "us-east-1", "bucket", endpoint="http://127.0.0.1:1", credentials=("t", "t"))
FAST = Terms(probe=Probe(("a", "b"), 6000.0))


@pytest.mark.parametrize(
    ("per_minute", "seconds", "count"),
    [(60, 0.0, 1), (60, 0.9, 1), (60, 1.0, 2), (60, 59.9, 60), (6000, 1.0, 101), (1, 59.0, 1), (1, 60.0, 2)],
)
def test_probes_are_spread_evenly_and_the_first_is_sent_at_once(per_minute, seconds, count) -> None:
    assert due(per_minute, seconds) == count


@pytest.mark.parametrize(
    ("rollout", "expected"),
    [
        (walking(0, terms=FAST), True),
        (walking(1, terms=FAST), True),
        (walking(1, terms=FAST, paused=1.0), True),  # it is still judged
        (walking(0), False),
        (replace(FRESH, terms=FAST), False),
        (walking(2, terms=FAST), False),
        (walking(0, terms=FAST, phase="rolled-back"), False),
    ],
)
def test_probes_are_sent_in_steps_only(rollout: Rollout, *, expected: bool) -> None:
    assert wanted(rollout) is expected


class Fake:
    """A function and a bucket; `open` lets invocations be answered."""

    def __init__(self, fault: Exception | None = None, missing: int = 0) -> None:
        self.fault, self.missing = fault, missing
        self.came: list[tuple[str, str, bytes]] = []
        self.open = threading.Event()
        self.open.set()

    def invoke(self, function: str, qualifier: str, payload: bytes) -> None:
        self.came.append((function, qualifier, payload))
        self.open.wait(20)
        if self.fault is not None:
            raise self.fault

    def get(self, key: str) -> Stored | None:
        if self.missing:
            self.missing -= 1
            return None
        return Stored(key, key.encode(), "etag", 0.0)


def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.open.set()


def prober(fake: Fake) -> Prober:
    return Prober(ENV, fake, fake)  # type: ignore[arg-type]


def test_events_are_sent_in_turn_through_the_alias_until_the_walk_ends(fake) -> None:
    sends, rollout = prober(fake), walking(0, terms=FAST)
    assert sends.follow([rollout]) == ()
    until(lambda: len(fake.came) >= 20)
    assert sends.follow([rollout]) == ()
    assert {one[:2] for one in fake.came} == {(rollout.function, "live")}
    assert {one[2] for one in fake.came} == {b"a", b"b"}
    assert abs(sum(one[2] == b"a" for one in fake.came[:20]) - 10) <= 1
    assert sends.follow([]) == ()
    until(lambda: sends._thread is None)
    count = len(fake.came)
    assert sends.follow([walking(0)]) == ()
    assert len(fake.came) == count


def test_a_slow_function_is_never_asked_more_than_it_answers_and_that_is_said_once(fake) -> None:
    sends, rollout = prober(fake), walking(0, terms=FAST)
    fake.open.clear()
    said: list[str] = []

    def look() -> list[str]:
        said.extend(sends.follow([rollout]))
        return said

    until(look)
    assert len(fake.came) == probe.AT_ONCE
    look()
    (text,) = said
    assert text.startswith("hello: about ")
    assert text.endswith("of 6000 probes a minute get through, the others find too many still unanswered")
    fake.open.set()
    until(lambda: len(fake.came) > probe.AT_ONCE)
    sends.follow([])


def test_several_walks_share_what_may_be_under_way(fake) -> None:
    sends = prober(fake)
    fake.open.clear()
    both = [walking(0, terms=FAST, release_id=name, function=name) for name in ("one", "two")]
    sends.follow(both)
    until(lambda: len(fake.came) == probe.AT_ONCE)
    functions = [one[0] for one in fake.came]
    assert min(functions.count("one"), functions.count("two")) >= 1
    sends.follow([])


def test_what_is_not_taken_is_said_once_and_goes_on(fake) -> None:
    fake.fault = AwsError("could not invoke: AccessDenied")
    sends, rollout = prober(fake), walking(0, terms=FAST)
    said: list[str] = []

    def look() -> list[str]:
        said.extend(sends.follow([rollout]))
        return said

    until(look)
    until(lambda: len(fake.came) > 10)
    look()
    assert said == ["hello: probes are not taken: could not invoke: AccessDenied"]
    sends.follow([])


def test_an_event_that_is_not_in_the_bucket_is_asked_for_again(fake, monkeypatch) -> None:
    monkeypatch.setattr(probe, "AGAIN_S", 0.05)
    fake.missing = 1
    sends, rollout = prober(fake), walking(0, terms=FAST)
    said: list[str] = []

    def look() -> bool:
        said.extend(sends.follow([rollout]))
        return bool(fake.came) and bool(said)

    until(look)
    assert said == ["hello: probes cannot be sent: an event is not in the bucket any more"]
    sends.follow([])


def test_a_walk_nobody_looks_at_any_more_is_not_probed(fake, monkeypatch) -> None:
    monkeypatch.setattr(probe, "FORGOTTEN_S", 0.1)
    sends = prober(fake)
    sends.follow([walking(0, terms=FAST)])
    until(lambda: fake.came)
    until(lambda: sends._thread is None)


def test_an_event_that_cannot_be_read_stops_the_release_before_it_begins(tmp_path) -> None:
    with pytest.raises(UsageError, match="the probe's event cannot be read: No such file"):
        stored(Fake(), Declared(events=("no.json",)), tmp_path)  # type: ignore[arg-type]


def test_a_process_that_goes_on_keeps_the_rate_of_the_one_before(fake) -> None:
    """Looks of two seconds each, by a process of its own: 60 a minute stay 60 a minute, and none is sent at once."""
    now = [1000.0]
    rollout = walking(0, terms=Terms(probe=Probe(("a",), 60.0)))
    for elapsed in (0.5, 2.5, 4.5):
        sends = Prober(ENV, fake, fake, lambda: now[0])  # type: ignore[arg-type]
        sends.go_on(lambda _, passed=elapsed: passed)  # type: ignore[misc]
        before = len(fake.came)
        sends.follow([rollout])
        until(lambda sends=sends: all(one.events for one in sends._streams.values()))  # type: ignore[misc]
        assert sends.sending
        (stream,) = sends._streams.values()
        assert (stream.counted, len(fake.came)) == (due(60.0, elapsed), before)
        for _ in range(2):
            now[0] += 1.0
            sends.follow([rollout])
            until(lambda stream=stream: now[0] < stream.next_at())  # type: ignore[misc]
        until(lambda before=before: len(fake.came) == before + 2)  # type: ignore[misc]
        assert sends.follow([rollout]) == ()
        sends.stop()
        assert not sends.sending
        until(lambda sends=sends: sends._thread is None)  # type: ignore[misc]
    assert len(fake.came) == 6
