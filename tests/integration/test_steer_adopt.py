from __future__ import annotations

import base64
from dataclasses import replace

import engine_kit as kit
import pytest
from engine_kit import World, finish, rollout_of

from pipeline.errors import ConflictError, UsageError
from pipeline.release.ledger.head import trusted
from pipeline.release.ledger.records import Released
from pipeline.release.verbs.adopt import adopt
from pipeline.release.verbs.steering import Asker

ANNA = Asker("arn:aws:iam::1:user/anna", None, "the outage of Monday")


def digest(world: World, version: str) -> str:
    return base64.b64decode(world.engine.functions.state(world.function, version).code_sha256).hex()


def test_a_version_promoted_by_hand_in_mid_walk_is_accepted(world):
    record = world.walking(artifact=digest(world, "2"))
    world.meddle("2")
    found = adopt(world.engine, world.service, world.function, ANNA)
    ended = rollout_of(world)
    assert (found.version, found.commit, found.superseded) == ("2", ended.commit, ended.release_id)
    assert "its zip is not in the bucket" in found.warning
    alias = world.alias()
    head = trusted(alias)
    assert head is not None
    assert (head.state, head.release, head.previous) == ("live", found.release, "1")
    assert (alias.version, alias.weights) == ("2", {})
    after = world.record()
    assert after.promoted is not None
    assert (after.under_way, after.promoted.version, after.promoted.configuration) == (None, "2", "config")
    adopted, ended = sorted(world.engine.ledger.history(world.service, 5), key=lambda one: one.kind)
    assert (adopted.kind, adopted.outcome, adopted.actor, adopted.reason) == (
        "adopt",
        "adopted",
        ANNA.actor,
        "the outage of Monday",
    )
    assert (ended.release_id, ended.outcome, ended.reason) == (
        record.rollout.release_id if record.rollout else "",
        "superseded",
        "adopted",
    )
    with pytest.raises(UsageError, match="as crabwalk left it"):
        adopt(world.engine, world.service, world.function, ANNA)


def test_the_next_release_walks_against_what_was_adopted(world):
    world.walking()
    world.meddle("3")
    with pytest.raises(UsageError, match=r"which commit version 3 .* is not known") as unknown:
        adopt(world.engine, world.service, world.function, ANNA)
    assert "--commit" in (unknown.value.hint or "")
    found = adopt(world.engine, world.service, world.function, ANNA, commit="b" * 40)
    promoted = world.record().promoted
    assert promoted is not None
    assert (promoted.commit, promoted.configuration, promoted.artifact) == ("b" * 40, "", digest(world, "3"))
    assert found.version == "3"
    again = world.begun(release_id="r-next", stable="3", revision=world.alias().revision, steps=())
    with world.lease() as held:
        assert finish(world, world.walk(again, held)).rollout.phase == "promoted"
    assert world.alias().version == "2"


def test_what_the_history_knows_of_a_version_need_not_be_said(world):
    kit.promoted(world)
    promoted = world.record().promoted
    assert promoted is not None
    other = Released("r9", "9", "d" * 40, "x", "y", 1.0)
    world.engine.ledger.save(replace(world.record(), promoted=other, rollout=None))
    with pytest.raises(UsageError, match="is not known"):  # the entry's artifact is not this version's code
        adopt(world.engine, world.service, world.function, ANNA)


@pytest.mark.parametrize(
    ("version", "weights", "match"),
    [("1", {"2": 0.3}, "is split: version 1 with 30 % to version 2"), ("$LATEST", {}, r"points at \$LATEST")],
)
def test_only_one_version_with_all_traffic_can_be_accepted(world, version, weights, match):
    world.walking()
    world.meddle(version, weights)
    before = world.alias()
    with pytest.raises(UsageError, match=match):
        adopt(world.engine, world.service, world.function, ANNA, commit="b" * 40)
    assert (world.alias(), rollout_of(world).over) == (before, False)


def test_where_nobody_else_wrote_there_is_nothing_to_accept(world):
    world.walking()
    with pytest.raises(UsageError, match=r"is as release .* left it"):
        adopt(world.engine, world.service, world.function, ANNA)


def test_not_while_somebody_works_on_it(world):
    world.walking()
    world.meddle("2")
    with world.lease(), pytest.raises(ConflictError, match="is being worked on"):
        adopt(world.engine, world.service, world.function, ANNA, commit="b" * 40)


@pytest.mark.parametrize("how", ["timeout", "503"])
def test_a_lost_answer_changes_nothing(world, how):
    world.walking()
    world.meddle("2")
    with kit.losing(world.env, "UpdateAlias", how) as lost:
        adopt(world.engine, world.service, world.function, ANNA, commit="b" * 40)
    assert lost == ["UpdateAlias"]
    assert world.record().under_way is None


def test_a_run_that_died_after_the_write_is_completed(world, monkeypatch):
    world.walking()
    world.meddle("2")
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.release.verbs.adopt._note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            adopt(world.engine, world.service, world.function, ANNA, commit="b" * 40)
    assert world.record().under_way is not None
    assert adopt(world.engine, world.service, world.function, ANNA, commit="b" * 40).version == "2"
    assert world.record().under_way is None
