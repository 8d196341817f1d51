"""A verb that dies, or meets trouble, at any call of AWS leaves what its next run can go on with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import engine_kit
import pytest
from boundary_kit import DEATHS, Process
from kill_kit import ANNA, SCENARIOS, TTL_S, clouds, deaths, deploy, matrix, rollback, troubles
from scene_kit import Scene

from pipeline import local
from pipeline.release.unfreeze import frozen, unfreeze

REAL = ("release", "release of a bad version", "rollback in mid-walk", "abort")
RARE = [pytest.param(name, marks=() if name in REAL else pytest.mark.exhaustive) for name in SCENARIOS]


@pytest.fixture
def fresh(embedded: local.Running, namespace: str) -> Iterator[Scene]:
    """A service for each run."""
    return (Scene(engine_kit.world(embedded, f"{namespace}-{number}")) for number in itertools.count())


@pytest.mark.parametrize("name", RARE)
def test_death_at_every_call(fresh, name):
    runs = matrix(SCENARIOS[name], fresh, deaths)
    assert {run.ended for run in runs} == {SCENARIOS[name].ends}
    assert len({run.call for run in runs}) >= 5


@pytest.mark.parametrize("name", SCENARIOS)
def test_death_at_every_call_of_every_verb(name):
    """In memory, where a hundred runs take a second; test_cloud shows that the embedded AWS answers alike."""
    runs = matrix(SCENARIOS[name], clouds(), deaths)
    assert {run.ended for run in runs} == {SCENARIOS[name].ends}


@pytest.mark.parametrize("name", RARE)
def test_trouble_at_every_call_of_every_verb(name):
    runs = matrix(SCENARIOS[name], clouds(), troubles)
    assert {run.ended for run in runs} == {SCENARIOS[name].ends}


@pytest.mark.parametrize("name", ["pause", "resume", "promote"])
def test_an_order_whose_record_was_not_answered_is_not_taken_for_somebody_elses(name):
    lost = ("5xx, done", "answer lost, done")
    runs = matrix(SCENARIOS[name], clouds(), lambda call: lost if str(call) == "PutObject state.json" else ())
    assert len(runs) >= 4
    assert not [said for run in runs for said in run.said if "asked for" in said]


@pytest.mark.parametrize("fault", DEATHS)
def test_a_thaw_that_dies_anywhere_is_in_the_history(fault):
    """`resume` of a service that a person rolled back."""
    for place in itertools.count():
        scene = next(clouds())
        world, process = scene.world, Process("first", place, fault)
        world.feed.of = engine_kit.traffic()
        with scene.standing():
            deploy(scene)
            rollback(scene)
            assert world.record().frozen is not None
            with process.running():
                thawed(scene)
            scene.wait(TTL_S)
            if frozen(scene.engine(), world.service, world.function):
                thawed(scene)
            assert not frozen(scene.engine(), world.service, world.function)
            entries = [one.actor for one in scene.engine().ledger.history(world.service, 9) if one.kind == "resume"]
            assert set(entries) == {ANNA.actor}, f"{fault} at {place} of {process.places}"
        if not process.met:
            break
    assert place >= 8


def thawed(scene: Scene) -> None:
    unfreeze(scene.engine(), scene.world.service, scene.world.function, ANNA, lambda _: None)
