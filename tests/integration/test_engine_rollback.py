"""A rollback by hand against a real function: it always wins, says what it did, and the record follows."""

from __future__ import annotations

import threading
from typing import Any

import engine_kit as kit
import pytest
import release_kit as values
from botocore.exceptions import ClientError
from engine_kit import FUNCTION, World

from pipeline import local
from pipeline.aws.functions import AliasState, Functions, NotFoundError
from pipeline.errors import AwsError, UsageError
from pipeline.release.act import head_of
from pipeline.release.decide import Observation, decide
from pipeline.release.head import parse, trusted
from pipeline.release.record import record_rollback
from pipeline.release.rollback import ATTEMPTS, RollbackDone, roll_back


@pytest.fixture
def world(embedded: local.Running, namespace: str) -> World:
    return kit.world(embedded, namespace)


def back(world: World, to: str | None = None, functions: Functions | None = None) -> RollbackDone:
    return roll_back(functions or world.engine.functions, FUNCTION, "live", to, account=world.env.account)


def promoted(world: World) -> None:
    """Version 2 promoted over version 1, recorded."""
    record = world.walking(1)
    rollout = record.rollout
    assert rollout is not None
    decision = decide(rollout, Observation(world.alias(), values.periods(10, *values.GOOD, step=1)), world.at)
    assert decision.kind == "promote"
    world.engine.act(record, rollout, Observation(world.alias(), ()), decision)


class Meddled(Functions):
    """Somebody writes the alias between each of our first reads and writes."""

    def __init__(self, world: World, times: int) -> None:
        super().__init__(world.env)
        self._world, self.left = world, times

    def write_alias(self, seen: AliasState, *arguments: Any) -> AliasState:
        if self.left:
            self.left -= 1
            self._world.meddle("1", {"2": 0.2 + self.left / 1000}, Description=f"meddled {self.left}")
        return super().write_alias(seen, *arguments)


def test_during_a_walk_it_clears_the_map(world):
    world.walking()
    done = back(world)
    assert (done.after.version, done.after.weights) == ("1", {})
    assert done.after == world.alias()
    assert done.plan.sentence == "version 2 loses its 10%, version 1 has all traffic"


def test_after_promotion_it_goes_to_the_previous_version_and_repeated_it_is_a_no_op(world):
    promoted(world)
    assert world.alias().version == "2"
    done = back(world)
    assert (done.after.version, done.after.weights, done.plan.origin) == ("1", {}, "2")
    again = back(world)
    assert (again.plan.target, again.before, again.after) == (None, done.after, done.after)
    assert again.plan.sentence.startswith("already rolled back from version 2 to 1")
    assert world.alias() == done.after


def test_a_named_version_and_on_from_a_rollback(world):
    promoted(world)
    back(world)
    assert back(world, "3").after.version == "3"
    assert back(world, "3").plan.target is None
    assert back(world).plan.target is None


def test_an_untrusted_split_is_cleared_and_an_untrusted_whole_asks(world):
    world.walking()
    world.meddle("1", {"2": 0.8})
    assert (back(world).after.version, world.alias().weights) == ("1", {})
    foreign = world.meddle("2")
    with pytest.raises(UsageError, match="is not known"):
        back(world)
    assert world.alias() == foreign
    assert back(world, "2").plan.target == "2"
    assert trusted(world.alias()) is not None
    assert back(world, "2").plan.target is None


def test_another_account_is_not_touched(world):
    world.walking()
    before = world.alias()
    with pytest.raises(UsageError, match="this is account 000000000000, the environment is account 123456789012"):
        roll_back(world.engine.functions, FUNCTION, "live", None, account="123456789012")
    assert world.alias() == before


@pytest.mark.parametrize(("function", "to"), [("no-such-function", None), (FUNCTION, "99")])
def test_what_does_not_exist_is_an_error_and_changes_nothing(world, function, to):
    world.walking()
    before = world.alias()
    with pytest.raises(AwsError) as fault:
        roll_back(world.engine.functions, function, "live", to)
    assert isinstance(fault.value, NotFoundError) == (to is None)
    assert "ResourceNotFoundException" in fault.value.what or "does not exist" in fault.value.what
    assert world.alias() == before


@pytest.mark.parametrize("how", ["timeout", "503", "412", "never-arrived"])
def test_a_lost_answer_is_read_from_the_alias(world, how):
    promoted(world)
    with kit.losing(world.env, "UpdateAlias", how) as lost:
        done = back(world)
    assert lost
    head = trusted(world.alias())
    assert head is not None
    assert (done.after, done.plan.origin, head.state, head.origin) == (world.alias(), "2", "back", "2")
    assert done.plan.target == "1"  # it was our doing, and is to be recorded as such


def test_it_repeats_until_it_has_won(world):
    world.walking()
    meddled = Meddled(world, 7)
    done = back(world, functions=meddled)
    assert (meddled.left, done.after, done.after.version, done.after.weights) == (0, world.alias(), "1", {})


def test_a_writer_that_never_stops_is_told_of(world):
    world.walking()
    with pytest.raises(AwsError, match=f"changed under each of {ATTEMPTS} attempts") as fault:
        back(world, functions=Meddled(world, ATTEMPTS))
    assert fault.value.hint


def test_it_wins_against_a_controller_that_writes_all_the_time(world):
    """The other side writes as a controller does: guarded by what it read, and it obeys the mark."""
    world.walking()
    writes, marked, started = [], threading.Event(), threading.Event()

    def controller() -> None:
        number = 0
        while not marked.is_set():
            alias = world.raw.get_alias(FunctionName=FUNCTION, Name="live")
            head = parse(alias.get("Description", ""))
            if head is not None and head.state == "back":
                marked.set()
                return
            number += 1
            rollout = world.rollout
            share = {"2": 0.1 if number % 2 else 0.5}
            mark = str(head_of(rollout, 0 if number % 2 else 1, f"{number:016x}"))
            try:
                world.raw.update_alias(
                    FunctionName=FUNCTION,
                    Name="live",
                    FunctionVersion="1",
                    Description=mark,
                    RoutingConfig={"AdditionalVersionWeights": share},
                    RevisionId=alias["RevisionId"],
                )
            except ClientError as refusal:
                assert refusal.response["Error"]["Code"] == "PreconditionFailedException"  # noqa: PT017
                continue
            writes.append(number)
            if number == 3:
                started.set()

    thread = threading.Thread(target=controller)
    thread.start()
    try:
        assert started.wait(10)
        done = back(world)
    finally:
        assert marked.wait(10)
        thread.join(10)
    assert writes
    assert done.after == world.alias()
    assert (world.alias().version, world.alias().weights) == ("1", {})


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
