"""The judge's rows of what a service tells of itself by the second (EMF at high resolution). Pure.

A second is complete as a minute is: at its end, plus the function's timeout, plus how late such metrics are. AWS states
no bound for the latter, so newest seconds without a line are believed only when the silence has lasted, and every
second of the last minutes is read again each time. CloudWatch keeps seconds for three hours; what is older than some
minutes is taken from the ledger's copy (`ledger.copies`).

One count a second for as long as a step lasts would be endless. Its first quarter of an hour is counted so, then by
ten seconds, and after three hours by the minute: fixed beforehand, so that the judge's guarantee is untouched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from pipeline.release.decide.periods import (
    SILENCE_PERIODS,
    SILENT_SHARE,
    Numbers,
    complete_until,
    history_start,
    periods,
)
from pipeline.release.decide.signals import Source, Values, lines
from pipeline.release.judge.judge import Counts, Minute
from pipeline.release.ledger.copies import Copy
from pipeline.release.model import Rollout

COLD_S = 3  # the seconds of a step in which cold starts fail: together they are one count
COARSER = ((900.0, 1), (3 * 3600.0, 10), (math.inf, 60))  # until when in a step a row has at least how many seconds
KEPT_S = 3 * 3600.0 - 60.0  # nearly as long as CloudWatch does; it refuses to be asked for more
RECENT_S = 300  # lines that are late by less are counted; what is older stands as it was copied


@dataclass(frozen=True)
class Told:
    """What the service tells of itself beside what Lambda counts, of the current step.

    lines: how often each version told something, by the second, of the last minutes (`bad` is 0). `requests` and
    `invocations`: of the new version, by itself and by Lambda, in the same complete minutes.
    """

    lines: tuple[Minute, ...]
    requests: int
    invocations: int


def opening(rollout: Rollout) -> int:
    """How many periods at a step's start count as one for the judge."""
    pace = rollout.terms.evidence
    return 1 if pace is None else math.ceil(COLD_S / pace.period_s)


def since(rollout: Rollout, copy: Copy, now: float) -> float:
    """From when on seconds are read from CloudWatch, which has them for three hours; what nobody copied is gone."""
    period = (rollout.terms.evidence or rollout.pace("")).period_s
    first = rollout.step_starts[0] if rollout.step_starts else rollout.started
    return max(copy.until, math.floor(max(first, now - KEPT_S) / period) * period)


def rows(rollout: Rollout, source: Source, values: Values, now: float, copy: Copy) -> tuple[Minute, ...]:
    """The rows of a signal: minutes before the walk, what was copied, and the rest as CloudWatch has it now."""
    if not rollout.step_starts:
        return ()
    canary, own = Numbers(source.canary, values), Numbers(source.baseline, values)
    end = _known_until(rollout, source, (canary, own), now, copy)
    live = [
        Minute(t, step, canary.counts(t), own.counts(t))
        for step, t in _stamps(rollout, source, since(rollout, copy, now), end)
    ]
    before = tuple(row for row in copy.rows if row.step < 0) or _before(rollout, source, values)
    walked = tuple(row for row in copy.rows if row.step >= 0)
    return (*before, *walked, *_together(live, rollout, source.pace.period_s, end))


def told(rollout: Rollout, of: tuple[Source, Source], values: Values, now: float, copy: Copy) -> Told:
    """What is to be compared with what Lambda counts; `of`: the service's own counts, and Lambda's."""
    source, traffic = of
    canary, own = Numbers(source.canary, values), Numbers(source.baseline, values)
    new, old = (values.get(one, {}) for one in lines(rollout))
    end = _known_until(rollout, source, (canary, own), now, copy)
    stamps = [t for step, t in _stamps(rollout, source, since(rollout, copy, now), end) if step == rollout.step]
    spoken = tuple(
        Minute(t, rollout.step, Counts(round(new.get(t, 0.0)), 0), Counts(round(old.get(t, 0.0)), 0)) for t in stamps
    )
    if source.coarse is None or not rollout.step_starts:
        return Told(spoken, 0, 0)
    minutes = periods(rollout.step_starts[-1], complete_until(rollout, now), rollout.period_s)
    own_count, lambdas = (Numbers(one.canary, values).n for one in (source.coarse, traffic))
    return Told(
        spoken,
        round(sum(own_count.get(t, 0.0) for t in minutes)),
        round(sum(lambdas.get(t, 0.0) for t in minutes)),
    )


