"""The judge on counts by the second: how often it is wrong, and how soon it is right."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from judge_kit import by_the_second, failures, some

from pipeline.release.judge.judge import Counts, Minute, Verdict, judge

LIMIT = 0.01  # false rollbacks a walk
OPENING = 3


def verdict(rows: list[Minute], opening: int = OPENING) -> Verdict:
    return judge(rows, steps=2, bake=600, opening=opening)


def false_rollbacks(seed: int, walks: int, kind: str, seconds: int) -> float:
    """Over a range of traffic (requests a second) and common error rates; the share of walks rolled back."""
    cells = [(rps, rate) for rps in (0.2, 1.0, 10.0, 100.0) for rate in (0.0005, 0.01, 0.05, 0.3)]
    found = 0
    for i, (rps, rate) in enumerate(cells):
        rng = random.Random(seed + i)  # noqa: S311
        made = (by_the_second(rng, rps, rate, kind, seconds) for _ in range(walks // len(cells)))
        found += sum(verdict(rows).outcome == "FAIL" for rows in made)
    return found / walks


def slack(walks: int) -> float:
    """Three standard deviations of a binomial share at the limit."""
    return 3 * math.sqrt(LIMIT * (1 - LIMIT) / walks)


@pytest.mark.parametrize("kind", ["nothing", "shared"])
def test_the_same_version_is_rolled_back_at_most_once_in_a_hundred_walks(kind: str) -> None:
    assert false_rollbacks(1, 160, kind, 90) <= LIMIT + slack(160)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["nothing", "shared", "seconds", "cold"])
def test_the_same_version_at_length(kind: str) -> None:
    assert false_rollbacks(3, 1_600, kind, 600) <= LIMIT + slack(1_600)


@pytest.mark.exhaustive
def test_bursts_of_a_minute_are_beyond_the_promise_and_not_far() -> None:
    """They are one count by the minute, and sixty by the second."""
    assert false_rollbacks(3, 1_600, "minutes", 600) <= 0.02 + slack(1_600)


@pytest.mark.parametrize(
    ("weight", "new", "found", "median"),
    [(0.5, 1.0, 1.0, 1), (0.1, 1.0, 1.0, 2), (0.5, 0.05, 0.95, 7), (0.25, 0.05, 0.95, 8), (0.1, 0.05, 0.9, 13)],
)
def test_at_a_hundred_requests_a_second(weight: float, new: float, found: float, median: float) -> None:
    rng, caught = random.Random(5), []  # noqa: S311
    for _ in range(100):
        rows = [Minute(-60.0 * t, -1, Counts(0, 0), failures(rng, some(rng, 6000), 0.0)) for t in range(60, 0, -1)]
        for t in range(30):
            sides = failures(rng, some(rng, 100 * weight), new), failures(rng, some(rng, 100 * (1 - weight)), 0.0)
            rows.append(Minute(float(t), 0, *sides))
        failed_at = judge(rows, steps=1, alpha=0.005, opening=OPENING).failed_at
        caught += [failed_at + 1] if failed_at is not None else []
    assert len(caught) / 100 >= found
    assert statistics.median(caught) <= median


def test_failing_starts_of_up_to_three_seconds_are_one_count() -> None:
    blip = [Minute(float(t), 0, Counts(50, 10 if t < 3 else 0), Counts(50, 0)) for t in range(60)]
    assert verdict(blip).outcome != "FAIL"
    assert verdict(blip, opening=1).outcome == "FAIL", "each for itself they would be three"
    assert verdict([Minute(float(t), 0, Counts(50, 10), Counts(50, 0)) for t in range(8)]).outcome == "FAIL"


def test_rows_put_together_last_as_long_as_their_seconds() -> None:
    one_by_one = [Minute(float(t), 0, Counts(10, 0), Counts(10, 0)) for t in range(600)]
    by_ten = [Minute(float(t), 0, Counts(100, 0), Counts(100, 0), 10) for t in range(0, 600, 10)]
    for rows in (one_by_one, by_ten):
        assert (verdict(rows).outcome, verdict(rows).minutes) == ("PASS", 600)
        assert verdict(rows[:-1]).reason == "baking"
