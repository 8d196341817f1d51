"""Which metrics each signal is made of, and what the static limits say of theirs. Pure.

`errors`: Lambda's Errors of its Invocations. `failures`: what the service itself calls failed of its requests or
records (docs/signals.md has the contract). `timeouts` and `slow`: Lambda's Durations above a threshold; Lambda reports
a timed-out invocation with its timeout as Duration and has no metric of its own for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.aws.metrics import Series
from pipeline.release.model import ALIAS, Rollout
from pipeline.release.terms import Limit

OWN_NAMESPACE = "crabwalk"
TRAFFIC = "errors"  # the signal every invocation is counted in

Values = Mapping[Series, Mapping[float, float]]


@dataclass(frozen=True)
class Side:
    """How many there were and how many of them were bad."""

    n: Series
    bad: Series


@dataclass(frozen=True)
class Source:
    """The series of one signal; `alias` is both versions together, where such a series exists."""

    canary: Side
    baseline: Side
    alias: Side | None

    @property
    def series(self) -> tuple[Series, ...]:
        """All of them."""
        sides = (self.canary, self.baseline, *((self.alias,) if self.alias else ()))
        return tuple(one for side in sides for one in (side.n, side.bad))


def sources(rollout: Rollout) -> dict[str, Source]:
    """What is read for each signal that is judged in the current step, and for the traffic in any case."""
    names = dict.fromkeys((TRAFFIC, *rollout.checks.signals))
    return {name: _source(rollout, name) for name in names}


def series_of(rollout: Rollout) -> tuple[Series, ...]:
    """Every series that is read for a rollout, each once."""
    signals = (one for source in sources(rollout).values() for one in source.series)
    limits = (_limited(rollout, limit) for limit in rollout.checks.limits)
    return tuple(dict.fromkeys((*signals, *limits, throttles(rollout))))


def throttles(rollout: Rollout) -> Series:
    """The calls of the alias that Lambda turned away (429). They are no invocations, and of no version."""
    return Series(rollout.function, ALIAS, None, "Throttles")


def throttled(rollout: Rollout, values: Values, end: float) -> int:
    """How many calls were turned away in the complete periods of the walk; `end` is the end of the last one."""
    points = values.get(throttles(rollout), {})
    start = rollout.step_starts[0] if rollout.step_starts else end
    return round(sum(count for at, count in points.items() if start <= at and at + rollout.period_s <= end))


def broken(rollout: Rollout, values: Values, end: float) -> tuple[str, ...]:
    """A sentence for each static limit that a complete period of the walk is beyond, the first such period each.

    `end` is the end of the last complete period. A period without a value breaks no limit. Limits of a step alone are
    held against that step's periods.
    """
    if not 0 <= rollout.step < len(rollout.steps) or not rollout.step_starts:
        return ()
    start = rollout.step_starts[0 if rollout.steps[rollout.step].checks is None else -1]
    found = []
    for limit in rollout.checks.limits:
        points = values.get(_limited(rollout, limit), {})
        said = (_beyond(limit, at, points[at]) for at in sorted(points) if start <= at and at + rollout.period_s <= end)
        found.append(next((one for one in said if one), ""))
    return tuple(one for one in found if one)


def _source(rollout: Rollout, name: str) -> Source:
    def side(version: str | None) -> Side:
        if name == "failures":
            requests, failures = ("Requests", "Failures")
            return Side(
                Series(rollout.function, ALIAS, version, requests, namespace=OWN_NAMESPACE),
                Series(rollout.function, ALIAS, version, failures, namespace=OWN_NAMESPACE),
            )
        invocations = Series(rollout.function, ALIAS, version, "Invocations")
        if name == TRAFFIC:
            return Side(invocations, Series(rollout.function, ALIAS, version, "Errors"))
        above = _above(_threshold_ms(rollout, name))
        return Side(invocations, Series(rollout.function, ALIAS, version, "Duration", above))

    # The embedded metric format of the contract has the dimensions of a version only.
    whole = None if name == "failures" else side(None)
    return Source(side(rollout.candidate), side(rollout.stable), whole)


def _threshold_ms(rollout: Rollout, name: str) -> float:
    """Durations above it are bad. A trimmed count leaves out its lower bound, and a timeout is just at the limit."""
    if name == "timeouts":
        return rollout.timeout_s * 1000.0 - 1.0
    return rollout.checks.slow_ms or 0.0


def _above(threshold_ms: float) -> str:
    """CloudWatch's statistic: how many values were above."""
    return f"TC({threshold_ms:.6f}".rstrip("0").rstrip(".") + ":)"


def _limited(rollout: Rollout, limit: Limit) -> Series:
    own = tuple(sorted(limit.dimensions))
    return Series(rollout.function, ALIAS, None, limit.metric, limit.statistic, limit.namespace, own)


def _beyond(limit: Limit, at: float, value: float) -> str:
    """The sentence, or nothing where the value is within the limit."""
    if limit.above is not None and value > limit.above:
        side, edge = "above", limit.above
    elif limit.below is not None and value < limit.below:
        side, edge = "below", limit.below
    else:
        return ""
    whose = "".join(f", {name} {text}" for name, text in limit.dimensions)
    when = f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"
    return f"{limit.statistic} of {limit.metric} ({limit.namespace}{whose}) was {value:g} at {when}, {side} {edge:g}"
