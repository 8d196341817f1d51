"""The ledger on S3's conditional writes: one winner, nothing overwritten, nothing lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import edge_kit
import pytest
import release_kit as values
from engine_kit import BUCKET, Faulty, met_another, refused_after_success

from pipeline import local
from pipeline.aws.objects import Objects
from pipeline.errors import AwsError, ConflictError, CrabwalkError
from pipeline.release.ledger.documents import COLLISIONS
from pipeline.release.ledger.ledger import Ledger
from pipeline.release.ledger.records import Rejected, Released, ServiceRecord, StackRecord
from pipeline.release.walk.act import entry_of


@pytest.fixture
def raw(embedded: local.Running) -> Any:
    return edge_kit.client(embedded, "s3")


def test_what_was_saved_is_read_back(world):
    ledger = world.engine.ledger
    assert ledger.service(world.service) == ServiceRecord(world.service)
    released = Released("r1", "1", values.COMMIT, "a" * 64, "config", values.START)
    rejected = Rejected("r0", values.COMMIT, "b" * 64, "config")
    first = ledger.save(ServiceRecord(world.service, rollout=values.walking(), promoted=released))
    second = ledger.save(replace(first, rejected=(rejected,)))
    assert (first.seq, second.seq) == (1, 2)
    assert ledger.service(world.service) == second
    assert second.rejection("b" * 64, "config") == rejected
    assert second.rejection("b" * 64, "other") is None
    assert world.service in ledger.services()


@pytest.mark.parametrize("existing", [False, True])
def test_of_many_that_save_at_once_exactly_one_wins(world, existing):
    start = world.engine.ledger.service(world.service)
    if existing:
        start = world.engine.ledger.save(start)
    barrier = Barrier(8)

    def save(number: int) -> ServiceRecord | ConflictError:
        mine = replace(start, promoted=Released(f"r{number}", "1", "c", "a", "x", values.START))
        barrier.wait(10)
        try:
            return Ledger(world.engine.objects).save(mine)
        except ConflictError as conflict:
            return conflict

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(save, range(8)))
    winners = [one for one in outcomes if isinstance(one, ServiceRecord)]
    assert len(winners) == 1
    assert world.record() == winners[0]
    for conflict in outcomes:
        if isinstance(conflict, ConflictError):
            assert conflict.exit_code == 5
            assert conflict.where == f"crabwalk/services/{world.service}/state.json"


def test_the_same_content_saved_twice_is_still_seen_as_a_change(world):
    ledger = world.engine.ledger
    first = ledger.save(ledger.service(world.service))
    ledger.save(first)
    with pytest.raises(ConflictError):
        ledger.save(first)


@pytest.mark.parametrize("fault", [met_another, refused_after_success])
def test_a_refusal_that_was_none_is_looked_into(world, fault):
    objects = Faulty(world)
    ledger = Ledger(objects)
    for record in (ServiceRecord(world.service), ledger.save(ServiceRecord(f"{world.service}-b"))):
        objects.faults = [fault]
        saved = ledger.save(record)
        assert ledger.service(record.service) == saved
        assert saved.seq == record.seq + 1


@pytest.mark.parametrize("fault", [met_another, refused_after_success])
def test_an_entry_whose_write_met_another_is_not_lost(world, fault):
    objects = Faulty(world)
    objects.faults = [fault]
    Ledger(objects).append(entry_of(world.rollout, {}))
    assert [one.release_id for one in world.engine.ledger.history(world.service, 9)] == [world.rollout.release_id]


def test_writes_that_meet_others_without_end_are_an_error(world, monkeypatch):
    monkeypatch.setattr("pipeline.release.ledger.documents.COLLISION_PAUSE_S", 0)
    objects = Faulty(world)
    objects.faults = [met_another] * COLLISIONS
    with pytest.raises(AwsError, match="met another write each of 8 times"):
        Ledger(objects).save(ServiceRecord(world.service))
    assert world.record() == ServiceRecord(world.service)


def test_history_is_immutable_and_newest_first(world):
    ledger = world.engine.ledger
    old, new = (entry_of(replace(world.rollout, release_id=f"2026010{n}T000000-aaaaaa"), {}) for n in (1, 2))
    ledger.append(new)
    ledger.append(old)
    ledger.append(replace(old, sentence="rewritten"))
    assert ledger.history(world.service, 10) == (new, old)
    assert ledger.history(world.service, 1) == (new,)
    assert ledger.history("nobody", 10) == ()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[]", "its format is not 1"),
        (b'{"format": 2}', "its format is not 1; a newer crabwalk wrote it"),
        (b'{"format": 1}', "seq"),
        (b'{"format": 1, "seq": 1, "rollout": {"steps": []}, "promoted": null, "rejected": []}', "step_starts"),
        (b'{"format": 1, "seq": 1, "rollout": "x", "promoted": null, "rejected": []}', ""),
        (b'{"format": 1, "seq": 1, "rollout": null, "promoted": {"x": 1}, "rejected": []}', "x"),
    ],
)
def test_what_cannot_be_read_is_said_and_never_overwritten(world, raw, body, why):
    key = f"crabwalk/services/{world.service}/state.json"
    raw.put_object(Bucket=BUCKET, Key=key, Body=body)
    with pytest.raises(CrabwalkError, match="the record cannot be read") as fault:
        world.record()
    assert why in fault.value.what
    assert (fault.value.where, bool(fault.value.hint)) == (key, True)
    with pytest.raises(CrabwalkError):
        world.engine.ledger.save(ServiceRecord(world.service))
    assert raw.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body


def test_unreadable_history_and_stacks_are_said_too(world, raw):
    for key in (f"crabwalk/services/{world.service}/history/1.json", f"crabwalk/stacks/{world.service}.json"):
        raw.put_object(Bucket=BUCKET, Key=key, Body=b'{"format": 1}')
    for read in (
        lambda: world.engine.ledger.history(world.service, 5),
        lambda: world.engine.ledger.stack(world.service),
    ):
        with pytest.raises(CrabwalkError, match="the record cannot be read"):
            read()


def test_a_stack_is_read_back_and_the_last_apply_is_right(world):
    ledger = world.engine.ledger
    assert ledger.stack(world.service) is None
    record = StackRecord(world.service, "f" * 64, {"hello": {"api_id": "abc"}}, ("hello",), values.START, "c0ffee")
    for one in (record, replace(record, fingerprint="e" * 64)):
        ledger.save_stack(one)
        assert ledger.stack(world.service) == one


def test_a_missing_bucket_names_the_command_that_makes_it(world):
    ledger = Ledger(Objects(replace(world.env, bucket="no-such-bucket")))
    for act in (lambda: ledger.service("hello"), lambda: ledger.save(ServiceRecord("hello")), ledger.services):
        with pytest.raises(AwsError, match="has no bucket `no-such-bucket`") as fault:
            act()
        assert fault.value.hint == "crabwalk bootstrap local"
