"""Walks of a real alias from beginning to end, and what happens when somebody else writes it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import engine_kit as kit
import pytest
from engine_kit import finish, rollout_of

from pipeline.errors import AwsError, ConflictError
from pipeline.release.ledger.head import parse, trusted
from pipeline.release.ledger.records import Rejected
from pipeline.release.model import StepSpec
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.walk.walk import run, tick


def test_a_good_release_is_walked_to_all_traffic(world, lease):
    world.feed.of = kit.traffic()
    walk = finish(world, world.walk(world.begun(previous="3"), lease))
    assert walk.rollout.phase == "promoted"
    assert world.shown == [("1", {"2": 0.1}), ("1", {"2": 0.5}), ("2", {})]
    head = trusted(world.alias())
    assert head is not None
    assert (head.state, head.release, head.previous, head.nonce) == (
        "live",
        walk.rollout.release_id,
        "1",
        walk.rollout.nonce,
    )
    record = world.record()
    assert record.under_way is None
    assert record.rollout == walk.rollout
    assert record.promoted is not None
    assert (record.promoted.version, record.rejected) == ("2", ())
    (entry,) = world.engine.ledger.history(world.service, 10)
    assert (entry.outcome, entry.candidate, [one["traffic"] for one in entry.steps]) == ("promoted", "2", [0.1, 0.5, 1])
    assert entry.evidence["outcome"] == "PASS"
    # Each step lasted its ten periods, the one of the write left out, and until the last of them was complete.
    starts = walk.rollout.step_starts
    assert [b - a for a, b in pairwise(starts)] == [15, 15]


def test_a_bad_release_is_rolled_back_and_not_tried_again(world, lease):
    world.feed.of = kit.traffic(bad=0.25)
    walk = finish(world, world.walk(world.begun(previous="3"), lease))
    assert walk.rollout.phase == "rolled-back"
    assert world.shown == [("1", {"2": 0.1}), ("1", {})]
    head = trusted(world.alias())
    assert head is not None
    assert (head.state, head.origin, head.previous) == ("back", "2", "3")
    record = world.record()
    assert (record.promoted, record.under_way) == (None, None)
    assert record.rejection("a" * 64, "config") is not None
    (entry,) = world.engine.ledger.history(world.service, 10)
    assert (entry.outcome, entry.reason, entry.evidence["outcome"]) == ("rolled-back", "worse", "FAIL")


def test_what_was_promoted_on_a_retry_is_not_held_to_be_rejected_any_more(world, lease):
    world.feed.of = kit.traffic()
    other, twice = Rejected("r0", "c", "b" * 64, "config"), Rejected("r1", "c", "a" * 64, "config")
    begun = world.begun()
    record = world.engine.ledger.save(replace(begun, rejected=(twice, other, replace(twice, release_id="r2"))))
    assert finish(world, world.walk(record, lease)).rollout.phase == "promoted"
    assert world.record().rejected == (other,)


@pytest.mark.parametrize(
    ("declared", "phase", "alias"),
    [
        ("rollback", "rolled-back", ("1", {})),
        ("hold", "held", ("1", {"2": 0.1})),
        ("promote", "held", ("1", {"2": 0.1})),
    ],
)
def test_a_metrics_outage_holds_until_the_deadline_and_then_does_what_is_declared(world, lease, declared, phase, alias):
    world.feed.fault = AwsError("could not read CloudWatch metrics: 503")
    walk = finish(world, world.walk(world.begun(on_inconclusive=declared, deadline_s=20), lease))
    assert (rollout_of(world).phase, world.shown[-1]) == (phase, alias)
    assert world.at == pytest.approx(walk.rollout.started + 20.5)
    assert "no conclusion within 20 s: the metrics could not be read" in rollout_of(world).sentence


@pytest.mark.parametrize("declared", ["rollback", "promote"])
def test_metrics_that_come_back_after_the_deadline_decide(world, lease, declared):
    """They are away at the deadline, but never for as long as this step bakes."""
    seen = []

    def flicker(_seconds: float) -> None:
        world.pass_time(1)
        seen.append(world.at)
        world.feed.fault = None if len(seen) % 5 == 0 else AwsError("could not read CloudWatch metrics: Throttling")

    world.feed.of = kit.traffic()
    walk = world.walk(world.begun(on_inconclusive=declared, deadline_s=12), lease)
    (ended,) = run(world.engine, [walk], world.look, flicker)
    assert ended.rollout.phase == "promoted"
    assert world.engine.ledger.history(world.service, 1)[0].evidence["outcome"] == "PASS"


def test_several_walks_share_a_round_and_the_first_to_end_is_left_alone(world, lease):
    world.feed.of = kit.traffic()
    record = world.walking(1)
    over = replace(world.walk(record, lease), rollout=replace(rollout_of(world), phase="promoted"))
    before = world.alias()
    assert tick(world.engine, [over, over]) == (over, over)
    assert world.alias() == before


def test_what_waits_for_approval_is_looked_at_while_others_walk(world, lease):
    world.feed.of = kit.traffic()
    record = world.walking(steps=(StepSpec(0.1, 10), StepSpec(0.5, 10, approve=True)))
    world.at += 20
    (walk,) = tick(world.engine, [world.walk(record, lease)])
    assert walk.finished
    noted = world.record()
    (walk,) = tick(world.engine, [walk])
    assert (walk.finished, world.record()) == (True, noted)
    world.feed.of = kit.traffic(bad=0.5)
    (walk,) = tick(world.engine, [walk])
    assert (walk.rollout.phase, world.alias().weights) == ("rolled-back", {})


def test_the_first_release_moves_all_traffic_off_latest(world, lease):
    world.meddle("$LATEST")
    walk = finish(world, world.walk(world.begun(stable="$LATEST", candidate="1", steps=()), lease))
    assert (walk.rollout.phase, world.shown) == ("promoted", [("1", {})])
    head = trusted(world.alias())
    assert head is not None
    assert (head.state, head.previous) == ("live", None)


# foreign writes


def test_a_foreign_write_in_mid_walk_is_observed_and_held_until_somebody_rolls_back(world, lease):
    world.feed.of = kit.traffic()
    foreign = []

    def meddle(_seconds: float) -> None:
        world.pass_time(1)
        if rollout_of(world).step == 0 and not foreign:
            foreign.append(world.meddle("1", {"2": 0.3}))

    (walk,) = run(world.engine, [world.walk(world.begun(), lease)], world.look, meddle)
    assert walk.decision is not None
    assert (walk.decision.kind, rollout_of(world).phase, rollout_of(world).reason) == ("conflict", "held", "conflict")
    assert world.alias() == foreign[0]
    with pytest.raises(ConflictError):
        world.controller().take_over(world.record(), rollout_of(world))

    # The rollback cannot name a release, since the description was not to be trusted; it ends this one all the same.
    roll_back(world.engine.functions, kit.FUNCTION, "live", None)
    successor = world.controller()
    taken = successor.take_over(world.record(), rollout_of(world))
    assert finish(world, world.walk(taken, lease)).rollout.phase == "rolled-back"
    assert world.record().under_way is None


def test_promoted_by_hand_and_kept_by_name_ends_the_walk(world, lease):
    record = world.walking()
    world.meddle("2")
    roll_back(world.engine.functions, kit.FUNCTION, "live", "2")
    assert finish(world, world.walk(record, lease)).rollout.phase == "rolled-back"
    assert "back to version 2" in rollout_of(world).sentence
    assert (world.alias().version, world.alias().weights) == ("2", {})


def test_a_rollback_by_hand_in_mid_walk_is_seen_and_obeyed(world, lease):
    world.feed.of = kit.traffic()

    def at_three_in_the_morning(_seconds: float) -> None:
        world.pass_time(1)
        if rollout_of(world).step == 1 and world.alias().weights:
            roll_back(world.engine.functions, kit.FUNCTION, "live", None)

    (walk,) = run(world.engine, [world.walk(world.begun(), lease)], world.look, at_three_in_the_morning)
    assert (walk.rollout.phase, walk.rollout.reason) == ("rolled-back", "rolled back by hand")
    assert world.shown[-1] == ("1", {})
    head = parse(world.alias().description)
    assert head is not None
    assert (head.state, head.release) == ("frozen", walk.rollout.release_id)
    assert world.record().rejection("a" * 64, "config") is not None


def test_a_controller_without_its_lease_writes_nothing(world):
    world.feed.of = kit.traffic()
    held = world.lease()
    record = world.walking()
    held._lost = "somebody else took it"
    before = world.alias()
    walk = finish(world, world.walk(record, held))
    held.release()
    assert walk.decision is not None
    assert (walk.decision.kind, "lease" in walk.decision.sentence) == ("conflict", True)
    assert (world.alias(), world.record()) == (before, record)
