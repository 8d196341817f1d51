"""Several signals are judged with one alpha and joined; alarms and limits decide; what nobody emits is not judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from release_kit import BAD, GOOD, SILENT, own_alias, periods, walking

from pipeline.release.decide.decision import Observation
from pipeline.release.decide.evidence import ALPHA, Evidence, weigh
from pipeline.release.judge.judge import Minute
from pipeline.release.model import Rollout, StepSpec
from pipeline.release.terms import Checks, Terms

ALL = Checks(timeouts=True, slow_ms=500.0, alarms=("old", "new"))


def weighed(rollout: Rollout, rows: dict[str, tuple[Minute, ...]], **more: Any) -> Evidence:
    return weigh(rollout, Observation(own_alias(rollout), rows, **more))


def test_any_signal_fails_the_walk_and_is_named() -> None:
    rollout = walking(terms=Terms(checks=ALL))
    rows = {"errors": periods(10, *GOOD), "failures": periods(10, *BAD), "slow": periods(10, *GOOD)}
    found = weighed(rollout, rows)
    assert (found.failed, found.check, found.verdict.outcome) == (True, "failures", "FAIL")
    assert {name: one.outcome for name, one in found.signals.items()} == {
        "errors": "PASS",
        "failures": "FAIL",
        "slow": "PASS",
    }


def test_alpha_is_shared_among_what_was_declared_up_front() -> None:
    alone = weighed(walking(terms=Terms(checks=Checks(failures=False))), {"errors": periods(5, *GOOD)})
    four = weighed(walking(terms=Terms(checks=ALL)), {"errors": periods(5, *GOOD)})
    assert alone.verdict.limit == pytest.approx(1 / ALPHA)
    assert four.verdict.limit == pytest.approx(4 / ALPHA)


def test_a_step_s_own_checks_share_alpha_with_the_walk_s() -> None:
    slow = Checks(errors=False, failures=False, slow_ms=100.0)
    rollout = walking(steps=(StepSpec(0.1, 10), StepSpec(0.5, 10, checks=slow)))
    assert rollout.signals == ("errors", "failures", "slow")
    assert rollout.checks == Checks()
    assert replace(rollout, step=1).checks == slow
    assert walking(steps=(StepSpec(0.1, 10, checks=slow),)).signals == ("slow",)


def test_a_signal_that_neither_version_ever_gave_is_not_judged() -> None:
    found = weighed(walking(), {"errors": periods(10, *GOOD), "failures": periods(10, *SILENT)})
    assert (found.verdict.outcome, set(found.signals)) == ("PASS", {"errors"})
    stopped = weighed(walking(), {"errors": periods(10, *GOOD), "failures": periods(10, (0, 0), (90, 0))})
    assert (stopped.verdict.outcome, stopped.verdict.reason, stopped.check) == ("INCONCLUSIVE", "no data", "failures")


def test_without_any_signal_a_version_must_still_be_served() -> None:
    nothing = Terms(checks=Checks(errors=False, failures=False))
    assert weighed(walking(terms=nothing), {"errors": periods(10, *BAD)}).verdict.outcome == "PASS"
    assert weighed(walking(terms=nothing), {"errors": periods(10, *SILENT)}).verdict.reason == "no data"


def test_an_alarm_counts_unless_it_rang_before_the_walk() -> None:
    rollout = walking(terms=Terms(checks=ALL), ringing=("old",))
    rows = {"errors": periods(3, *GOOD)}
    assert not weighed(rollout, rows, alarms=("old",)).failed
    found = weighed(rollout, rows, alarms=("old", "new"))
    assert (found.failed, found.check, found.fault) == (True, "alarm new", "alarm `new` rings since the walk began")
    blind = weighed(rollout, rows, alarms=("new",), metrics_error="CloudWatch is away")
    assert (blind.failed, blind.verdict.reason) == (True, "metrics unavailable")


def test_a_broken_limit_fails_the_walk() -> None:
    found = weighed(walking(), {"errors": periods(3, *GOOD)}, broken=("Lost of shop was 3, more than 0",))
    assert (found.failed, found.check, found.fault) == (True, "limit", "Lost of shop was 3, more than 0")


def test_a_step_s_own_number_of_requests_is_a_floor_for_that_step() -> None:
    rollout = walking(steps=(StepSpec(0.1, 10, min_requests=101), StepSpec(0.5, 10)))
    found = weighed(rollout, {"errors": periods(10, *GOOD)}).verdict
    assert (found.outcome, found.reason) == ("INCONCLUSIVE", "low traffic")
    assert found.sentence == "version 2 answered 100 requests in this step; too few to decide, 101 are required"
    enough = replace(rollout, steps=(StepSpec(0.1, 10, min_requests=100), StepSpec(0.5, 10)))
    assert weighed(enough, {"errors": periods(10, *GOOD)}).verdict.outcome == "PASS"


def test_throttled_calls_are_named_beside_the_verdict_and_decide_nothing() -> None:
    for rows, outcome in ((GOOD, "PASS"), (BAD, "FAIL"), (SILENT, "INCONCLUSIVE")):
        plain = weighed(walking(), {"errors": periods(10, *rows)})
        beside = weighed(walking(), {"errors": periods(10, *rows)}, throttled=1_200)
        assert (plain.verdict.outcome, beside.verdict.outcome) == (outcome, outcome)
        said = "1,200 calls throttled (429), which counts for neither version"
        assert beside.verdict.sentence == f"{plain.verdict.sentence}; {said}"
        assert replace(beside.verdict, sentence="") == replace(plain.verdict, sentence="")
    one = weighed(walking(), {"errors": periods(10, *GOOD)}, throttled=1)
    assert one.verdict.sentence.endswith("; 1 call throttled (429), which counts for neither version")
    blind = weighed(walking(), {}, metrics_error="503", throttled=3)
    assert "throttled" not in blind.verdict.sentence
