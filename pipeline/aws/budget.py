"""One budget of calls for everything a process does at once: no thread asks AWS faster than the account may.

A token bucket a limit of AWS, account and region, shared by all threads. Answers that say "too many" cut the rate by
half their share of all answers, as DCTCP does with marked packets (RFC 8257, 3.3): where all say so it is halved, where
a tenth does it loses a twentieth. Time gives it back, and whoever comes next waits up to a second longer, at random.
Only the pace is kept here: what is repeated after such an answer is decided by whoever made the call (SDK retries for
reads, the next tick for an alias).
A write of an alias waits for no look, only for other such writes: going back must not queue behind forty-nine looks.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.aws import shared

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment

URGENT = frozenset({"UpdateAlias"})
# Not paced: they are limited by concurrency, not by a rate.
FREE = frozenset({"Invoke", "InvokeWithResponseStream"})

CUT_EVERY_S = 1.0  # answers to calls already on their way say the same thing again
RECOVERY_S = 30.0  # from nothing to the whole rate
FLOOR = 1 / 15  # of the rate
RECENT_S = 1.0
SHARE_S = 5.0  # how far back answers are counted for their share


@dataclass(frozen=True)
class Limit:
    """Calls a second AWS lets through for a whole account and region, and how many may come at once."""

    rate: float
    burst: float


# AWS Lambda, "Lambda quotas", API requests: GetFunction 100/s, GetPolicy 15/s, "the remainder of the control plane API
# requests" 15/s across all of them, none of which can be raised. Amazon CloudWatch, "CloudWatch service quotas":
# GetMetricData 50/s, DescribeAlarms 9/s. Amazon S3, "Performance design patterns": 3,500 writes and 5,500 reads a
# second and prefix.
LIMITS: Mapping[str, Limit] = {
    "lambda": Limit(15, 15),
    "lambda.GetFunction": Limit(100, 100),
    "lambda.GetPolicy": Limit(15, 15),
    "cloudwatch": Limit(20, 20),
    "cloudwatch.GetMetricData": Limit(50, 50),
    "cloudwatch.DescribeAlarms": Limit(9, 9),
    "s3": Limit(3500, 500),
}
# What is not AWS has no limits of its own; if it says "too many" all the same, it is heeded.
UNLIMITED: Mapping[str, Limit] = dict.fromkeys(LIMITS, Limit(10_000, 10_000))


class Bucket:
    """One limit, shared by threads. Whoever takes a token knows at once when its turn is: first come, first served."""

    def __init__(
        self,
        limit: Limit,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._limit, self._now, self._pause, self._chance = limit, now, pause, chance
        self._lock = threading.Lock()
        self._rate = limit.rate
        self._tokens = self._ahead = limit.burst  # for all, and for who is urgent
        self._at = now()
        self._cut, self._uncut = float("-inf"), limit.rate  # when it was cut last, and from what
        self._sent: deque[float] = deque()
        self._refused: deque[float] = deque()

    @property
    def rate(self) -> float:
        """Calls a second let through now."""
        with self._lock:
            self._refill()
            return self._rate

    def take(self, *, urgent: bool = False) -> float:
        """Wait for a turn and return for how long, in seconds; who is urgent waits only for others who are."""
        with self._lock:
            self._refill()
            self._tokens -= 1
            self._ahead -= urgent
            wait = max(0.0, -(self._ahead if urgent else self._tokens) / self._rate)
            self._sent.append(self._at + wait)
        if wait > 0:
            self._pause(wait)
        return wait

    def throttled(self) -> None:
        """AWS said "too many": less of what was really sent, and a random wait, so that others like us scatter."""
        with self._lock:
            self._refill()
            self._refused.append(self._at)
            sent = [at for at in self._sent if at <= self._at]
            first = self._at - self._cut >= CUT_EVERY_S
            if first:
                recent = max(len(sent) / SHARE_S, sum(at >= self._at - RECENT_S for at in sent) / RECENT_S)
                self._cut, self._uncut = self._at, min(self._rate, max(recent, 1.0))
            share = min(1.0, len(self._refused) / max(1, len(sent)))
            self._rate = max(self._limit.rate * FLOOR, min(self._rate, self._uncut * (1 - share / 2)))
            if first:
                self._tokens = min(self._tokens, 0.0) - self._chance() * share * self._rate

    def _refill(self) -> None:
        now = self._now()
        passed, self._at = max(0.0, now - self._at), now
        self._tokens = min(self._limit.burst, self._tokens + passed * self._rate)
        self._ahead = min(self._limit.burst, self._ahead + passed * self._rate)
        self._rate = min(self._limit.rate, self._rate + passed * self._limit.rate / RECOVERY_S)
        for times in (self._sent, self._refused):
            while times and times[0] < now - SHARE_S:
                times.popleft()


class Budget:
    """Every limit of one account and region. Thread-safe."""

    def __init__(self, limits: Mapping[str, Limit] = LIMITS, make: Callable[[Limit], Bucket] = Bucket) -> None:
        self._buckets = {name: make(limit) for name, limit in limits.items()}

    def take(self, service: str, operation: str) -> None:
        """Wait until this call may be made."""
        bucket = self._bucket(service, operation)
        if bucket is not None:
            bucket.take(urgent=operation in URGENT)

    def throttled(self, service: str, operation: str) -> None:
        """This call was answered "too many"."""
        bucket = self._bucket(service, operation)
        if bucket is not None:
            bucket.throttled()

    def rate(self, service: str, operation: str) -> float:
        """How many such calls a second are let through now; those without a limit without end."""
        bucket = self._bucket(service, operation)
        return float("inf") if bucket is None else bucket.rate

    def of(self, _account: str, _region: str) -> Budget:
        """Itself: one budget for whatever the process calls, as where it works in one account and region."""
        return self

    def _bucket(self, service: str, operation: str) -> Bucket | None:
        if operation in FREE:
            return None
        return self._buckets.get(f"{service}.{operation}") or self._buckets.get(service)


class Budgets:
    """A budget for each account and region a process works in: AWS counts them apart. Thread-safe."""

    def __init__(
        self, limits: Mapping[str, Limit] = LIMITS, make: Callable[[Mapping[str, Limit]], Budget] = Budget
    ) -> None:
        self._limits, self._make = limits, make
        self._found: dict[tuple[str, str], Budget] = {}
        self._lock = threading.Lock()

    def of(self, account: str, region: str) -> Budget:
        """The one budget of this account and region, the same for every thread that asks."""
        with self._lock:
            known = self._found.get((account, region))
            if known is None:
                known = self._found[account, region] = self._make(self._limits)
            return known


def limits_of(env: Environment) -> Budget | Budgets:
    """What many calls in an environment keep within: what all do already, else the limits of its accounts."""
    return shared() or Budgets(UNLIMITED if env.endpoint else LIMITS)


def backoff(attempt: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds before attempt number `attempt + 1`, with full jitter (M. Brooker, "Exponential Backoff And Jitter")."""
    return chance() * min(BACKOFF_MAX_S, BACKOFF_S * 2.0**attempt)


BACKOFF_S = 0.25
BACKOFF_MAX_S = 10.0
