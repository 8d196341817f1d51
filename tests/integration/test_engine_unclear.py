"""Alias writes whose answer was lost and that arrive later, when something else has been decided meanwhile."""

from __future__ import annotations

import engine_kit as kit
import pytest
import release_kit as values
from engine_kit import World, finish, rollout_of
from release_kit import saw

from pipeline.aws.functions import AliasMoved
from pipeline.errors import ConflictError
from pipeline.release.decide.decide import decide
from pipeline.release.decide.decision import Decision
from pipeline.release.decide.standing import head_of
from pipeline.release.ledger.head import trusted
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import Intent
from pipeline.release.terms import Order, OrderKind
from pipeline.release.walk.walk import run

FIRST = Decision("shift", "the smoke checks passed", "go on", step=0)
FORWARD = Decision("shift", "it looks good", "go on", step=1)
PROMOTE = Decision("promote", "it looks good", "go on", step=2)
BACK = Decision("roll-back", "it is worse", "back")


def lost(world: World, record: ServiceRecord, decision: Decision) -> tuple[ServiceRecord, Intent]:
    """The record after a write that did not arrive, and what was announced."""
    rollout = record.rollout
    assert rollout is not None
    with kit.losing(world.env, "UpdateAlias", "never-arrived") as writes:
        record = world.engine.act(record, rollout, saw(world.alias(), ()), decision)
    assert writes
    intent = rollout_of(world).intent
    assert intent is not None
    return record, intent


def arrive(world: World, intent: Intent) -> None:
    """The write that was lost on its way reaches AWS."""
    head = head_of(rollout_of(world), intent.step, intent.nonce)
    seen = world.alias()
    assert seen.revision == intent.revision
    world.engine.functions.write_alias(seen, head.primary, head.weights, str(head))


def ordered(world: World, kind: OrderKind) -> Decision:
    """What comes of a person's word now."""
    order = Order(kind, world.rollout.release_id, "b" * 16, "arn:anna", None, "", world.at)
    return decide(rollout_of(world), saw(world.alias(), order=order), world.at)


@pytest.mark.parametrize("late", [True, False])
def test_a_first_step_that_may_still_arrive_is_not_left_alone_by_an_abort(world, lease, late):
    record, first = lost(world, world.begun(revision=world.alias().revision), FIRST)
    seen, decision = world.alias(), ordered(world, "abort")
    if late:
        arrive(world, first)
    record = world.engine.act(record, rollout_of(world), saw(seen), decision)
    if not late:
        with pytest.raises(AliasMoved):
            world.engine.functions.write_alias(seen, "1", {"2": 0.1}, "the first step")
    ended = finish(world, world.walk(record, lease)).rollout if late else rollout_of(world)
    assert (ended.phase, world.alias().version, world.alias().weights) == ("rolled-back", "1", {})
    assert (ended.sentence, world.record().under_way) == ("aborted by anna", None)


@pytest.mark.parametrize("how", ["paused", "taken over"])
def test_a_first_step_is_fenced_out_where_nobody_described_the_alias_yet(world, how):
    record, _ = lost(world, world.begun(revision=world.alias().revision), FIRST)
    seen = world.alias()
    if how == "paused":
        world.engine.act(record, rollout_of(world), saw(seen), ordered(world, "pause"))
    else:
        world.controller().take_over(record, rollout_of(world))
    with pytest.raises(AliasMoved):
        world.engine.functions.write_alias(seen, "1", {"2": 0.1}, "the first step")
    rollout, head = rollout_of(world), trusted(world.alias())
    assert head is not None
    assert (rollout.step, rollout.announced, rollout.nonce, rollout.paused is None) == (
        -1,
        (),
        head.nonce,
        how != "paused",
    )
    assert (world.alias().version, world.alias().weights) == ("1", {})


def test_a_step_that_may_still_arrive_does_not_raise_the_weight_of_a_paused_walk(world):
    record, _ = lost(world, world.walking(), FORWARD)
    seen, decision = world.alias(), ordered(world, "pause")
    with kit.losing(world.env, "UpdateAlias", "timeout"):
        world.engine.act(record, rollout_of(world), saw(seen), decision)
    with pytest.raises(AliasMoved):
        world.engine.functions.write_alias(seen, "1", {"2": 0.5}, "the step")
    paused = rollout_of(world)
    assert (paused.paused, [one.kind for one in paused.obeyed], paused.announced) == (world.at, ["pause"], ())
    assert decide(paused, saw(world.alias(), values.periods(10, *values.GOOD)), world.at + 20).kind == "wait"


