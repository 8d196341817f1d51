"""Two services of one group in a cloud of their own, and the processes that release them: they die where a test says.

The second one's promotion can be refused while its requests begin to fail: the first has all traffic by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import engine_kit
import release_kit as values
from boundary_kit import Call, boundary, refusal
from cloud_kit import Cloud, metrics

from pipeline.release.ledger.leases import Leases
from pipeline.release.model import ALIAS, StepSpec
from pipeline.release.terms import Terms
from pipeline.release.verbs.watchdog import Watchdog
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import run

NAMES = ("cart", "shop")
TTL_S, TICK_S = 60.0, 4.0
STEPS = (StepSpec(0.1, 3), StepSpec(0.5, 3))
BOTH = Terms(together="both")


@dataclass
class Pair:
    """Functions named as their services, both at version 1; `refuses`: how often the last one's promotion fails."""

    refuses: int = 0
    bad: set[str] = field(default_factory=set)
    at: float = values.START + 0.5
    moves: list[tuple[str, str, str]] = field(default_factory=list)  # every accepted write: process, function, version

    def __post_init__(self) -> None:
        self.clouds = {name: Cloud(self.at, versions={"1", "2"}) for name in NAMES}
        for cloud in self.clouds.values():
            cloud.things = self.clouds[NAMES[0]].things
        self.env = self.clouds[NAMES[0]].environment()

    def answer(self, call: Call) -> Any:
        """As the cloud of the function that is named; S3 is both's."""
        params = call.params
        if call.operation == "GetMetricData":
            return {"MetricDataResults": [self._numbers(one, params) for one in params["MetricDataQueries"]]}
        name = params.get("FunctionName", NAMES[0])
        for cloud in self.clouds.values():
            cloud.at = self.at
        if call.operation == "UpdateAlias" and (name, params["FunctionVersion"]) == (NAMES[1], "2") and self.refuses:
            self.refuses -= 1
            self.bad.add(name)
            raise refusal("UpdateAlias", 429, "TooManyRequestsException")
        return self.clouds[name].answer(call)

    def _numbers(self, query: Any, params: Any) -> Any:
        sizes = {one["Name"]: one["Value"] for one in query["MetricStat"]["Metric"]["Dimensions"]}
        of = engine_kit.traffic(bad=0.5 if sizes["FunctionName"] in self.bad else 0.0)
        return metrics(of, {**params, "MetricDataQueries": [query]})["MetricDataResults"][0]

    def seen(self, by: str, call: Call, answer: Any) -> None:
        if call.operation == "UpdateAlias":
            self.moves.append((by, call.params["FunctionName"], str(answer["FunctionVersion"])))

    @contextmanager
    def standing(self) -> Iterator[Pair]:
        with boundary(self.answer, self.seen):
            yield self

    def engine(self) -> Engine:
        return Engine(self.env, now=lambda: self.at)

    def wait(self, seconds: float) -> None:
        self.at += seconds

    def tick(self, _seconds: float) -> None:
        self.wait(TICK_S)

    def phases(self) -> list[str]:
        found = (self.engine().ledger.service(name).rollout for name in NAMES)
        return [rollout.phase if rollout is not None else "" for rollout in found]


def deploy(pair: Pair) -> None:
    """What a deploy does of a group whose versions are published: take over what is under way, begin what is not."""
    engine, walks, over = pair.engine(), [], []
    leases = Leases(engine.objects, ttl_s=TTL_S, doing="a test", say=lambda _: None)
    try:
        for name in NAMES:
            leases.take(name)
            record = engine.ledger.service(name)
            if record.under_way is not None:
                record = engine.take_over(record, record.under_way, leases[name])
            elif record.rollout is None:
                revision = engine.functions.alias(name, ALIAS).revision
                fresh = replace(values.FRESH, service=name, function=name, release_id=f"release-{name}", steps=STEPS)
                record = engine.begin(record, replace(fresh, terms=BOTH, revision=revision, started=pair.at))
            if record.under_way is not None:
                walks.append(Walk(record, record.under_way, leases[name]))
            elif record.rollout is not None:
                over.append(record.rollout)
        run(engine, walks, lambda _: None, pair.tick, beside=over)
    finally:
        leases.release()


def patrol(pair: Pair) -> None:
    """What the watchdog does."""
    Watchdog(pair.engine(), once=False, limit_s=3600, say=lambda _: None, pause=pair.tick).patrol()


Follow = Callable[[Pair], None]
