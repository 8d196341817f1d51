"""From CloudWatch's numbers to the judge's rows. Pure but for `read`, which makes one call for all rollouts.

Lambda stamps a metric with the invocation's start and emits it at the end, so a period is complete only at its end
plus the function's timeout plus the environment's lag. CloudWatch may be later than that: silence behind the newest
numbers is believed only when it has lasted. Counts are recomputed from raw periods every time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType

from pipeline.aws.alarms import Alarms
from pipeline.aws.metrics import Metrics, Series
from pipeline.errors import AwsError
from pipeline.release.decide import seconds
from pipeline.release.decide.periods import (
    SILENCE_PERIODS,
    SILENT_SHARE,
    Numbers,
    complete_until,
    history_start,
    periods,
)
from pipeline.release.decide.seconds import Told
from pipeline.release.decide.signals import TRAFFIC, Source, Values, series_of, sources
from pipeline.release.decide.signals import broken as _broken
from pipeline.release.decide.signals import throttled as _throttled
from pipeline.release.judge.judge import Counts, Minute
from pipeline.release.ledger.copies import NOTHING_KEPT, Copy
from pipeline.release.model import Rollout
from pipeline.release.terms import TOLD

Copies = Mapping[str, Copy]  # by release

__all__ = ["Values", "broken", "complete_until", "minutes", "read", "ringing", "throttled", "told"]


def read(
    metrics: Metrics, rollouts: Sequence[Rollout], now: float, copies: Copies = MappingProxyType({})
) -> tuple[Values, str | None]:
    """Read the series of all rollouts, with one call a length of period; an outage of the metrics is said, not raised.

    `copies`: what the ledger has of each release's seconds, which are not read again.
    """
    walking = [rollout for rollout in rollouts if rollout.step >= 0]
    if not walking:
        return {}, None
    series: dict[int | None, dict[Series, None]] = {}
    for rollout in walking:
        for one in series_of(rollout):
            series.setdefault(one.period_s, {})[one] = None
    values: dict[Series, Mapping[float, float]] = {}
    try:
        for period_s, wanted in series.items():
            start, end = _window(walking, period_s, now, copies)
            if end > start:
                values |= metrics.read(tuple(wanted), start, end)
    except AwsError as error:
        return {}, error.what
    return values, None


def _window(walking: Sequence[Rollout], period_s: int | None, now: float, copies: Copies) -> tuple[float, float]:
    """From when until when the series of one length of period are read; None is the environment's."""
    if period_s is None:
        start = min(history_start(rollout) for rollout in walking)
        return start, max(complete_until(rollout, now) for rollout in walking)
    fine = [rollout for rollout in walking if (pace := rollout.terms.evidence) and pace.period_s == period_s]
    start = min(seconds.since(rollout, copies.get(rollout.release_id, NOTHING_KEPT), now) for rollout in fine)
    return start, max(complete_until(rollout, now, rollout.terms.evidence) for rollout in fine)


def ringing(alarms: Alarms, rollouts: Sequence[Rollout]) -> tuple[frozenset[str], str | None]:
    """Which of the alarms these rollouts look at ring now; that they cannot be read is said, not raised."""
    names = sorted({name for rollout in rollouts for name in rollout.alarms})
    try:
        return frozenset(name for name, state in alarms.states(names).items() if state == "ALARM"), None
    except AwsError as error:
        return frozenset(), error.what


def minutes(rollout: Rollout, values: Values, now: float, copy: Copy = NOTHING_KEPT) -> dict[str, tuple[Minute, ...]]:
    """The judge's rows of each signal: complete whole periods, those before the walk as step -1."""
    return {
        name: _rows(rollout, source, values, now)
        if source.coarse is None
        else seconds.rows(rollout, source, values, now, copy)
        for name, source in sources(rollout).items()
    }


def told(rollout: Rollout, values: Values, now: float, copy: Copy = NOTHING_KEPT) -> Told | None:
    """What the service tells of itself beside what Lambda counts; None where it is not judged by the second."""
    source = sources(rollout).get(TOLD)
    if source is None or source.coarse is None:
        return None
    return seconds.told(rollout, (source, sources(rollout)[TRAFFIC]), values, now, copy)


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
    canary, own = Numbers(source.canary, values), Numbers(source.baseline, values)
    whole = own if source.alias is None else Numbers(source.alias, values)
    end = _known_until(rollout, (canary, own, whole), now)
    # The period of the first write is after the weights in part: it does not show that there were some before.
    split = any(stamp < math.floor(walk_start / period) * period for stamp in own.n)
    past = own if split else whole
    unknown = past.halves
    rows = [
        Minute(t, -1, Counts(0, 0), past.counts(t))
        for t in periods(history_start(rollout), min(walk_start, end), period)
        if t not in unknown
    ]
    bounds = (*accumulate(rollout.step_starts, max), end)  # controllers' clocks may disagree
    for step in range(min(rollout.step + 1, len(rollout.steps))):
        rows.extend(
            Minute(t, step, canary.counts(t), own.counts(t))
            for t in periods(bounds[step], min(bounds[step + 1], end), period)
        )
    return tuple(rows)


def _known_until(rollout: Rollout, sides: Sequence[Numbers], now: float) -> float:
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
        before = periods(history_start(rollout), newest, period) if counted else []
        silent = sum(1 for t in before if t not in counted)
        usual = silent >= SILENT_SHARE * len(before)
        end = max(newest, end - SILENCE_PERIODS * period) if usual else newest
    return min(end, halves)
