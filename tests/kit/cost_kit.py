"""What a walk asks of AWS, counted: one in memory with production's periods, looked at as production's is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import engine_kit
import release_kit as values
from boundary_kit import Call, boundary
from cloud_kit import FUNCTION, Cloud, metrics

from pipeline.release.ledger.lease import Lease
from pipeline.release.model import StepSpec
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import tick

MINUTES = 10
STEPS = (StepSpec(0.1, MINUTES * 60), StepSpec(0.5, MINUTES * 60))


def counted() -> tuple[Counter[str], float]:
    """Calls by operation, metrics asked for as `metrics`, of a walk of two steps to its promotion; and its seconds.

    What is asked of the lease is not among them: it goes by the real clock.
    """
    start = 1_800_000_000.0
    cloud = Cloud(start + 0.5)
    cloud.versions.add("2")
    env = replace(cloud.environment(), period_s=60, lag_s=120, lease_s=60, tick_s=15.0)
    found: Counter[str] = Counter()

    def answer(call: Call) -> Any:
        if not str((call.params or {}).get("Key")).endswith("/lease.json"):
            found[call.operation] += 1
        found["metrics"] += len((call.params or {}).get("MetricDataQueries", ()))
        if call.operation == "GetMetricData":
            return metrics(engine_kit.traffic(), call.params)
        return cloud.answer(call)

    rollout = replace(
        values.FRESH, function=FUNCTION, started=start, steps=STEPS, deadline_s=7200, period_s=60, lag_s=120
    )
    engine = Engine(env, now=lambda: cloud.at)
    holding = Lease(engine.objects, "hello", ttl_s=env.lease_s, doing="a walk")
    with boundary(answer), holding.acquire(lambda _: None) as lease:
        record = engine.begin(engine.ledger.service("hello"), rollout)
        walks = (Walk(record, record.rollout or rollout, lease),)
        while not walks[0].finished:
            walks = tick(engine, walks)
            cloud.at += env.tick_s
    assert walks[0].rollout.phase == "promoted", walks[0].decision
    return found, cloud.at - start
