"""Periods of metrics: which of them are complete, and one side's numbers in them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pipeline.release.decide.signals import Side, Values
from pipeline.release.judge.judge import Counts
from pipeline.release.model import Rollout
from pipeline.release.terms import Pace

HISTORY_PERIODS = 60
SILENCE_PERIODS = 5  # for how long at least numbers that do not come are late, and no silence
SILENT_SHARE = 0.1  # of the periods before: from there on it is usual that nobody calls


def complete_until(rollout: Rollout, now: float, pace: Pace | None = None) -> float:
    """End of the last complete period: of the environment's, or of a finer pace."""
    period, lag_s = (rollout.period_s, rollout.lag_s) if pace is None else (pace.period_s, pace.lag_s)
    return math.floor((now - rollout.timeout_s - lag_s) / period) * period


def history_start(rollout: Rollout) -> float:
    """The start of the first of the environment's periods that is looked at before the walk."""
    first = rollout.step_starts[0] if rollout.step_starts else rollout.started
    return math.floor(first / rollout.period_s) * rollout.period_s - HISTORY_PERIODS * rollout.period_s


def periods(start: float, end: float, period: int) -> list[float]:
    """The starts of the whole periods between two moments."""
    first, last = math.ceil(start / period), math.floor(end / period)
    return [float(index * period) for index in range(first, last)]


class Numbers:
    """One side's numbers by period."""

    def __init__(self, side: Side, values: Values) -> None:
        self.n: Mapping[float, float] = values.get(side.n, {})
        self.bad: Mapping[float, float] = values.get(side.bad, {})

    @property
    def halves(self) -> frozenset[float]:
        """Periods of which one number came without the other, which is emitted with it, if only a 0."""
        return frozenset(t for t, count in self.n.items() if count > 0 and t not in self.bad)

    def counts(self, at: float) -> Counts:
        """What there was in the period that begins at `at`."""
        total = round(self.n.get(at, 0.0))
        return Counts(total, min(total, round(self.bad.get(at, 0.0))))
