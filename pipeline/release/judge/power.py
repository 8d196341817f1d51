"""What a walk can find: the smallest regression seen with 80 % probability, for a service's own traffic. Pure.

An approximation that needs no simulation: a step is taken as its sums instead of its minutes, with steady traffic. The
new version's bad requests are Poisson or normal, the old one's are put at nine quantiles of theirs; for each, the
smallest number at which the step's own share of wealth (1/S) reaches 1/alpha, or the outage guard fires, is found by
bisection, and the chance of as many is averaged. Steps have disjoint minutes and a share of their own, so that a
regression escapes a walk with at most the product of the chances that it escapes each step. Left out is that evidence
may peak before the end of a step, and that traffic wobbles. Beside simulation the difference from the old rate is right
within a quarter (tests/unit/release/test_judge_power.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from pipeline.release.judge.math import GRID, LOG_CAP, logsumexp, odds_ratios, rate_ratios
from pipeline.release.judge.process import HIGH_RATE, outage

POWER = 0.8
ALPHA = 0.01
QUANTILES = tuple((i + 0.5) / 9.0 for i in range(9))
LONGEST = 7 * 24 * 60  # minutes: a step longer than a week is none
FAST_REQUESTS = 4_150  # without one failure, until the fast lane has proven "under 0.1 %"

_LOG_MIXTURE = math.log(len(GRID))
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Step:
    """One declared step: the new version's share of the traffic (0 to 1) and how many minutes it lasts."""

    traffic: float
    minutes: float


def detectable(
    n_canary_per_minute: float,
    n_baseline_per_minute: float,
    base_rate: float,
    minutes: float,
    *,
    steps: int = 1,
    alpha: float = ALPHA,
    phi: float = 1.0,
    power: float = POWER,
) -> float | None:
    """The smallest bad rate of the new version (0 to 1) that one step finds with probability `power`.

    n_…_per_minute: requests a minute to each version in this step; base_rate: the old version's bad rate, 0 to 1;
    minutes: how long the step lasts; steps: among how many alpha's wealth is divided; phi: see `math.burstiness`.
    None if not even a version whose every request fails is found.
    """
    step = _Sums(n_canary_per_minute, n_baseline_per_minute, base_rate, minutes, steps=steps, alpha=alpha, phi=phi)
    return _smallest([step], base_rate, power)


def found(
    n_canary_per_minute: float,
    n_baseline_per_minute: float,
    base_rate: float,
    new_rate: float,
    minutes: float,
    *,
    steps: int = 1,
    alpha: float = ALPHA,
    phi: float = 1.0,
) -> float:
    """The probability that one step finds a new version whose bad rate is `new_rate`; arguments as in `detectable`."""
    return _Sums(
        n_canary_per_minute, n_baseline_per_minute, base_rate, minutes, steps=steps, alpha=alpha, phi=phi
    ).chance(new_rate)


def minutes_needed(
    n_canary_per_minute: float,
    n_baseline_per_minute: float,
    base_rate: float,
    new_rate: float,
    *,
    steps: int = 1,
    alpha: float = ALPHA,
    phi: float = 1.0,
    power: float = POWER,
) -> int | None:
    """How many minutes a step must last to find `new_rate` with probability `power`; None if a week is too short."""

    def suffices(minutes: int) -> bool:
        chance = found(
            n_canary_per_minute,
            n_baseline_per_minute,
            base_rate,
            new_rate,
            minutes,
            steps=steps,
            alpha=alpha,
            phi=phi,
        )
        return chance >= power

    if not suffices(LONGEST):
        return None
    low, high = 0, LONGEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def fast_minutes(n_canary_per_minute: float) -> int | None:
    """After how many minutes the fast lane passes a step in which no request fails; None without requests."""
    return max(3, math.ceil(FAST_REQUESTS / n_canary_per_minute)) if n_canary_per_minute > 0 else None


def sentences(
    per_minute: float, steps: Sequence[Step], base_rate: float, *, alpha: float = ALPHA, phi: float = 1.0
) -> tuple[str, ...]:
    """One sentence a step: what the walk has found by its end, at this service's traffic (requests a minute)."""
    said: list[str] = []
    sums: list[_Sums] = []
    for number, step in enumerate(steps, 1):
        new, old = per_minute * step.traffic, per_minute * (1.0 - step.traffic)
        sums.append(_Sums(new, old, base_rate, step.minutes, steps=len(steps), alpha=alpha, phi=phi))
        smallest = _smallest(sums, base_rate, POWER)
        opening = f"step {number} ({_percent(step.traffic)}, {_span(step.minutes)}): "
        about = _about(new * step.minutes)
        opening += f"about {about} request{'' if about == '1' else 's'} to the new version"
        double = 2.0 * base_rate or 0.001
        needed = minutes_needed(new, old, base_rate, double, steps=len(steps), alpha=alpha, phi=phi)
        lasts = f"in {_span(needed)}" if needed else "not even in a week"
        many = "twice as many" if base_rate else _percent(double)
        said.append(f"{opening}; {_finds(smallest, base_rate)}; {many} would show {lasts}")
    return tuple(said)


