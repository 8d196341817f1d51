"""AWS stays away from one walk or from all: that walk ends where it stands, recorded, and the others go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import edge_kit
import engine_kit as kit
import pytest
from engine_kit import BUCKET, World, rollout_of

from pipeline import local
from pipeline.aws.functions import AliasState
from pipeline.errors import AwsError
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS
from pipeline.release.walk.outcome import exit_code, result_of
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import run


@pytest.fixture
def other(embedded: local.Running, namespace: str) -> World:
    """Another service, which AWS will stay away from."""
    return kit.own_world(embedded, f"{namespace}-other")


def alias_deleted(_world: World, other: World) -> None:
    other.raw.delete_alias(FunctionName=other.function, Name=ALIAS)


def access_denied(world: World, other: World) -> None:
    read = world.engine.functions.alias

    def alias(function: str, name: str) -> AliasState:
        if function == other.function:
            raise AwsError("could not read alias `live`: AccessDeniedException: no")
        return read(function, name)

    world.engine.functions.alias = alias  # type: ignore[method-assign]


@pytest.mark.parametrize("trouble", [alias_deleted, access_denied])
@pytest.mark.parametrize("phase", ["rolled-back", "promoted"])
def test_a_walk_aws_stays_away_from_ends_alone(world, other, lease, trouble, phase):
    """A deploy of two services; the trouble must neither keep a bad version of the other nor hold up a good one."""
    world.feed.of = kit.traffic(bad=0.5 if phase == "rolled-back" else 0.0)
    left = other.begun()
    trouble(world, other)
    walks = [world.walk(left, lease), world.walk(world.begun(), lease)]
    unfinished, finished = run(world.engine, walks, world.look, world.pass_time)
    assert (finished.rollout.phase, rollout_of(world).phase) == (phase, phase)
    assert other.record() == left
    results = [result_of(walk.rollout, walk.decision, world.at) for walk in (unfinished, finished)]
    assert [one.outcome for one in results] == ["failed", phase]
    assert results[0].sentence.startswith("could not read alias `live`")
    assert exit_code(results) == 1


def test_a_record_that_cannot_be_read_again_ends_that_walk_only(world, other, lease, embedded):
    world.feed.of = kit.traffic()
    walks = [world.walk(other.begun(), lease), world.walk(world.begun(), lease)]
    access_denied(world, other)
    key = f"crabwalk/services/{other.service}/state.json"
    s3 = edge_kit.client(embedded, "s3")
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"{")
    unfinished, finished = run(world.engine, walks, world.look, world.pass_time)
    s3.delete_object(Bucket=BUCKET, Key=key)  # others read all records of this bucket
    assert finished.rollout.phase == "promoted"
    assert unfinished.decision is not None
    assert (unfinished.decision.kind, unfinished.decision.sentence[:26]) == ("away", "the record cannot be read:")


def test_when_aws_is_away_from_all_every_walk_stands_where_it_is_and_is_gone_on_with(world, other, lease, monkeypatch):
    world.feed.of = kit.traffic()
    records = [world.walking(), other.begun()]
    before, began = world.alias(), world.at

    def away(*_: object) -> AliasState:
        raise AwsError("could not read alias `live`: AWS cannot be reached")

    with monkeypatch.context() as cut:
        cut.setattr(world.engine.functions, "alias", away)
        walks = run(world.engine, [world.walk(one, lease) for one in records], lambda _: None, world.pass_time)
    assert world.at - began == world.env.lease_s + 1
    assert [(walk.finished, walk.decision.kind) for walk in walks if walk.decision] == [(True, "away")] * 2
    assert [world.record(), other.record(), world.alias()] == [*records, before]

    taken = world.controller().take_over(world.record(), rollout_of(world))
    (walk,) = run(world.engine, [world.walk(taken, lease)], world.look, world.pass_time)
    assert walk.rollout.phase == "promoted"


def test_a_short_trouble_is_waited_out_each_time(world, lease, monkeypatch):
    world.feed.of = kit.traffic()
    read, asked = world.engine.functions.alias, []

    def alias(function: str, name: str) -> AliasState:
        asked.append(name)
        if len(asked) % 7:
            raise AwsError("could not read alias `live`: AWS cannot be reached")
        return read(function, name)

    walk = world.walk(world.begun(), lease)
    monkeypatch.setattr(world.engine.functions, "alias", alias)
    (ended,) = run(world.engine, [walk], lambda _: None, world.pass_time)
    assert ended.rollout.phase == "promoted"
    assert len(asked) > 3 * world.env.lease_s


def breaking(save: Callable[[ServiceRecord], ServiceRecord], phase: str, *, before: bool) -> Callable[..., object]:
    """The first save of a rollout in `phase` is not answered."""
    broken: list[ServiceRecord] = []

    def once(record: ServiceRecord) -> ServiceRecord:
        if record.rollout is None or record.rollout.phase != phase or broken:
            return save(record)
        broken.append(record if before else save(record))
        raise AwsError("could not write: AWS cannot be reached")

    return once


def test_an_end_whose_record_was_not_answered_is_told_with_its_evidence(world, lease, monkeypatch):
    world.feed.of = kit.traffic(bad=0.5)
    monkeypatch.setattr(world.engine.ledger, "save", breaking(world.engine.ledger.save, "rolled-back", before=False))
    (walk,) = run(world.engine, [world.walk(world.begun(), lease)], world.look, world.pass_time)
    told = result_of(walk.rollout, walk.decision, world.at)
    assert (told.outcome, told.check) == ("rolled-back", "errors")
    assert told.canary is not None
    assert told.canary.bad > 0


def test_a_hold_is_no_end_until_it_is_recorded(world, lease, monkeypatch):
    record = world.begun(deadline_s=20, on_inconclusive="hold")
    monkeypatch.setattr(world.engine.ledger, "save", breaking(world.engine.ledger.save, "held", before=True))
    (walk,) = run(world.engine, [world.walk(record, lease)], world.look, world.pass_time)
    assert walk.decision is not None
    assert (walk.decision.kind, rollout_of(world).phase, walk.rollout) == ("hold", "held", rollout_of(world))


def test_a_walk_whose_record_became_another_release_meanwhile_is_a_conflict(world, lease):
    record = world.walking()
    world.engine.ledger.save(replace(record, rollout=replace(rollout_of(world), release_id="another")))
    walk: Walk = replace(world.walk(record, lease), away_since=world.at)
    (ended,) = run(world.engine, [walk], world.look, world.pass_time)
    assert ended.decision is not None
    assert (ended.decision.kind, "about another release now" in ended.decision.sentence) == ("conflict", True)
