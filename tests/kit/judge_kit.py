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


def by_the_second(rng: random.Random, rps: float, rate: float, kind: str, seconds: int) -> list[Minute]:
    """An hour of minutes, then 10 % and 50 % by the second, as long each; what fails besides, by `kind`:

    `shared`: a dependency is down for both, across the change of weight; `minutes`: each version has 10 to 30 % more in
    one minute in twenty; `seconds`: the same for three seconds, once a minute; `cold`: up to 20 % of the new version's
    first three seconds, up to 10 % at the second step. What comes in bursts did so before the walk.
    """
    rows = [Minute(60.0 * t, -1, Counts(0, 0), _minute(rng, rps, rate, kind)) for t in range(-60, 0)]
    more, left, worst = [0.0, 0.0], [0, 0], 0.0
    for t in range(2 * seconds):
        step, at = divmod(t, seconds)
        weight, traffic = (0.5 if step else 0.1), rps * rng.uniform(0.8, 1.2)
        if kind == "shared":
            more = [0.3, 0.3] if abs(t - seconds) < seconds / 5 else [0.0, 0.0]
        elif kind == "minutes" and t % 60 == 0:
            more = [_burst(rng) for _ in range(2)]
        elif kind == "cold":
            worst = rng.uniform(0.0, 0.1 if step else 0.2) if at == 0 else worst
            more = [worst if at < 3 else 0.0, 0.0]
        elif kind == "seconds":
            for side in range(2):
                begins = not left[side] and rng.random() < 1 / 60
                more[side] = rng.uniform(0.1, 0.3) if begins else more[side] if left[side] else 0.0
                left[side] = 2 if begins else max(0, left[side] - 1)
        shares = (weight, 1 - weight)
        counts = [
            failures(rng, some(rng, traffic * share), min(1.0, rate + extra))
            for share, extra in zip(shares, more, strict=True)
        ]
        rows.append(Minute(float(t), step, *counts))
    return rows


def _burst(rng: random.Random) -> float:
    return rng.uniform(0.1, 0.3) if rng.random() < 0.05 else 0.0


def _minute(rng: random.Random, rps: float, rate: float, kind: str) -> Counts:
    """A minute of the old version before the walk."""
    counts = failures(rng, some(rng, 60 * rps), min(1.0, rate + (_burst(rng) if kind == "minutes" else 0.0)))
    bursts = some(rng, 1.0) if kind == "seconds" else 0
    for _ in range(bursts):
        counts += failures(rng, some(rng, 3 * rps), rng.uniform(0.1, 0.3))
    return counts
