"""One look after the other, in memory: when the next one is due, what is carried, whose the release is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import engine_kit as kit
import pytest
from boundary_kit import FAULTS, Process
from kill_kit import ANNA, TTL_S
from machine_kit import Machine, given
from scene_kit import Scene, Small

from pipeline.controller.look import AwayError, look
from pipeline.release.ledger.lease import GRACE_S, Lease, holder
from pipeline.release.model import StepSpec
from pipeline.release.terms import Pace, Quiet, Terms
from pipeline.release.verbs.steering import ask
from pipeline.release.walk.act import Engine

LONG = (StepSpec(0.1, 6000), StepSpec(0.5, 6000))
ALWAYS = Terms(quiet=(Quiet(tuple(range(7)), 0, 0),))


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(Small())
    made.world.feed.of = kit.traffic()
    with made.standing():
        yield made


def machine(scene: Scene, **changes: Any) -> Machine:
    return Machine(scene, given(scene, scene.engine(), **{"steps": LONG, "deadline_s": 9000, **changes}))


def looked(one: Machine, times: int = 1) -> dict[str, Any]:
    for _ in range(times):
        one.look(Process("a look"))
    return one.answers[-1]


def outcome(answer: dict[str, Any]) -> tuple[bool, int, str]:
    return answer["done"], answer["wait_s"], answer["releases"][0]["outcome"]


def test_a_walk_is_looked_at_every_tick(scene: Scene) -> None:
    assert outcome(looked(machine(scene))) == (False, 2, "walking")


def test_a_walk_judged_by_the_second_is_looked_at_every_five_seconds(scene: Scene) -> None:
    slow = machine(scene)
    slow.job = replace(slow.job, env=replace(slow.job.env, tick_s=15.0))
    assert outcome(looked(slow)) == (False, 15, "walking")


def test_by_the_second_also_on_an_environment_of_minutes(scene: Scene) -> None:
    one = machine(scene, terms=Terms(evidence=Pace(1, 1)))
    one.job = replace(one.job, env=replace(one.job.env, tick_s=15.0))
    assert [outcome(looked(one)) for _ in range(3)] == [(False, 5, "walking")] * 3
    ask(scene.engine(), "pause", ["hello"], ANNA)
    assert outcome(looked(one)) == (False, 60, "held")


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": (StepSpec(0.1, 1), StepSpec(0.5, 600, approve=True))},
        {"terms": ALWAYS},
    ],
    ids=["approval", "quiet hours"],
)
def test_what_waits_for_a_person_or_a_time_is_looked_at_more_rarely(scene: Scene, changes: dict[str, Any]) -> None:
    one = machine(scene, **changes)
    assert outcome(looked(one, 20)) == (False, 8, "held")
    lease = holder(one.scene.engine().objects, "hello")
    assert lease is not None
    assert lease.living


def test_a_pause_is_kept_and_a_resume_heard(scene: Scene) -> None:
    one = machine(scene)
    looked(one, 2)
    ask(scene.engine(), "pause", ["hello"], ANNA)
    assert outcome(looked(one)) == (False, 8, "held")
    ask(scene.engine(), "resume", ["hello"], ANNA)
    assert outcome(looked(one)) == (False, 2, "walking")


def test_between_two_looks_no_alias_is_written_and_the_lease_stays(scene: Scene) -> None:
    one = machine(scene)
    looked(one, 3)
    writes, lease = len(scene.trace), holder(scene.engine().objects, "hello")
    looked(one, 3)
    assert len(scene.trace) == writes
    after = holder(scene.engine().objects, "hello")
    assert lease is not None
    assert after is not None
    assert (after.nonce, after.since, after.generation) == (lease.nonce, lease.since, 1)


def test_after_its_lease_ran_out_it_goes_on_while_nobody_took_it(scene: Scene) -> None:
    one = machine(scene)
    looked(one, 2)
    scene.wait(1000)
    assert outcome(looked(one)) == (False, 2, "walking")


def test_a_release_somebody_took_and_left_is_fenced_and_goes_on(scene: Scene) -> None:
    one = machine(scene)
    looked(one, 2)
    scene.wait(1000)
    Lease(scene.engine().objects, "hello", ttl_s=TTL_S, doing="resume").acquire(lambda _: None).release()
    writes = len(scene.trace)
    assert outcome(looked(one)) == (False, 2, "walking")
    assert len(scene.trace) == writes + 1


def test_a_living_holder_ends_it_and_is_named(scene: Scene) -> None:
    one = machine(scene)
    looked(one, 2)
    scene.wait(1000)
    with Lease(scene.engine().objects, "hello", ttl_s=TTL_S, doing="resume of a person").acquire(lambda _: None):
        writes = len(scene.trace)
        answer = looked(one)
        assert outcome(answer) == (True, 2, "overtaken")
        assert "resume of a person by " in answer["releases"][0]["sentence"]
        assert len(scene.trace) == writes


def test_the_next_generation_need_not_wait_and_the_one_before_is_over(scene: Scene) -> None:
    first = machine(scene)
    looked(first, 2)
    second = replace(first, handovers=1, answers=[])
    assert outcome(looked(second)) == (False, 2, "walking")
    scene.wait(1000)  # nobody living holds it any more
    assert outcome(looked(first)) == (True, 2, "overtaken")
    assert "given to a later controller" in first.answers[-1]["releases"][0]["sentence"]
    assert outcome(looked(second)) == (False, 2, "walking")


def test_a_foreign_write_is_a_conflict_and_nothing_is_written(scene: Scene) -> None:
    one = machine(scene)
    looked(one, 2)
    engine = scene.engine()
    alias = engine.functions.alias(scene.world.function, "live")
    engine.functions.write_alias(alias, "3", {}, "mine")
    writes = len(scene.trace)
    assert outcome(looked(one)) == (True, 2, "conflict")
    assert len(scene.trace) == writes
    left = holder(engine.objects, "hello")
    assert left is not None
    assert not left.living


def test_metrics_that_are_away_are_carried_from_look_to_look(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    one = machine(scene)
    looked(one, 2)
    real = Scene.answer

    def dark(self: Scene, call: Any) -> Any:
        return (
            FAULTS["5xx, not done"](Process(""), call, lambda: None)
            if call.operation == "GetMetricData"
            else real(self, call)
        )

    monkeypatch.setattr("boundary_kit.BaseClient._make_api_call", _away(scene, dark))
    began = scene.world.at
    looked(one)
    looked(one)
    assert one.carried == {"hello": {"dark_since": pytest.approx(began, abs=0.1)}}


def _away(scene: Scene, answer: Any) -> Any:
    from boundary_kit import call_of

    def asked(client: Any, operation: str, params: Any) -> Any:
        return answer(scene, call_of(client.meta.service_model.service_name, operation, params))

    return asked


def test_aws_away_for_longer_than_a_lease_is_a_failed_look(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    one = machine(scene)
    looked(one, 2)
    real = Scene.answer

    def away(self: Scene, call: Any) -> Any:
        gone = call.operation == "GetAlias"
        return FAULTS["throttled"](Process(""), call, lambda: None) if gone else real(self, call)

    monkeypatch.setattr("boundary_kit.BaseClient._make_api_call", _away(scene, away))
    monkeypatch.setattr("pipeline.release.walk.act.STALE_PAUSES_S", ())
    looked(one)
    assert (one.carried["hello"]["broken"], "away_since" in one.carried["hello"]) == (1, True)
    scene.wait(TTL_S + GRACE_S + 1)
    looked(one)
    engine = Engine(one.job.env, now=lambda: scene.world.at)
    with pytest.raises(AwayError):
        look(engine, one.job, one.carried)
