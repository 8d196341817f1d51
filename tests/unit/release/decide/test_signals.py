"""What each signal is made of, when it is judged and how it is told; static limits of any metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

from observe_kit import values
from release_kit import START, saw, walking

from pipeline.aws.metrics import Series
from pipeline.release.decide.decision import Observation
from pipeline.release.decide.evidence import weigh
from pipeline.release.decide.observe import broken, minutes
from pipeline.release.decide.signals import series_of, sources, throttled, throttles
from pipeline.release.judge.judge import Counts
from pipeline.release.model import Rollout, StepSpec
from pipeline.release.terms import Checks, Limit, Terms

FAR = START + 10_000


def test_what_each_signal_is_made_of() -> None:
    checks = Checks(timeouts=True, slow_ms=250.5)
    rollout = walking(terms=Terms(checks=checks), timeout_s=60)
    found = {name: source.canary for name, source in sources(rollout).items()}
    assert {name: (str(side.n), side.bad.metric, side.bad.statistic) for name, side in found.items()} == {
        "errors": ("Invocations of shop-local-hello:live version 2", "Errors", "Sum"),
        "failures": ("Requests of shop-local-hello:live version 2", "Failures", "Sum"),
        "timeouts": ("Invocations of shop-local-hello:live version 2", "Duration", "TC(59999:)"),
        "slow": ("Invocations of shop-local-hello:live version 2", "Duration", "TC(250.5:)"),
    }
    assert {name: side.bad.namespace for name, side in found.items() if side.bad.namespace != "AWS/Lambda"} == {
        "failures": "crabwalk"
    }
    assert len(series_of(rollout)) == 6 + 4 + 3 + 3 + 1  # invocations are read once; and the throttles
    assert len(series_of(walking())) == 6 + 4 + 1
    assert len(series_of(walking(terms=Terms(checks=Checks(errors=False, failures=False))))) == 6 + 1


def test_a_step_looks_at_its_own_checks() -> None:
    steps = (StepSpec(0.1, 10), StepSpec(0.5, 10, checks=Checks(slow_ms=900)))
    assert "slow" not in sources(walking(0, steps=steps))
    assert sources(walking(1, steps=steps))["slow"].baseline.bad.statistic == "TC(900:)"


def test_each_signal_ends_where_its_own_numbers_do() -> None:
    rollout = walking()
    steady = {START + t: 10.0 for t in range(-60, 11)}
    found = {
        **values(rollout, own_n=steady, canary_n=steady),
        **values(rollout, "failures", own_n=steady, canary_n=steady, canary_bad={START + 6: None}),
    }
    ends = {name: rows[-1].t for name, rows in minutes(rollout, found, START + 14).items()}
    assert ends == {"errors": START + 9, "failures": START + 5}


def test_the_history_of_failures_is_the_old_versions_own() -> None:
    past = {START - 2: 50.0, START: 50.0}
    found = values(walking(), "failures", own_n=past, own_bad={START - 2: 5.0})
    rows = {row.t: row.baseline for row in minutes(walking(), found, START + 30)["failures"]}
    assert (rows[START - 2], rows[START - 1]) == (Counts(50, 5), Counts(0, 0))


def test_a_function_that_may_last_a_minute_is_judged_a_minute_later() -> None:
    """Its only fault is that it times out: Lambda stamps that at the start and tells it at the end."""
    start = 1_200_000.0
    rollout = walking(period_s=60, lag_s=120, timeout_s=60, step_starts=(start,), steps=(StepSpec(0.1, 600),))
    rollout = replace(rollout, terms=Terms(checks=Checks(timeouts=True)))

    def told(now: float) -> dict[Series, Mapping[float, float]]:
        """What CloudWatch has at `now`: the quick requests after two minutes, those that time out a minute later."""
        found: dict[str, dict[float, float]] = {name: {} for name in ("canary_n", "own_n", "bad", "own_bad")}
        for t in range(-60, 60):
            at = start + 60 * t
            quick, slow = at + 60 + 120 <= now, at + 60 + 60 + 120 <= now
            found["own_n"] |= {at: 90.0} if quick else {}
            found["own_bad"] |= {at: 0.0} if quick else {}
            found["canary_n"] |= {at: 10.0 if slow else 4.0} if quick and t >= 0 else {}
            found["bad"] |= {at: 6.0 if slow else 0.0} if quick and t >= 0 else {}
        sides = {"canary_n": found["canary_n"], "canary_bad": found["bad"]}
        own = {"own_n": found["own_n"], "own_bad": found["own_bad"], "alias_n": found["own_n"]}
        return {**values(rollout, **sides, **own), **values(rollout, "timeouts", **sides, **own)}

    first = None
    for second in range(0, 600, 5):
        now = start + second
        rows = minutes(rollout, told(now), now)
        walked = [row for name in ("errors", "timeouts") for row in rows[name] if row.step == 0]
        assert all(row.canary == Counts(10, 6) for row in walked)  # never the four that were quick
        assert all(row.t + 60 + 60 + 120 <= now for row in walked)
        verdict = weigh(rollout, Observation(SimpleNamespace(), rows)).verdict  # type: ignore[arg-type]
        if first is None and verdict.outcome == "FAIL":
            first = (second, verdict.sentence)
    assert first is not None
    # whole minutes, each at its end plus the function's timeout plus CloudWatch's lag
    assert first[0] >= 60 + 60 + 120
    assert (first[0] - 60 - 120) % 60 == 0
    assert "timed out" in first[1] or "failed" in first[1]


# signals that are not given


def test_a_signal_that_the_old_version_never_gave_is_said_and_not_judged() -> None:
    rollout = walking()
    steady = {START + t: 20.0 for t in range(-60, 20)}
    for told in ({}, {START + t: 20.0 for t in range(20)}):  # by nobody; by the new version only
        found = {**values(rollout, own_n=steady, canary_n=steady), **values(rollout, "failures", canary_n=told)}
        seen = Observation(SimpleNamespace(), minutes(rollout, found, START + 24))  # type: ignore[arg-type]
        evidence = weigh(rollout, seen)
        assert (evidence.verdict.outcome, evidence.silent, list(evidence.signals)) == (
            "PASS",
            ("failures",),
            ["errors"],
        )


def test_a_signal_that_the_new_version_lost_goes_nowhere() -> None:
    rollout = walking()
    steady = {START + t: 20.0 for t in range(-60, 20)}
    found = {**values(rollout, own_n=steady, canary_n=steady), **values(rollout, "failures", own_n=steady)}
    evidence = weigh(rollout, Observation(SimpleNamespace(), minutes(rollout, found, START + 24)))  # type: ignore[arg-type]
    assert (evidence.verdict.outcome, evidence.verdict.reason, evidence.check) == (
        "INCONCLUSIVE",
        "no data",
        "failures",
    )
    assert evidence.verdict.sentence == (
        "version 2 served 400 requests and gave no `failures` of them, as the old one does; "
        "`checks: {failures: false}` does without"
    )


def test_a_signal_that_is_only_late_is_waited_for() -> None:
    rollout = walking()
    steady = {START + t: 20.0 for t in range(20)}  # nothing was asked before the walk
    found = values(rollout, own_n=steady, canary_n=steady)
    seen = Observation(SimpleNamespace(), minutes(rollout, found, START + 8))  # type: ignore[arg-type]
    assert weigh(rollout, seen).silent == ()
    later = Observation(SimpleNamespace(), minutes(rollout, found, START + 14))  # type: ignore[arg-type]
    assert weigh(rollout, later).silent == ("failures",)


def test_failures_that_lambda_takes_for_successes_fail_the_walk() -> None:
    rollout = walking()
    steady = {START + t: 40.0 for t in range(-60, 20)}
    bad = {START + t: 12.0 for t in range(20)}
    own = values(rollout, "failures", own_n=steady, canary_n=steady, canary_bad=bad)
    found = {**values(rollout, own_n=steady, canary_n=steady), **own}
    evidence = weigh(rollout, Observation(SimpleNamespace(), minutes(rollout, found, START + 12)))  # type: ignore[arg-type]
    assert (evidence.verdict.outcome, evidence.check) == ("FAIL", "failures")
    assert evidence.signals["errors"].outcome != "FAIL"


def test_slow_requests_are_told_as_such() -> None:
    rollout = walking(terms=Terms(checks=Checks(slow_ms=250)))
    steady = {START + t: 40.0 for t in range(-60, 20)}
    slow = values(rollout, "slow", own_n=steady, canary_n=steady, canary_bad={START + t: 20.0 for t in range(20)})
    found = {**values(rollout, own_n=steady, canary_n=steady), **slow}
    evidence = weigh(rollout, Observation(SimpleNamespace(), minutes(rollout, found, START + 12)))  # type: ignore[arg-type]
    assert (evidence.verdict.outcome, evidence.check) == ("FAIL", "slow")
    assert "to version 2, 160 took longer than 250 ms" in evidence.verdict.sentence


# static limits

LOST = Limit("shop", "Lost", (("Queue", "orders"),), "Sum", above=3.0)


def limited(*limits: Limit, own: bool = False) -> Rollout:
    checks = Checks(limits=limits)
    steps = (StepSpec(0.1, 10), StepSpec(0.5, 10, checks=checks if own else None))
    return walking(1, steps=steps, terms=Terms(checks=Checks() if own else checks))


def test_the_first_complete_period_beyond_a_limit_is_told() -> None:
    rollout = limited(LOST)
    (series,) = (one for one in series_of(rollout) if one.own is not None)
    assert (series.namespace, series.dimensions()) == ("shop", [{"Name": "Queue", "Value": "orders"}])
    points = {START - 1: 50.0, START: 3.0, START + 4: 7.0, START + 5: 9.0, START + 30: 99.0}
    said = broken(rollout, {series: points}, START + 34)
    assert said == ("Sum of Lost (shop, Queue orders) was 7 at 13:46:44 UTC, above 3",)
    assert broken(rollout, {series: {START - 1: 50.0, START + 30: 99.0}}, START + 34) == ()
    assert broken(rollout, {}, FAR) == ()
    seen = saw(SimpleNamespace(), (), broken=said)  # type: ignore[arg-type]
    assert (weigh(rollout, seen).failed, weigh(rollout, seen).fault) == (True, said[0])


def test_a_limit_may_be_below_and_of_one_step() -> None:
    rollout = limited(replace(LOST, above=None, below=10.0, dimensions=()), own=True)
    (series,) = (one for one in series_of(rollout) if one.own is not None)
    points = {START + t: 0.0 for t in range(20)}
    assert broken(rollout, {series: points}, FAR) == ()  # of the step before
    said = broken(rollout, {series: {**points, START + 21: 9.5}}, FAR)
    assert said == ("Sum of Lost (shop) was 9.5 at 13:47:01 UTC, below 10",)


def test_throttled_calls_are_counted_in_the_complete_periods_of_the_walk() -> None:
    rollout = walking()
    points = {START - 1: 5.0, START: 2.0, START + 1: 0.0, START + 3: 4.0, START + 9: 8.0}
    seen = {throttles(rollout): points}
    assert str(throttles(rollout)) == "Throttles of shop-local-hello:live"
    assert throttled(rollout, seen, START + 9.5) == 6
    assert throttled(rollout, seen, START + 10) == 14
    assert throttled(walking(-1, step_starts=()), seen, FAR) == 0
    assert throttled(rollout, {}, FAR) == 0
