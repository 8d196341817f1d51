"""What a walk can find is said with the service's own traffic, or why it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.aws.metrics import Series
from pipeline.errors import AwsError
from pipeline.release.decide.outlook import HOUR_S, WEEK_S, Fine, outlook
from pipeline.release.model import StepSpec
from pipeline.release.terms import Pace

NOW = 278.0 * HOUR_S - 1.0
STEPS = (StepSpec(0.1, 600), StepSpec(0.5, 600))


class Hours:
    """Every hour of the last week has this many requests, and errors."""

    def __init__(self, requests: float, errors: float, hours: int = 168) -> None:
        self.counts, self.hours = {"Invocations": requests, "Errors": errors}, hours

    def read(self, series: Any, start: float, end: float, *, period_s: int) -> Mapping[Series, Mapping[float, float]]:
        assert (end - start, period_s) == (WEEK_S, HOUR_S)
        stamps = [end - HOUR_S * (index + 1) for index in range(self.hours)]
        return {one: dict.fromkeys(stamps, self.counts[one.metric]) if self.hours else {} for one in series}


def told(metrics: Any, steps: tuple[StepSpec, ...] = STEPS) -> tuple[str, ...]:
    return outlook(metrics, "hello", steps, 2, NOW)


def test_a_busy_service_is_told_what_each_step_finds() -> None:
    first, *steps = told(Hours(600_000, 600))
    assert first == "at its traffic of last week, 10,000 requests a minute on average:"
    assert [one.partition(":")[0] for one in steps] == ["step 1 (10 %, 10 min)", "step 2 (50 %, 10 min)"]


def test_a_service_that_is_young_is_not_averaged_over_a_week_it_did_not_live() -> None:
    young = told(Hours(6_000, 0, hours=2))[0]
    assert young == "at its traffic of the last 2 h, all it ever had, 100 requests a minute on average:"


def test_probes_are_traffic_too() -> None:
    first, *_ = outlook(Hours(0, 0, hours=0), "hello", STEPS, 2, NOW, probes=600.0)  # type: ignore[arg-type]
    assert first.endswith("0 requests a minute on average and 600 probes:")


def test_no_traffic_no_steps_and_no_metrics_are_said() -> None:
    assert "no traffic last week" in told(Hours(0, 0, hours=0))[0]
    assert told(Hours(1, 0), ()) == ()

    class Away:
        def read(self, *_: object, **__: object) -> None:
            raise AwsError("could not read CloudWatch metrics: 503")

    assert told(Away()) == ("its traffic of last week could not be read: could not read CloudWatch metrics: 503",)


def test_by_the_second_it_says_how_far_behind_and_how_soon_it_goes_back() -> None:
    fine = Fine(Pace(1, 10), timeout_s=3, tick_s=5.0)
    *_, behind, first, second = outlook(Hours(360_000, 0), "hello", STEPS, 2, NOW, fine=fine)  # type: ignore[arg-type]
    assert behind == "by the second: 13 s behind (timeout 3 s, its lines 10 s)"
    assert first.startswith("step 1 (10 %): an outage after about 19 s and 5 points more after about ")
    soon = [int(one.split("5 points more after about ")[1].split()[0]) for one in (first, second)]
    assert 22 <= soon[1] < soon[0] <= 40
    *_, quiet = outlook(Hours(1, 0), "hello", STEPS, 2, NOW, fine=fine)  # type: ignore[arg-type]
    assert "5 points more after no time that helps of traffic" in quiet
