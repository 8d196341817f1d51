"""Simulated walks: Poisson traffic, binomial failures, an hour of history."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from pipeline.release.judge.judge import Counts, Minute

Extra = Callable[[random.Random, int], tuple[float, float]]  # what fails besides in a minute: new version, old version


def nothing(rng: random.Random, t: int) -> tuple[float, float]:  # noqa: ARG001
    return 0.0, 0.0


def shared(rng: random.Random, t: int) -> tuple[float, float]:  # noqa: ARG001
    """A dependency is down for four minutes, across the change of weight."""
    return (0.3, 0.3) if 8 <= t < 12 else (0.0, 0.0)


def bursts(rng: random.Random, t: int) -> tuple[float, float]:  # noqa: ARG001
    """Each version has, in one minute in twenty and before the walk too, 10 to 30 % more failures."""
    new, old = (rng.uniform(0.1, 0.3) if rng.random() < 0.05 else 0.0 for _ in range(2))
    return new, old


def cold(rng: random.Random, t: int) -> tuple[float, float]:
    """Up to 20 % of the new version's first minute fail, and up to 10 % of its first minute at the second step."""
    return (rng.uniform(0.0, {0: 0.2, 10: 0.1}[t]) if t in {0, 10} else 0.0), 0.0


def some(rng: random.Random, mean: float) -> int:
    """Poisson."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    floor, k, product = math.exp(-mean), 0, rng.random()
    while product > floor:
        k += 1
        product *= rng.random()
    return k


def failures(rng: random.Random, n: int, rate: float) -> Counts:
    """Binomial, by skipping from one failure to the next."""
    if rate <= 0 or rate >= 1:
        return Counts(n, n if rate >= 1 else 0)
    if rate > 0.5:
        return Counts(n, n - failures(rng, n, 1 - rate).bad)
    bad, at, skip = 0, 0, math.log1p(-rate)
    while (at := at + int(math.log(1 - rng.random()) / skip) + 1) <= n:
        bad += 1
    return Counts(n, bad)


def rollout(rng: random.Random, rpm: float, old: float, new: float, extra: Extra = nothing) -> list[Minute]:
    """60 minutes of history, then 10 % and 50 % for ten minutes each, traffic wobbling by 20 %."""
    walk = []
    for t in range(-60, 20):
        weight = 0.0 if t < 0 else 0.1 if t < 10 else 0.5
        traffic, (more_new, more_old) = rpm * rng.uniform(0.8, 1.2), extra(rng, t)
        canary = failures(rng, some(rng, traffic * weight), min(1.0, new + more_new)) if weight else Counts(0, 0)
        baseline = failures(rng, some(rng, traffic * (1 - weight)), min(1.0, old + more_old))
        walk.append(Minute(t, -1 if t < 0 else t // 10, canary, baseline))
    return walk
