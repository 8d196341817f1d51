"""Real versions on real traffic, judged by what each signal sees: failures that Lambda misses, slowness, timeouts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import edge_kit as kit
import engine_kit
import pytest
import release_kit as values

from pipeline import local
from pipeline.aws.metrics import Metrics, Series
from pipeline.local.traffic import Traffic
from pipeline.release.decide import observe
from pipeline.release.decide.signals import sources
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import ALIAS, StepSpec
from pipeline.release.terms import Checks, Limit, Terms
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import run

# A service that does not use rust_shared and keeps to the contract of docs/signals.md.
SERVICE = """
import random
def told(arn, failures):
    names = ["FunctionName", "Resource", "ExecutedVersion"]
    metrics = [{{"Name": name, "Unit": "Count"}} for name in ("Requests", "Failures")]
    directive = {{"Namespace": "crabwalk", "Dimensions": [names], "Metrics": metrics}}
    function, alias = arn.split(":")[6:8]
    values = {{"FunctionName": function, "Resource": function + ":" + alias, "ExecutedVersion": VERSION}}
    header = {{"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}}
    say(json.dumps({{"_aws": header, "Requests": 1, "Failures": failures, **values}}))
def handle(event, arn):
    unlucky = random.random() < {share}
    if unlucky:
        time.sleep({sleep})
    status = {status} if unlucky else 200
    told(arn, int(status >= 500))
    return {{"statusCode": status, "body": ""}}
def after(event):
    pass
"""


def service(*, share: float = 0.0, sleep: float = 0.0, status: int = 200) -> bytes:
    return kit.package(SERVICE.format(share=share, sleep=sleep, status=status))


@dataclass
class Place:
    """A function with versions 1 (good) and 2, its alias on version 1, and a controller with AWS's own clock."""

    running: local.Running
    name: str

    def make(self, candidate: bytes, *, timeout_s: int) -> None:
        self.timeout_s = timeout_s
        functions = kit.client(self.running, "lambda")
        kit.create(functions, self.name, service(), Timeout=timeout_s)
        functions.publish_version(FunctionName=self.name)
        functions.update_function_code(FunctionName=self.name, ZipFile=candidate)
        kit.settle(functions, self.name)
        functions.publish_version(FunctionName=self.name)
        made = functions.create_alias(FunctionName=self.name, Name=ALIAS, FunctionVersion="1")
        self.url = local.api_url(self.running.endpoint, kit.http_api(self.running, made["AliasArn"]))
        self.engine = Engine(engine_kit.environment(self.running))

    def walk(self, checks: Checks, **changes: Any) -> Walk:
        """Half of the traffic for eight seconds, then all; to its end."""
        rollout = replace(
            values.FRESH,
            service=self.name,
            function=self.name,
            started=self.engine.now(),
            steps=(StepSpec(0.5, 8),),
            min_requests=20,
            deadline_s=40,
            timeout_s=self.timeout_s,
            terms=Terms(checks=checks),
        )
        rollout = replace(rollout, **changes)
        with Lease(self.engine.objects, self.name, ttl_s=8, doing="a test").acquire(lambda _: None) as lease:
            record = self.engine.begin(self.engine.ledger.service(self.name), rollout)
            (walk,) = run(self.engine, [Walk(record, rollout, lease)], lambda _views: None)
        return walk

    def total(self, walk: Walk, version: str, metric: str, namespace: str = "AWS/Lambda") -> float:
        series = Series(self.name, ALIAS, version, metric, namespace=namespace)
        found = Metrics(self.engine.env).read([series], walk.rollout.started - 60, time.time() + 1)
        return sum(found[series].values())


@pytest.fixture
def place(embedded: local.Running, namespace: str) -> Place:
    return Place(embedded, namespace)


@contextmanager
def calling(place: Place, rate: float) -> Iterator[Traffic]:
    with Traffic(place.url, rate=rate) as traffic:
        engine_kit.until(lambda: traffic.sent > 5)
        yield traffic


def test_answers_of_500_that_nobody_raised_are_rolled_back(place: Place) -> None:
    place.make(service(share=0.5, status=500), timeout_s=2)
    with calling(place, 80) as traffic:
        walk = place.walk(Checks())
    assert (walk.rollout.phase, walk.decision.check if walk.decision else "") == ("rolled-back", "failures")
    assert "that is not chance" in walk.rollout.sentence or "outage" in walk.rollout.sentence
    assert traffic.statuses[500] > 0
    assert [place.total(walk, version, "Errors") for version in "12"] == [0, 0]
    assert place.total(walk, "2", "Failures", "crabwalk") > 0
    assert place.total(walk, "1", "Failures", "crabwalk") == 0
    requests = place.total(walk, "1", "Requests", "crabwalk"), place.total(walk, "2", "Requests", "crabwalk")
    assert requests == (place.total(walk, "1", "Invocations"), place.total(walk, "2", "Invocations"))
    functions = kit.client(place.running, "lambda")
    alias = functions.get_alias(FunctionName=place.name, Name=ALIAS)
    assert (alias["FunctionVersion"], alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})) == ("1", {})


