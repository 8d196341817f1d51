"""The judge: is the new version worse than the old one, from counts alone. Pure: no clock, no I/O, no randomness.

Source: M. Lindon, A. Malek, "Anytime-Valid Inference for Multinomial Count Data" (NeurIPS 2022); M. Lindon, C. Sanden,
V. Shirikian, "Rapid Regression Detection in Software Deployments through Sequential Testing" (KDD 2022).

Hypothesis: in every minute both versions fail at one common rate, which may change from minute to minute in any way.
Guarantee: under it, with failures independent given that rate, P(ever FAIL "worse") <= alpha over the whole walk,
however often one looks and however long it lasts (Ville's inequality). Shared incidents therefore do not fail a walk.
What weakens the guarantee is failures that come in bursts: `phi` allows for as much burstiness as the old version has
shown before.
Outside the guarantee: the outage guard, see `_outage`.
Not seen: burstiness the old version never showed, a sandbox stuck for minutes, anything small at a few requests a
minute.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.release.judge_math import (
    GRID,
    LOG_CAP,
    NOWHERE,
    absolute_rate,
    dispersion,
    logsumexp,
    newcombe,
    odds_ratios,
    rate_ratio,
    rate_ratios,
    wilson,
)
from pipeline.release.judge_verdict import (
    DEFAULT_NAMES,
    NOTHING,
    Counts,
    Minute,
    Names,
    Outcome,
    Reason,
    Verdict,
    combine,
    sentence,
    unavailable,
)

__all__ = ["Counts", "Minute", "Outcome", "Reason", "Verdict", "combine", "judge", "unavailable"]

HISTORY = 60  # minutes before the walk that phi and the expected rate are taken from
OUTAGE_RATE = 0.20
OUTAGE_RATIO = 2.0
FAST_MINUTES = 3
FAST_LIMIT = 20.0
FAST_RATIO = 1.5  # the fast lane shows: less than 1.5 times the old rate,
FAST_RATE = 0.001  # or less than one bad request in a thousand
HIGH_RATE = 0.05  # from here on the two-sample form finds more than the rare-event form
HIGH_BAD = 5.0  # bad events behind an expected rate before it is believed
MEMORY = 0.95  # per minute: how fast the expected rate forgets

_LOG_MIXTURE = math.log(len(GRID))
_LOG_2 = math.log(2.0)


def judge(
    minutes: Iterable[Minute],
    *,
    steps: int,
    bake: float | None = None,
    min_requests: int = 100,
    phi: float | None = None,
    alpha: float = 0.01,
    fast: bool = False,
    names: Names = DEFAULT_NAMES,
) -> Verdict:
    """Judge the walk so far from all its complete minutes, in any order; always all of them, never only the new ones.

    steps: how many steps with both versions were declared; rows at step >= steps (100 %) have no baseline and are
    ignored.
    bake: how many minutes (rows) the current step must last; None = it cannot PASS.
    min_requests: on the new version, over the walk so far, before a step can PASS.
    phi: dispersion of the old version's failures; None = from the rows of step -1.
    fast: PASS early on proof of "not 1.5 times worse, or under 0.1 %" (e >= 20, so at most 5 % false, per step).
    interval (of the verdict): Newcombe's hybrid score interval, 95 %, of the difference of rates (new minus old) over
    this step, widened by phi. It describes, at this one look; it takes no part in the decision.

    Raises ValueError on a repeated `t`, a step that goes back, or arguments out of range.
    """
    if steps < 1 or not 0.0 < alpha < 1.0:
        raise ValueError(f"steps must be at least 1 and alpha between 0 and 1, got steps={steps}, alpha={alpha}")
    history, walk = _in_order(minutes, steps)
    if phi is None:
        phi = dispersion((minute.baseline.n, minute.baseline.bad) for minute in history)
    phi = max(1.0, phi)
    evidence = _evidence(history, walk, steps, phi, math.log(1.0 / alpha))
    now = [minute for minute in walk if minute.step == walk[-1].step]
    step_canary, step_baseline = _total(minute.canary for minute in now), _total(minute.baseline for minute in now)
    verdict = Verdict(
        outcome="INCONCLUSIVE",
        reason="baking",
        sentence="",
        e_value=math.exp(min(evidence.log_e, 700.0)),
        log_e=evidence.log_e,
        limit=1.0 / alpha,
        interval=newcombe(step_canary.n, step_canary.bad, step_baseline.n, step_baseline.bad, 1.96 * math.sqrt(phi)),
        phi=phi,
        guard=evidence.guard,
        failed_at=evidence.failed_at,
        step=walk[-1].step if walk else -1,
        minutes=len(now),
        bake=bake,
        min_requests=min_requests,
        canary=_total(minute.canary for minute in walk),
        baseline=_total(minute.baseline for minute in walk),
        step_canary=step_canary,
        step_baseline=step_baseline,
    )
    outcome, reason = _decide(verdict, fast=fast and _good_enough(now, phi))
    return replace(verdict, outcome=outcome, reason=reason, sentence=sentence(reason, verdict, names))


def _decide(verdict: Verdict, *, fast: bool) -> tuple[Outcome, Reason]:
    if verdict.failed_at is not None:
        return "FAIL", "worse" if verdict.log_e >= math.log(verdict.limit) else "outage"
    over = verdict.bake is not None and verdict.minutes > 0 and verdict.minutes >= verdict.bake
    comparable = verdict.step_canary.n > 0 and verdict.step_baseline.n > 0
    enough = verdict.canary.n >= verdict.min_requests
    if fast and comparable and enough and verdict.bake is not None:
        return "PASS", "fast"
    if not over:
        return "INCONCLUSIVE", "baking"
    if not comparable:
        return "INCONCLUSIVE", "no data"
    if not enough:
        return "INCONCLUSIVE", "low traffic"
    return "PASS", "baked"


def _in_order(minutes: Iterable[Minute], steps: int) -> tuple[list[Minute], list[Minute]]:
    """History (the last 60 rows before the walk) and the walk, each in the order of time."""
    ordered = sorted(minutes, key=lambda minute: minute.t)
    for before, after in pairwise(ordered):
        if before.t == after.t:
            raise ValueError(f"two rows for t={after.t}: each minute must be given once")
        if after.step < before.step:
            raise ValueError(f"the step goes back from {before.step} to {after.step} at t={after.t}")
    history = [minute for minute in ordered if minute.step < 0]
    return history[-HISTORY:], [minute for minute in ordered if 0 <= minute.step < steps]


def _total(parts: Iterable[Counts]) -> Counts:
    n = bad = 0
    for part in parts:
        n += part.n
        bad += part.bad
    return Counts(n, bad) if n else NOTHING


@dataclass(frozen=True)
class _Evidence:
    log_e: float  # running maximum
    failed_at: float | None  # `t` of the first minute that failed the walk
    guard: bool  # the guard fired at some minute


def _evidence(history: Sequence[Minute], walk: Sequence[Minute], steps: int, phi: float, log_limit: float) -> _Evidence:
    """Run the e-process over the walk; the verdict is that of somebody who looked after every single minute.

    Wealth 1 is divided over the declared steps. Each step's share is invested when the step begins, spread evenly
    over the grid of ratios, so that a regression that only shows at a higher weight meets fresh wealth. Each minute
    multiplies it by a capped likelihood ratio whose expectation under the hypothesis is at most 1; so the total is a
    supermartingale.
    """
    wealth = [NOWHERE] * len(GRID)
    stake = -math.log(steps)
    expected = _Expected(history)
    best, begun, step, guard = 0.0, 0, -1, False
    failed_at: float | None = None
    n_c = e_c = n_b = e_b = 0  # of the step, for the guard
    for minute in walk:
        canary, baseline = minute.canary, minute.baseline
        if minute.step != step:
            step, begun = minute.step, begun + 1
            n_c = e_c = n_b = e_b = 0
            wealth = [logsumexp((a, stake)) for a in wealth]
        n_c, e_c, n_b, e_b = n_c + canary.n, e_c + canary.bad, n_b + baseline.n, e_b + baseline.bad
        guess = expected.rate
        # a minute without bad events counts too, once there is a guess: leaving it out would break the guarantee
        if canary.n and baseline.n and (canary.bad or baseline.bad or guess is not None):
            if guess is None:
                ratios = rate_ratios(canary.n, canary.bad, baseline.n, baseline.bad)
            else:
                ratios = odds_ratios(canary.n, canary.bad, baseline.n, baseline.bad, guess)
            room = LOG_CAP * phi
            wealth = [a + min(room, ratio) / phi for a, ratio in zip(wealth, ratios, strict=True)]
            idle = math.log((steps - begun) / steps) if begun < steps else NOWHERE
            # e = mean of the wealth + idle <= 2 * the larger: a healthy walk needs no exponentials
            if max(*wealth, idle) + _LOG_2 > best:
                best = max(best, logsumexp([*[a - _LOG_MIXTURE for a in wealth], idle]))
        expected.see(baseline)
        guard = guard or _outage(n_c, e_c, n_b, e_b, phi)
        if failed_at is None and (guard or best >= log_limit):
            failed_at = minute.t
    return _Evidence(best, failed_at, guard)


def _outage(n_c: int, e_c: int, n_b: int, e_b: int, phi: float) -> bool:
    """The guard, on one step's sums: over 20 % of the canary's requests fail, and over twice as many as the baseline's.

    Both with Wilson bounds widened by phi: the canary's lower one (z = 3) against 20 % and twice the baseline's upper
    one (z = 1). It catches an outage after a handful of requests, where the e-process needs more. It is outside the
    guarantee: looked at every minute, nothing bounds its false alarms but its width. The factor of two is what keeps
    it silent where the common rate itself is above 20 % (simulated: 2.3 % false rollbacks without it at 30 %, 0.3 %
    at most with it). It sums over the step, so a shared incident that meets a shift of traffic within the step can
    fool it.
    """
    if n_b == 0 or e_c <= OUTAGE_RATE * n_c:
        return False
    z = math.sqrt(phi)
    low = wilson(n_c, e_c, 3.0 * z)[0]
    return low > OUTAGE_RATE and low > OUTAGE_RATIO * wilson(n_b, e_b, z)[1]


class _Expected:
    """The rate to expect next, from the old version's past alone: fixed before the minute it is used in."""

    def __init__(self, history: Sequence[Minute]) -> None:
        self._n = self._bad = 0.0
        for minute in history:
            self.see(minute.baseline)

    def see(self, baseline: Counts) -> None:
        self._n = MEMORY * self._n + baseline.n
        self._bad = MEMORY * self._bad + baseline.bad

    @property
    def rate(self) -> float | None:
        """None while failures are rare or too few: then the rare-event form, which needs no guess, is the one."""
        if self._bad < HIGH_BAD or self._bad < HIGH_RATE * self._n:
            return None
        return (self._bad + 0.5) / (self._n + 1.0)


def _good_enough(now: Sequence[Minute], phi: float) -> bool:
    """The fast lane: e-value, from this step's minutes, against "at least 1.5 times the old rate AND at least 0.1 %".

    Half the wealth shows that the ratio is below 1.5, half that the rate is below 0.1 %. What is between the old rate
    and these tolerances is let through. It saves time only from about 1,000 requests a minute.
    """
    if len(now) < FAST_MINUTES:
        return False
    better = [0.0] * 3
    rare = [0.0] * 3
    for minute in now:
        c, b = minute.canary, minute.baseline
        for i, r in enumerate((0.5, 0.8, 1.0)):
            better[i] += min(LOG_CAP, rate_ratio(c.n, c.bad, b.n, b.bad, r=r, r0=FAST_RATIO) / phi)
        for i, q in enumerate((0.0, FAST_RATE / 10.0, FAST_RATE / 3.0)):
            rare[i] += min(LOG_CAP, absolute_rate(c.n, c.bad, q, FAST_RATE) / phi)
    return logsumexp([*better, *rare]) - math.log(6.0) >= math.log(FAST_LIMIT)
