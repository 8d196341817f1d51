"""One budget of calls: the pace it keeps, what it does when AWS says "too many", and who never waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
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
    Budgets,
    Limit,
    backoff,
)
from pipeline.manifest.environments import embedded


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


def test_too_many_for_all_halves_what_was_really_sent_and_time_gives_it_back() -> None:
    clock = Clock()
    one = bucket(clock, rate=100.0, burst=100.0)
    for _ in range(40):
        one.take()
    one.throttled()
    assert one.rate == pytest.approx(40 * (1 - 1 / 80)), "of forty answers, as far as is known now"
    for _ in range(39):  # at once: they are one cut
        one.throttled()
    assert one.rate == 20.0
    one.throttled()
    assert one.rate == 20.0
    clock.at += RECOVERY_S / 2
    assert one.rate == pytest.approx(70.0)
    clock.at += RECOVERY_S
    assert one.rate == 100.0


@pytest.mark.parametrize(("every", "least"), [(10, 9.0), (5, 4.0), (2, 1.3)])
def test_the_less_is_refused_the_more_is_asked(every: int, least: float) -> None:
    """Every so many-th call refused whatever the pace: calls a second in five minutes, of fifteen."""
    clock = Clock()
    one = bucket(clock, rate=15.0, burst=15.0, chance=lambda: 0.5)
    calls = 0
    while clock.at < 400:
        one.take()
        calls += 1
        if calls % every == 0:
            one.throttled()
    assert calls / 300 > least


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
        one.throttled()  # one of ten
        waits.append(one.take())
    assert waits == pytest.approx([1 / 9.5, 1 / 9.5 + 0.025, 1 / 9.5 + 0.099])


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
    with aws.sharing(Budget()), aws.sharing(last := Budgets()):
        assert aws.shared() is last
    assert aws.shared() is None


def test_an_account_and_a_region_have_a_budget_of_their_own() -> None:
    clock = Clock()
    budgets = Budgets(
        {"lambda": Limit(1, 1)}, lambda limits: Budget(limits, lambda one: Bucket(one, clock.now, clock.pause))
    )
    places = [("111111111111", "eu-west-1"), ("111111111111", "us-east-1"), ("222222222222", "eu-west-1")]
    for place in places:
        budgets.of(*place).take("lambda", "GetAlias")
    assert clock.waits == []
    budgets.of(*places[1]).take("lambda", "GetAlias")
    assert clock.waits == [1.0]


def test_threads_that_ask_at_once_get_the_same_budget() -> None:
    made, found, start = [], [], threading.Barrier(16)

    def make(limits: Mapping[str, Limit]) -> Budget:
        made.append(Budget(limits))
        return made[-1]

    budgets = Budgets(make=make)

    def ask() -> None:
        start.wait()
        found.append(budgets.of("111111111111", "eu-west-1"))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == made * 16


def test_calls_are_counted_for_the_account_and_region_of_their_environment() -> None:
    """With botocore's own events, up to where the request would leave; `throttled` goes to the same place."""
    taken: list[tuple[str, str]] = []

    class Seen(Budgets):
        def of(self, account: str, region: str) -> Budget:
            taken.append((account, region))
            return super().of(account, region)

    def answer(**_: object) -> AWSResponse:
        return AWSResponse("http://127.0.0.1:9", 429, {}, SimpleNamespace(stream=lambda: [b"{}"]))

    here = replace(embedded("shop"), endpoint="http://127.0.0.1:9")
    there = replace(here, account="222222222222", region="eu-west-1")
    with aws.sharing(Seen()):
        for env in (here, there):
            client = aws.client(env, "lambda", retries=False)
            client.meta.events.register_last("before-send", answer)
            with pytest.raises(ClientError, match="429"):
                client.get_alias(FunctionName="f", Name="live")
            client.meta.events.unregister("before-send", answer)
    assert taken == [(here.account, here.region)] * 2 + [(there.account, there.region)] * 2


def test_reads_are_repeated_where_the_sdk_has_spent_its_repetitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its 500 are used up by reads of what is not there: an answer of 404 gives none back."""
    monkeypatch.setattr("pipeline.aws.budget.backoff", lambda _attempts: 0.0)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    calls = 0

    def answer(**_: object) -> AWSResponse:
        nonlocal calls
        calls += 1
        status = 503 if calls % 2 else 404
        body = f"<Error><Code>{'SlowDown' if status == 503 else 'NoSuchKey'}</Code></Error>".encode()
        return AWSResponse("http://127.0.0.1:9", status, {}, SimpleNamespace(stream=lambda: [body]))

    client = aws.client(replace(embedded("shop"), endpoint="http://127.0.0.1:9", account="333333333333"), "s3")
    client.meta.events.register_last("before-send", answer)

    def read() -> str:
        with pytest.raises(ClientError) as refused:
            client.get_object(Bucket="b", Key="k")
        return aws.error_code(refused.value)

    with aws.sharing(Budget(UNLIMITED)):
        assert {read() for _ in range(150)} == {"NoSuchKey"}
        assert calls == 300
    assert read() == "SlowDown", "without a budget nobody keeps the pace"
