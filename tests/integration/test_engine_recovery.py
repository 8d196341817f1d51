"""The alias protocol when answers get lost and controllers die: nothing is repeated blindly, nothing forgotten."""

from __future__ import annotations

from dataclasses import replace

import engine_kit as kit
import pytest
from engine_kit import finish, forward, rollout_of
from release_kit import saw

from pipeline.aws.functions import AliasMoved
from pipeline.errors import AwsError, ConflictError
from pipeline.release.decide.decide import decide
from pipeline.release.decide.decision import Decision
from pipeline.release.decide.standing import head_of, standing
from pipeline.release.ledger.head import trusted
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import Intent
from pipeline.release.rollback.rollback import roll_back

# answers that got lost


@pytest.mark.parametrize("how", ["timeout", "503", "412"])
@pytest.mark.parametrize("step", [1, 2, -1])
def test_a_write_whose_answer_was_lost_is_recognized_by_its_nonce(world, how, step):
    record = world.walking()
    rollout = rollout_of(world)
    seen = saw(world.alias(), ())
    decision = forward(rollout, step) if step > 0 else Decision("roll-back", "it is worse", "back")
    with kit.losing(world.env, "UpdateAlias", how) as lost:
        record = world.engine.act(record, rollout, seen, decision)
    assert lost == ["UpdateAlias"]
    after = record.rollout
    assert after is not None
    assert (after.phase, after.intent) == ({1: "walking", 2: "promoted", -1: "rolled-back"}[step], None)
    head = trusted(world.alias())
    assert head is not None
    assert head.nonce == after.nonce
    assert record == world.record()


def test_a_write_that_never_arrived_changes_nothing_and_is_made_next_time(world):
    record = world.walking()
    before = world.alias()
    with kit.losing(world.env, "UpdateAlias", "never-arrived"):
        record = world.engine.act(record, rollout_of(world), saw(before, ()), forward(rollout_of(world), 1))
    assert world.alias() == before
    assert record == world.record()
    rollout = rollout_of(world)
    assert (rollout.step, standing(rollout, before)) == (0, "ours")
    record = world.engine.act(record, rollout, saw(before, ()), forward(rollout, 1))
    assert (world.alias().weights, rollout_of(world).step) == ({"2": 0.5}, 1)


def test_a_write_that_arrives_late_is_still_known(world):
    record = world.walking()
    before = world.alias()
    with kit.losing(world.env, "UpdateAlias", "never-arrived"):
        record = world.engine.act(record, rollout_of(world), saw(before, ()), forward(rollout_of(world), 1))
    rollout = rollout_of(world)
    assert rollout.intent is not None
    head = head_of(rollout, 1, rollout.intent.nonce)
    world.engine.functions.write_alias(before, head.primary, head.weights, str(head))
    decision = decide(rollout, saw(world.alias(), ()), world.at)
    assert (decision.kind, decision.step) == ("settled", 1)
    world.engine.act(record, rollout, saw(world.alias(), ()), decision)
    assert (rollout_of(world).step, rollout_of(world).intent) == (1, None)


def test_a_round_that_breaks_off_after_its_write_goes_on_from_the_ledger(world, lease, monkeypatch):
    world.feed.of = kit.traffic()
    record, read = world.begun(), world.engine.functions.alias
    broken: list[str] = []

    def alias(function: str, name: str) -> object:
        if writes and not broken:  # the read that would tell whether the write happened
            broken.append(name)
            raise AwsError("could not read alias `live`: AWS cannot be reached")
        return read(function, name)

    monkeypatch.setattr(world.engine.functions, "alias", alias)
    with kit.losing(world.env, "UpdateAlias", "timeout") as writes:
        walk = finish(world, world.walk(record, lease))
    assert (writes, broken) == (["UpdateAlias"], ["live"])
    assert walk.rollout.phase == "promoted"
    assert [one["traffic"] for one in world.engine.ledger.history(world.service, 1)[0].steps] == [0.1, 0.5, 1]


# dead controllers


@pytest.mark.parametrize(("step", "phase"), [(0, "walking"), (2, "promoted"), (-1, "rolled-back")])
def test_a_write_the_dead_controller_did_not_record_is_settled_not_repeated(world, step, phase):
    record = world.begun() if step == 0 else world.walking(1 if step > 0 else 0)
    rollout = rollout_of(world)
    alias = world.alias()
    intent = Intent(step, "e" * 16, alias.revision, "back" if step < 0 else "step")
    world.engine.ledger.save(replace(record, rollout=replace(rollout, intent=intent)))
    head = head_of(rollout, step, intent.nonce)
    written = world.engine.functions.write_alias(alias, head.primary, head.weights, str(head))

    successor = world.controller()
    taken = successor.take_over(successor.ledger.service(world.service), rollout_of(world))
    assert taken.rollout is not None
    assert (taken.rollout.phase, taken.rollout.nonce, taken.rollout.intent) == (phase, intent.nonce, None)
    assert world.alias() == written


