"""Probes of a real alias: laid in the bucket by who offers, sent by whoever walks, seen in both versions' metrics."""

from __future__ import annotations

import hashlib
import time

import engine_kit as kit
import pytest
from offer_kit import offered, package
from release_kit import saw

from pipeline.aws.metrics import Metrics, Series
from pipeline.manifest.models_hooks import Probe
from pipeline.release.model import ALIAS
from pipeline.release.walk.walk import run

EVENT = b'{"probe": true}'
KEY = f"crabwalk/events/{hashlib.sha256(EVENT).hexdigest()}.json"


@pytest.fixture
def world(embedded, namespace):
    return kit.own_world(embedded, namespace)


def made(world, tmp_path, per_minute: int = 6000):
    (tmp_path / "p.json").write_bytes(EVENT)
    around = {"probe": Probe(events=("p.json",), per_minute=per_minute)}
    return offered(world, tmp_path, package(world, "probed"), around=around)


def invocations(world) -> dict[str, float]:
    series = [Series(world.function, ALIAS, version, "Invocations") for version in ("1", "2")]
    now = time.time()
    values = Metrics(world.env).read(series, now - 120, now + 60)
    return {str(one.version): sum(values.get(one, {}).values()) for one in series}


def test_the_events_lie_where_another_controller_finds_them_and_both_versions_get_them(world, tmp_path):
    walk = made(world, tmp_path).walk
    assert walk is not None
    assert walk.rollout.terms.probe is not None
    assert walk.rollout.terms.probe.events == (KEY,)
    stored = world.engine.objects.get(KEY)
    assert stored is not None
    assert stored.body == EVENT
    (tmp_path / "p.json").unlink()

    record = world.engine.act(walk.record, walk.rollout, saw(world.alias()), kit.forward(walk.rollout, 0))
    other = world.controller()
    assert other.probes.follow([record.rollout]) == ()
    kit.until(lambda: min(invocations(world).values()) >= 1 and sum(invocations(world).values()) >= 40)
    assert other.probes.follow([]) == ()
    counts = invocations(world)
    assert counts["1"] > counts["2"]  # as the weights say, 90 to 10


def test_probes_begin_and_end_with_the_walk(world, tmp_path):
    world.feed.of = kit.traffic()
    walk = made(world, tmp_path).walk
    assert walk is not None
    looks = []

    def look(_seconds: float) -> None:
        world.pass_time(1)
        looks.append(world.engine.probes._thread is not None)

    with world.lease() as lease:
        (ended,) = run(world.engine, [world.walk(walk.record, lease)], world.look, look)
    assert ended.rollout.phase == "promoted"
    assert any(looks)
    kit.until(lambda: world.engine.probes._thread is None)
    kit.until(lambda: sum(invocations(world).values()) >= 1)