class _Sums:
    """One step as its expected sums."""

    def __init__(
        self, new: float, old: float, base_rate: float, minutes: float, *, steps: int, alpha: float, phi: float
    ) -> None:
        if not 0.0 <= base_rate <= 1.0 or min(new, old, minutes) < 0 or steps < 1 or not 0 < alpha < 1 or phi < 1:
            raise ValueError("rates are 0 to 1, requests and minutes at least 0, steps and phi at least 1")
        self._n_c, self._n_b = round(new * minutes), round(old * minutes)
        self._rate, self._minutes, self._phi = base_rate, minutes, phi
        self._needed = math.log(1.0 / alpha) + math.log(steps) + _LOG_MIXTURE
        self._starts = [self._fails_from(bad) for bad in self._quantiles()] if self._n_c and self._n_b else []

    def chance(self, rate: float) -> float:
        """Of being found in this step, alone."""
        chances = [_at_least(self._n_c, rate, start, self._phi) for start in self._starts]
        return math.fsum(chances) / len(chances) if chances else 0.0

    def _quantiles(self) -> list[int]:
        mean = self._n_b * self._rate
        spread = math.sqrt(self._phi * mean * (1.0 - self._rate))
        return [min(self._n_b, max(0, round(mean + spread * _NORMAL.inv_cdf(share)))) for share in QUANTILES]

    def _fails_from(self, e_b: int) -> int:
        """The smallest number of the new version's bad requests that fails the walk; n + 1 if none does."""
        low, high = -1, self._n_c + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._fails(middle, e_b) else (middle, high)
        return high

    def _fails(self, e_c: int, e_b: int) -> bool:
        if e_c * self._n_b <= e_b * self._n_c:
            return False
        if outage(self._n_c, e_c, self._n_b, e_b, phi=self._phi):
            return True
        if self._rate < HIGH_RATE:
            gains = rate_ratios(self._n_c, e_c, self._n_b, e_b)
        else:
            gains = odds_ratios(self._n_c, e_c, self._n_b, e_b, min(self._rate, 1.0 - 1e-9))
        most = LOG_CAP * self._minutes
        return logsumexp([min(most, gain / self._phi) for gain in gains]) >= self._needed


def _smallest(steps: Sequence[_Sums], base_rate: float, power: float) -> float | None:
    """The smallest rate of which at most 1 - power escapes all `steps`."""

    def suffices(rate: float) -> bool:
        return 1.0 - math.prod(1.0 - step.chance(rate) for step in steps) >= power

    if not suffices(1.0):
        return None
    low, high = base_rate, 1.0
    while high - low > 0.005 * high:
        middle = (low + high) / 2.0
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _at_least(n: int, rate: float, least: int, phi: float) -> float:
    """P(K >= least): Poisson where few are bad, since the number of requests varies too; else normal, times phi."""
    if least <= 0:
        return 1.0
    if least > n or rate <= 0.0:
        return 0.0
    mean = n * rate
    if mean > 200 or phi > 1.0:
        spread = math.sqrt(phi * mean * (1.0 - rate)) or 1e-9
        return 1.0 - _NORMAL.cdf((least - 0.5 - mean) / spread)
    chance, below = math.exp(-mean), 0.0
    for k in range(least):
        below += chance
        chance *= mean / (k + 1)
    return max(0.0, 1.0 - below)


def _finds(smallest: float | None, base_rate: float) -> str:
    if smallest is None:
        return "too few to find even an outage for sure"
    if smallest >= 0.5:
        return f"finds only outages, from {_percent(smallest)} failing on"
    usual = f" instead of {_percent(base_rate)}" if base_rate else ""
    return f"finds {_percent(smallest)} failing or more{usual}, 8 times in 10"


def _percent(share: float) -> str:
    value = 100.0 * share
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %"


def _about(requests: float) -> str:
    digits = max(0, len(str(int(requests))) - 2)
    return f"{round(requests, -digits):,.0f}"


def _span(minutes: float) -> str:
    if minutes < 120:
        return f"{minutes:.0f} min" if minutes >= 1 else f"{60 * minutes:.0f} s"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"
