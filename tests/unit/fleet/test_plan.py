"""What comes next with a fleet's release: whatever happens to its targets, no wave begins before its time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fleet.plan import (
    Back,
    Bake,
    Become,
    Cell,
    End,
    FleetRelease,
    Hold,
    Standing,
    Step,
    Walk,
    decide,
    has_failed,
)
from pipeline.manifest.fleets import Fleet, Stop, Wave

THREE = Fleet(
    "shop",
    (
        Wave("one-box", ("a",), bake_s=10.0, on_failure="roll-back"),
        Wave("second", ("b", "c"), on_failure="roll-back"),
        Wave("rest", ("d",)),
    ),
)
START = 1000.0


def begun(fleet: Fleet = THREE) -> FleetRelease:
    wants = {target: {"hello": "ab"} for target in fleet.targets}
    return FleetRelease(fleet.name, "r1", "c0ffee", "a change", "arn", None, START, wants)


def at(target: str, state: str, sentence: str = "") -> Standing:
    return Standing(target, (Cell("hello", state, sentence),))  # type: ignore[arg-type]


def seen(fleet: Fleet = THREE, **states: str) -> dict[str, Standing]:
    return {target: at(target, states.get(target, "waits"), "worse") for target in fleet.targets}


def settled(
    release: FleetRelease, states: Mapping[str, Standing], now: float = START, fleet: Fleet = THREE, **more: object
) -> tuple[FleetRelease, Step]:
    """What is to be done once all is recorded that there is to record."""
    for _ in range(20):
        step = decide(fleet, release, states, now, **more)  # type: ignore[arg-type]
        if not isinstance(step, Become):
            return release, step
        release = step.release
    raise AssertionError("it records for ever")


def test_it_begins_with_the_first_wave() -> None:
    assert settled(begun(), seen())[1] == Walk(THREE.waves[0], ("a",))


def test_a_wave_is_watched_before_the_next_one_begins() -> None:
    states = seen(a="carries")
    release, step = settled(begun(), states)
    assert step == Bake(THREE.waves[0], 10.0)
    assert (release.phase, release.finished) == ("baking", ("a",))
    assert settled(release, states, START + 4)[1] == Bake(THREE.waves[0], 6.0)
    release, step = settled(release, states, START + 10)
    assert step == Walk(THREE.waves[1], ("b", "c"))


def test_what_fails_while_it_is_watched_ends_it() -> None:
    release, _ = settled(begun(), seen(a="carries"))
    release, step = settled(release, seen(a="failed"), START + 4)
    assert (step, release.phase, release.sentence) == (
        End(),
        "stopped",
        "wave `one-box` failed in `a`: hello: worse",
    )


def test_a_failing_wave_takes_back_who_carries_it_the_newest_first() -> None:
    release = replace(begun(), wave=1, finished=("a",))
    release, step = settled(release, seen(a="carries", b="failed", c="carries"))
    assert (release.phase, release.finished, step) == ("going-back", ("a", "c"), Back("c"))
    release, step = settled(replace(release, back=("c",)), {})
    assert step == Back("a")
    release, step = settled(replace(release, back=("c", "a")), {})
    assert (release.phase, step) == ("stopped", End())


def test_what_came_to_all_traffic_where_the_rest_failed_goes_back_too() -> None:
    part = Standing("b", (Cell("hello", "failed", "worse"), Cell("orders", "carries")))
    release = replace(begun(), wave=1, finished=("a",))
    release, step = settled(release, seen(a="carries", c="waits") | {"b": part})
    assert (release.finished, release.failed, step) == (("a", "b"), {"b": "hello: worse"}, Back("b"))
    alone = settled(begun(), seen() | {"a": replace(part, target="a")})
    assert alone[1] == Back("a")


def test_where_nothing_is_declared_who_carries_it_keeps_it() -> None:
    release = replace(begun(), wave=2, finished=("a", "b", "c"))
    release, step = settled(release, seen(a="carries", b="carries", c="carries", d="failed"))
    assert (release.phase, step, release.back) == ("stopped", End(), ())
    assert release.failed == {"d": "hello: worse"}


def test_what_waits_for_somebody_is_held_and_not_failed() -> None:
    release = replace(begun(), wave=1, finished=("a",))
    states = seen(a="carries", b="carries", c="held")
    assert settled(release, states, tried={"b", "c"})[1] == Hold(THREE.waves[1], ("c",))
    assert settled(release, states)[1] == Walk(THREE.waves[1], ("c",)), "another process tries it again"


@pytest.mark.parametrize(
    ("stop", "lost", "ended"),
    [
        (Stop(), 1, True),
        (Stop(targets=2), 1, False),
        (Stop(targets=2), 2, True),
        (Stop(targets=None, services=2), 1, False),
        (Stop(targets=None, services=2), 2, True),
        (Stop(targets=3, services=2), 2, True),
    ],
)
def test_how_much_may_fail_is_declared(stop: Stop, lost: int, ended: bool) -> None:
    wave = Wave("all", ("a", "b", "c"), stop=stop)
    states = {target: at(target, "failed" if n < lost else "carries") for n, target in enumerate(wave.targets)}
    assert has_failed(wave, states) is ended
    fleet = Fleet("shop", (wave,))
    release, _ = settled(begun(fleet), states, fleet=fleet)
    assert (release.phase == "stopped") is ended


def test_a_fault_that_no_ledger_has_fails_its_target() -> None:
    states = seen() | {"a": Standing("a", (Cell("hello", "waits"),), "Terraform failed")}
    release, step = settled(begun(), states)
    assert (step, release.sentence) == (End(), "wave `one-box` failed in `a`: Terraform failed")


def test_who_cannot_be_taken_back_keeps_nobody_else_from_going_back() -> None:
    release = replace(begun(), phase="going-back", wave=1, finished=("a", "b", "c"))
    assert settled(release, {}, away={"c"})[1] == Back("b")
    release = replace(release, back=("b", "a"))
    assert settled(release, {}, away={"c"})[1] == Hold(THREE.waves[1], ("c",))
    assert settled(release, {})[1] == Back("c"), "another process tries again"


def test_a_person_ends_it() -> None:
    release, step = settled(begun(), seen(), abort="aborted by me: enough")
    assert (step, release.phase, release.sentence) == (End(), "stopped", "aborted by me: enough")


def test_a_fleet_that_lacks_nothing_is_through_at_once() -> None:
    release = replace(begun(), wants={target: {} for target in THREE.targets})
    release, step = settled(release, {target: Standing(target) for target in THREE.targets})
    assert (step, release.phase) == (End(), "done")


STATES = ("carries", "walking", "waits", "held", "frozen", "failed")


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    names = iter("abcdefghij")
    waves = []
    for number in range(draw(st.integers(1, 4))):
        targets = tuple(next(names) for _ in range(draw(st.integers(1, 2))))
        waves.append(
            Wave(
                f"w{number}",
                targets,
                bake_s=draw(st.sampled_from((0.0, 5.0))),
                stop=draw(st.sampled_from((Stop(), Stop(targets=2), Stop(targets=None, services=1)))),
                on_failure=draw(st.sampled_from(("stop", "roll-back"))),
            )
        )
    return Fleet("shop", tuple(waves))


@dataclass
class Run:
    """Targets that end as they like, and processes that die at any moment and go on from the record."""

    fleet: Fleet
    data: st.DataObject
    release: FleetRelease
    states: dict[str, Standing]
    now: float = START
    tried: set[str] = field(default_factory=set)
    walked: set[str] = field(default_factory=set)
    back: list[str] = field(default_factory=list)

    def step(self) -> bool:
        """Do what comes next; False once it is over."""
        if self.data.draw(st.integers(0, 9)) == 0:
            self.tried = set()  # another process
        match decide(self.fleet, self.release, self.states, self.now, tried=self.tried):
            case Become(after):
                self.tried = self.tried if after.wave == self.release.wave else set()
                assert after.wave in {self.release.wave, self.release.wave + 1}
                self.release = after
            case Walk(wave, targets):
                self.walk(wave, targets)
            case Bake(left_s=left_s):
                self.bake(left_s)
            case Back(target):
                assert target in {*self.release.finished} - {*self.back}
                self.back.append(target)
                self.release = replace(self.release, back=(*self.release.back, target))
            case Hold(targets=targets):
                self.become(targets, ("carries", "failed"))
            case End():
                return False
        return True

    def become(self, targets: Iterable[str], states: Sequence[str]) -> None:
        for target in targets:
            self.states[target] = at(target, self.data.draw(st.sampled_from(states)))

    def walk(self, wave: Wave, targets: tuple[str, ...]) -> None:
        number = self.fleet.waves.index(wave)
        before = [one for earlier in self.fleet.waves[:number] for one in earlier.targets]
        assert all(self.states[one].state != "open" for one in before)
        assert not any(has_failed(one, self.states) for one in self.fleet.waves[: number + 1])
        self.tried |= {*targets}
        self.walked |= {*targets}
        self.become(targets, STATES)

    def bake(self, left_s: float) -> None:
        assert 0 < left_s <= 5
        self.now += self.data.draw(st.sampled_from((1.0, left_s)))
        if self.release.finished and self.data.draw(st.integers(0, 9)) == 0:
            self.become([self.data.draw(st.sampled_from(self.release.finished))], ["failed"])


@given(fleets(), st.data())
def test_whatever_happens_every_run_ends_and_no_wave_begins_before_its_time(fleet: Fleet, data: st.DataObject) -> None:
    run = Run(fleet, data, begun(fleet), {target: at(target, "waits") for target in fleet.targets})
    assert any(not run.step() for _ in range(400)), "it never ends"
    release = run.release
    assert [one for one in reversed(release.finished) if one in run.back] == run.back, "the newest goes back first"
    if release.phase == "done":
        assert all(run.states[target].state != "open" for target in fleet.targets)
        assert not any(has_failed(wave, run.states) for wave in fleet.waves)
    else:
        later = {target for wave in fleet.waves[release.wave + 1 :] for target in wave.targets}
        assert not later & run.walked, "what comes after a failing wave is never touched"
    assert decide(fleet, release, run.states, run.now) == End()
