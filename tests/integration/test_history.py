from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import pytest
from engine_kit import World

from pipeline.release.ledger.history import DAY_S
from pipeline.release.ledger.story import entry_of
from pipeline.release.model import new_release_id, second


def append(world: World, days_ago: float) -> str:
    now = world.engine.objects.now() - days_ago * DAY_S
    ended = replace(world.rollout, release_id=new_release_id(now), started=now, ended=now, phase="promoted")
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
    month = datetime.fromtimestamp(world.engine.objects.now() - 30 * DAY_S, UTC)
    assert listed[0][1].startswith(f"crabwalk/services/{world.service}/history/{month:%Y%m%dT%H}")
    listed.clear()
    assert [one.release_id for one in world.engine.ledger.history(world.service, 17)] == ids[:17]
    assert len(listed) == 2
    assert [one.release_id for one in world.engine.ledger.history(world.service, 1000)] == ids


@pytest.mark.parametrize(("days", "count"), [(0.5, 2), (45, 16), (600, 19), (10_000, 20)])
def test_a_history_since_a_time(world, ids, days, count):
    since = world.engine.objects.now() - days * DAY_S
    assert [one.release_id for one in world.engine.ledger.entries(world.service, since)] == ids[:count]
    assert list(islice(world.engine.ledger.entries("nothing", since), 5)) == []


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
