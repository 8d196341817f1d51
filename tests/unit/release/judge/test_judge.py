"""The judge's rules one by one."""

from __future__ import annotations

import math

import pytest

from pipeline.release.judge.judge import Counts, Minute, Verdict, combine, judge, unavailable
from pipeline.release.judge.math import dispersion, newcombe, odds_ratios, rate_ratios, wilson
from pipeline.release.judge.verdict import one_in


def minute(t: int, canary: tuple[int, int], baseline: tuple[int, int], step: int = 0) -> Minute:
    return Minute(t, step, Counts(*canary), Counts(*baseline))


def steady(count: int, canary: tuple[int, int], baseline: tuple[int, int], step: int = 0) -> list[Minute]:
    return [minute(t, canary, baseline, step) for t in range(count)]


# what a verdict says


def test_regression_fails_with_its_numbers() -> None:
    verdict = judge(steady(4, (10, 2), (90, 0)), steps=2, bake=10, names=("version 12", "version 11"))
    assert (verdict.outcome, verdict.reason, verdict.failed_at, verdict.guard) == ("FAIL", "worse", 2, False)
    assert verdict.sentence == (
        "of 40 requests to version 12, 8 failed; of 360 to version 11 in the same time, none did; "
        "that is not chance (at most 1 in 31,700)"
    )
    assert verdict.canary == Counts(40, 8)
    assert verdict.baseline == Counts(360, 0)
    assert verdict.e_value == pytest.approx(math.exp(verdict.log_e))
    assert verdict.limit == 100


def test_outage_at_very_low_traffic_is_the_guards() -> None:
    verdict = judge(steady(3, (1, 1), (9, 0)), steps=2, bake=10)
    assert (verdict.outcome, verdict.reason, verdict.guard, verdict.failed_at) == ("FAIL", "outage", True, 2)
    assert verdict.sentence == (
        "of 3 requests to the new version, 3 failed; of 27 to the old version in the same time, none did; "
        "that is an outage"
    )


def test_guard_needs_a_baseline() -> None:
    assert judge(steady(30, (10, 10), (0, 0)), steps=1, bake=10).outcome == "INCONCLUSIVE"


def test_pass_needs_bake_and_requests() -> None:
    healthy = steady(10, (10, 0), (90, 0))
    assert judge(healthy, steps=2, bake=10).outcome == "PASS"
    assert judge(healthy, steps=2, bake=10).reason == "baked"
    assert judge(healthy[:9], steps=2, bake=10).reason == "baking"
    assert judge(healthy, steps=2, bake=10, min_requests=101).reason == "low traffic"
    assert judge(healthy, steps=2).reason == "baking", "without a bake time there is no PASS"


def test_what_is_nearly_evidence_bakes_longer_until_it_has_gone_or_is_enough() -> None:
    near = [minute(0, (11, 2), (14, 0)), minute(1, (11, 2), (14, 0)), minute(2, (11, 3), (14, 0))]
    held = judge(near, steps=1, bake=3, min_requests=30, alpha=0.005)
    assert (held.outcome, held.reason) == ("INCONCLUSIVE", "suspicious")
    assert 20 <= held.e_value < 200
    assert held.sentence.endswith("nearly too much for chance, it bakes longer")
    worse = judge([*near, minute(3, (11, 3), (14, 0))], steps=1, bake=3, min_requests=30, alpha=0.005)
    assert (worse.outcome, worse.reason) == ("FAIL", "worse")
    better = judge([*near, minute(3, (200, 0), (200, 1))], steps=1, bake=3, min_requests=30, alpha=0.005)
    assert (better.outcome, better.reason) == ("PASS", "baked")
    silent = [minute(3 + t, (0, 0), (0, 0)) for t in range(3)]
    assert judge(near + silent[:2], steps=1, bake=3, min_requests=30, alpha=0.005).reason == "suspicious"
    at_last = judge(near + silent, steps=1, bake=3, min_requests=30, alpha=0.005)
    assert (at_last.outcome, at_last.reason) == ("PASS", "baked"), "at most twice the time"