@pytest.mark.parametrize("step", [FORWARD, PROMOTE])
def test_a_step_that_arrives_after_it_was_decided_to_go_back_is_gone_back_from(world, lease, step):
    record, first = lost(world, world.walking(1 if step is PROMOTE else 0), step)
    record, _ = lost(world, record, BACK)
    arrive(world, first)
    assert world.alias().weights == ({} if step is PROMOTE else {"2": 0.5})
    # Not even this answer comes: the alias is still known to be ours.
    decision = decide(rollout_of(world), saw(world.alias(), ()), world.at)
    record, back = lost(world, record, decision)
    assert (decision.kind, back.sentence, back.kind) == ("roll-back", "it is worse", "back")
    world.feed.of = kit.traffic(bad=0.5)
    (walk,) = run(world.engine, [world.walk(record, lease)], world.look, world.pass_time)
    assert (walk.rollout.phase, world.alias().version, world.alias().weights) == ("rolled-back", "1", {})


def test_a_takeover_goes_back_from_a_step_that_had_been_overruled(world, lease):
    record, first = lost(world, world.walking(1), PROMOTE)
    lost(world, record, BACK)
    arrive(world, first)
    taken = world.controller().take_over(world.record(), rollout_of(world))
    (walk,) = run(world.engine, [world.walk(taken, lease)], world.look, world.pass_time)
    assert (walk.rollout.phase, walk.rollout.sentence) == ("rolled-back", "it is worse")
    assert (world.alias().version, world.alias().weights) == ("1", {})


def test_a_step_that_arrives_after_a_takeover_tried_to_fence_it_out_is_known(world):
    _, first = lost(world, world.walking(), FORWARD)
    successor = world.controller()
    with kit.losing(world.env, "UpdateAlias", "never-arrived"), pytest.raises(ConflictError):
        successor.take_over(world.record(), rollout_of(world))
    assert [one.kind for one in rollout_of(world).announced] == ["fence", "step"]
    arrive(world, first)
    taken = world.controller().take_over(world.record(), rollout_of(world)).rollout
    assert taken is not None
    assert (taken.step, taken.nonce, taken.sentence, taken.announced) == (1, first.nonce, "it looks good", ())


def test_the_same_write_announced_again_is_one_write(world):
    record, first = lost(world, world.walking(), FORWARD)
    for _ in range(3):
        record, again = lost(world, record, FORWARD)
        assert (again.nonce, rollout_of(world).announced) == (first.nonce, (again,))
    before = world.alias()
    arrive(world, first)
    head = head_of(rollout_of(world), 1, first.nonce)
    with pytest.raises(AliasMoved):
        world.engine.functions.write_alias(before, head.primary, head.weights, str(head))
    record = world.engine.act(record, rollout_of(world), saw(before, ()), FORWARD)
    assert (rollout_of(world).step, rollout_of(world).announced, record) == (1, (), world.record())


def test_what_relied_on_an_earlier_revision_is_forgotten(world):
    record, _ = lost(world, world.walking(), FORWARD)
    head = trusted(world.alias())
    world.engine.functions.write_alias(world.alias(), "1", {"2": 0.1}, str(head))  # moves the revision on
    _, back = lost(world, record, BACK)
    assert rollout_of(world).announced == (back,)


@pytest.mark.parametrize("bad", [0.5, 0.0])
def test_a_takeover_records_the_evidence_on_which_the_dead_controller_wrote(world, monkeypatch, bad):
    world.feed.of = kit.traffic(bad=bad)
    record, save = world.walking(1), world.engine.ledger.save
    before = values.periods(10, *(values.BAD if bad else values.GOOD), step=1)

    def killed(changed: ServiceRecord) -> ServiceRecord:
        if changed.rollout is not None and changed.rollout.intent is None:
            raise KeyboardInterrupt
        return save(changed)

    decision = decide(rollout_of(world), saw(world.alias(), before), world.at)
    monkeypatch.setattr(world.engine.ledger, "save", killed)
    monkeypatch.setattr(world.engine.ledger, "append", lambda _entry: None)
    with pytest.raises(KeyboardInterrupt):
        world.engine.act(record, rollout_of(world), saw(world.alias(), before), decision)

    successor = world.controller()
    successor.take_over(world.record(), rollout_of(world))
    (entry,) = successor.ledger.history(world.service, 2)
    assert decision.verdict is not None
    assert (entry.sentence, entry.reason) == (decision.sentence, decision.verdict.reason)
    assert entry.evidence["outcome"] == ("FAIL" if bad else "PASS")
    assert entry.evidence["canary"] == {"n": 100, "bad": 20 if bad else 0}
