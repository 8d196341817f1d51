from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import pytest
from engine_kit import World

from pipeline.release.ledger.history import DAY_S
from pipeline.release.ledger.story import entry_of
from pipeline.release.model import new_release_id, second


def append(world: World, days_ago: float, service: str | None = None) -> str:
    now = world.engine.objects.now() - days_ago * DAY_S
    ended = replace(world.rollout, release_id=new_release_id(now), started=now, ended=now, phase="promoted")
    ended = replace(ended, service=service or world.service)
    world.engine.ledger.append(entry_of(ended, {}))
    return ended.release_id


@pytest.fixture
def ids(world: World) -> list[str]:
    """Of twenty releases within years, the newest first."""
    return [append(world, days) for days in (0, 0.1, *range(1, 13), 40, 41, 200, 500, 501, 900)]


def test_a_history_is_read_backwards_and_only_as_far_as_asked(world, ids, monkeypatch):
    read, listed = [], []
    get, keys = world.engine.objects.get, world.engine.objects.keys
    monkeypatch.setattr(world.engine.objects, "get", lambda key: read.append(key) or get(key))
    monkeypatch.setattr(world.engine.objects, "keys", lambda *where: listed.append(where) or keys(*where))
    assert [one.release_id for one in world.engine.ledger.history(world.service, 3)] == ids[:3]
    assert (len(read), len(listed)) == (8, 1)
    assert [one.release_id for one in world.engine.ledger.history(world.service, 1000)] == ids
    assert len(listed) == 2


def test_a_long_history_is_listed_in_windows_from_now_on_back(world, ids, monkeypatch):
    monkeypatch.setattr("pipeline.release.ledger.history.PAGE", 8)
    listed, keys = [], world.engine.objects.keys
    monkeypatch.setattr(world.engine.objects, "keys", lambda *where: listed.append(where) or keys(*where))
    assert [one.release_id for one in world.engine.ledger.history(world.service, 3)] == ids[:3]
    day = datetime.fromtimestamp(world.engine.objects.now() - DAY_S, UTC)
    folder = f"crabwalk/services/{world.service}/history/"
    assert [after.removeprefix(folder)[:11] for _, after in listed[:2]] == ["", f"{day:%Y%m%dT%H}"]
    assert len(listed) <= 5
    assert [one.release_id for one in world.engine.ledger.history(world.service, 1000)] == ids
    since = world.engine.objects.now() - 45 * DAY_S
    assert [one.release_id for one in world.engine.ledger.entries([world.service], since)] == ids[:16]


@pytest.mark.parametrize(("days", "count"), [(0.5, 2), (45, 16), (600, 19), (10_000, 20)])
def test_a_history_since_a_time(world, ids, days, count):
    since = world.engine.objects.now() - days * DAY_S
    assert [one.release_id for one in world.engine.ledger.entries([world.service], since)] == ids[:count]
    assert list(islice(world.engine.ledger.entries(["nothing"], since), 5)) == []


@pytest.mark.parametrize("count", [3, 20])
def test_what_happened_within_one_second_is_told_in_its_order(world, count):
    now = float(int(world.engine.objects.now()))
    stamp = second(new_release_id(now))
    parts = [0.9 * (7 * n % count) / count for n in range(count)]
    for n, part in enumerate(parts):
        ended = replace(world.rollout, release_id=f"{stamp}-{n:06x}", started=now + part, phase="promoted")
        world.engine.ledger.append(entry_of(ended, {}))
    found = world.engine.ledger.history(world.service, count)
    assert [one.started - now for one in found] == pytest.approx(sorted(parts, reverse=True), abs=1e-6)


def test_the_histories_of_several_services_are_one(world, monkeypatch):
    services = [f"{world.service}-{letter}" for letter in "abc"]
    for days, service in enumerate(services * 4):
        append(world, days, service)
    read, get = [], world.engine.objects.get
    monkeypatch.setattr(world.engine.objects, "get", lambda key: read.append(key) or get(key))
    found = list(islice(world.engine.ledger.entries(services), 5))
    assert [one.service for one in found] == [services[n % 3] for n in range(5)]
    assert len(read) == 8
    assert len(list(world.engine.ledger.entries(services))) == 12


def test_figures_are_made_of_keys_and_of_what_an_older_crabwalk_wrote(world, ids, monkeypatch):
    """Whose entries have no digest: it is made of the entry. A digest whose entry is gone tells nothing."""
    objects, ledger = world.engine.objects, world.engine.ledger
    digests = tuple(objects.keys(f"crabwalk/services/{world.service}/digest/"))
    whole = ledger.digests([world.service], 0.0)
    assert [one.release_id for one in whole] == ids[::-1]
    for key in digests[:3]:
        objects.delete(key)
    objects.delete(f"crabwalk/services/{world.service}/history/{ids[0]}.json")
    read, get = [], objects.get
    monkeypatch.setattr(objects, "get", lambda key: read.append(key) or get(key))
    found = ledger.digests([world.service], 0.0)
    assert sorted(one.release_id for one in found) == sorted(ids[1:])
    assert len(read) == 3
    made = [replace(one, started=round(one.started, 3), ended=round(one.ended, 3)) for one in found]
    assert {one.release_id: one for one in made} == {one.release_id: one for one in whole[:-1]}


def test_a_digest_tells_of_the_entry_that_is_there(world):
    """Somebody who completes what a dead controller began finds its entry, and adds no second digest."""
    now = world.engine.objects.now()
    first = entry_of(replace(world.rollout, started=now, ended=now + 5.25, phase="promoted"), {})
    objects, ledger = world.engine.objects, world.engine.ledger
    ledger.append(first)
    (key,) = objects.keys(f"crabwalk/services/{world.service}/digest/")
    objects.delete(key)  # it died before this was written
    ledger.append(replace(first, ended=now + 60))
    assert tuple(objects.keys(f"crabwalk/services/{world.service}/digest/")) == (key,)
    (found,) = ledger.digests([world.service], 0.0)
    assert found.ended == pytest.approx(now + 5.25, abs=0.001)
