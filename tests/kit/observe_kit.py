"""CloudWatch's numbers of a walk as tests want them, and the rows that are made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pipeline.aws.metrics import Series
from pipeline.release.decide.observe import minutes
from pipeline.release.decide.signals import Values, sources
from pipeline.release.judge.judge import Minute
from pipeline.release.model import Rollout


def values(
    rollout: Rollout, signal: str = "errors", **series: Mapping[float, Any]
) -> dict[Series, Mapping[float, float]]:
    """Numbers of a signal for `canary_n`, `canary_bad`, `own_n`, `own_bad`, `alias_n`, `alias_bad`.

    As Lambda has it, every period with invocations has errors, if only 0; None takes them away.
    """
    found: list[Mapping[float, float]] = []
    for name in ("canary", "own", "alias"):
        n, bad = series.get(f"{name}_n", {}), series.get(f"{name}_bad", {})
        errors = {**dict.fromkeys(n, 0.0), **bad}
        found += [n, {t: count for t, count in errors.items() if count is not None}]
    return dict(zip(sources(rollout)[signal].series, found, strict=False))


def busy(rollout: Rollout, now: float) -> dict[float, float]:
    """A request in every period from long before the walk until now, so that nothing is silent."""
    first, last = (math.floor(at / rollout.period_s) for at in (rollout.step_starts[0], now))
    return {float(index * rollout.period_s): 1.0 for index in range(first - 70, last + 1)}


def rows_of(rollout: Rollout, found: Values, now: float) -> tuple[Minute, ...]:
    """The rows of the errors."""
    return minutes(rollout, found, now)["errors"]


def steps_of(rollout: Rollout, now: float, **series: Mapping[float, Any]) -> dict[int, list[float]]:
    """The periods' starts per step, of a service that is never without a request."""
    found: dict[int, list[float]] = {}
    series = {"own_n": busy(rollout, now), **series}
    for row in rows_of(rollout, values(rollout, **series), now):
        found.setdefault(row.step, []).append(row.t)
    return found