@pytest.mark.parametrize("begun", [False, True])
def test_takeover_fences_the_old_holder(world, begun):
    """The old holder is alive after all: it had announced its next write and stalled before it."""
    if begun:
        record = world.walking()
    else:
        head = head_of(replace(world.rollout, stable="3", candidate="1", steps=()), 0, "d" * 16)
        world.engine.functions.write_alias(world.alias(), "1", {}, str(head))
        record = world.begun()
    before, old = world.alias(), rollout_of(world)
    stalled = Intent(old.step + 1, "e" * 16, before.revision)
    record = world.engine.ledger.save(replace(record, rollout=replace(old, intent=stalled)))

    successor = world.controller()
    taken = successor.take_over(successor.ledger.service(world.service), rollout_of(world))
    assert taken.rollout is not None
    after = world.alias()
    assert (after.version, after.weights) == (before.version, before.weights)
    assert after.revision != before.revision
    assert standing(taken.rollout, after) == "ours"
    assert (taken.rollout.step, taken.rollout.intent) == (old.step, None)

    late = head_of(old, stalled.step, stalled.nonce)
    with pytest.raises(AliasMoved):
        world.engine.functions.write_alias(before, late.primary, late.weights, str(late))
    with pytest.raises(ConflictError):
        world.engine.ledger.save(record)
    assert world.alias() == after


@pytest.mark.parametrize("step", [-1, 0])
@pytest.mark.parametrize("phase", ["walking", "held"])
def test_a_takeover_that_died_after_its_fence_is_taken_over_in_the_same_step(world, monkeypatch, step, phase):
    if step < 0:
        head = head_of(replace(world.rollout, stable="3", candidate="1", steps=()), 0, "d" * 16)
        world.engine.functions.write_alias(world.alias(), "1", {}, str(head))
    record = world.walking(phase=phase) if step >= 0 else world.begun(revision=world.alias().revision, phase=phase)
    before = rollout_of(world)
    successor = world.controller()
    save = successor.ledger.save

    def killed(changed: ServiceRecord) -> ServiceRecord:
        if changed.rollout is not None and changed.rollout.intent is None:
            raise KeyboardInterrupt
        return save(changed)

    monkeypatch.setattr(successor.ledger, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        successor.take_over(record, before)
    fenced = world.alias()
    third = world.controller()
    taken = third.take_over(world.record(), rollout_of(world)).rollout
    assert taken is not None
    assert replace(taken, nonce=before.nonce, replaced=()) == before
    assert (standing(taken, world.alias()), world.alias()) == ("ours", fenced)
    assert world.engine.ledger.history(world.service, 1) == ()


@pytest.mark.parametrize("to", [None, "3"])
def test_a_rollback_between_the_record_and_the_first_step_ends_the_release(world, lease, to):
    """Version 1 was live over version 3; its successor's controller died before it had moved any traffic."""
    live = head_of(replace(world.rollout, release_id="r-before", stable="3", candidate="1", steps=()), 0, "d" * 16)
    world.engine.functions.write_alias(world.alias(), "1", {}, str(live))
    world.begun(revision=world.alias().revision)
    roll_back(world.engine.functions, kit.FUNCTION, "live", to)
    back = world.alias()

    successor = world.controller()
    taken = successor.take_over(world.record(), rollout_of(world))
    assert finish(world, world.walk(taken, lease)).rollout.phase == "rolled-back"
    assert "back to version 3 before the new version got any traffic" in rollout_of(world).sentence
    assert (world.record().under_way, world.alias()) == (None, back)


def test_a_rollout_is_not_begun_on_an_alias_that_somebody_changed_since(world):
    planned = replace(world.rollout, revision=world.alias().revision)
    world.meddle("3")
    with pytest.raises(ConflictError, match="was changed while its release was prepared: it is at version 3 alone"):
        world.engine.begin(world.record(), planned)
    assert world.record().rollout is None


@pytest.mark.parametrize("phase", ["published", "walking", "held"])
def test_a_rollout_under_way_is_never_replaced(world, phase):
    record = world.begun(phase=phase)
    with pytest.raises(ConflictError, match=f"release {world.rollout.release_id} of .* is under way"):
        world.engine.begin(record, replace(world.rollout, release_id="another"))
    assert world.record() == record


def test_takeover_of_a_traffic_nobody_announced_is_refused(world):
    record = world.walking()
    foreign = world.meddle("1", {"2": 0.9})
    with pytest.raises(ConflictError, match="version 1 with 90 % to version 2") as conflict:
        world.controller().take_over(record, rollout_of(world))
    assert conflict.value.exit_code == 5
    assert world.alias() == foreign
    assert world.record() == record


def test_takeover_that_meets_another_writer_gives_way(world, monkeypatch):
    record = world.walking()
    successor = world.controller()
    write = successor.functions.write_alias

    def raced(*arguments: object) -> object:
        world.meddle("1", {"2": 0.1}, Description="somebody was faster")
        return write(*arguments)

    monkeypatch.setattr(successor.functions, "write_alias", raced)
    with pytest.raises(ConflictError, match="was changed while this run took over"):
        successor.take_over(record, rollout_of(world))
    assert world.alias().description == "somebody was faster"
