"""What CloudWatch knows of a function's traffic: requests, durations, how much it logs, and of its log how it starts.

Reads only. CloudWatch has no metric of init phases: their share and length come from a sample of REPORT lines, which
also say what was billed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.aws.logs import group_of
from pipeline.aws.metrics import Metrics, Series
from pipeline.cost.model import MONTH_S, Work
from pipeline.release.model import ALIAS

HOUR_S = 3600
SAMPLE = 1_000  # REPORT lines that are read at most: each page of them is a call that costs time


@dataclass(frozen=True)
class Traffic:
    """Of the alias in `window_s`: requests, their durations together, and what the function logged in bytes.

    `covered_s`: how long the numbers really are of, since CloudWatch has them by the hour; None: just as long.
    """

    window_s: float
    requests: float
    total_ms: float
    logged_bytes: float | None
    covered_s: float | None = None

    @property
    def mean_ms(self) -> float:
        """Of one request; 0 without any."""
        return self.total_ms / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Sample:
    """What some REPORT lines say: how many there were, how many of them began cold, means in ms."""

    number: int
    cold: int
    billed_ms: float | None  # of those that found their environment ready
    init_ms: float | None

    @classmethod
    def of(cls, reports: Iterable[tuple[float, float | None]]) -> Sample:
        """From billed durations, each with that of the init phase if there was one."""
        found = list(reports)
        warm = [billed for billed, init in found if init is None]
        inits = [init for _, init in found if init is not None]
        return cls(len(found), len(inits), _mean(warm), _mean(inits))


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def traffic(metrics: Metrics, function: str, now: float, window_s: float) -> Traffic:
    """What CloudWatch has of the last `window_s`, from the hour on in which that began. Raises AwsError."""
    requests, durations = (Series(function, ALIAS, None, name) for name in ("Invocations", "Duration"))
    group = (("LogGroupName", group_of(function)),)
    logged = Series(function, ALIAS, None, "IncomingBytes", namespace="AWS/Logs", own=group)
    start, end = (now - window_s) // HOUR_S * HOUR_S, now // HOUR_S * HOUR_S + HOUR_S
    found = metrics.read((requests, durations, logged), start, end, period_s=HOUR_S)
    number, total_ms, bytes_ = (sum(found[one].values()) for one in (requests, durations, logged))
    return Traffic(window_s, number, total_ms, bytes_ or None, now - start)


def filled(work: Work, seen: Traffic, sample: Sample | None) -> Work:
    """The work with what was measured, as a month of it."""
    made = replace(work, requests=seen.requests * MONTH_S / (seen.covered_s or seen.window_s), mean_ms=seen.mean_ms)
    if seen.logged_bytes is not None and seen.requests:
        made = replace(made, logged_bytes=seen.logged_bytes / seen.requests)
    if sample is not None and sample.number:
        made = replace(made, billed_ms=sample.billed_ms, cold_share=sample.cold / sample.number, init_ms=sample.init_ms)
    return made
