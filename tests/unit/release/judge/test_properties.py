"""What must hold for all counts: invariance, monotony, fairness, no overflow, and looking is free."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.release.judge.judge import Counts, Minute, Verdict, combine, follow, judge
from pipeline.release.judge.math import burstiness, newcombe, odds_ratios, rate_ratios, wilson
from pipeline.release.judge.verdict import MOST

PROPERTY = settings(derandomize=True, max_examples=60, database=None)
EDGES = (0, 1, 2, 10**9, 10**15)


@st.composite
def counts(draw: st.DrawFn, most: int = 10**9) -> Counts:
    n = draw(st.integers(0, most) | st.integers(0, 50) | st.sampled_from([one for one in EDGES if one <= most]))
    return Counts(n, draw(st.integers(0, n) | st.sampled_from([0, n])))


@st.composite
def walks(draw: st.DrawFn, most: int = 10**9) -> list[Minute]:
    steps = sorted(draw(st.lists(st.integers(-1, 3), min_size=1, max_size=16)))
    return [Minute(t, step, draw(counts(most)), draw(counts(most))) for t, step in enumerate(steps)]


def fate(verdict: Verdict) -> tuple[str, str, float | None, bool]:
    return verdict.outcome, verdict.reason, verdict.failed_at, verdict.guard


@PROPERTY
@given(walks(10**15), st.booleans(), st.none() | st.floats(0, 1e9))
def test_never_overflows_and_never_contradicts_itself(walk: list[Minute], fast: bool, phi: float | None) -> None:
    verdict = judge(walk, steps=3, bake=2, fast=fast, phi=phi)
    assert math.isfinite(verdict.log_e)
    assert 1 <= verdict.e_value < math.inf
    assert 1 <= verdict.phi < math.inf
    assert -1 <= verdict.interval[0] <= verdict.interval[1] <= 1
    assert (verdict.outcome == "FAIL") == (verdict.failed_at is not None)
    if verdict.reason == "worse":
        assert verdict.e_value >= verdict.limit * (1 - 1e-9)
    assert verdict.sentence
    assert verdict.step_canary.n <= verdict.canary.n


@pytest.mark.parametrize("canary", EDGES)
@pytest.mark.parametrize("baseline", EDGES)
def test_every_edge_has_a_verdict(canary: int, baseline: int) -> None:
    for bad_c in {0, min(1, canary), canary}:
        for bad_b in {0, min(1, baseline), baseline}:
            rows = [Minute(t, 0, Counts(canary, bad_c), Counts(baseline, bad_b)) for t in range(30)]
            history = [Minute(t - 60, -1, Counts(0, 0), Counts(baseline, bad_b)) for t in range(60)]
            verdict = judge([*history, *rows], steps=1, bake=30, min_requests=0, fast=True)
            if bad_c * baseline <= bad_b * canary:
                assert verdict.outcome != "FAIL"


@PROPERTY
@given(walks(), st.randoms(use_true_random=False))
def test_order_of_the_rows_does_not_matter(walk: list[Minute], shuffler: random.Random) -> None:
    shuffled = list(walk)
    shuffler.shuffle(shuffled)
    assert judge(shuffled, steps=3, bake=2, fast=True) == judge(walk, steps=3, bake=2, fast=True)


@PROPERTY
@given(walks(), st.floats(1e-3, 1e6), st.floats(-1e6, 1e6))
def test_the_unit_and_the_start_of_time_do_not_matter(walk: list[Minute], unit: float, start: float) -> None:
    other = [Minute(start + unit * row.t, row.step, row.canary, row.baseline) for row in walk]
    before, after = judge(walk, steps=3, bake=2), judge(other, steps=3, bake=2)
    assert fate(before)[:2] == fate(after)[:2]
    assert before.log_e == after.log_e
    if before.failed_at is not None:
        assert after.failed_at == start + unit * before.failed_at


@PROPERTY
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=20), st.integers(1, 1000))
def test_failures_in_a_thousand_or_in_a_million_are_the_same_evidence(bad: list[tuple[int, int]], times: int) -> None:
    """Rare failures: only how the requests are divided matters, not how many there are."""

    def evidence(scale: int) -> float:
        rows = [Minute(t, 0, Counts(1000 * scale, c), Counts(9000 * scale, b)) for t, (c, b) in enumerate(bad)]
        return judge(rows, steps=2, phi=1).log_e

    assert evidence(times) == pytest.approx(evidence(1), rel=1e-9, abs=1e-9)


@PROPERTY
@given(counts(10**6), counts(10**6), st.integers(2, 1000), st.floats(0.05, 0.95))
def test_k_times_the_counts_are_k_times_the_evidence(c: Counts, b: Counts, k: int, guess: float) -> None:
    if c.n == 0 or b.n == 0:
        return
    for form in (rate_ratios, lambda *n: odds_ratios(*n, guess)):
        small, large = form(c.n, c.bad, b.n, b.bad), form(k * c.n, k * c.bad, k * b.n, k * b.bad)
        assert large == pytest.approx([k * one for one in small], rel=1e-6, abs=1e-3)


@PROPERTY
@given(walks(10**6), st.data(), st.booleans())
def test_more_canary_errors_never_look_better(walk: list[Minute], data: st.DataObject, burst: bool) -> None:
    at = data.draw(st.integers(0, len(walk) - 1))
    old = walk[at]
    worse = Counts(old.canary.n, data.draw(st.integers(old.canary.bad, old.canary.n)))
    other = [*walk[:at], Minute(old.t, old.step, worse, old.baseline), *walk[at + 1 :]]
    phi = 3.0 if burst else None
    before, after = judge(walk, steps=3, bake=1, phi=phi), judge(other, steps=3, bake=1, phi=phi)
    assert after.log_e >= before.log_e - 1e-9
    if before.failed_at is not None:
        assert after.failed_at is not None
        assert after.failed_at <= before.failed_at


@PROPERTY
@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0, 1), st.floats(0, 1)), max_size=40))
def test_worse_baseline_never_fails_the_canary(rows: list[tuple[int, int, float, float]]) -> None:
    """Whatever the split and however high the rates: a minute in which the old version fails more is no evidence."""
    walk = []
    for t, (n_c, n_b, one, two) in enumerate(rows):
        bad_b = math.ceil(max(one, two) * n_b)
        walk.append(
            Minute(t, t // 20, Counts(n_c, min(int(min(one, two) * n_c), bad_b * n_c // n_b)), Counts(n_b, bad_b))
        )
    verdict = judge(walk, steps=2, bake=1)
    assert verdict.log_e == pytest.approx(0, abs=1e-9)
    assert verdict.outcome != "FAIL"


@PROPERTY
@given(st.lists(counts(), max_size=20), st.booleans(), st.booleans())
def test_no_traffic_on_one_side_never_decides(side: list[Counts], canary_silent: bool, fast: bool) -> None:
    none = Counts(0, 0)
    walk = [Minute(t, 0, *((none, one) if canary_silent else (one, none))) for t, one in enumerate(side)]
    verdict = judge(walk, steps=2, bake=1, min_requests=0, fast=fast)
    assert verdict.outcome == "INCONCLUSIVE"


@PROPERTY
@given(walks(10**4), st.booleans())
@example(walk=[Minute(0, 0, Counts(0, 0), Counts(0, 0)), Minute(1, 2, Counts(5, 5), Counts(0, 0))], fast=True)
def test_following_a_walk_is_judging_its_beginnings(walk: list[Minute], fast: bool) -> None:
    seen = list(follow(walk, steps=3, bake=2, fast=fast))
    assert [minute for minute, *_ in seen] == [row for row in walk if 0 <= row.step < 3]
    for minute, verdict, log_e in seen:
        assert verdict == judge([row for row in walk if row.t <= minute.t], steps=3, bake=2, fast=fast)
        assert log_e <= verdict.log_e + 1e-9
    for (_, before, _), (_, after, _) in pairwise(seen):
        assert after.log_e >= before.log_e
        if before.outcome == "FAIL":
            assert after.failed_at == before.failed_at


@PROPERTY
@given(walks(10**4), st.floats(1e-6, 0.5), st.floats(1e-6, 0.5))
def test_a_smaller_alpha_never_fails_earlier(walk: list[Minute], one: float, two: float) -> None:
    strict, lax = judge(walk, steps=3, alpha=min(one, two)), judge(walk, steps=3, alpha=max(one, two))
    assert strict.log_e == lax.log_e
    if strict.failed_at is not None:
        assert lax.failed_at is not None
        assert lax.failed_at <= strict.failed_at


@PROPERTY
@given(st.lists(walks(10**4), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_signals_together_fail_if_any_fails(signals: list[list[Minute]], shuffler: random.Random) -> None:
    verdicts = [judge(walk, steps=3, bake=1, alpha=0.01 / len(signals)) for walk in signals]
    joined = combine(verdicts)
    assert (joined.outcome == "FAIL") == any(one.outcome == "FAIL" for one in verdicts)
    assert (joined.outcome == "PASS") == all(one.outcome == "PASS" for one in verdicts)
    shuffler.shuffle(verdicts)
    assert combine(verdicts).outcome == joined.outcome


@PROPERTY
@given(st.lists(counts(10**15), max_size=60))
def test_burstiness_of_anything_is_finite(series: list[Counts]) -> None:
    phi = burstiness([(one.n, one.bad) for one in series])
    assert 1 <= phi < math.inf


@PROPERTY
@given(counts(10**15), counts(10**15), st.floats(0, 1e6))
def test_intervals_hold_what_they_are_of(c: Counts, b: Counts, z: float) -> None:
    for one in (c, b):
        low, high = wilson(one.n, one.bad, z)
        assert 0 <= low <= (one.rate if one.rate is not None else low) <= high <= 1
    low, high = newcombe(c.n, c.bad, b.n, b.bad, z)
    assert -1 <= low <= high <= 1


@pytest.mark.parametrize("t", [math.nan, math.inf, -math.inf])
def test_endless_times_are_refused(t: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        judge([Minute(t, 0, Counts(1, 0), Counts(1, 0)), Minute(1, 0, Counts(1, 0), Counts(1, 0))], steps=1)


@pytest.mark.parametrize(("n", "bad"), [(-1, 0), (0, 1), (1, -1), (MOST + 1, 0), (math.nan, 0), (1, math.nan)])
def test_counts_that_are_none_are_refused(n: int, bad: int) -> None:
    with pytest.raises(ValueError, match="0 <= bad <= n"):
        Counts(n, bad)


def test_a_guarantee_that_does_not_depend_on_how_the_minutes_are_cut() -> None:
    """Expectation of one minute's e-value at most 1 under a common rate, the binomial against the hypergeometric."""
    n_c, n_b = 3, 7
    for bad in range(n_c + n_b + 1):
        total = math.comb(n_c + n_b, bad)
        chances = {
            e: math.comb(n_c, e) * math.comb(n_b, bad - e) / total for e in range(max(0, bad - n_b), min(n_c, bad) + 1)
        }
        for i in range(8):
            expected = sum(chance * math.exp(rate_ratios(n_c, e, n_b, bad - e)[i]) for e, chance in chances.items())
            assert expected <= 1 + 1e-12
