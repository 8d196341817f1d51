"""From an artifact to a published version: the right code and configuration, nobody in between, no traffic moved."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import edge_kit
import engine_kit as kit
import pytest
from engine_kit import World
from offer_kit import CONFIGURATION, package, released

from pipeline import local
from pipeline.aws.functions import Functions, FunctionState
from pipeline.errors import ConflictError


@pytest.fixture
def world(embedded: local.Running, namespace: str) -> World:
    return kit.own_world(embedded, namespace)


class Meddled(Functions):
    """Somebody puts other code into the function before our "update_code", "after" it, or before our "publish"."""

    def __init__(self, world: World, step: str) -> None:
        super().__init__(world.env)
        self._world, self._step = world, step

    def _meddle(self, step: str) -> None:
        if step == self._step:
            functions = self._world.raw
            functions.update_function_code(FunctionName=self._world.function, ZipFile=edge_kit.package(salt="foreign"))
            edge_kit.settle(functions, self._world.function)

    def update_code(self, function: str, **wanted: Any) -> FunctionState:
        self._meddle("update_code")
        done = super().update_code(function, **wanted)
        if self._step == "after":
            self.settle(function, None, time.sleep, now=time.monotonic)
        self._meddle("after")
        return done

    def publish(self, function: str, **wanted: Any) -> FunctionState:
        self._meddle("publish")
        return super().publish(function, **wanted)


def test_new_code_is_published_and_unchanged_code_is_the_same_version(world):
    made_of = package(world, "new")
    before = world.alias()
    first = released(world, made_of)
    assert (first.version, first.code_sha256, first.state) == ("2", made_of.code_sha256, "Active")
    assert released(world, made_of).version == "2"
    assert world.alias() == before


def test_latest_that_still_holds_the_bad_code_is_made_to_hold_the_good_one(world):
    good, bad = package(world, "good"), package(world, "bad")
    assert [released(world, one).version for one in (good, bad)] == ["2", "3"]
    world.meddle("2")  # rolled back: the alias moved, $LATEST did not
    assert world.engine.functions.state(world.function).code_sha256 == bad.code_sha256
    again = released(world, good)
    assert (again.version, again.code_sha256) == ("4", good.code_sha256)
    assert world.engine.functions.state(world.function).code_sha256 == good.code_sha256


@pytest.mark.parametrize("step", ["update_code", "after", "publish"])
def test_a_function_somebody_changes_in_between_is_a_conflict_and_not_published(world, step):
    made_of = package(world, "ours")
    before = world.alias()
    with pytest.raises(ConflictError) as conflict:
        released(world, made_of, Meddled(world, step))
    assert conflict.value.exit_code == 5
    assert conflict.value.where == world.function
    versions = world.raw.list_versions_by_function(FunctionName=world.function)["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1"]
    assert world.alias() == before


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        ({"MemorySize": 512}, "memory"),
        ({"Timeout": 30}, "timeout"),
        ({"Runtime": "provided.al2"}, "runtime"),
        ({"TracingConfig": {"Mode": "Active"}}, "tracing"),
        ({"Environment": {"Variables": {"TOKEN": "secret"}}}, "variable TOKEN"),
    ],
)
def test_anothers_configuration_is_a_conflict_and_not_published(world, theirs, named):
    made_of = package(world, "ours")
    world.raw.update_function_configuration(FunctionName=world.function, **theirs)
    with pytest.raises(ConflictError, match=f"is not configured as the manifest says: {named}$"):
        released(world, made_of)
    assert world.engine.functions.state(world.function).code_sha256 != made_of.code_sha256
    versions = world.raw.list_versions_by_function(FunctionName=world.function)["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1"]


def test_anothers_configuration_while_our_code_settles_is_a_conflict_too(world):
    class Applied(Functions):
        def update_code(self, function: str, **wanted: Any) -> FunctionState:
            done = super().update_code(function, **wanted)
            edge_kit.settle(world.raw, function)
            world.raw.update_function_configuration(FunctionName=function, MemorySize=512)
            return done

    made_of = package(world, "ours")
    with pytest.raises(ConflictError, match=r"memory$"):
        released(world, made_of, Applied(world.env))
    own = replace(made_of, configuration=replace(CONFIGURATION, memory_mb=512))
    assert released(world, own).configuration.memory_mb == 512
