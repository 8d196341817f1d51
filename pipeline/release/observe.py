"""From CloudWatch's numbers to the judge's rows. Pure but for `read`, which makes one call for all rollouts.

Lambda stamps a metric with the invocation's start and emits it at the end, so a period is complete only at its end
plus the function's timeout plus the environment's lag. Counts are recomputed from raw periods every time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

from pipeline.aws.alarms import Alarms
from pipeline.aws.metrics import Metrics, Series
from pipeline.errors import AwsError
from pipeline.release.judge import Counts, Minute
from pipeline.release.model import ALIAS, Rollout

HISTORY_PERIODS = 60

Values = Mapping[Series, Mapping[float, float]]


def complete_until(rollout: Rollout, now: float) -> float:
    """End of the last complete period."""
    period = rollout.period_s
    return math.floor((now - rollout.timeout_s - rollout.lag_s) / period) * period


def read(metrics: Metrics, rollouts: Sequence[Rollout], now: float) -> tuple[Values, str | None]:
    """Read the series of all rollouts in one call; an outage of the metrics is said, not raised."""
    walking = [rollout for rollout in rollouts if rollout.step >= 0]
    if not walking:
        return {}, None
    start = min(_history_start(rollout) for rollout in walking)
    end = max(complete_until(rollout, now) for rollout in walking)
    series = [one for rollout in walking for one in series_of(rollout)]
    if end <= start:
        return {}, None
    try:
        return metrics.read(series, start, end), None
    except AwsError as error:
        return {}, error.what


def ringing(alarms: Alarms, rollouts: Sequence[Rollout]) -> tuple[frozenset[str], str | None]:
    """Which of the alarms these rollouts look at ring now; that they cannot be read is said, not raised."""
    names = sorted({name for rollout in rollouts for name in rollout.alarms})
    try:
        return frozenset(name for name, state in alarms.states(names).items() if state == "ALARM"), None
    except AwsError as error:
        return frozenset(), error.what


def series_of(rollout: Rollout) -> tuple[Series, ...]:
    """Invocations and errors of both versions, and of the alias as a whole for the time before the walk."""
    return tuple(
        Series(rollout.function, ALIAS, version, metric)
        for version in (rollout.candidate, rollout.stable, None)
        for metric in ("Invocations", "Errors")
    )


def minutes(rollout: Rollout, values: Values, now: float) -> dict[str, tuple[Minute, ...]]:
    """The judge's rows of each signal: complete whole periods, those before the walk as step -1."""
    return {"errors": _rows(rollout, values, now)}


def _rows(rollout: Rollout, values: Values, now: float) -> tuple[Minute, ...]:
    """One signal's rows.

    A period in which a weight was written is left out: it mixes two splits. Before the walk the old version's own
    series is used, or the alias's where AWS emits none without weights. Lambda emits Errors with every invocation, if
    only a 0: where Invocations came without them the period is not complete, and the rows end before it.
    """
    if not rollout.step_starts:
        return ()
    period, end = rollout.period_s, complete_until(rollout, now)
    canary_n, canary_bad, own_n, own_bad, alias_n, alias_bad = (values.get(one, {}) for one in series_of(rollout))
    walk_start = rollout.step_starts[0]
    halves = (t for t in (*_halves(canary_n, canary_bad), *_halves(own_n, own_bad)) if t >= walk_start)
    end = min(end, min(halves, default=end))
    # The period of the first write is after the weights in part: it does not show that there were some before.
    split = any(stamp < math.floor(walk_start / period) * period for stamp in own_n)
    past_n, past_bad = (own_n, own_bad) if split else (alias_n, alias_bad)
    unknown = _halves(past_n, past_bad)
    rows = [
        Minute(t, -1, Counts(0, 0), _counts(past_n, past_bad, t))
        for t in _periods(_history_start(rollout), min(walk_start, end), period)
        if t not in unknown
    ]
    bounds = (*accumulate(rollout.step_starts, max), end)  # controllers' clocks may disagree
    for step in range(min(rollout.step + 1, len(rollout.steps))):
        rows.extend(
            Minute(t, step, _counts(canary_n, canary_bad, t), _counts(own_n, own_bad, t))
            for t in _periods(bounds[step], min(bounds[step + 1], end), period)
        )
    return tuple(rows)


def _history_start(rollout: Rollout) -> float:
    first = rollout.step_starts[0] if rollout.step_starts else rollout.started
    return math.floor(first / rollout.period_s) * rollout.period_s - HISTORY_PERIODS * rollout.period_s


def _periods(start: float, end: float, period: int) -> list[float]:
    first, last = math.ceil(start / period), math.floor(end / period)
    return [float(index * period) for index in range(first, last)]


def _halves(n: Mapping[float, float], bad: Mapping[float, float]) -> frozenset[float]:
    """Periods with invocations whose errors are not known yet."""
    return frozenset(t for t, count in n.items() if count > 0 and t not in bad)


def _counts(n: Mapping[float, float], bad: Mapping[float, float], at: float) -> Counts:
    total = round(n.get(at, 0.0))
    return Counts(total, min(total, round(bad.get(at, 0.0))))
