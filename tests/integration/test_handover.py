"""A deploy that hands its walks over: begun, recorded, let go."""

from __future__ import annotations

import engine_kit as kit
from engine_kit import rollout_of

from pipeline.release.model import StepSpec
from pipeline.release.terms import Quiet, Terms
from pipeline.release.verbs.handover import hand_over, handed_over
from pipeline.release.verbs.watchdog import Watchdog
from pipeline.release.walk.outcome import EXIT_CODES, result_of
from pipeline.release.walk.view import ReleaseResult


def detached(world, lease, **changes) -> ReleaseResult:
    (walk,) = hand_over(world.engine, [world.walk(world.begun(**changes), lease)], world.look, world.pass_time)
    return handed_over(walk, result_of(walk.rollout, walk.decision, world.at))


def test_a_walk_is_handed_over_once_it_has_begun_and_the_watchdog_ends_it(world, lease):
    world.feed.of = kit.traffic()
    result = detached(world, lease)
    assert (result.outcome, EXIT_CODES[result.outcome], world.shown) == ("handed-over", 0, [("1", {"2": 0.1})])
    assert result.sentence == "version 2 has 10 % of the traffic"
    assert result.next.startswith("nothing happens by itself until `crabwalk watch --unattended --env local` goes on")
    lease.release()
    dog = Watchdog(world.engine, once=False, limit_s=1000, say=lambda _: None, pause=world.pass_time)
    dog._services = lambda: [name for name in [world.service] if name not in dog._walks]  # type: ignore[method-assign]
    assert [one.outcome for one in dog.patrol()] == ["promoted"]


def test_what_ends_at_once_is_told_as_it_ended(world, lease):
    result = detached(world, lease, steps=())
    assert (result.outcome, world.alias().version) == ("promoted", "2")


def test_what_waits_for_quiet_hours_to_end_is_handed_over(world, lease):
    result = detached(world, lease, terms=Terms(quiet=(Quiet(tuple(range(7)), 0, 0),)))
    assert (result.outcome, rollout_of(world).step) == ("handed-over", -1)
    assert "quiet hours" in result.sentence


def test_what_waits_for_a_person_is_held(world, lease):
    result = detached(world, lease, steps=(StepSpec(0.1, 10, approve=True),))
    assert (result.outcome, result.next) == ("held", f"crabwalk promote {world.service} --env local")
