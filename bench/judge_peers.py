"""Peers' rules for the same minutes, written from their documentation and published defaults; none of their code.

Each rule sees a walk minute by minute and says in which minute it rolls back (from 1), or None. Where a rule needs what
a simulation does not have, the choice is named. Sources:

- plain e-process: Lindon and Malek (NeurIPS 2022) without cap, dispersion, loan of the first minute and outage guard.
- Kayenta (spinnaker.io/guides/user/canary/judge and its canary-config.md): a two-sided Mann-Whitney confidence interval
  of 98 % of the shift; "High" when it lies above a quarter of the Hodges-Lehmann estimate; direction `increase`,
  `critical`, no effect size. One error rate a minute, judged every five minutes on all minutes so far (a growing
  window, its default); "High" fails the walk.
- Flagger (fluxcd.io/flagger/usage/metrics): request-success-rate below 99 % in the last minute, or no requests, is a
  failed check; the fifth one rolls back, whatever succeeded in between.
- Argo Rollouts (argoproj.github.io/argo-rollouts/features/analysis): a background measurement a minute with
  successCondition result >= 0.95 and failureLimit 3: the fourth failure aborts; no data is an error, and more than four
  errors in a row (consecutiveErrorLimit's default) abort as well.
- CodeDeploy/SAM with one CloudWatch alarm on the new version: Errors / Invocations > 1 % in 2 of the last 3 minutes;
  missing minutes are not breaching.
- PipeCD (ANALYSIS stage, strategy CANARY_PRIMARY): every five minutes Mann-Whitney on the five error rates a side,
  two-sided (deviation EITHER), p <= 0.05 fails; failureLimit 0, both defaults. Samples in which all values are equal,
  or missing, cannot be tested and count as failures (skipOnNoData's default).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations

from pipeline.release.judge.judge import Minute, judge
from pipeline.release.judge.math import GRID, logsumexp, rate_ratios

Rule = Callable[[Sequence[Minute]], int | None]

EVERY = 5  # minutes between two analyses of Kayenta and PipeCD
Z_98 = 2.3263478740408408  # of the normal distribution, 1 % in each tail


def ours(walk: Sequence[Minute]) -> int | None:
    """This repository's judge, looking every minute."""
    at = judge(walk, steps=2, bake=10).failed_at
    return None if at is None else int(at) + 1


def plain_e_process(walk: Sequence[Minute]) -> int | None:
    """The likelihood ratio mixture alone, wealth divided over two steps."""
    wealth, idle, step = [-math.inf] * len(GRID), 0.0, -1
    for minute in _judged(walk):
        if minute.step != step:
            step = minute.step
            idle = math.log(0.5) if step == 0 else -math.inf
            wealth = [logsumexp((a, math.log(0.5))) for a in wealth]
        canary, baseline = minute.canary, minute.baseline
        if canary.n and baseline.n:
            gains = rate_ratios(canary.n, canary.bad, baseline.n, baseline.bad)
            wealth = [a + gain for a, gain in zip(wealth, gains, strict=True)]
        if logsumexp([*[a - math.log(len(GRID)) for a in wealth], idle]) >= math.log(100):
            return int(minute.t) + 1
    return None


def kayenta(walk: Sequence[Minute]) -> int | None:
    """Mann-Whitney with a tolerance of a quarter of the estimated shift."""
    seen = _judged(walk)
    for until in range(EVERY, len(seen) + 1, EVERY):
        new = [one.canary.bad / one.canary.n for one in seen[:until] if one.canary.n]
        old = [one.baseline.bad / one.baseline.n for one in seen[:until] if one.baseline.n]
        if not new or not old or new == old:
            continue
        shifts = sorted(a - b for a in new for b in old)
        estimate = _median(shifts)
        # The interval's lower end is above the bound just when the test rejects a shift of the bound.
        if estimate > 0 and _z([a - 0.25 * estimate for a in new], old) > Z_98:
            return until
    return None


