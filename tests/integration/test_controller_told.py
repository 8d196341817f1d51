"""What the controller tells from look to look, each a process of its own: all of it, and once unless a look died."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import engine_kit as kit
import pytest
from boundary_kit import Process
from kill_kit import ANNA, clouds, deaths
from machine_kit import Machine, given
from scene_kit import Scene, hand_back

from pipeline.controller.told import kept
from pipeline.release.around.event import entry_of
from pipeline.release.around.notifier import Notifier
from pipeline.release.around.transitions import Transition
from pipeline.release.verbs.steering import ask

GOOD = ["step", "verdict", "step", "verdict", "promote"]


@dataclass
class Told:
    """What arrived. `late`: it is sent at the end of a look only, so that a look that dies before has sent nothing."""

    late: bool = False
    sent: list[Transition] = field(default_factory=list)
    waiting: list[Transition] = field(default_factory=list)

    def tell(self, told: Transition) -> None:
        (self.waiting if self.late else self.sent).append(told)

    def flush(self) -> None:
        self.sent += self.waiting
        self.waiting.clear()

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.sent]

    @property
    def named(self) -> list[str]:
        """Each once, in the order in which it came first."""
        first = {one.id: one.event for one in reversed(self.sent)}
        return [first[one] for one in dict.fromkeys(self.ids)]


@contextmanager
def told(scene: Scene, *, late: bool = False) -> Iterator[tuple[Machine, Told]]:
    """A walk given to the machine, in an environment with a bus, and what is told from then on."""
    heard = Told(late)
    with pytest.MonkeyPatch.context() as patch, scene.standing():
        patch.setattr(Notifier, "tell", lambda _, one: heard.tell(one))
        patch.setattr(Notifier, "flush", lambda _: heard.flush())
        patch.setattr("pipeline.release.walk.act.STALE_PAUSES_S", ())
        job = given(scene, scene.engine())
        heard.sent.clear()  # the start, which whoever begins it tells
        heard.waiting.clear()
        begun = scene.world.record().rollout
        assert begun is not None
        job = replace(job, env=replace(job.env, events="releases"))
        yield Machine(scene, job, carried={"hello": {"told": kept(begun)}}), heard  # as `give` has it


def one_scene(bad: float = 0.0) -> Scene:
    scene = next(clouds())
    scene.world.feed.of = kit.traffic(bad=bad)
    return scene


def walked(scene: Scene, process: Process, *, late: bool = False, undone: bool = False) -> Told:
    with told(scene, late=late) as (machine, heard):

        def on_look(number: int) -> None:
            heard.waiting.clear()  # what the look before did not send is lost
            if undone and number == 3:
                hand_back(scene.engine(), "hello", scene.world.function, actor="on-call", pause=scene.wait)

        machine.run(process, on_look=on_look)
    return heard


def test_a_walk_of_many_processes_tells_everything_once() -> None:
    good = walked(one_scene(), Process("all"))
    assert [one.event for one in good.sent] == GOOD
    assert len({*good.ids}) == len(GOOD)
    bad = walked(one_scene(bad=0.5), Process("all"))
    assert [one.event for one in bad.sent] == ["step", "verdict", "rollback"]
    assert (bad.sent[-1].cause, bad.sent[-1].ground.evidence["outcome"]) == ("evidence", "FAIL")


def test_what_a_person_says_between_looks_is_told_once() -> None:
    scene = one_scene()
    with told(scene) as (machine, heard):
        machine.look(Process("one"))
        for word in ("pause", "resume", "full"):
            ask(scene.engine(), word, ["hello"], ANNA)
            for _ in range(3):
                machine.look(Process("more"))
    assert len({*heard.ids}) == len(heard.ids)
    assert [one for one in heard.named if one not in {"step", "verdict"}] == ["pause", "resume", "promote"]


def test_a_look_whose_answer_is_lost_tells_the_same_again_with_the_same_id() -> None:
    scene, again = one_scene(), 0
    with told(scene) as (machine, heard):
        done = False
        while not done:
            carried: dict[str, Any] = machine.carried
            before = len(heard.sent)
            machine.look(Process("died after all"))
            first, machine.carried = heard.ids[before:], carried
            done = machine.look(Process("again"))
            assert {*first} <= {*heard.ids[before + len(first) :]}
            again += len(first)
    assert again >= len(GOOD) - 1
    assert heard.named == GOOD


@pytest.mark.parametrize(
    ("bad", "undone", "late"),
    [
        pytest.param(0.0, False, True, id="good, sent at the end"),
        pytest.param(0.5, False, True, id="bad, sent at the end"),
        pytest.param(0.0, True, True, id="rolled back by hand, sent at the end"),
        pytest.param(0.0, False, False, id="good, sent at once", marks=pytest.mark.exhaustive),
        pytest.param(0.5, False, False, id="bad, sent at once", marks=pytest.mark.exhaustive),
        pytest.param(0.0, True, False, id="rolled back by hand, sent at once", marks=pytest.mark.exhaustive),
    ],
)
def test_a_look_that_died_at_any_call_is_told_by_the_next(bad: float, late: bool, undone: bool) -> None:
    counting = Process("first")
    whole = walked(one_scene(bad), counting, late=late, undone=undone).named
    for place, call in enumerate(tuple(counting.places)):
        for fault in deaths(call):
            found = walked(one_scene(bad), Process("first", place, fault), late=late, undone=undone)
            assert found.named == whole, f"{fault} at {place} ({call})"
            for one in found.sent:
                assert entry_of(one, scene_env())["DetailType"] == f"crabwalk release {one.event}"


def scene_env() -> Any:
    return replace(one_scene().world.env, events="releases")