def settled(found: Sequence[Minute], period_s: int, before: float) -> Copy:
    """What of these rows stands: those that ended before then."""
    walked = [row for row in found if row.step >= 0]
    ends = [row.t + row.periods * period_s for row in walked]
    kept = [row for row, end in zip(walked, ends, strict=True) if end <= before]
    if not kept:
        return Copy()
    return Copy(ends[len(kept) - 1], (*(row for row in found if row.step < 0), *kept))


def _stamps(rollout: Rollout, source: Source, start: float, end: float) -> Iterator[tuple[int, float]]:
    """Step and start of each second that is read from CloudWatch; one in which a weight was written is left out."""
    bounds = (*accumulate(rollout.step_starts, max), end)  # controllers' clocks may disagree
    for step in range(min(rollout.step + 1, len(rollout.steps))):
        for t in periods(max(bounds[step], start), min(bounds[step + 1], end), source.pace.period_s):
            yield step, t


def _before(rollout: Rollout, source: Source, values: Values) -> tuple[Minute, ...]:
    """The old version's hour before the walk, by the environment's periods that were complete when it began."""
    if source.coarse is None:
        return ()
    past = Numbers(source.coarse.baseline, values)
    unknown, end = past.halves, complete_until(rollout, rollout.step_starts[0])
    stamps = periods(history_start(rollout), end, rollout.period_s)
    return tuple(Minute(t, -1, Counts(0, 0), past.counts(t)) for t in stamps if t not in unknown)


def _known_until(rollout: Rollout, source: Source, sides: Sequence[Numbers], now: float, copy: Copy) -> float:
    """Up to where the seconds can be relied on, as `observe` has it for minutes: late lines are no silence."""
    pace, start = source.pace, since(rollout, copy, now)
    end = complete_until(rollout, now, pace)
    halves = min((t for side in sides for t in side.halves if t >= start), default=end)
    counted = {t for side in sides for t, count in side.n.items() if count > 0 and start <= t < end}
    kept = [row for row in copy.rows if row.step >= 0]
    spoke = [row.t for row in kept if row.canary.n + row.baseline.n]
    newest = max(counted, default=max(spoke, default=-math.inf))
    if newest + pace.period_s < end:
        stamps = periods(start, newest, pace.period_s) if counted else []
        silent = len(kept) - len(spoke) + sum(1 for t in stamps if t not in counted)
        usual = silent >= SILENT_SHARE * (len(kept) + len(stamps))
        waited = max(SILENCE_PERIODS * pace.period_s, pace.lag_s)
        end = max(newest, end - waited) if usual else newest
    return min(end, halves)


def _together(live: Sequence[Minute], rollout: Rollout, period: int, end: float) -> Iterator[Minute]:
    """The same with the later seconds of each step put together; those of which some are still to come are left out."""
    bounds = (*accumulate(rollout.step_starts, max), math.inf)
    for (step, length, at), group in groupby(live, key=lambda row: _cell(row, bounds[row.step], period)):
        found = tuple(group)
        if len(found) == 1 and length == period:
            yield found[0]
        elif (
            min(at + length, math.floor(bounds[step + 1] / period) * period if step < rollout.step else math.inf) <= end
        ):
            canary, baseline = Counts(0, 0), Counts(0, 0)
            for row in found:
                canary, baseline = canary + row.canary, baseline + row.baseline
            yield Minute(found[0].t, step, canary, baseline, len(found))


def _cell(row: Minute, begun: float, period: int) -> tuple[int, int, float]:
    """Which count a second belongs to: its step, the count's length and start."""
    age = row.t - begun
    length = max(period, next(least for until, least in COARSER if age < until))
    return row.step, length, row.t // length * length
