"""From CloudWatch's numbers to the judge's rows. Pure but for `read`, which makes one call for all rollouts.

Lambda stamps a metric with the invocation's start and emits it at the end, so a period is complete only at its end
plus the function's timeout plus the environment's lag. CloudWatch may be later than that: silence behind the newest
numbers is believed only when it has lasted. Counts are recomputed from raw periods every time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

from pipeline.aws.alarms import Alarms
from pipeline.aws.metrics import Metrics
from pipeline.errors import AwsError
from pipeline.release.decide.signals import Side, Source, Values, series_of, sources
from pipeline.release.decide.signals import broken as _broken
from pipeline.release.decide.signals import throttled as _throttled
from pipeline.release.judge.judge import Counts, Minute
from pipeline.release.model import Rollout

HISTORY_PERIODS = 60
SILENCE_PERIODS = 5  # for how long at least numbers that do not come are late, and no silence
SILENT_SHARE = 0.1  # of the periods before: from there on it is usual that nobody calls

__all__ = ["Values", "broken", "complete_until", "minutes", "read", "ringing", "throttled"]


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


def minutes(rollout: Rollout, values: Values, now: float) -> dict[str, tuple[Minute, ...]]:
    """The judge's rows of each signal: complete whole periods, those before the walk as step -1."""
    return {name: _rows(rollout, source, values, now) for name, source in sources(rollout).items()}


def broken(rollout: Rollout, values: Values, now: float) -> tuple[str, ...]:
    """A sentence for each static limit that a complete period of the walk is beyond."""
    return _broken(rollout, values, complete_until(rollout, now))


def throttled(rollout: Rollout, values: Values, now: float) -> int:
    """How many calls were turned away since the walk began."""
    return _throttled(rollout, values, complete_until(rollout, now))


def _rows(rollout: Rollout, source: Source, values: Values, now: float) -> tuple[Minute, ...]:
    """One signal's rows.

    A period in which a weight was written is left out: it mixes two splits. Before the walk the old version's own
    series is used, or the alias's where AWS emits none without weights.
    """
    if not rollout.step_starts:
        return ()
    period, walk_start = rollout.period_s, rollout.step_starts[0]
    canary, own = _Numbers(source.canary, values), _Numbers(source.baseline, values)
    whole = own if source.alias is None else _Numbers(source.alias, values)
    end = _known_until(rollout, (canary, own, whole), now)
    # The period of the first write is after the weights in part: it does not show that there were some before.
    split = any(stamp < math.floor(walk_start / period) * period for stamp in own.n)
    past = own if split else whole
    unknown = past.halves
    rows = [
        Minute(t, -1, Counts(0, 0), past.counts(t))
        for t in _periods(_history_start(rollout), min(walk_start, end), period)
        if t not in unknown
    ]
    bounds = (*accumulate(rollout.step_starts, max), end)  # controllers' clocks may disagree
    for step in range(min(rollout.step + 1, len(rollout.steps))):
        rows.extend(
            Minute(t, step, canary.counts(t), own.counts(t))
            for t in _periods(bounds[step], min(bounds[step + 1], end), period)
        )
    return tuple(rows)


class _Numbers:
    """One side's numbers by period."""

    def __init__(self, side: Side, values: Values) -> None:
        self.n: Mapping[float, float] = values.get(side.n, {})
        self.bad: Mapping[float, float] = values.get(side.bad, {})

    @property
    def halves(self) -> frozenset[float]:
        """Periods of which one number came without the other, which is emitted with it, if only a 0."""
        return frozenset(t for t, count in self.n.items() if count > 0 and t not in self.bad)

    def counts(self, at: float) -> Counts:
        total = round(self.n.get(at, 0.0))
        return Counts(total, min(total, round(self.bad.get(at, 0.0))))


def _known_until(rollout: Rollout, sides: Sequence[_Numbers], now: float) -> float:
    """Up to where a signal's numbers can be relied on; never past the last complete period.

    Where nothing came for the last complete periods, nobody called or CloudWatch is late. The newest period there is
    may then be there in part: it and what follows count only once the silence has lasted, and never where it is not
    usual that nobody calls.
    """
    period, walk_start = rollout.period_s, rollout.step_starts[0]
    end = complete_until(rollout, now)
    halves = min((t for side in sides for t in side.halves if t >= walk_start), default=end)
    counted = {t for side in sides for t, count in side.n.items() if count > 0 and t < end}
    newest = max(counted, default=-math.inf)
    if newest + period < end:
        before = _periods(_history_start(rollout), newest, period) if counted else []
        silent = sum(1 for t in before if t not in counted)
        usual = silent >= SILENT_SHARE * len(before)
        end = max(newest, end - SILENCE_PERIODS * period) if usual else newest
    return min(end, halves)


def _history_start(rollout: Rollout) -> float:
    first = rollout.step_starts[0] if rollout.step_starts else rollout.started
    return math.floor(first / rollout.period_s) * rollout.period_s - HISTORY_PERIODS * rollout.period_s


def _periods(start: float, end: float, period: int) -> list[float]:
    first, last = math.ceil(start / period), math.floor(end / period)
    return [float(index * period) for index in range(first, last)]
