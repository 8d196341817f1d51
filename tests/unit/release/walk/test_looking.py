"""Whose alias a round looks at where Lambda does not let it look at all of them, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import release_kit as values

from pipeline import aws
from pipeline.aws.aliases import AliasState
from pipeline.aws.budget import Bucket, Budget, Limit
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment
from pipeline.release.decide.decision import Decision
from pipeline.release.model import Rollout
from pipeline.release.terms import Terms
from pipeline.release.walk.looking import SHARE, can_wait, enough, looking_s, looks, remembered, turn, waiting
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import _in_turn

ENV = Environment("production", "111122223333", "eu-west-1", "bucket")
NOTHING: Any = SimpleNamespace()
SEEN = values.own_alias(values.walking())


def walk(service: str, looked: float = 0.0, **changes: Any) -> Walk:
    """A walk in its first step whose alias was seen then."""
    rollout = replace(values.walking(), service=service)
    return replace(Walk(NOTHING, rollout, NOTHING, seen=SEEN, looked=looked), **changes)


@pytest.fixture
def ten_a_second() -> Iterator[None]:
    limits = {"lambda": Limit(10, 10)}
    with aws.sharing(Budget(limits, lambda limit: Bucket(limit, lambda: 0.0, lambda _: None))):
        yield


@pytest.mark.usefixtures("ten_a_second")
def test_a_round_looks_at_what_lambda_lets_through_in_its_share_of_the_time() -> None:
    assert looks(ENV) == 10 * looking_s(ENV) == 10 * SHARE * ENV.tick_s


def test_without_a_budget_every_alias_is_looked_at() -> None:
    assert looks(ENV) == float("inf")


def test_those_not_looked_at_for_the_longest_time_come_first() -> None:
    walks = [walk("a", 30), walk("b", 10), walk("c", 20), walk("d", 0, seen=None), walk("e", 5, away_since=1.0)]
    assert turn(walks, 2) == {"b", "c"}
    assert turn(walks, 9.7) == {"a", "b", "c"}


def test_the_end_of_a_group_relies_on_no_memory() -> None:
    grouped = replace(values.walking(), terms=Terms(together="both"))
    assert remembered(walk("a"))
    assert not remembered(walk("a", rollout=grouped))


def test_no_more_walks_begin_in_a_round_than_it_may_look_at() -> None:
    fresh = replace(values.walking(), step=-1, step_starts=())
    grouped = replace(fresh, terms=Terms(together="both"))

    def new(service: str, rollout: Rollout = fresh, **changes: Any) -> Walk:
        return walk(service, rollout=replace(rollout, service=service), **{"seen": None, **changes})

    walks = [walk("a", seen=None), new("b"), new("c", seen=SEEN), new("d", grouped), new("e"), new("f")]
    assert waiting(walks, 1.9) == {"e", "f"}, "a has traffic, c was looked at, d goes with its group"
    assert waiting(walks, 2) == {"f"}
    assert waiting(walks, float("inf")) == frozenset()


@pytest.mark.parametrize("kind", ["shift", "promote", "roll-back", "wait", "hold"])
def test_only_a_step_forward_waits_for_the_next_round(kind: Any) -> None:
    decided = Decision(kind, "so it is", "")
    assert can_wait(walk("a"), decided) is (kind in {"shift", "promote"})
    grouped = replace(values.walking(), terms=Terms(together="both"))
    assert not can_wait(walk("a", rollout=grouped), decided)


@pytest.mark.parametrize(
    ("kind", "before", "may"),
    [
        ("wait", None, True),
        ("roll-back", None, True),
        ("hold", None, False),  # the ledger alone would be written, which AWS does not check
        ("hold", "hold", True),  # it is there already
        ("wait", "hold", False),
    ],
)
def test_what_is_only_recorded_is_looked_at_first(kind: Any, before: Any, may: bool) -> None:
    decided = Decision(before, "so it is", "") if before else None
    assert enough(walk("a", decision=decided), Decision(kind, "so it is", "")) is may


class Looked:
    """As much of an engine as looks need; each takes so many seconds."""

    def __init__(self, takes_s: float = 0.0, refused: frozenset[str] = frozenset()) -> None:
        self.env, self.at, self.takes_s, self.refused = ENV, 1000.0, takes_s, refused
        self.asked: list[str] = []

    def now(self) -> float:
        return self.at

    def alias(self, rollout: Rollout) -> AliasState:
        self.asked.append(rollout.service)
        self.at += self.takes_s
        if rollout.service in self.refused:
            raise AwsError("could not read the alias: too many")
        return replace(SEEN, revision=f"of-{rollout.service}")

    def round(self, walks: list[Walk]) -> dict[str, Walk]:
        """What the next round relies on, by service."""
        return {one.rollout.service: one for one in _in_turn(self, walks, self.at)}  # type: ignore[arg-type]


@pytest.mark.usefixtures("ten_a_second")
def test_looks_end_with_their_time_when_aws_became_slower_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.release.walk.walk.abreast", lambda work, items: tuple(map(work, items)))
    walks = [walk(f"s{number:03}", looked=number) for number in range(200)]
    engine = Looked(takes_s=1.0)
    after = engine.round(walks)
    assert len(engine.asked) == int(looking_s(ENV)) + 1
    assert engine.asked == [f"s{number:03}" for number in range(len(engine.asked))]
    assert after["s000"].looked == 1000.0
    assert after["s000"].seen == replace(SEEN, revision="of-s000")
    assert (after["s199"].looked, after["s199"].seen) == (199, SEEN)
    again = Looked(takes_s=1.0)
    again.round(list(after.values()))
    assert again.asked[0] == f"s{len(engine.asked):03}", "it goes on where it stopped"


@pytest.mark.usefixtures("ten_a_second")
def test_a_look_that_failed_is_made_in_the_next_round() -> None:
    after = Looked(refused=frozenset({"s003"})).round([walk(f"s{number:03}") for number in range(100)])
    assert [name for name, one in after.items() if one.seen is None] == ["s003"]


@pytest.mark.usefixtures("ten_a_second")
def test_few_walks_rely_on_no_memory() -> None:
    engine = Looked()
    after = engine.round([walk("a"), walk("b")])
    assert ([one.seen for one in after.values()], engine.asked) == ([None, None], [])
