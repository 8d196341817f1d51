"""The record of a rollback by hand follows the traffic, and what was missed is recorded by the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import engine_kit as kit
import pytest
import release_kit as values
from engine_kit import FUNCTION, World, promoted

from pipeline.errors import ConflictError
from pipeline.release.ledger.records import Entry, Frozen
from pipeline.release.rollback.record import ATTEMPTS, Note, needs_record, record_rollback, who_moved
from pipeline.release.rollback.rollback import RollbackDone, roll_back
from pipeline.release.walk.walk import run


def back(world: World, to: str | None = None) -> RollbackDone:
    return roll_back(world.engine.functions, FUNCTION, "live", to)


def note(world: World, done: RollbackDone, **more: Any) -> Note:
    assert needs_record(done)
    plain = Note(
        service=world.service,
        environment="local",
        function=FUNCTION,
        head=done.after.description,
        moved=done.plan.target is not None,
        sentence=done.plan.sentence,
        actor="me",
        claimed_actor=None,
        reason="",
        at=values.START,
    )
    return replace(plain, **more)


def record(world: World, done: RollbackDone, **more: Any) -> bool:
    return record_rollback(world.engine.ledger, note(world, done, **more), pause=lambda _: None).written


def by_hand(world: World) -> list[Entry]:
    return [one for one in world.engine.ledger.history(world.service, 50) if one.kind == "rollback"]


def test_the_record_follows_the_traffic(world):
    promoted(world)
    done = back(world)
    for _ in range(2):  # a second note of the same does no harm
        assert record(world, done, actor="arn:aws:iam::0:user/me", claimed_actor="me", reason="checkout fails")
    found = world.record()
    assert len(found.rejected) == 1
    assert found.rejection("a" * 64, "config") is not None
    (newest,) = by_hand(world)
    assert (newest.outcome, newest.stable, newest.candidate) == ("rolled-back", "1", "2")
    assert (newest.actor, newest.claimed_actor, newest.reason) == ("arn:aws:iam::0:user/me", "me", "checkout fails")
    assert found.frozen == Frozen(
        values.FRESH.release_id, values.COMMIT, "2", "arn:aws:iam::0:user/me", "me", "checkout fails", values.START
    )
    assert newest.subject == f"rollback of release {values.FRESH.release_id}"


def test_a_walk_that_goes_on_is_left_to_its_controller(world):
    before = world.walking()
    done = back(world)
    assert record(world, done)
    after = world.record()
    assert (after.rollout, after.rejected) == (before.rollout, ())
    assert after.frozen is not None
    assert (after.frozen.version, after.frozen.commit) == ("2", values.COMMIT)


# what was missed


@pytest.mark.parametrize("to", [None, "1"])
def test_a_rollback_that_was_not_recorded_is_recorded_by_the_next(world, to):
    """Its process was killed after the traffic had moved, or the ledger was away."""
    promoted(world)
    back(world)
    assert (by_hand(world), world.record().rejected) == ([], ())
    again = back(world, to)
    assert again.plan.target is None
    assert record(world, again)
    (entry,) = by_hand(world)
    assert (entry.stable, entry.candidate, entry.actor) == ("1", "2", "unknown"), "who moved it nobody knows any more"
    assert entry.sentence == "version 1 has all traffic; recorded afterwards by me"
    assert world.record().rejection("a" * 64, "config") is not None
    assert not record(world, back(world, to))
    assert by_hand(world) == [entry]


def test_an_entry_without_its_rejection_is_completed(world, monkeypatch):
    promoted(world)
    done = back(world)
    with monkeypatch.context() as patch:
        patch.setattr(world.engine.ledger, "save", _conflict)
        with pytest.raises(ConflictError):
            record(world, done)
    assert (len(by_hand(world)), world.record().rejected) == (1, ())
    assert record(world, back(world))
    assert (len(by_hand(world)), len(world.record().rejected)) == (1, 1)


def test_what_a_controller_rolled_back_is_not_recorded_as_by_hand(world):
    world.feed.of = kit.traffic(bad=0.25)
    with world.lease() as lease:
        run(world.engine, [world.walk(world.begun(), lease)], world.look, world.pass_time)
    assert not record(world, back(world))
    assert by_hand(world) == []


def test_a_version_that_is_simply_live_is_no_rollback(world):
    promoted(world)
    assert not needs_record(back(world, "2"))


def test_a_rollback_in_mid_walk_is_left_to_the_controller_that_has_not_seen_it_yet(world):
    before = world.walking()
    back(world)
    assert record(world, back(world)), "the freeze"
    assert not record(world, back(world))
    assert (by_hand(world), world.record().rollout) == ([], before.rollout)


def _conflict(_record: Any) -> Any:
    raise ConflictError("the record was changed by somebody else")


def test_a_record_that_keeps_changing_is_not_said_to_be_written(world, monkeypatch):
    promoted(world)
    done = back(world)
    tries = []

    def changing(self: Any, one: Any) -> Any:  # noqa: ARG001
        tries.append(one)
        return _conflict(one)

    monkeypatch.setattr("pipeline.release.ledger.ledger.Ledger.save", changing)
    with pytest.raises(ConflictError):
        record(world, done)
    assert len(tries) == ATTEMPTS


# the freeze


def test_a_freeze_that_is_missing_is_copied_by_the_next_rollback(world):
    promoted(world)
    back(world)
    again = back(world)
    assert record(world, again)
    frozen = world.record().frozen
    assert frozen is not None
    assert (frozen.release_id, frozen.version, frozen.commit) == (values.FRESH.release_id, "2", values.COMMIT)
    assert (frozen.actor, frozen.reason) == ("unknown", "")


def test_a_controller_goes_on_to_its_end_with_the_freeze_in_its_record(world):
    before = world.walking()
    assert record(world, back(world))
    with world.lease() as lease:
        (walk,) = run(world.engine, [world.walk(before, lease)], world.look, world.pass_time)
    assert walk.rollout.phase == "rolled-back"
    found = world.record()
    assert found.frozen is not None
    assert found.rollout is not None
    assert (found.rollout.phase, found.frozen.actor) == ("rolled-back", "me")


def test_an_automatic_rollback_freezes_nothing(world):
    world.feed.of = kit.traffic(bad=0.25)
    with world.lease() as lease:
        run(world.engine, [world.walk(world.begun(), lease)], world.look, world.pass_time)
    record(world, back(world))
    assert world.record().frozen is None


# two at once


def test_who_was_faster_writes_the_entry_and_is_named(world):
    promoted(world)
    first, second = back(world), back(world)
    assert second.plan.target is None
    mine = note(world, second, actor="other")
    assert who_moved(world.engine.ledger, mine) is None
    pauses: list[float] = []

    def meanwhile(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            assert record(world, first, claimed_actor="octocat")

    late = record_rollback(world.engine.ledger, mine, pause=meanwhile)
    assert (late.by, late.written) == ("me (octocat)", False)
    assert who_moved(world.engine.ledger, mine) == "me (octocat)"
    assert [one.actor for one in by_hand(world)] == ["me"]


def test_a_note_written_twice_is_one_entry(world):
    promoted(world)
    done = back(world)
    assert record(world, done)
    assert record(world, done)
    assert len(by_hand(world)) == 1
