"""The record of a rollback by hand follows the traffic, and what was missed is recorded by the next one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import engine_kit as kit
import pytest
import release_kit as values
from engine_kit import FUNCTION, World, promoted

from pipeline.cli import rollback as cli
from pipeline.errors import AwsError, ConflictError
from pipeline.release.ledger import Entry
from pipeline.release.record import ATTEMPTS, record_rollback
from pipeline.release.rollback import RollbackDone, roll_back
from pipeline.release.walk import run


def back(world: World, to: str | None = None) -> RollbackDone:
    return roll_back(world.engine.functions, FUNCTION, "live", to)


def record(world: World, done: RollbackDone) -> bool:
    return record_rollback(world.engine.ledger, world.service, "local", done, actor="me", claimed_actor=None)


def by_hand(world: World) -> list[Entry]:
    return [one for one in world.engine.ledger.history(world.service, 50) if one.kind == "rollback"]


def test_the_record_follows_the_traffic(world):
    promoted(world)
    done = back(world)
    for _ in range(2):  # a second note of the same does no harm
        record_rollback(
            world.engine.ledger, world.service, "local", done, actor="arn:aws:iam::0:user/me", claimed_actor="me"
        )
    record = world.record()
    assert len(record.rejected) == 1
    assert record.rejection("a" * 64, "config") is not None
    newest = next(one for one in world.engine.ledger.history(world.service, 10) if one.kind == "rollback")
    assert (newest.outcome, newest.stable, newest.candidate) == ("rolled-back", "1", "2")
    assert (newest.actor, newest.claimed_actor, newest.reason) == ("arn:aws:iam::0:user/me", "me", "by hand")
    assert newest.subject == f"rollback of release {values.FRESH.release_id}"


def test_a_walk_that_goes_on_is_left_to_its_controller(world):
    record = world.walking()
    done = back(world)
    record_rollback(world.engine.ledger, world.service, "local", done, actor="me", claimed_actor=None)
    assert world.record() == record


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
    assert (entry.stable, entry.candidate, entry.actor) == ("1", "2", "me")
    assert entry.sentence == "version 1 has all traffic; recorded afterwards"
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
    assert not record(world, back(world, "2"))
    assert by_hand(world) == []


def test_a_rollback_in_mid_walk_is_left_to_the_controller_that_has_not_seen_it_yet(world):
    before = world.walking()
    back(world)
    assert not record(world, back(world))
    assert (by_hand(world), world.record()) == ([], before)


def _conflict(_record: Any) -> Any:
    raise ConflictError("the record was changed by somebody else")


def test_a_record_that_keeps_changing_is_not_said_to_be_written(world, monkeypatch):
    promoted(world)
    done = back(world)
    tries = []

    def changing(self: Any, one: Any) -> Any:  # noqa: ARG001
        tries.append(one)
        return _conflict(one)

    monkeypatch.setattr("pipeline.release.ledger.Ledger.save", changing)
    said: list[str] = []
    here: Any = SimpleNamespace(console=SimpleNamespace(warn=said.append))
    assert not cli._note(here, world.env, world.service, done)
    assert len(tries) == ATTEMPTS
    (words,) = said
    assert words.startswith("the traffic has moved, but it could not be recorded: the record was changed")


def test_a_caller_aws_cannot_name_is_recorded_all_the_same(world, monkeypatch):
    def away(_env: Any) -> Any:
        raise AwsError("could not ask AWS who is calling: AWS cannot be reached")

    monkeypatch.setattr("pipeline.aws.identity.whoami", away)
    promoted(world)
    here: Any = SimpleNamespace(console=SimpleNamespace(warn=pytest.fail))
    assert cli._note(here, world.env, world.service, back(world))
    assert [one.actor for one in by_hand(world)] == ["unknown"]
    assert len(world.record().rejected) == 1
