"""What the bus refuses in one look, the next one sends; a bus that is away holds no walk up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import engine_kit as kit
import pytest
from boundary_kit import Process
from kill_kit import clouds
from machine_kit import Machine, given
from scene_kit import Scene

from pipeline.aws.buses import Buses
from pipeline.controller.look import REST, look
from pipeline.controller.told import kept
from pipeline.controller.unsent import KEPT_S, LONGEST_S
from pipeline.errors import AwsError
from pipeline.release.ledger.lease import holder
from pipeline.release.walk.act import Engine

GOOD = ["step", "verdict", "step", "verdict", "promote"]


@dataclass
class Bus:
    """Takes what `refuses` does not say no to."""

    refuses: Callable[[str], bool] = lambda _: False
    taken: list[Any] = field(default_factory=list)
    asked: int = 0

    def offer(self, entries: Sequence[Any]) -> tuple[tuple[Any, ...], AwsError | None]:
        self.asked += 1
        left = tuple(one for one in entries if self.refuses(one["DetailType"].split()[-1]))
        self.taken += [json.loads(one["Detail"]) for one in entries if one not in left]
        return left, AwsError("it is away") if left else None

    @property
    def events(self) -> list[str]:
        return [one["event"] for one in self.taken]


@contextmanager
def walking(bad: float = 0.0) -> Iterator[tuple[Machine, Bus]]:
    """A walk given to the machine, in an environment whose bus is this."""
    scene, bus = next(clouds()), Bus()
    scene.world.feed.of = kit.traffic(bad=bad)
    with pytest.MonkeyPatch.context() as patch, scene.standing():
        patch.setattr(Buses, "offer", lambda _, __, entries: bus.offer(entries))
        patch.setattr("pipeline.release.walk.act.STALE_PAUSES_S", ())
        job = given(scene, scene.engine())
        begun = scene.world.record().rollout
        assert begun is not None
        job = replace(job, env=replace(job.env, events="releases"))
        yield Machine(scene, job, carried={"hello": {"told": kept(begun)}}), bus


def over(scene: Scene) -> bool:
    rollout = scene.world.record().rollout
    return rollout is not None and rollout.over


@pytest.mark.parametrize("refused", ["step", "verdict", "promote"])
def test_what_one_look_could_not_send_the_next_one_sends_with_the_same_id(refused: str) -> None:
    with walking() as (machine, bus):
        refusals: list[str] = []

        def once(event: str) -> bool:
            if event != refused or refusals:
                return False
            refusals.append(event)
            return True

        bus.refuses = once
        machine.run(Process("all"))
    assert refusals
    assert sorted(bus.events) == sorted(GOOD)
    assert len({one["id"] for one in bus.taken}) == len(GOOD)
    assert machine.failures == 0


def test_a_bus_that_is_back_after_the_end_is_told_all_of_it_and_no_lease_is_held_for_that() -> None:
    with walking(bad=0.5) as (machine, bus):
        scene, ended = machine.scene, list[int]()
        bus.refuses = lambda _: len(ended) < 3

        def watch(number: int) -> None:
            if over(scene):
                ended.append(number)
                lease = holder(scene.engine().objects, "hello")
                assert lease is None or not lease.nonce

        machine.run(Process("all"), on_look=watch)
    assert bus.events == ["step", "verdict", "rollback"]
    last = machine.answers[-1]
    assert (last["done"], last["carried"], last["releases"][0]["outcome"]) == (True, {}, "rolled-back")
    assert [one["releases"] for one in machine.answers[-3:]] == [last["releases"]] * 3


def test_a_bus_that_is_away_for_ever_holds_nothing_up() -> None:
    with walking() as (machine, bus):
        machine.run(Process("all"))
        whole, asked = len(machine.answers), bus.asked
    with walking() as (machine, bus):
        bus.refuses, ends = lambda _: True, list[tuple[int, float]]()

        def watch(number: int) -> None:
            if over(machine.scene):
                ends.append((number, machine.scene.world.at))

        machine.run(Process("all"), on_look=watch)
        (looks, at), last = ends[0], machine.scene.world.at
    assert looks == whole, "as many looks as with a bus"
    assert last - at <= KEPT_S + LONGEST_S
    assert bus.taken == []
    assert bus.asked < 40 + asked
    assert max(len(json.dumps(one["carried"])) for one in machine.answers) < 20_000
    assert machine.answers[-1]["carried"] == {}


def test_what_is_lost_is_said() -> None:
    with walking() as (machine, bus):
        bus.refuses, said = lambda _: True, list[str]()
        while REST not in machine.carried:
            machine.look(Process("one"))
        machine.scene.wait(2 * KEPT_S)
        job = replace(machine.job, env=replace(machine.job.env, credentials=("test", "test")))
        engine = Engine(job.env, now=lambda: machine.scene.world.at)
        engine.say = said.append
        look(engine, job, machine.carried)
    assert [one for one in said if one.startswith("events lost, as the bus did not take them: ")]


def test_of_what_waits_nothing_is_known_to_a_service() -> None:
    with walking() as (machine, bus):
        bus.refuses = lambda _: True
        while REST not in machine.carried:
            machine.look(Process("one"))
        assert {*machine.carried} == {"hello", REST}
        assert [one[0] for one in machine.carried[REST]["events"]] == ["crabwalk release step"]
