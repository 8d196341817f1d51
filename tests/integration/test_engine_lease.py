"""The lease: one holder at a time, a dead one's runs out, a living one's does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic
from typing import Any

import edge_kit
import engine_kit as kit
import pytest
from engine_kit import BUCKET, Faulty, World, away, refused_after_success, rollout_of, unanswered, until

from pipeline import local
from pipeline.aws import TransientError
from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError, CrabwalkError
from pipeline.release.ledger.lease import Lease, holder, lease_key
from pipeline.release.ledger.relay import Relay
from pipeline.release.walk.walk import tick


@pytest.fixture
def raw(embedded: local.Running) -> Any:
    return edge_kit.client(embedded, "s3")


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


def test_a_lease_that_each_look_takes_up_again_is_seen_to_live(world):
    looks = iter(range(3))

    def look(_: float = 0.0) -> None:
        assert next(looks, None) is not None, "whoever waits for it never sees that it is renewed"
        Relay(
            world.engine.objects, world.service, token="f" * 16, who="a machine", doing="a walk", ttl_s=8, generation=1
        ).take()

    look()
    look()
    with pytest.raises(ConflictError, match="is being worked on: a walk by a machine"):
        lease(world).acquire(quiet, look)


def test_who_holds_a_lease_is_told_with_since_when_and_for_what_it_was_wanted(world):
    wanted = Lease(world.engine.objects, world.service, ttl_s=0.8, doing="a deploy", needed="stack `web` of `hello`")
    with lease(world, ttl_s=0.8).acquire(never, never), pytest.raises(ConflictError) as conflict:
        wanted.acquire(quiet)
    who = r"a test by \S+ \(process \d+\) since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    said = rf"stack `web` of `hello` is being worked on at `{world.service}`: {who}"
    assert re.fullmatch(said, conflict.value.what)


def test_a_dead_holders_lease_runs_out(world):
    dead = lease(world, ttl_s=0.2).acquire(never, never)
    die(dead)
    said: list[str] = []
    with lease(world).acquire(said.append) as mine:
        assert len(said) == 1
        mine.check()
        assert not dead._write(if_match=dead._etag)
        with pytest.raises(TransientError, match="could not be renewed in time"):
            dead.check()
        with pytest.raises(TransientError, match="could not be renewed in time"):
            dead.confirm()
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
    def outage(_write: Callable[[], str]) -> str:
        raise TransientError("could not write: AWS cannot be reached")

    objects = Faulty(world)
    with lease(world, ttl_s=0.4, objects=objects).acquire(never, never) as held:
        objects.faults = [outage] * 1000

        def checked() -> str:
            try:
                held.check()
            except TransientError as fault:  # it passes: whoever walks is held by it, and has not failed
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
        mine = lease(world, ttl_s=3.0)  # a busy machine still renews it in time
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


def test_a_controller_that_slept_while_another_took_over_writes_no_more(world):
    """Its lease was taken, its renewal has not run yet, and the record it reads again is the successor's."""
    world.feed.of = kit.traffic()
    with world.lease() as slept:
        walk = world.walk(world.begun(), slept)
        for _ in range(2):
            (walk,) = tick(world.engine, [walk])
            world.pass_time(1)
        stored = world.engine.objects.get(lease_key(world.service))
        taken = json.dumps({**json.loads(stored.body), "nonce": "f" * 16}).encode()
        world.engine.objects.put(lease_key(world.service), taken, if_match=stored.etag)
        record = world.controller().take_over(world.record(), rollout_of(world))
        after = world.alias()
        for _ in range(40):
            (walk,) = tick(world.engine, [walk])
            world.pass_time(1)
    assert (world.alias(), world.record()) == (after, record)
    assert walk.decision.kind == "conflict"
    assert "somebody else took it" in walk.decision.sentence


def test_a_lease_that_was_taken_in_its_sleep_takes_nothing_over(world):
    """It ran out between being taken and the look at the record, which is its successor's by then."""
    with world.lease() as slept:
        record = world.walking()
        stored = world.engine.objects.get(lease_key(world.service))
        taken = json.dumps({**json.loads(stored.body), "nonce": "f" * 16}).encode()
        world.engine.objects.put(lease_key(world.service), taken, if_match=stored.etag)
        before = world.alias()
        with pytest.raises(ConflictError, match="somebody else took it"):
            world.engine.take_over(record, rollout_of(world), slept)
    assert (world.alias(), world.record()) == (before, record)
