"""The ledger and the lease on S3's conditional writes: one winner, nothing overwritten, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from time import monotonic
from typing import Any

import edge_kit
import engine_kit as kit
import pytest
import release_kit as values
from engine_kit import BUCKET, World, until

from pipeline import local
from pipeline.aws.objects import Objects, PreconditionFailed
from pipeline.errors import AwsError, ConflictError, CrabwalkError
from pipeline.release.act import entry_of
from pipeline.release.lease import Lease, holder, lease_key
from pipeline.release.ledger import Ledger, Rejected, Released, ServiceRecord, StackRecord


@pytest.fixture
def world(embedded: local.Running, namespace: str) -> World:
    return kit.world(embedded, namespace)


@pytest.fixture
def raw(embedded: local.Running) -> Any:
    return edge_kit.client(embedded, "s3")


class Faulty(Objects):
    """Objects whose next writes end as a test says: a function of the write itself."""

    def __init__(self, world: World) -> None:
        super().__init__(world.env)
        self.faults: list[Callable[[Callable[[], str]], str]] = []

    def put(self, key: str, body: bytes, *, if_match: str | None = None, if_absent: bool = False) -> str:
        def write() -> str:
            return super(Faulty, self).put(key, body, if_match=if_match, if_absent=if_absent)

        return self.faults.pop(0)(write) if self.faults else write()


def met_another(_write: Callable[[], str]) -> str:
    raise PreconditionFailed


def refused_after_success(write: Callable[[], str]) -> str:
    write()
    raise PreconditionFailed


def unanswered(write: Callable[[], str]) -> str:
    write()
    raise AwsError("could not write: AWS cannot be reached")


def away(_write: Callable[[], str]) -> str:
    raise AwsError("could not write: AWS cannot be reached")


# the ledger


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
            assert conflict.where == f"crabwalk/{world.service}/state.json"


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


def test_history_is_immutable_and_newest_first(world):
    ledger = world.engine.ledger
    old, new = (entry_of(replace(world.rollout, release_id=f"2026010{n}T000000-aaaaaa"), None) for n in (1, 2))
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
    key = f"crabwalk/{world.service}/state.json"
    raw.put_object(Bucket=BUCKET, Key=key, Body=body)
    with pytest.raises(CrabwalkError, match="the record cannot be read") as fault:
        world.record()
    assert why in fault.value.what
    assert (fault.value.where, bool(fault.value.hint)) == (key, True)
    with pytest.raises(CrabwalkError):
        world.engine.ledger.save(ServiceRecord(world.service))
    assert raw.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body


def test_unreadable_history_and_stacks_are_said_too(world, raw):
    for key in (f"crabwalk/{world.service}/history/1.json", f"crabwalk/stacks/{world.service}.json"):
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


# the lease


def lease(world: World, ttl_s: float = 8.0, objects: Objects | None = None) -> Lease:
    return Lease(objects or world.engine.objects, world.service, ttl_s=ttl_s, doing="a test")


def never(_: Any) -> None:
    raise AssertionError("there is nothing to wait for")


def quiet(_: str) -> None:
    return


def seq(raw: Any, world: World) -> int:
    return int(json.loads(raw.get_object(Bucket=BUCKET, Key=lease_key(world.service))["Body"].read())["seq"])


def die(held: Lease) -> None:
    """The holder is gone without giving it back."""
    held._stop.set()
    assert held._thread is not None
    held._thread.join()


def test_a_lease_given_back_is_free_at_once(world):
    assert holder(world.engine.objects, world.service) is None
    for _ in range(3):
        with lease(world).acquire(never, never) as held:
            held.check()
            found = holder(world.engine.objects, world.service)
            assert found is not None
            assert (found.nonce, found.doing, found.expired) == (held._nonce, "a test", False)
    found = holder(world.engine.objects, world.service)
    assert found is not None
    assert found.nonce == ""


def test_a_living_holder_is_not_pushed_out(world):
    said: list[str] = []
    with lease(world, ttl_s=0.8).acquire(never, never) as held:
        with pytest.raises(ConflictError, match="is being worked on: a test by ") as conflict:
            lease(world).acquire(said.append)
        assert conflict.value.exit_code == 5
        held.check()
    assert len(said) == 1
    assert "for the lease of" in said[0]


def test_a_dead_holders_lease_runs_out(world):
    dead = lease(world, ttl_s=0.2).acquire(never, never)
    die(dead)
    said: list[str] = []
    with lease(world).acquire(said.append) as mine:
        assert len(said) == 1
        mine.check()
        assert not dead._write(if_match=dead._etag)
        with pytest.raises(ConflictError, match="could not be renewed in time"):
            dead.check()
        dead.release()
        mine.check()
        found = holder(world.engine.objects, world.service)
        assert found is not None
        assert found.nonce == mine._nonce


def test_renewal_keeps_it_beyond_its_time_to_live(world, raw):
    with lease(world, ttl_s=0.4).acquire(never, never) as held:
        end = monotonic() + 0.9
        until(lambda: monotonic() > end and seq(raw, world) >= 5)
        held.check()


def test_a_lease_somebody_took_is_lost(world, raw):
    with lease(world, ttl_s=0.4).acquire(never, never) as held:
        held.check()
        theirs = json.dumps({"nonce": "theirs", "who": "them", "doing": "a deploy", "ttl_s": 8}).encode()
        raw.put_object(Bucket=BUCKET, Key=lease_key(world.service), Body=theirs)
        until(lambda: held._lost)
        with pytest.raises(ConflictError, match="was lost: somebody else took it"):
            held.check()
    assert raw.get_object(Bucket=BUCKET, Key=lease_key(world.service))["Body"].read() == theirs


def test_a_lease_that_cannot_be_renewed_stops_its_holder_until_aws_is_back(world):
    objects = Faulty(world)
    with lease(world, ttl_s=0.4, objects=objects).acquire(never, never) as held:
        objects.faults = [away] * 1000

        def checked() -> str:
            try:
                held.check()
            except AwsError as fault:
                return fault.what
            return ""

        until(checked)
        assert checked() == "could not write: AWS cannot be reached"
        objects.faults.clear()
        until(lambda: not checked())


@pytest.mark.parametrize("fault", [unanswered, refused_after_success, away])
def test_a_renewal_whose_answer_was_lost_does_not_lose_the_lease(world, raw, fault):
    objects = Faulty(world)
    with lease(world, ttl_s=1.2, objects=objects).acquire(never, never) as held:
        before = seq(raw, world)
        objects.faults = [fault]
        until(lambda: not objects.faults and seq(raw, world) >= before + 2)
        assert held._lost is None
        held.check()


def test_of_two_that_want_it_at_once_one_gets_it(world):
    barrier = Barrier(2)

    def take(_: int) -> Lease | ConflictError:
        mine = lease(world, ttl_s=0.8)
        barrier.wait(10)
        try:
            return mine.acquire(quiet)
        except ConflictError as conflict:
            return conflict

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(take, range(2)))
    held = [one for one in outcomes if isinstance(one, Lease)]
    assert len(held) == 1
    held[0].check()
    held[0].release()


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"nonce": "", "who": "", "doing": "", "ttl_s": "soon"}'])
def test_a_lease_that_cannot_be_read_is_said(world, raw, body):
    raw.put_object(Bucket=BUCKET, Key=lease_key(world.service), Body=body)
    with pytest.raises(CrabwalkError, match="the lease cannot be read") as fault:
        lease(world).acquire(never, never)
    assert fault.value.where == lease_key(world.service)
