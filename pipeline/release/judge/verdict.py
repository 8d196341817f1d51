"""What the judge takes and gives: counts, minutes, the verdict, its sentence for a tired person. Decides nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Reason = Literal[
    "worse",
    "outage",
    "baked",
    "fast",
    "baking",
    "suspicious",
    "no data",
    "low traffic",
    "metrics unavailable",
    "sample ratio mismatch",
    "metrics disagree",
]
Names = tuple[str, str]

VERBS = {"timeouts": "timed out", "slow": "took too long"}  # what a bad request of a signal did; else it failed
DEFAULT_NAMES: Names = ("the new version", "the old version")
MOST = 10**100  # requests: far beyond any, and far from where floating point ends
# From the weakest to the strongest: what several metrics together may claim is what the weakest of them claims.
_STRENGTH: tuple[Reason, ...] = (
    "metrics unavailable",
    "no data",
    "low traffic",
    "suspicious",
    "baking",
    "baked",
    "fast",
)


@dataclass(frozen=True)
class Counts:
    """Requests and the bad ones among them, of one version over some time."""

    n: int
    bad: int

    def __post_init__(self) -> None:
        if not 0 <= self.bad <= self.n <= MOST:
            raise ValueError(f"counts must satisfy 0 <= bad <= n <= 1e100, got n={self.n}, bad={self.bad}")

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.n + other.n, self.bad + other.bad)

    @property
    def rate(self) -> float | None:
        """Share of bad requests; None without requests."""
        return self.bad / self.n if self.n else None


NOTHING = Counts(0, 0)


@dataclass(frozen=True)
class Minute:
    """One complete metric period (production: a minute) of both versions at once.

    `t` orders the periods and must be unique; its unit does not matter. `step` is the step the weight was on: -1
    before the walk, 0 for the first declared step. A period without traffic is a row of zeros, not a missing row:
    rows are what the bake time counts. `periods`: of how many the row is the sum.
    """

    t: float
    step: int
    canary: Counts
    baseline: Counts
    periods: int = 1


@dataclass(frozen=True)
class Verdict:
    """The judge's answer with the numbers it rests on.

    outcome / reason:
      FAIL          worse                the e-process crossed its limit (false at most once in 1/alpha walks)
                    outage               the guard: an outage at low traffic; outside the guarantee
      PASS          baked                the step's bake time is over, enough requests, no FAIL
                    fast                 shown early to be good enough (opt-in)
      INCONCLUSIVE  baking               nothing to decide yet: the step is not over. Hold the weight, ask again
                    suspicious           the step is over, but the evidence is near its limit: it bakes longer
                    no data              the step is over, but one side of the comparison had no request in it
                    low traffic          the step is over with fewer requests than declared
                    metrics unavailable, sample ratio mismatch, metrics disagree
                                         said by the caller, see `unavailable` and `release.decide.doubts`
    FAIL is final: judged again with more minutes of the same walk it stays FAIL.
    """

    outcome: Outcome
    reason: Reason
    sentence: str
    e_value: float = 1.0  # the running maximum over all minutes so far: odds against chance
    log_e: float = 0.0  # its natural logarithm, which cannot overflow
    limit: float = 100.0  # 1 / alpha: FAIL at or above
    interval: tuple[float, float] = (-1.0, 1.0)  # of the difference of rates in this step, see `judge`
    phi: float = 1.0  # dispersion of the old version's failures, 1 = independent
    guard: bool = False  # the outage guard fired
    failed_at: float | None = None  # `t` of the minute that decided FAIL
    step: int = -1  # the current step
    minutes: int = 0  # periods seen of it
    bake: float | None = None  # periods it must last
    min_requests: int = 0
    canary: Counts = NOTHING  # the whole walk
    baseline: Counts = NOTHING
    step_canary: Counts = NOTHING  # this step
    step_baseline: Counts = NOTHING


def unavailable(detail: str) -> Verdict:
    """The verdict of a caller who could not read the metrics; `detail` says why: "CloudWatch did not answer"."""
    return Verdict(
        "INCONCLUSIVE", "metrics unavailable", f"the metrics could not be read ({detail}); nothing is decided"
    )


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several metrics judged separately, with alpha shared among them: any FAIL fails, else the weakest speaks."""
    if not verdicts:
        raise ValueError("there is no verdict to combine")
    failed = [verdict for verdict in verdicts if verdict.outcome == "FAIL"]
    if failed:
        return max(failed, key=lambda verdict: verdict.log_e)
    return min(verdicts, key=_weakness)


def _weakness(verdict: Verdict) -> tuple[int, float]:
    """The weakest first; of those that are as weak, the one with bad requests that say most."""
    return _STRENGTH.index(verdict.reason), -verdict.log_e if verdict.canary.bad else 0.0


@dataclass(frozen=True)
class Wording:
    """How a verdict is said: the versions' names, what a bad request did, how many requests are required."""

    names: Names
    verb: str
    min_requests: int

    def of(self, reason: Reason, canary: Counts, baseline: Counts, *, log_e: float, silent: str) -> str:
        """What `reason` means with the numbers of the walk, for somebody who was asleep a minute ago.

        log_e: natural logarithm of the evidence; `silent`: the version without requests, where there is one.
        """
        new, old = self.names
        if reason == "no data":
            return f"no request reached {silent} in this step; there is nothing to compare"
        seen = f"of {_requests(canary.n)} to {new}, {_bad(canary.bad)} {self.verb}"
        if canary.n == 0:
            seen = f"no request has reached {new} yet"
        elif baseline.n == 0:
            seen = f"{seen}; none went to {old}"
        else:
            seen = f"{seen}; of {baseline.n:,} to {old} in the same time, {_bad(baseline.bad)} did"
        if reason == "worse":
            return f"{seen}; that is not chance (at most {one_in(math.exp(min(log_e, 700.0)))})"
        if reason == "low traffic":
            return f"{seen}; too few to decide, {self.min_requests:,} are required"
        tail = {
            "outage": "; that is an outage",
            "suspicious": "; that is nearly too much for chance, it bakes longer",
            "baking": "; no sign so far that it is worse" if canary.n else "",
            "fast": "; enough to know that it is good",
        }
        return seen + tail.get(reason, "; no sign that it is worse")


def one_in(e_value: float) -> str:
    """A probability of 1/e_value in words: "1 in 150", "1 in 4 million"."""
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if e_value >= size:
            return f"1 in {e_value / size:.0f} {word}" if e_value < 1e15 else "1 in more than 1,000 trillion"
    return f"1 in {int(e_value):,}" if e_value < 1000 else f"1 in {int(e_value / 100) * 100:,}"


def _requests(n: int) -> str:
    return f"{n:,} request{'s' if n != 1 else ''}"


def _bad(bad: int) -> str:
    return f"{bad:,}" if bad else "none"