def test_a_version_that_became_slow_is_rolled_back(place: Place) -> None:
    place.make(service(share=0.7, sleep=0.8), timeout_s=2)
    with calling(place, 40):
        walk = place.walk(Checks(slow_ms=700))
    assert (walk.rollout.phase, walk.decision.check if walk.decision else "") == ("rolled-back", "slow")
    assert "took longer than 700 ms" in walk.rollout.sentence
    assert [place.total(walk, version, "Errors") for version in "12"] == [0, 0]


def test_a_version_whose_only_fault_is_that_it_times_out_is_judged_on_complete_periods_only(place: Place) -> None:
    place.make(service(share=0.6, sleep=5.0), timeout_s=2)
    looks: list[tuple[float, Mapping[str, Any]]] = []
    minutes = observe.minutes
    with calling(place, 20), pytest.MonkeyPatch.context() as patch:

        def noted(rollout: Any, found: Any, now: float, *rest: Any) -> Any:
            rows = minutes(rollout, found, now, *rest)
            looks.append((now, {name: [row for row in rows[name] if row.step == 0] for name in rows}))
            return rows

        patch.setattr(observe, "minutes", noted)
        walk = place.walk(Checks(errors=False, failures=False, timeouts=True))
    assert (walk.rollout.phase, walk.decision.check if walk.decision else "") == ("rolled-back", "timeouts")
    assert "timed out" in walk.rollout.sentence
    for now, rows in looks:
        assert all(row.t + 1 + 2 + 1 <= now for row in rows["timeouts"])  # its end, the timeout, CloudWatch's lag
    # what was judged is what there was in the end: no period was looked at before all of it had come
    final = minutes(
        walk.rollout, place.engine.metrics.read(_series(walk), walk.rollout.started - 60, time.time()), time.time()
    )
    for name in ("timeouts", "errors"):
        last = {row.t: row for row in final[name]}
        judged = [row for _, rows in looks for row in rows[name]]
        assert judged
        assert [row for row in judged if row != last[row.t]] == []


def _series(walk: Walk) -> Sequence[Series]:
    return [one for source in sources(walk.rollout).values() for one in source.series]


def test_an_invocation_that_times_out_counts_where_it_began(place: Place) -> None:
    place.make(service(share=1.0, sleep=9.0), timeout_s=2)
    functions = kit.client(place.running, "lambda")
    functions.update_alias(FunctionName=place.name, Name=ALIAS, FunctionVersion="2")
    engine_kit.until(lambda: time.time() % 1 < 0.2)
    began = int(time.time())
    answer = kit.invoke(functions, place.name, Qualifier=ALIAS)
    assert answer["FunctionError"] == "Unhandled"
    assert time.time() - began > 2
    sides = [Series(place.name, ALIAS, "2", "Errors"), Series(place.name, ALIAS, "2", "Duration", "TC(1999:)")]
    found = place.engine.metrics.read(sides, began - 5, began + 30)
    assert [found[one] for one in sides] == [{began: 1.0}, {began: 1.0}]


class Late:
    """CloudWatch that tells everything so many seconds late."""

    def __init__(self, metrics: Metrics, late_s: float, now: Callable[[], float]) -> None:
        self._metrics, self._late_s, self._now = metrics, late_s, now

    def read(self, series: Sequence[Series], start: float, end: float) -> Mapping[Series, Mapping[float, float]]:
        known = self._now() - self._late_s
        found = self._metrics.read(series, start, end)
        return {one: {at: value for at, value in points.items() if at < known} for one, points in found.items()}


def test_metrics_that_come_late_decide_nothing(place: Place) -> None:
    place.make(service(share=0.9, status=500), timeout_s=1)
    place.engine.metrics = Late(place.engine.metrics, 60, place.engine.now)  # type: ignore[assignment]
    with calling(place, 40):
        walk = place.walk(Checks(), steps=(StepSpec(0.5, 2),), deadline_s=6, on_inconclusive="hold")
    assert walk.decision is not None
    assert (walk.decision.kind, walk.rollout.step, walk.rollout.over) == ("hold", 0, False)
    verdict = walk.decision.verdict
    assert verdict is not None
    assert verdict.outcome == "INCONCLUSIVE"
    assert verdict.reason in {"no data", "metrics unavailable"}
    functions = kit.client(place.running, "lambda")
    weights = functions.get_alias(FunctionName=place.name, Name=ALIAS)["RoutingConfig"]["AdditionalVersionWeights"]
    assert weights == {"2": 0.5}


def test_a_static_limit_of_any_metric_ends_a_walk(place: Place) -> None:
    place.make(service(share=0.5, status=500), timeout_s=1)
    version = {"FunctionName": place.name, "Resource": f"{place.name}:{ALIAS}", "ExecutedVersion": "2"}
    limit = Limit("crabwalk", "Failures", tuple(version.items()), "Maximum", above=0.5)
    with calling(place, 40):
        walk = place.walk(Checks(errors=False, failures=False, limits=(limit,)))
    assert (walk.rollout.phase, walk.decision.check if walk.decision else "") == ("rolled-back", "limit")
    assert walk.rollout.sentence.startswith("Maximum of Failures (crabwalk, FunctionName ")
    assert walk.rollout.sentence.endswith(" UTC, above 0.5")
