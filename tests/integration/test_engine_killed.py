"""A verb that dies, or meets trouble, at any call of AWS leaves what its next run can go on with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import engine_kit
import pytest
from kill_kit import BESIDE, SCENARIOS, clouds, deaths, matrix, troubles
from scene_kit import Scene

from pipeline import local

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


@pytest.mark.parametrize("name", BESIDE)
def test_death_at_every_call_of_the_watchdog_and_of_a_retry(name):
    runs = matrix(BESIDE[name], clouds(), deaths)
    assert {run.ended for run in runs} == {BESIDE[name].ends}
    assert len({run.call for run in runs}) >= 5


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
