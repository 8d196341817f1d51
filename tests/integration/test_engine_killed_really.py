"""The same with real processes and real SIGKILLs: five always, every call of every verb behind `make test-all`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import engine_kit
import pytest
from boundary_kit import Process
from kill_kit import SCENARIOS, clouds, places, play
from killed_process import KILLS, spawned
from scene_kit import Scene

from pipeline import local

FIVE = {
    "a step taken": ("release", "UpdateAlias", 0, "SIGKILL after"),
    "promoted, not in the state": ("release", "PutObject history", 0, "SIGKILL after"),
    "about to go back": ("release of a bad version", "UpdateAlias", 1, "SIGKILL before"),
    "rolled back, not recorded": ("rollback after promotion", "UpdateAlias", 0, "SIGKILL after"),
    "aborted, not recorded": ("abort", "UpdateAlias", 1, "SIGKILL after"),
}

Killed = Callable[[str, int, str], None]


@pytest.fixture
def killed(embedded: local.Running, tmp_path: Path, namespace: str) -> Killed:
    """A scenario's verb is killed at a place, and what it left is gone on with."""

    def run(name: str, place: int, fault: str) -> None:
        scenario = SCENARIOS[name]
        scene = Scene(engine_kit.world(embedded, f"{namespace}-{place}-{fault[8:]}"))
        ended = play(scenario, scene, Process("first", place, fault), spawned(scenario, tmp_path))
        assert (ended.ended, ended.processes > 0) == (scenario.ends, True)

    return run


@pytest.mark.parametrize("case", FIVE)
def test_a_killed_process_is_gone_on_with(killed, case):
    name, call, nth, fault = FIVE[case]
    calls = places(SCENARIOS[name], next(clouds()))
    killed(name, [number for number, one in enumerate(calls) if str(one) == call][nth], fault)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_every_call(embedded, namespace, killed, name):
    calls = places(SCENARIOS[name], Scene(engine_kit.world(embedded, f"{namespace}-count")))
    for place in range(len(calls)):
        for fault in KILLS:
            killed(name, place, fault)