def test_versions_that_are_never_asked_in_the_same_minute_are_compared_nevertheless() -> None:
    turns = [((2, 1), (0, 0)), ((0, 0), (3, 0))] * 30
    apart = [minute(t, canary, baseline) for t, (canary, baseline) in enumerate(turns)]
    assert judge(apart, steps=1, bake=10).reason == "worse"
    alike = [((2, 1), (0, 0)), ((0, 0), (2, 1))] * 30
    same = judge(
        [minute(t, canary, baseline) for t, (canary, baseline) in enumerate(alike)], steps=1, bake=10, min_requests=50
    )
    assert (same.outcome, same.e_value) == ("PASS", pytest.approx(1.0, abs=1.0))


def test_what_was_put_together_is_weighed_when_a_step_ends() -> None:
    few = [minute(t, (1, 1), (2, 0)) for t in range(3)]
    assert judge(few, steps=2, bake=10).e_value == 1.0
    assert judge([*few, minute(3, (0, 0), (0, 0), step=1)], steps=2, bake=10).e_value > 1.0


def test_bake_counts_the_current_step_and_requests_count_over_the_walk() -> None:
    first = steady(10, (100, 0), (900, 0))
    second = [minute(10 + t, (5, 0), (5, 0), step=1) for t in range(4)]
    assert judge(first + second, steps=2, bake=10, min_requests=1000).reason == "baking"
    verdict = judge(first + second, steps=2, bake=4, min_requests=1000)
    assert (verdict.outcome, verdict.step, verdict.minutes) == ("PASS", 1, 4)
    assert verdict.step_canary == Counts(20, 0)
    assert verdict.canary == Counts(1020, 0)


@pytest.mark.parametrize(
    ("canary", "baseline", "reason", "sentence"),
    [
        (
            (0, 0),
            (90, 0),
            "no data",
            "no request reached the new version in this step; there is nothing to compare",
        ),
        (
            (90, 0),
            (0, 0),
            "no data",
            "no request reached the old version in this step; there is nothing to compare",
        ),
        (
            (2, 0),
            (18, 1),
            "low traffic",
            (
                "of 20 requests to the new version, none failed; of 180 to the old version in the same time, 10 did; "
                "too few to decide, 100 are required"
            ),
        ),
    ],
)
def test_inconclusive_says_why(canary: tuple[int, int], baseline: tuple[int, int], reason: str, sentence: str) -> None:
    verdict = judge(steady(10, canary, baseline), steps=2, bake=10)
    assert (verdict.outcome, verdict.reason, verdict.sentence) == ("INCONCLUSIVE", reason, sentence)


def test_before_the_first_minute_it_bakes() -> None:
    verdict = judge([], steps=2, bake=10)
    assert (verdict.outcome, verdict.reason, verdict.step, verdict.log_e) == ("INCONCLUSIVE", "baking", -1, 0.0)
    assert verdict.sentence == "no request has reached the new version yet"


def test_fail_is_final() -> None:
    bad = steady(4, (10, 4), (90, 0))
    good = [minute(4 + t, (1000, 0), (1000, 0), step=1) for t in range(50)]
    verdict = judge(bad + good, steps=2, bake=10)
    assert verdict.outcome == "FAIL"
    assert verdict.failed_at == judge(bad, steps=2, bake=10).failed_at


def test_one_minute_alone_cannot_fail_a_walk_by_the_e_process() -> None:
    verdict = judge([minute(0, (1000, 150), (9000, 0))], steps=2, bake=10)
    assert verdict.log_e <= math.log(20), "capped: a cold-start blip is not a regression"
    assert verdict.outcome == "INCONCLUSIVE"


def test_regression_that_shows_only_at_the_second_step_is_found() -> None:
    first = steady(10, (100, 1), (900, 9))
    second = [minute(10 + t, (500, 25), (500, 5), step=1) for t in range(10)]
    assert judge(first + second, steps=2, bake=10).failed_at == 12


def test_final_step_is_not_judged() -> None:
    walk = [*steady(10, (10, 0), (90, 0)), minute(10, (100, 100), (0, 0), step=1)]
    verdict = judge(walk, steps=1, bake=10)
    assert (verdict.outcome, verdict.canary) == ("PASS", Counts(100, 0))


def test_bursts_of_the_old_version_make_the_judge_slower() -> None:
    history = [minute(t - 60, (0, 0), (100, 20 if t % 10 == 0 else 0), step=-1) for t in range(60)]
    walk = steady(3, (10, 2), (90, 0))
    alone, with_history = judge(walk, steps=2), judge(history + walk, steps=2)
    assert alone.phi == 1
    assert with_history.phi > 10
    assert with_history.log_e < alone.log_e
    assert judge(history + walk, steps=2, phi=1).phi == 1, "a given phi is taken"


