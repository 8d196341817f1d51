"""What a person rolled back is frozen: the mark in the alias, its copy in the record, and how both go away."""

from __future__ import annotations

from dataclasses import replace

import engine_kit as kit
import pytest
from engine_kit import finish
from offer_kit import offered, package

from pipeline.errors import ConflictError
from pipeline.release.ledger.head import Head, trusted
from pipeline.release.ledger.records import Frozen
from pipeline.release.walk.freeze import is_frozen, thaw, told

FROZEN = Frozen("release-1", "c0ffeec0ffee", "2", "arn:aws:iam::000000000000:user/anna", "anna", "too slow", 1e9)


def mark(world):
    """The alias as a person's rollback from version 2 leaves it."""
    head = Head("frozen", "release-1", "1", None, 0.0, None, "c0ffeec0ffee", "0" * 16, "2")
    return world.engine.functions.write_alias(world.alias(), "1", {}, str(head))


def test_a_frozen_service_is_not_offered_a_version_even_with_retry(world, tmp_path):
    mark(world)
    for retry in (False, True):
        made = offered(world, tmp_path, package(world, "next"), retry=retry)
        assert made.walk is None
        assert made.refused is not None
        assert f"`crabwalk resume {world.service} --env local`" in made.refused


def test_thawing_takes_the_mark_from_alias_and_record_and_moves_nothing(world):
    before = mark(world)
    record = world.engine.ledger.save(replace(world.record(), frozen=FROZEN))
    after = thaw(world.engine, record, world.function)
    alias, head = world.alias(), trusted(world.alias())
    assert head is not None
    assert (alias.version, dict(alias.weights), head.state, head.origin) == ("1", {}, "back", "2")
    assert alias.revision != before.revision
    assert not is_frozen(alias)
    assert (after.frozen, world.record().frozen) == (None, None)
    assert thaw(world.engine, after, world.function) == after
    assert world.alias() == alias


def test_a_lost_answer_is_looked_up_and_a_foreign_write_is_not_overwritten(world):
    mark(world)
    with kit.losing(world.env, "UpdateAlias", "503") as lost:
        thaw(world.engine, world.record(), world.function)
    assert lost
    assert not is_frozen(world.alias())
    mark(world)
    with kit.losing(world.env, "UpdateAlias", "never-arrived"), pytest.raises(ConflictError, match="was changed"):
        thaw(world.engine, world.record(), world.function)
    assert is_frozen(world.alias())


def test_who_froze_it_and_why_is_told():
    assert told(FROZEN) == (
        "frozen since 2001-09-09 01:46 UTC: user/anna (GitHub says anna) rolled back version 2: too slow"
    )


def test_a_note_in_the_record_does_not_end_a_walk_and_is_kept(world, lease):
    """A person's verb may write the record while a controller walks: the controller reads it again."""
    world.feed.of = kit.traffic()

    def note(seconds: float) -> None:
        world.pass_time(seconds)
        if len(world.shown) == 1 and world.record().frozen is None:
            world.engine.ledger.save(replace(world.record(), frozen=FROZEN))

    (walk,) = kit.run(world.engine, [world.walk(world.begun(), lease)], world.look, note)
    assert walk.rollout.phase == "promoted"
    assert world.record().frozen == FROZEN
    assert world.shown == [("1", {"2": 0.1}), ("1", {"2": 0.5}), ("2", {})]


def test_a_walk_that_a_person_rolled_back_is_over(world, lease):
    world.feed.of = kit.traffic()

    def meddle(seconds: float) -> None:
        world.pass_time(seconds)
        if len(world.shown) == 1 and not is_frozen(world.alias()):
            mark(world)

    walk = world.walk(world.begun(), lease)
    (ended,) = kit.run(world.engine, [walk], world.look, meddle)
    assert (ended.rollout.phase, ended.rollout.reason) == ("rolled-back", "rolled back by hand")
    assert finish(world, ended) == ended
