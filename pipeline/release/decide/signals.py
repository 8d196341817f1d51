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
from pipeline.release.terms import TOLD, Limit, Pace

OWN_NAMESPACE = "crabwalk"
REQUESTS, FAILURES = "Requests", "Failures"  # docs/signals.md
TRAFFIC = "errors"  # the signal every invocation is counted in

Values = Mapping[Series, Mapping[float, float]]


@dataclass(frozen=True)
class Side:
    """How many there were and how many of them were bad."""

    n: Series
    bad: Series


@dataclass(frozen=True)
class Source:
    """The series of one signal; `alias` is both versions together, where such a series exists.

    `pace`: how they are counted. `coarse`: the same by the environment's own periods, where `pace` is finer.
    """

    canary: Side
    baseline: Side
    alias: Side | None
    pace: Pace
    coarse: Source | None = None

    @property
    def series(self) -> tuple[Series, ...]:
        """All of them."""
        sides = (self.canary, self.baseline, *((self.alias,) if self.alias else ()))
        own = tuple(one for side in sides for one in (side.n, side.bad))
        return (*own, *(self.coarse.series if self.coarse else ()))


def sources(rollout: Rollout) -> dict[str, Source]:
    """What is read for each signal that is judged in the current step, and for the traffic in any case."""
    names = dict.fromkeys((TRAFFIC, *rollout.checks.signals))
    return {name: _source(rollout, name) for name in names}


def series_of(rollout: Rollout) -> tuple[Series, ...]:
    """Every series that is read for a rollout, each once."""
    signals = (one for source in sources(rollout).values() for one in source.series)
    limits = (_limited(rollout, limit) for limit in rollout.checks.limits)
    return tuple(dict.fromkeys((*signals, *limits, throttles(rollout), *lines(rollout))))


def lines(rollout: Rollout) -> tuple[Series, ...]:
    """How often each version told of itself, the new one first, where that is counted by the second.

    A line is an invocation, whose version the alias drew; `Requests` may be a batch's records, which were drawn as one.
    """
    pace = rollout.terms.evidence
    if pace is None:
        return ()
    return tuple(
        Series(rollout.function, ALIAS, version, REQUESTS, "SampleCount", OWN_NAMESPACE, period_s=pace.period_s)
        for version in (rollout.candidate, rollout.stable)
    )


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
    if name == TOLD:
        return _told(rollout)

    def side(version: str | None) -> Side:
        invocations = Series(rollout.function, ALIAS, version, "Invocations")
        if name == TRAFFIC:
            return Side(invocations, Series(rollout.function, ALIAS, version, "Errors"))
        above = _above(_threshold_ms(rollout, name))
        return Side(invocations, Series(rollout.function, ALIAS, version, "Duration", above))

    return Source(side(rollout.candidate), side(rollout.stable), side(None), rollout.pace(name))


def _told(rollout: Rollout) -> Source:
    """What the service tells itself. The embedded metric format of the contract has a version's dimensions only."""

    def side(version: str, period_s: int | None) -> Side:
        return Side(
            *(
                Series(rollout.function, ALIAS, version, metric, namespace=OWN_NAMESPACE, period_s=period_s)
                for metric in (REQUESTS, FAILURES)
            )
        )

    def pair(period_s: int | None) -> tuple[Side, Side]:
        return side(rollout.candidate, period_s), side(rollout.stable, period_s)

    plain, fine = Source(*pair(None), None, Pace(rollout.period_s, rollout.lag_s)), rollout.terms.evidence
    return plain if fine is None else Source(*pair(fine.period_s), None, fine, plain)


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
