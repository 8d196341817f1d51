"""A release that dies before or after any call from its first look to its record: published once, tried out, walked."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import edge_kit
import engine_kit
import offer_kit
import pytest
from boundary_kit import DEATHS, EXHAUSTIVE, Process
from engine_kit import World
from kill_kit import Scenario, deploy, play
from scene_kit import Scene

from pipeline import local


class Publishing:
    """One function, and new code of it for each run."""

    def __init__(self, running: local.Running, namespace: str, folder: Path) -> None:
        self.first = engine_kit.own_world(running, namespace)
        self.raw, self.folder = edge_kit.client(running, "lambda"), folder
        self.numbers = itertools.count()
        self.made_of: Any = None

    def scene(self) -> Scene:
        service = f"{self.first.service}-{next(self.numbers)}"
        world = World(self.first.env, service, self.raw, self.first.function)
        self.made_of = offer_kit.package(world, service)
        return Scene(world)

    def verb(self, scene: Scene) -> None:
        """What a deploy does from the uploaded zip on; what is recorded already is walked."""
        world = scene.world
        assert isinstance(world, World)
        world.feed.of = lambda _version, metric: 50.0 if metric == "Invocations" else 0.0
        if world.record().rollout is None:
            offer_kit.offered(world, self.folder, self.made_of, "event.json")
        deploy(scene)

    def versions(self) -> int:
        return len(self.raw.list_versions_by_function(FunctionName=self.first.function)["Versions"])

    def play(self, place: int = -1, fault: str = "") -> Process:
        process, scene, before = Process("first", place, fault), self.scene(), self.versions()
        play(Scenario("publish", self.verb), scene, process)
        assert self.versions() == before + 1, "published more than once"
        return process


@pytest.fixture
def publishing(embedded: local.Running, namespace: str, tmp_path: Path) -> Publishing:
    return Publishing(embedded, namespace, tmp_path)


def test_death_at_every_call_until_it_is_recorded(publishing):
    calls = publishing.play().places
    names = [str(one) for one in calls]
    recorded = names.index("PutObject state.json")
    assert {"UpdateFunctionCode", "PublishVersion", "GetFunctionConfiguration"} < set(names[:recorded])
    assert sum(one.startswith("Invoke") for one in names[:recorded]) == 1
    # After a call AWS is as it is before the next one.
    for place, fault in itertools.product(range(recorded + 1), DEATHS if EXHAUSTIVE else DEATHS[1:]):
        assert publishing.play(place, fault).met
