"""A rollback by hand against a real function: it always wins, and says what it did."""

from __future__ import annotations

import threading
from typing import Any

import engine_kit as kit
import pytest
from botocore.exceptions import ClientError
from engine_kit import FUNCTION, World, promoted

from pipeline.aws import TransientError
from pipeline.aws.functions import AliasState, AliasUncertain, Functions
from pipeline.errors import AwsError, CrabwalkError, UsageError
from pipeline.release.decide.standing import head_of
from pipeline.release.ledger.head import parse, trusted
from pipeline.release.rollback.rollback import (
    ATTEMPTS,
    TROUBLES,
    NoAliasError,
    RollbackDone,
    WrongVersionError,
    roll_back,
)


def back(world: World, to: str | None = None, functions: Functions | None = None) -> RollbackDone:
    return roll_back(
        functions or world.engine.functions, FUNCTION, "live", to, account=world.env.account, pause=lambda _: None
    )


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
    assert done.plan.sentence == "version 2 loses its 10 %, version 1 has all traffic"


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
    with pytest.raises(CrabwalkError) as fault:
        roll_back(world.engine.functions, function, "live", to)
    assert isinstance(fault.value, NoAliasError if to is None else WrongVersionError)
    assert "does not exist" in fault.value.what
    assert world.alias() == before


@pytest.mark.parametrize("how", ["timeout", "503", "412", "never-arrived"])
def test_a_lost_answer_is_read_from_the_alias(world, how):
    promoted(world)
    with kit.losing(world.env, "UpdateAlias", how) as lost:
        done = back(world)
    assert lost
    head = trusted(world.alias())
    assert head is not None
    assert (done.after, done.plan.origin, head.state, head.origin) == (world.alias(), "2", "frozen", "2")
    assert done.plan.target == "1"  # it was our doing, and is to be recorded as such


@pytest.mark.parametrize("how", ["429", "409", "503", "refused", "never-arrived"])
def test_trouble_that_passes_is_waited_out(world, how):
    promoted(world)
    pauses, said = [], []
    with kit.losing(world.env, "UpdateAlias", how, times=3) as lost:
        done = roll_back(world.engine.functions, FUNCTION, "live", None, say=said.append, pause=pauses.append)
    assert (done.after, done.after.version, done.plan.origin) == (world.alias(), "1", "2")
    assert len(lost) == len(pauses) == len(said) == (1 if how == "503" else 3)  # what 503 hides did happen
    assert pauses == sorted(pauses)
    assert all(words.endswith("; trying again") for words in said)


def test_an_alias_that_cannot_be_read_for_a_while_is_read_again(world):
    promoted(world)

    class Away(Functions):
        left = 3

        def alias(self, function: str, name: str) -> AliasState:
            self.left -= 1
            if self.left > 0:
                raise TransientError("could not read alias: AWS cannot be reached")
            return super().alias(function, name)

    done = roll_back(Away(world.env), FUNCTION, "live", None, pause=lambda _: None)
    assert (done.after.version, world.alias().version) == ("1", "1")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("429", "TooManyRequestsException: said by the test"),
        ("refused", "AWS cannot be reached"),
        ("never-arrived", "AWS gave no clear answer"),
    ],
)
def test_trouble_that_stays_is_reported_in_its_own_words(world, how, words):
    promoted(world)
    before = world.alias()
    with (
        kit.losing(world.env, "UpdateAlias", how, times=99) as lost,
        pytest.raises(AwsError, match=rf"could not be moved in {TROUBLES} attempts: .*{words}"),
    ):
        roll_back(world.engine.functions, FUNCTION, "live", None, pause=lambda _: None)
    assert len(lost) == TROUBLES
    assert world.alias() == before


def test_a_refusal_is_told_at_once(world):
    promoted(world)
    with (
        kit.losing(world.env, "UpdateAlias", "403", times=99) as lost,
        pytest.raises(AwsError, match="AccessDeniedException") as fault,
    ):
        back(world)
    assert len(lost) == 1
    assert fault.value.hint == "check the credentials and their permissions"


def test_a_write_without_an_answer_that_arrives_late_is_known(world):
    """It was not there when the alias was read again, and is there when the next write is refused."""
    promoted(world)
    kept: list[tuple[Any, ...]] = []

    class Late(Functions):
        def write_alias(self, *arguments: Any) -> AliasState:
            kept.append(arguments)
            if len(kept) == 1:
                raise AliasUncertain("timed out")
            super().write_alias(*kept[0])
            return super().write_alias(*arguments)

    done = roll_back(Late(world.env), FUNCTION, "live", None, pause=lambda _: None)
    head = trusted(world.alias())
    assert head is not None
    assert len(kept) == 2
    assert head.nonce in kept[0][3]
    assert (done.after, done.plan.target, done.plan.origin) == (world.alias(), "1", "2")


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
            if head is not None and head.rolled_back:
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
