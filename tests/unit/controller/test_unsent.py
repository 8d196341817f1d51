"""What the bus did not take, from look to look: with the same ids, few, and not for ever."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from pipeline.controller.unsent import KEPT_S, LONGEST_S, MOST, MOST_BYTES, NOTHING, Unsent, after, from_json, to_json
from pipeline.manifest.environments import Environment
from pipeline.release.around.event import Entry, entry, id_of, size_of

ENV = Environment("production", "111122223333", "eu-west-1", "bucket", tick_s=15.0, events="releases")
NOW = 1_800_000_000.0


def told(name: str, at: float = NOW, size: int = 0) -> Entry:
    return entry("step", {"id": name, "text": "x" * size}, at, ENV)


def names(unsent: Unsent) -> list[str]:
    return [id_of(one) for one in unsent.entries]


def test_it_comes_back_as_it_was() -> None:
    found, _ = after(NOTHING, [told("a"), told("b")], ENV, NOW)
    carried = json.loads(json.dumps(to_json(found)))
    assert from_json(carried, ENV) == found == Unsent((told("a"), told("b")), 1, NOW + 15)
    assert (to_json(NOTHING), from_json({}, ENV)) == ({}, NOTHING)
    assert found.entries[0]["Time"] == datetime.fromtimestamp(NOW, UTC)


def test_it_is_tried_ever_more_rarely_and_what_is_new_waits_behind_it() -> None:
    waits, found = [], NOTHING
    for _ in range(7):
        found, _ = after(Unsent((), found.tries, found.due), [told("a")], ENV, NOW)
        waits.append(found.due - NOW)
    assert waits == [15, 30, 60, 120, 240, LONGEST_S, LONGEST_S]
    behind, _ = after(found, [told("b")], ENV, NOW + 1)
    assert (names(behind), behind.tries, behind.due) == (["a", "b"], found.tries, found.due)
    assert after(Unsent((), found.tries, found.due), [], ENV, NOW) == (NOTHING, 0)


def test_the_newest_are_kept_as_far_as_there_is_room() -> None:
    many = [told(str(number)) for number in range(MOST + 3)]
    found, lost = after(NOTHING, many, ENV, NOW)
    assert (names(found), lost) == ([id_of(one) for one in many[3:]], 3)
    large = [told(name, size=MOST_BYTES // 3) for name in "abc"]
    found, lost = after(NOTHING, large, ENV, NOW)
    assert (names(found), lost) == (["b", "c"], 1)
    assert sum(map(size_of, found.entries)) <= MOST_BYTES


@pytest.mark.parametrize(("age", "kept"), [(KEPT_S - 1, ["a"]), (KEPT_S + 1, [])])
def test_what_is_told_of_long_ago_is_lost(age: float, kept: list[str]) -> None:
    found, lost = after(NOTHING, [told("a")], ENV, NOW + age)
    assert (names(found), lost) == (kept, 1 - len(kept))