def flagger(walk: Sequence[Minute]) -> int | None:
    """99 % success, five failed checks."""
    failed = 0
    for minute in _judged(walk):
        rate = minute.canary.rate
        failed += rate is None or rate > 0.01
        if failed >= 5:
            return int(minute.t) + 1
    return None


def argo(walk: Sequence[Minute]) -> int | None:
    """95 % success, failureLimit 3, consecutiveErrorLimit 4."""
    failed = silent = 0
    for minute in _judged(walk):
        rate = minute.canary.rate
        silent = silent + 1 if rate is None else 0
        failed += rate is not None and rate > 0.05
        if failed > 3 or silent > 4:
            return int(minute.t) + 1
    return None


def codedeploy(walk: Sequence[Minute]) -> int | None:
    """An alarm on the new version's error rate above 1 %, 2 of 3."""
    breaches: list[bool] = []
    for minute in _judged(walk):
        breaches.append((minute.canary.rate or 0.0) > 0.01)
        if sum(breaches[-3:]) >= 2:
            return int(minute.t) + 1
    return None


def pipecd(walk: Sequence[Minute]) -> int | None:
    """Mann-Whitney on the last five minutes, p <= 0.05 either way."""
    seen = _judged(walk)
    for until in range(EVERY, len(seen) + 1, EVERY):
        last = seen[until - EVERY : until]
        new = [one.canary.bad / one.canary.n for one in last if one.canary.n]
        old = [one.baseline.bad / one.baseline.n for one in last if one.baseline.n]
        if not new or not old or len({*new, *old}) == 1 or _exact_p(new, old) <= 0.05:
            return until
    return None


PEERS: dict[str, Rule] = {
    "this judge": ours,
    "plain e-process": plain_e_process,
    "Kayenta": kayenta,
    "Flagger 99 %, 5": flagger,
    "Argo Rollouts 5 %, 3": argo,
    "CodeDeploy > 1 %, 2 of 3": codedeploy,
    "PipeCD Mann-Whitney": pipecd,
}


def _judged(walk: Sequence[Minute]) -> list[Minute]:
    return [minute for minute in walk if minute.step >= 0]


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _ranks(values: Sequence[float]) -> tuple[list[float], float]:
    """Mid-ranks, and Σ (t³ - t) over groups of t equal values."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, ties, start = [0.0] * len(values), 0.0, 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for i in order[start:end]:
            ranks[i] = (start + end + 1) / 2
        ties += (end - start) ** 3 - (end - start)
        start = end
    return ranks, ties


def _z(new: Sequence[float], old: Sequence[float]) -> float:
    """Mann-Whitney's statistic in standard deviations, corrected for ties and continuity."""
    m, n = len(new), len(old)
    ranks, ties = _ranks([*new, *old])
    u = sum(ranks[:m]) - m * (m + 1) / 2 - m * n / 2
    total = m + n
    variance = m * n / 12 * (total + 1 - ties / (total * (total - 1)))
    return (u - math.copysign(0.5, u)) / math.sqrt(variance) if variance > 0 else 0.0


def _exact_p(new: Sequence[float], old: Sequence[float]) -> float:
    """Two-sided p of Mann-Whitney's U by permutation, ties as mid-ranks."""
    ranks, _ = _ranks([*new, *old])
    doubled = tuple(round(2 * rank) for rank in ranks)
    return _two_sided(tuple(sorted(doubled)), len(new), sum(doubled[: len(new)]))


@lru_cache(maxsize=100_000)
def _two_sided(doubled: tuple[int, ...], size: int, seen: int) -> float:
    sums = [sum(chosen) for chosen in combinations(doubled, size)]
    middle = size * sum(doubled) / len(doubled)
    if seen == middle:
        return 1.0
    tail = sum(one <= seen if seen < middle else one >= seen for one in sums)
    return min(1.0, 2.0 * tail / len(sums))
