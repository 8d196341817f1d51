"""What ends without a word: the share of lines against the weight, the service's count against Lambda's."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import release_kit as values
from judge_kit import some

from pipeline.release.decide.decide import decide
from pipeline.release.decide.doubts import LOG_LEVEL, doubt, mismatch
from pipeline.release.decide.evidence import weigh
from pipeline.release.decide.seconds import Told
from pipeline.release.judge.judge import Counts, Minute
from pipeline.release.model import Rollout
from pipeline.release.terms import Checks, Pace, Terms

ALL_RIGHT = Told((), 0, 0)


def lines(*pairs: tuple[int, int]) -> tuple[Minute, ...]:
    return tuple(Minute(t, 0, Counts(new, 0), Counts(old, 0)) for t, (new, old) in enumerate(pairs))


def walking(**changes: Any) -> Rollout:
    return replace(values.walking(), terms=Terms(evidence=Pace(1, 1)), **changes)


def drawn(rng: random.Random, rate: float, weight: float, seconds: int = 360) -> tuple[Minute, ...]:
    return lines(*((some(rng, rate * weight), some(rng, rate * (1 - weight))) for _ in range(seconds)))


@pytest.mark.parametrize(
    ("weight", "rate", "within"), [(0.5, 100, 1), (0.1, 100, 4), (0.1, 10, 40), (0.01, 100, 40), (0.5, 10, 6)]
)
def test_a_version_that_says_nothing_any_more_is_noticed(weight: float, rate: int, within: int) -> None:
    rng = random.Random(1)  # noqa: S311
    before = drawn(rng, rate, weight, 120)
    dead = lines(*((0, some(rng, rate)) for _ in range(within)))
    assert mismatch(before, weight) < 0
    assert mismatch((*before, *dead), weight) >= LOG_LEVEL


@pytest.mark.parametrize("weight", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("rate", [1.0, 20.0, 300.0])
def test_what_is_divided_as_the_weights_say_is_never_doubted(weight: float, rate: float) -> None:
    rng = random.Random(2)  # noqa: S311
    found = [mismatch(drawn(rng, rate, weight), weight) for _ in range(30)]
    assert max(found) < 7, "in 360 walks an e-value of a thousand would be one too many"


@pytest.mark.exhaustive
@pytest.mark.parametrize("weight", [0.01, 0.1, 0.5])
def test_the_evidence_is_an_e_value(weight: float) -> None:
    rng = random.Random(3)  # noqa: S311
    found = [mismatch(drawn(rng, 5.0, weight, 60), weight) for _ in range(20_000)]
    assert sum(one >= 3.0 for one in found) / len(found) <= 0.05, "P(e >= 20) is at most 1 in 20"


def test_no_lines_and_a_service_without_traffic_are_not_doubted() -> None:
    assert doubt(walking(), None) is None
    assert doubt(walking(), ALL_RIGHT) is None
    assert mismatch((), 0.1) < mismatch(lines(*((0, 0),) * 50), 0.1) < 1
    assert doubt(walking(step=-1), Told(lines((0, 5000)), 0, 0)) is None


@pytest.mark.parametrize(
    ("requests", "invocations", "doubted"),
    [(0, 19, False), (0, 20, True), (100, 150, False), (49, 100, True), (51, 100, False), (900, 100, False)],
)
def test_lambda_counts_far_more(requests: int, invocations: int, doubted: bool) -> None:
    found = doubt(walking(), Told((), requests, invocations))
    assert (found is not None) is doubted
    if found is not None:
        assert found[0] == "metrics disagree"
        assert f"told of {requests} requests where Lambda counted {invocations} invocations" in found[1]


def saw(rollout: Rollout, told: Told | None, **signals: tuple[Minute, ...]) -> Any:
    seen = values.saw(values.own_alias(rollout))
    return replace(seen, minutes=signals, told=told)


GOOD = values.periods(10, (10, 0), (90, 0))
ABORTS = Told(lines(*((0, 100),) * 20), 0, 0)


def test_a_doubted_walk_passes_nothing_until_its_deadline_and_is_not_let_through_then() -> None:
    for ends, kind in (("rollback", "roll-back"), ("hold", "hold"), ("promote", "hold")):
        rollout = walking(on_inconclusive=ends)
        sure = decide(rollout, saw(rollout, ALL_RIGHT, errors=GOOD, failures=GOOD), values.START + 20)
        assert sure.kind == "shift"
        held = decide(rollout, saw(rollout, ABORTS, errors=GOOD, failures=GOOD), values.START + 20)
        assert (held.kind, held.verdict and held.verdict.reason) == ("wait", "sample ratio mismatch")
        assert held.sentence.startswith("version 2 has 10 % of the traffic and told of 0 of the last 2,000 requests")
        late = decide(rollout, saw(rollout, ABORTS, errors=GOOD, failures=GOOD), values.START + 200)
        assert (late.kind, "no conclusion" in late.sentence) == (kind, True)


def test_what_lambda_counts_as_failed_ends_a_doubted_walk_though_errors_are_not_judged_otherwise() -> None:
    checks = Checks(errors=False)
    rollout = walking()
    rollout = replace(rollout, terms=replace(rollout.terms, checks=checks))
    dying = values.periods(10, (10, 8), (90, 0))
    quiet = saw(rollout, ALL_RIGHT, errors=dying, failures=values.periods(10, (2, 0), (90, 0)))
    assert decide(rollout, quiet, values.START + 20).kind == "wait"
    asked = saw(rollout, ABORTS, errors=dying, failures=values.periods(10, (2, 0), (90, 0)))
    decision = decide(rollout, asked, values.START + 20)
    assert (decision.kind, decision.check) == ("roll-back", "errors")


def test_a_failure_stands_whatever_is_doubted() -> None:
    rollout = walking()
    bad = saw(rollout, ABORTS, errors=GOOD, failures=values.periods(10, (10, 9), (90, 0)))
    assert weigh(rollout, bad).verdict.outcome == "FAIL"


def test_errors_have_their_share_of_the_false_alarms_though_they_are_not_declared() -> None:
    alone = replace(walking(), terms=Terms(checks=Checks(errors=False), evidence=Pace(1, 1)))
    assert alone.signals == ("errors", "failures")
    assert replace(alone, terms=Terms(checks=Checks(errors=False))).signals == ("failures",)
