"""Which periods are complete, which step they belong to, what is left out, where the history comes from."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observe_kit import rows_of, steps_of, values
from release_kit import START, saw, walking

from pipeline.aws.metrics import Series
from pipeline.errors import AwsError
from pipeline.release.decide.evidence import weigh
from pipeline.release.decide.observe import complete_until, read
from pipeline.release.decide.periods import HISTORY_PERIODS
from pipeline.release.judge.judge import Counts, judge
from pipeline.release.model import StepSpec

FIRST = int(START)
FAR = START + 10_000


# completeness


@pytest.mark.parametrize(
    ("period", "timeout", "lag", "age", "complete"),
    [
        (1, 3, 1, 4.99, 0),
        (1, 3, 1, 5.0, 1),
        (1, 30, 1, 40.5, 9),
        (60, 3, 120, 182.9, 0),
        (60, 3, 120, 183.0, 60),
        (60, 900, 120, 1080.0, 60),
    ],
)
def test_a_period_is_complete_at_its_end_plus_timeout_plus_lag(
    period: int, timeout: int, lag: int, age: float, complete: int
) -> None:
    start = 1_200_000.0  # whole minutes
    rollout = walking(period_s=period, timeout_s=timeout, lag_s=lag, step_starts=(start,))
    assert complete_until(rollout, start + age) == start + complete
    assert len(steps_of(rollout, start + age).get(0, [])) == complete / period


def test_before_the_walk_there_is_nothing_to_read() -> None:
    rollout = walking(-1, step_starts=())
    assert rows_of(rollout, {}, FAR) == ()
    assert read(SimpleNamespace(), [rollout], FAR) == ({}, None)


# attribution


def test_periods_belong_to_the_step_they_lie_in() -> None:
    rollout = walking(1, step_starts=(START, START + 20))
    found = steps_of(rollout, FAR)
    assert found[-1] == [FIRST - HISTORY_PERIODS + i for i in range(HISTORY_PERIODS)]
    assert found[0] == [FIRST + i for i in range(20)]
    assert found[1][0] == FIRST + 20


def test_the_period_in_which_a_weight_was_written_is_left_out() -> None:
    rollout = walking(1, step_starts=(START + 0.2, START + 20.7))
    found = steps_of(rollout, START + 35.5)
    assert found[-1][-1] == FIRST - 1
    assert found[0] == [FIRST + i for i in range(1, 20)]
    assert found[1] == [FIRST + i for i in range(21, 31)]


def test_a_minute_is_cut_the_same_way() -> None:
    start = 1_200_000.0
    rollout = walking(1, period_s=60, lag_s=120, step_starts=(start + 10, start + 250))
    found = steps_of(rollout, start + 723)
    assert found[0] == [start + 60, start + 120, start + 180]
    assert found[1] == [start + 300, start + 360, start + 420, start + 480, start + 540]


def test_what_comes_after_promotion_is_not_judged() -> None:
    rollout = walking(2, step_starts=(START, START + 20, START + 40))
    assert sorted(steps_of(rollout, FAR)) == [-1, 0, 1]
    assert steps_of(rollout, FAR)[1][-1] == FIRST + 39


def test_counts_are_those_of_the_period_and_a_silent_period_is_a_row_of_zeros() -> None:
    series = {
        "canary_n": {START: 10.0, START + 2: 4.0},
        "canary_bad": {START: 1.0},
        "own_n": {START: 90.0, START + 2: 36.0},
        "own_bad": {START + 2: 2.0},
    }
    rows = [row for row in rows_of(walking(), values(walking(), **series), START + 7) if row.step == 0]
    assert [(row.canary, row.baseline) for row in rows] == [
        (Counts(10, 1), Counts(90, 0)),
        (Counts(0, 0), Counts(0, 0)),
        (Counts(4, 0), Counts(36, 2)),
    ]


def test_more_errors_than_invocations_are_no_fault() -> None:
    rows = rows_of(walking(), values(walking(), canary_n={START: 1.0}, canary_bad={START: 2.0}), START + 5)
    assert rows[-1].canary == Counts(1, 1)


def test_errors_that_have_not_come_are_not_zero_and_the_rows_end_before_them() -> None:
    steady = {START + t: 10.0 for t in range(8)}
    for late in ("canary_bad", "own_bad"):
        found = steps_of(walking(), FAR, canary_n=steady, own_n=steady, **{late: {START + 3: None}})
        assert found[0] == [START, START + 1, START + 2]
    silent = {**steady, START + 3: 0.0}
    assert len(steps_of(walking(), FAR, canary_n=silent, canary_bad={START + 3: None})[0]) > 8  # nothing can be bad


# numbers that come late


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (6, [2, 3, 2, 2, 2, 2, 3, 4, 5, 6, 7]),  # the fourth may be there in part, until the silence has lasted
        (70, [2, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2]),  # it is not usual that nobody calls
    ],
)
def test_silence_behind_the_newest_numbers_is_believed_once_it_has_lasted(gap: int, expected: list[int]) -> None:
    came = {START + t: 10.0 for t in range(-60, 4) if (t + 1) % gap}
    ends = [steps_of(walking(), START + 4 + age, canary_n=came, own_n=came)[0][-1] for age in range(3, 14)]
    assert [end - START for end in ends] == expected


def test_a_minute_that_comes_late_is_waited_for_and_then_judged_whole() -> None:
    start = 1_200_000.0
    rollout = walking(period_s=60, lag_s=120, timeout_s=60, step_starts=(start,))
    usual = {start + 60 * t: 100.0 for t in range(-60, 3)}
    late = {**usual, start + 120: 7.0}  # of the third minute a part has come, and nothing of the fourth
    at = start + 4 * 60 + 60 + 120
    assert steps_of(rollout, at, canary_n=late, own_n=late)[0] == [start, start + 60]
    there = {**usual, start + 120: 100.0, start + 180: 100.0}
    assert steps_of(rollout, at, canary_n=there, own_n=there)[0] == [start + 60 * t for t in range(4)]


def test_metrics_that_are_minutes_late_are_no_data_and_never_a_verdict() -> None:
    start = 1_200_000.0
    rollout = walking(period_s=60, lag_s=120, timeout_s=60, step_starts=(start,), steps=(StepSpec(0.1, 600),))
    bad = 100.0
    for late in (6, 8, 20):  # minutes beyond what the environment declares
        for minute in range(4, 60):
            now = start + 60 * minute
            n = {start + 60 * t: 1000.0 for t in range(-60, minute - 3 - late)}
            n[max(n) + 60] = 30.0  # in part
            found = values(rollout, canary_n=n, own_n=n, own_bad=dict.fromkeys(n, bad))
            rows = [row for row in rows_of(rollout, found, now) if row.step == 0]
            assert all(row.canary.n == 1000 for row in rows), (late, minute)
            verdict = weigh(rollout, saw(SimpleNamespace(), tuple(rows))).verdict  # type: ignore[arg-type]
            assert verdict.outcome == "INCONCLUSIVE" or len(rows) >= 10
    nothing = weigh(rollout, saw(SimpleNamespace(), rows_of(rollout, {}, start + 3600)))  # type: ignore[arg-type]
    assert (nothing.verdict.outcome, nothing.verdict.reason) == ("INCONCLUSIVE", "no data")


# history


def test_a_period_before_the_walk_whose_errors_are_not_known_is_left_out() -> None:
    past = {START - 3: 50.0, START - 2: 50.0, START - 1: 50.0}
    for n, bad in (("own_n", "own_bad"), ("alias_n", "alias_bad")):
        since = {"own_n": {START + t: 1.0 for t in range(10_001)}}  # emitted only since there are weights
        found = steps_of(walking(), FAR, **{**since, n: past, bad: {START - 2: None}})
        assert START - 2 not in found[-1]
        assert len(found[-1]) == HISTORY_PERIODS - 1
        assert found[0][0] == START


def test_history_is_the_old_versions_own_series() -> None:
    series = {
        "own_n": {START - 2: 50.0},
        "own_bad": {START - 2: 5.0},
        "alias_n": {START - 2: 100.0, START - 1: 100.0},
    }
    rows = {row.t: row.baseline for row in rows_of(walking(), values(walking(), **series), FAR) if row.step < 0}
    assert (rows[START - 2], rows[START - 1]) == (Counts(50, 5), Counts(0, 0))


def test_history_is_the_aliass_series_where_there_is_no_own_one() -> None:
    series = {
        "own_n": {START: 90.0},  # emitted only since there are weights
        "alias_n": {START - 2: 100.0, START - 1: 100.0, START: 100.0},
        "alias_bad": {START - 2: 30.0},
    }
    rows = {row.t: row for row in rows_of(walking(), values(walking(), **series), FAR)}
    assert rows[START - 2].baseline == Counts(100, 30)
    assert rows[START - 1].baseline == Counts(100, 0)
    assert rows[START].baseline == Counts(90, 0)
    assert all(row.canary == Counts(0, 0) for row in rows.values())


def test_the_period_in_which_the_walk_began_is_no_own_history() -> None:
    start = 1_200_000.0
    rollout = walking(period_s=60, lag_s=120, step_starts=(start + 40,))
    past = {start - 60 * t: 100.0 for t in range(1, 61)}
    found = values(rollout, own_n={start: 30.0}, alias_n={**past, start: 100.0}, alias_bad={start - 120: 7.0})
    rows = {row.t: row.baseline for row in rows_of(rollout, found, start + 300)}
    assert (rows[start - 60], rows[start - 120]) == (Counts(100, 0), Counts(100, 7))


def test_bursts_of_the_old_version_are_allowed_for() -> None:
    bursts = {
        "alias_n": {START - t: 100.0 for t in range(1, 61)},
        "alias_bad": {START - t: 20.0 for t in (3, 33)},
    }
    seen = saw(SimpleNamespace(), rows_of(walking(), values(walking(), **bursts), START + 8))  # type: ignore[arg-type]
    assert weigh(walking(), seen).verdict.phi > 10


# reading


class Recorded:
    """Metrics that note how they were asked."""

    def __init__(self, fault: AwsError | None = None) -> None:
        self.asked: list[tuple[int, float, float]] = []
        self.fault = fault

    def read(self, series: Any, start: float, end: float) -> dict[Series, dict[float, float]]:
        self.asked.append((len(series), start, end))
        if self.fault:
            raise self.fault
        return {one: {} for one in series}


def test_all_rollouts_are_read_in_one_call() -> None:
    metrics = Recorded()
    later = replace(walking(step_starts=(START + 50,)), function="other")
    found, error = read(metrics, [walking(), walking(-1, step_starts=()), later], START + 64.5)  # type: ignore[arg-type]
    assert metrics.asked == [(22, START - 60, START + 60)]
    assert (len(found), error) == (22, None)


def test_an_outage_of_the_metrics_is_inconclusive_not_a_failure() -> None:
    metrics = Recorded(AwsError("could not read CloudWatch metrics: 503"))
    found, error = read(metrics, [walking()], START + 60)  # type: ignore[arg-type]
    assert (found, error) == ({}, "could not read CloudWatch metrics: 503")
    verdict = weigh(walking(), saw(SimpleNamespace(), (), error)).verdict  # type: ignore[arg-type]
    assert (verdict.outcome, verdict.reason) == ("INCONCLUSIVE", "metrics unavailable")
    assert "503" in verdict.sentence


# for all


@settings(derandomize=True, max_examples=150, database=None)
@given(
    starts=st.lists(st.floats(0, 300), min_size=1, max_size=3),
    now=st.floats(-1000, 2000),
    period=st.sampled_from([1, 5, 60]),
)
def test_periods_are_unique_in_order_and_complete_even_when_clocks_disagree(
    starts: list[float], now: float, period: int
) -> None:
    begun = tuple(START + start for start in starts)  # of controllers whose clocks need not agree
    rollout = walking(len(begun) - 1, step_starts=begun, period_s=period)
    rows = rows_of(rollout, {}, START + now)
    stamps = [row.t for row in rows]
    assert stamps == sorted(set(stamps))
    assert all(stamp + period <= complete_until(rollout, START + now) for stamp in stamps)
    for row in rows:
        if row.step >= 0:
            assert row.t >= begun[row.step]
            assert not any(row.t < start < row.t + period for start in begun[: row.step + 1])
    judge(rows, steps=2, bake=1)
