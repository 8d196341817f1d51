"""The judge's figures by seeded simulation: how often it is wrong, what it finds, and how soon."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import pytest
from judge_kit import Extra, bursts, cold, failures, nothing, rollout, shared

from pipeline.release.judge.judge import Counts, Minute, Verdict, judge

LIMIT = 0.01  # false rollbacks a walk


def verdicts(seed: int, walks: int, make: Callable[[random.Random], list[Minute]]) -> list[Verdict]:
    rng = random.Random(seed)  # noqa: S311
    return [judge(make(rng), steps=2, bake=10) for _ in range(walks)]


def false_rollbacks(seed: int, walks: int, extra: Extra = nothing) -> float:
    """Over a range of traffic and common error rates; the share of walks rolled back."""
    cells = [(rpm, rate) for rpm in (2, 10, 50, 200, 1000) for rate in (0.0005, 0.01, 0.05, 0.3)]
    each = walks // len(cells)
    found = sum(
        verdict.outcome == "FAIL"
        for i, (rpm, rate) in enumerate(cells)
        for verdict in verdicts(seed + i, each, lambda rng, rpm=rpm, rate=rate: rollout(rng, rpm, rate, rate, extra))
    )
    return found / walks


def slack(walks: int) -> float:
    """Three standard deviations of a binomial share at the limit."""
    return 3 * math.sqrt(LIMIT * (1 - LIMIT) / walks)


@pytest.mark.parametrize("extra", [nothing, shared, bursts, cold])
def test_the_same_version_is_rolled_back_at_most_once_in_a_hundred_walks(extra: Extra) -> None:
    assert false_rollbacks(1, 500, extra) <= LIMIT + slack(500)


@pytest.mark.exhaustive
@pytest.mark.parametrize("extra", [nothing, shared, bursts, cold])
def test_the_same_version_at_length(extra: Extra) -> None:
    assert false_rollbacks(3, 20_000, extra) <= 0.005, "JUDGE: half a percent on average"


def test_no_traffic_never_decides() -> None:
    for verdict in verdicts(4, 20, lambda rng: rollout(rng, 0, 0.0, 1.0)):
        assert (verdict.outcome, verdict.reason) == ("INCONCLUSIVE", "no data")


@pytest.mark.parametrize(
    ("rpm", "old", "new", "found", "median"),
    [
        (10, 0.001, 1.0, 0.99, 3),
        (100, 0.01, 0.05, 0.75, 15),
        (100, 0.001, 0.02, 0.60, 16),
        (100, 0.001, 0.051, 0.98, 9),
        (100, 0.001, 1.0, 0.99, 1),
        (100, 0.3, 0.45, 0.94, 13),
        (1000, 0.01, 0.05, 0.99, 4),
        (1000, 0.001, 0.02, 0.99, 4),
    ],
)
def test_detection(rpm: float, old: float, new: float, found: float, median: float) -> None:
    caught = [
        verdict.failed_at + 1
        for verdict in verdicts(5, 400, lambda rng: rollout(rng, rpm, old, new))
        if verdict.failed_at is not None
    ]
    assert len(caught) / 400 >= found
    assert statistics.median(caught) <= median


def embedded(rng: random.Random, canary: int, baseline: int, rate: float) -> list[Minute]:
    """Ten one-second periods of the embedded AWS under constant load, a clean old version."""
    return [Minute(t, 0, failures(rng, canary, rate), Counts(baseline, 0)) for t in range(10)]


@pytest.mark.parametrize(
    ("canary", "baseline", "rate", "found", "median"),
    [(10, 90, 0.2, 0.99, 3), (10, 90, 0.1, 0.97, 5)],
)
def test_detection_on_the_embedded_aws(canary: int, baseline: int, rate: float, found: float, median: float) -> None:
    caught = [
        verdict.failed_at + 1
        for verdict in verdicts(6, 1000, lambda rng: embedded(rng, canary, baseline, rate))
        if verdict.failed_at is not None
    ]
    assert len(caught) / 1000 >= found
    assert statistics.median(caught) <= median