def test_fast_lane_passes_early_only_when_asked() -> None:
    walk = steady(3, (5000, 0), (5000, 0))
    assert judge(walk, steps=2, bake=10).reason == "baking"
    assert judge(walk, steps=2, bake=10, fast=True).reason == "fast"
    assert judge(walk[:2], steps=2, bake=10, fast=True).reason == "baking", "three minutes at least"
    assert judge(steady(3, (50, 0), (50, 0)), steps=2, bake=10, fast=True).reason == "baking"


def test_repeated_minutes_and_walks_that_go_back_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows for t=1"):
        judge([minute(1, (1, 0), (1, 0)), minute(1, (1, 0), (1, 0))], steps=1)
    with pytest.raises(ValueError, match="the step goes back from 1 to 0"):
        judge([minute(1, (1, 0), (1, 0), step=1), minute(2, (1, 0), (1, 0), step=0)], steps=2)
    with pytest.raises(ValueError, match="0 <= bad <= n"):
        Counts(1, 2)
    with pytest.raises(ValueError, match="steps must be at least 1"):
        judge([], steps=0)


def test_combine_any_fail_fails_else_the_weakest_speaks() -> None:
    passed = judge(steady(10, (10, 0), (90, 0)), steps=2, bake=10)
    failed = judge(steady(10, (10, 5), (90, 0)), steps=2, bake=10)
    missing = unavailable("CloudWatch did not answer")
    assert combine([passed, missing, failed]) is failed
    assert combine([passed, missing]) is missing
    assert combine([passed]) is passed
    suspicious = judge([*steady(10, (10, 0), (90, 0))[:-1], minute(9, (10, 2), (90, 1))], steps=2, bake=10)
    assert (suspicious.outcome, combine([passed, suspicious, passed])) == ("PASS", suspicious)
    assert missing.sentence == "the metrics could not be read (CloudWatch did not answer); nothing is decided"
    with pytest.raises(ValueError, match="no verdict"):
        combine([])


@pytest.mark.parametrize(
    ("e_value", "words"),
    [(100.0, "1 in 100"), (4321.0, "1 in 4,300"), (4.4e6, "1 in 4 million"), (1e40, "1 in more than 1,000 trillion")],
)
def test_odds_in_words(e_value: float, words: str) -> None:
    assert one_in(e_value) == words


# the arithmetic


def test_wilson_and_newcombe_against_published_values() -> None:
    # R. Newcombe, Statistics in Medicine 17 (1998): 81/263 gives 0.2553-0.3662; 56/70 - 48/80 gives 0.0524-0.3339
    assert wilson(263, 81, 1.959964) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert newcombe(70, 56, 80, 48, 1.959964) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_dispersion_is_one_without_bursts_and_without_evidence() -> None:
    assert dispersion([]) == 1
    assert dispersion([(100, 0)] * 60) == 1
    assert dispersion([(100, 100)] * 60) == 1
    assert dispersion([(100, 5)] * 60) == 1
    assert dispersion([(100, 0)] * 50 + [(100, 50)] * 10) > 30


def test_two_sample_form_becomes_the_rare_event_form() -> None:
    rare = rate_ratios(1000, 2, 9000, 3)
    assert odds_ratios(1000, 2, 9000, 3, 1e-7) == pytest.approx(rare, abs=0.02)


def test_two_sample_form_expects_at_most_one_for_any_common_rate() -> None:
    n_c, n_b = 4, 6
    for rate in (0.02, 0.1, 0.3, 0.7, 0.98):
        expected = [0.0] * 8
        for e_c in range(n_c + 1):
            for e_b in range(n_b + 1):
                bad = e_c + e_b
                chance = math.comb(n_c, e_c) * math.comb(n_b, e_b) * rate**bad * (1 - rate) ** (n_c + n_b - bad)
                for i, log_e in enumerate(odds_ratios(n_c, e_c, n_b, e_b, 0.3)):
                    expected[i] += chance * math.exp(log_e)
        assert max(expected) <= 1 + 1e-12


def test_verdict_is_a_plain_value() -> None:
    walk = steady(10, (10, 1), (90, 3))
    assert judge(walk, steps=2, bake=10) == judge(iter(walk), steps=2, bake=10)
    assert isinstance(judge(walk, steps=2), Verdict)
    assert hash(judge(walk, steps=2))
