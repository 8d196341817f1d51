"""What a walk can find: the approximation beside the judge itself on simulated walks, and the sentences of a plan."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_kit import failures, some

from pipeline.release.judge.judge import Counts, Minute, judge
from pipeline.release.judge.power import (
    FAST_REQUESTS,
    Step,
    detectable,
    fast_minutes,
    found,
    minutes_needed,
    sentences,
)

WALKS = 250


def simulated(rpm: float, share: float, old: float, new: float, minutes: int) -> float:
    """How often the judge finds it in the first of two steps."""
    rng, caught = random.Random(1), 0  # noqa: S311
    for _ in range(WALKS):
        rows = [Minute(t, -1, Counts(0, 0), failures(rng, some(rng, rpm), old)) for t in range(-60, 0)]
        for t in range(minutes):
            traffic = rpm * rng.uniform(0.8, 1.2)
            canary = failures(rng, some(rng, traffic * share), new)
            rows.append(Minute(t, 0, canary, failures(rng, some(rng, traffic * (1 - share)), old)))
        caught += judge(rows, steps=2).outcome == "FAIL"
    return caught / WALKS


@pytest.mark.parametrize(
    ("rpm", "share", "old"),
    [(10, 0.1, 0.01), (10, 0.5, 0.01), (100, 0.1, 0.0005), (100, 0.5, 0.1), (1000, 0.1, 0.01), (1000, 0.5, 0.0005)],
)
def test_the_judge_finds_it_8_times_in_10(rpm: float, share: float, old: float) -> None:
    rate = detectable(rpm * share, rpm * (1 - share), old, 10, steps=2)
    assert rate is not None
    assert 0.7 <= simulated(rpm, share, old, rate, 10) <= 0.9
    assert simulated(rpm, share, old, min(1.0, old + 1.25 * (rate - old)), 10) >= 0.8
    assert simulated(rpm, share, old, old + (rate - old) / 1.25, 10) <= 0.8


def test_minutes_needed_are_those_after_which_it_is_found() -> None:
    needed = minutes_needed(100, 900, 0.01, 0.03, steps=2)
    assert needed is not None
    assert found(100, 900, 0.01, 0.03, needed, steps=2) >= 0.8 > found(100, 900, 0.01, 0.03, needed - 1, steps=2)
    assert minutes_needed(0.1, 0.9, 0.01, 0.02) is None
    assert minutes_needed(0, 10, 0.01, 1.0) is None


@settings(derandomize=True, max_examples=60, database=None)
@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1e4), st.floats(1, 50))
def test_any_traffic_has_an_answer(new: float, old: float, rate: float, minutes: float, phi: float) -> None:
    smallest = detectable(new, old, rate, minutes, phi=phi)
    assert smallest is None or rate <= smallest <= 1
    assert 0 <= found(new, old, rate, 0.5, minutes, phi=phi) <= 1 + 1e-9


def test_more_traffic_and_longer_steps_find_less() -> None:
    rates = [detectable(n, 9 * n, 0.01, 10) or math.inf for n in (1, 10, 100, 1000, 10_000)]
    assert rates == sorted(rates, reverse=True)
    rates = [detectable(10, 90, 0.01, minutes) or math.inf for minutes in (2, 5, 20, 60, 600)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("argument", [(-1, 1, 0.1, 1), (1, 1, 1.1, 1), (1, 1, -0.1, 1), (1, 1, 0.1, -1)])
def test_arguments_out_of_range_are_refused(argument: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="rates are 0 to 1"):
        detectable(*argument)


def test_the_fast_lane_takes_as_long_as_is_said() -> None:
    assert [fast_minutes(n) for n in (0, 10, 100, 1000, 10_000)] == [None, 415, 42, 5, 3]
    for n in (100, 500, 1000):
        minutes = fast_minutes(n)
        assert minutes is not None
        rows = [Minute(t, 0, Counts(n, 0), Counts(n, 0)) for t in range(minutes)]
        assert judge(rows, steps=1, bake=10_000, fast=True).reason == "fast"
        early = max(2, (FAST_REQUESTS - 400) // n - 1)
        assert judge(rows[:early], steps=1, bake=10_000, fast=True).reason == "baking"


def test_a_plan_says_what_each_step_finds() -> None:
    steps = (Step(0.1, 10), Step(0.5, 10))
    assert sentences(3, steps, 0.01) == (
        (
            "step 1 (10 %, 10 min): about 3 requests to the new version; too few to find even an outage for sure; "
            "twice as many would show not even in a week"
        ),
        (
            "step 2 (50 %, 10 min): about 15 requests to the new version; finds only outages, from 67 % failing on; "
            "twice as many would show in 3 days"
        ),
    )
    assert sentences(1000, steps, 0.01) == (
        (
            "step 1 (10 %, 10 min): about 1,000 requests to the new version; finds 3 % failing or more "
            "instead of 1 %, 8 times in 10; twice as many would show in 33 min"
        ),
        (
            "step 2 (50 %, 10 min): about 5,000 requests to the new version; finds 2.1 % failing or more "
            "instead of 1 %, 8 times in 10; twice as many would show in 13 min"
        ),
    )
    assert sentences(0, steps[:1], 0.0) == (
        (
            "step 1 (10 %, 10 min): about 0 requests to the new version; too few to find even an outage for sure; "
            "0.1 % would show not even in a week"
        ),
    )
