"""One budget of calls: the pace it keeps, what it does when AWS says "too many", and who never waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import aws
from pipeline.aws.budget import (
    BACKOFF_MAX_S,
    FLOOR,
    LIMITS,
    RECOVERY_S,
    UNLIMITED,
    Bucket,
    Budget,
    Limit,
    backoff,
)
from pipeline.manifest.environments import Environment


@dataclass
class Clock:
    """A clock that goes on when somebody waits."""

    at: float = 100.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds


def bucket(clock: Clock, rate: float = 10.0, burst: float = 5.0, chance: Callable[[], float] = lambda: 0.0) -> Bucket:
    return Bucket(Limit(rate, burst), clock.now, clock.pause, chance)


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    clock = Clock()
    one = bucket(clock)
    assert [one.take() for _ in range(5)] == [0.0] * 5
    assert [round(one.take(), 9) for _ in range(20)] == [0.1] * 20
    assert clock.at == pytest.approx(102.0)


def test_idle_time_saves_up_no_more_than_a_burst() -> None:
    clock = Clock()
    one = bucket(clock)
    clock.at += 3600
    assert sum(one.take() == 0.0 for _ in range(8)) == 5


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=200))
def test_whatever_comes_no_second_carries_more_than_burst_and_rate(calls: list[tuple[float, bool]]) -> None:
    clock = Clock()
    one = bucket(clock)
    sent = []
    for idle, throttled in calls:
        clock.at += idle
        one.take()
        sent.append(clock.at)
        if throttled:
            one.throttled()
    for start in sent:
        assert sum(start <= at < start + 1.0 for at in sent) <= 5 + 10 + 1


def test_who_waits_already_is_served_first_and_nobody_sends_at_the_same_time() -> None:
    """Threads: each knows its turn when it asks, so a hundred of them need no second look."""
    lock, at, turns = threading.Lock(), Clock(), []

    def pause(seconds: float) -> None:
        with lock:
            turns.append(round(seconds, 6))

    one = Bucket(Limit(10, 1), at.now, pause)
    threads = [threading.Thread(target=one.take) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turns) == [round(0.1 * turn, 6) for turn in range(1, 30)]


def test_too_many_halves_what_was_really_sent_and_time_gives_it_back() -> None:
    clock = Clock()
    one = bucket(clock, rate=100.0, burst=100.0)
    for _ in range(40):
        one.take()
    one.throttled()
    assert one.rate == 20.0
    one.throttled()  # the answers to the other thirty-nine
    assert one.rate == 20.0
    clock.at += RECOVERY_S / 2
    assert one.rate == pytest.approx(70.0)
    clock.at += RECOVERY_S
    assert one.rate == 100.0


def test_it_never_stops_altogether() -> None:
    clock = Clock()
    one = bucket(clock, rate=15.0)
    for _ in range(50):
        one.take()
        clock.at += 1.0
        one.throttled()
    assert one.rate >= 15.0 * FLOOR


def test_after_too_many_the_next_waits_at_random() -> None:
    waits = []
    for chance in (0.0, 0.25, 0.99):
        clock = Clock()
        one = bucket(clock, rate=10.0, burst=10.0, chance=lambda chance=chance: chance)
        for _ in range(10):
            one.take()
        one.throttled()
        waits.append(one.take())
    assert waits == pytest.approx([0.2, 0.45, 1.19])


def test_a_write_of_an_alias_waits_for_no_look() -> None:
    clock = Clock()
    budget = Budget({"lambda": Limit(1, 1)}, lambda limit: Bucket(limit, clock.now, clock.pause))
    for _ in range(5):
        budget.take("lambda", "GetAlias")
    before = len(clock.waits)
    budget.take("lambda", "UpdateAlias")
    budget.take("lambda", "Invoke")
    assert len(clock.waits) == before
    budget.take("lambda", "GetAlias")
    assert clock.waits[-1] == pytest.approx(2.0)  # the alias's write was on the others' account


def test_writes_of_aliases_keep_the_pace_among_themselves() -> None:
    clock = Clock()
    one = bucket(clock, rate=10.0, burst=5.0)
    for _ in range(40):
        one.take()
    waited = [one.take(urgent=True) for _ in range(8)]
    assert waited == pytest.approx([0.0] * 5 + [0.1] * 3)


def test_each_limit_is_its_own_and_what_has_none_is_let_through() -> None:
    clock = Clock()
    budget = Budget(
        {"lambda": Limit(1, 1), "lambda.GetFunction": Limit(1, 1)}, lambda x: Bucket(x, clock.now, clock.pause)
    )
    for service, operation in (("lambda", "GetAlias"), ("lambda", "GetFunction"), ("sts", "GetCallerIdentity")):
        budget.take(service, operation)
        budget.throttled("sts", "GetCallerIdentity")
    assert clock.waits == []
    budget.throttled("lambda", "GetFunction")
    budget.take("lambda", "GetFunction")
    assert len(clock.waits) == 1


def test_the_limits_are_what_aws_documents() -> None:
    assert (LIMITS["lambda"].rate, LIMITS["lambda.GetFunction"].rate) == (15, 100)
    assert (LIMITS["cloudwatch.GetMetricData"].rate, LIMITS["cloudwatch.DescribeAlarms"].rate) == (50, 9)
    assert set(UNLIMITED) == set(LIMITS)


@given(st.integers(0, 60), st.floats(0, 1))
def test_a_backoff_has_full_jitter_and_an_end(attempt: int, chance: float) -> None:
    assert 0 <= backoff(attempt, lambda: chance) <= BACKOFF_MAX_S
    assert backoff(attempt, lambda: 0.0) == 0.0


def test_a_budget_is_shared_only_meanwhile() -> None:
    everywhere = aws.Place("0" * 12, "eu-west-1", None, None, None)
    with aws.sharing(first := Budget()), aws.sharing(Budget()):
        assert aws._budget(everywhere) is first
    assert aws._budget(everywhere) is None


def test_who_works_in_one_account_and_region_shares_one_budget_and_nobody_elses() -> None:
    def env(account: str, region: str) -> Environment:
        return Environment("x", account * 12, region, "b")

    places = {(a, r): aws._place(env(a, r)) for a in "12" for r in ("eu-west-1", "us-east-1")}
    with ExitStack() as stack:
        budgets = [Budget() for _ in range(3)]
        here = [("1", "eu-west-1"), ("1", "us-east-1"), ("1", "eu-west-1")]
        for budget, (account, region) in zip(budgets, here, strict=True):
            stack.enter_context(aws.sharing(budget, env(account, region)))
        found = {at: aws._budget(place) for at, place in places.items()}
        assert found == {
            ("1", "eu-west-1"): budgets[0],
            ("1", "us-east-1"): budgets[1],
            ("2", "eu-west-1"): None,
            ("2", "us-east-1"): None,
        }
    assert aws._shared == []
