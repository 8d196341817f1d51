"""The judge: is the new version worse than the old one, from counts alone. Pure: no clock, no I/O, no randomness.

Source: M. Lindon, A. Malek, "Anytime-Valid Inference for Multinomial Count Data" (NeurIPS 2022); M. Lindon, C. Sanden,
V. Shirikian, "Rapid Regression Detection in Software Deployments through Sequential Testing" (KDD 2022).

Hypothesis: in every minute both versions fail at one common rate, which may change from minute to minute in any way.
Guarantee: under it, with failures independent given that rate, P(ever FAIL "worse") <= alpha over the whole walk,
however often one looks and however long it lasts (Ville's inequality). Shared incidents therefore do not fail a walk.
What weakens the guarantee is failures that come in bursts: `phi` allows for as much burstiness as the old version has
shown before.
Outside the guarantee: the outage guard, see `process.outage`.
Not seen: burstiness the old version never showed, a sandbox stuck for minutes, anything small at a few requests a
minute; what `power` computes for a service's own traffic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from operator import attrgetter

from pipeline.release.judge.math import burstiness, newcombe
from pipeline.release.judge.process import EProcess, GoodEnough
from pipeline.release.judge.verdict import (
    DEFAULT_NAMES,
    Counts,
    Minute,
    Names,
    Outcome,
    Reason,
    Verdict,
    Wording,
    combine,
    unavailable,
)

__all__ = ["Counts", "Minute", "Outcome", "Reason", "Verdict", "combine", "follow", "judge", "unavailable"]

SUSPICION = 0.1  # of the evidence's limit: from there on a step bakes longer
LONGEST = 2  # times its bake that a step may then last
HISTORY = 60  # minutes before the walk that phi and the expected rate are taken from


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
    verb: str = "failed",
    opening: int = 1,
) -> Verdict:
    """Judge the walk so far from all its complete minutes, in any order; always all of them, never only the new ones.

    Hypothesis tested: in every minute both versions fail at one common rate (any rate, another one every minute).
    Guarantee: P(ever FAIL "worse" | hypothesis) <= alpha, over the whole walk and any number of looks; PASS promises
    nothing but that (see `power.detectable` for what a walk of this size would have found).
    Source: the e-process of Lindon and Malek (NeurIPS 2022, arXiv:2011.03567), its equations in `process`; FAIL
    at e >= 1/alpha by Ville's inequality (J. Ville, 1939).

    minutes: requests (`n`) and bad ones among them (`bad`) of both versions, whole counts, one row a period.
    steps: how many steps with both versions were declared; rows at step >= steps (100 %) have no baseline and are
    ignored.
    bake: how many periods the current step must last; None = it cannot PASS. At its end evidence of a tenth of
    the limit or more asks for more of it, up to twice the time: FAIL and its guarantee stay as they are.
    min_requests: on the new version, over the walk so far, before a step can PASS.
    phi: dispersion of the old version's failures, 1 = independent; None = from the rows of step -1, see `burstiness`.
    alpha: of this one signal, between 0 and 1; several signals share what the rollout promises.
    fast: PASS early on proof of "not 1.5 times worse, or under 0.1 %" (e >= 20, so at most 5 % false, per step).
    verb: what a bad request did, for the sentence: "failed", "timed out", "took too long".
    opening: how many periods at a step's start count as one, where periods are shorter than a cold start.
    interval (of the verdict): Newcombe's hybrid score interval, 95 %, of the difference of rates (new minus old) over
    this step, widened by phi. It describes, at this one look; it takes no part in the decision.

    Raises ValueError on a repeated or endless `t`, a step that goes back, or arguments out of range.
    """
    ordered = _in_order(minutes, steps, alpha)
    court = _Court(
        ordered,
        steps=steps,
        bake=bake,
        min_requests=min_requests,
        phi=phi,
        alpha=alpha,
        fast=fast,
        names=names,
        verb=verb,
        opening=opening,
    )
    for minute in ordered:
        if 0 <= minute.step < steps:
            court.add(minute)
    return court.verdict()


def follow(
    minutes: Iterable[Minute],
    *,
    steps: int,
    bake: float | None = None,
    min_requests: int = 100,
    phi: float | None = None,
    alpha: float = 0.01,
    fast: bool = False,
    names: Names = DEFAULT_NAMES,
    verb: str = "failed",
    bakes: Mapping[int, float] | None = None,
    opening: int = 1,
) -> Iterator[tuple[Minute, Verdict, float]]:
    """What somebody saw who asked after every single minute of the walk: the minute, the verdict, the evidence then.

    Arguments, guarantee and errors are those of `judge`; the verdict is what `judge` says of the minutes so far. The
    evidence is the natural logarithm of that minute's e-value, whose running maximum is `Verdict.log_e`. `bakes` says
    how many minutes each step must last where they differ; `bake` is for the others.
    """
    ordered = _in_order(minutes, steps, alpha)
    court = _Court(
        ordered,
        steps=steps,
        bake=bake,
        min_requests=min_requests,
        phi=phi,
        alpha=alpha,
        fast=fast,
        names=names,
        verb=verb,
        bakes=bakes,
        opening=opening,
    )
    for minute in ordered:
        if 0 <= minute.step < steps:
            court.add(minute)
            yield minute, court.verdict(), court.evidence.current()


class _Court:
    """A walk's evidence with what was declared for it."""

    def __init__(
        self,
        ordered: list[Minute],
        *,
        steps: int,
        bake: float | None,
        min_requests: int,
        phi: float | None,
        alpha: float,
        fast: bool,
        names: Names,
        verb: str,
        bakes: Mapping[int, float] | None = None,
        opening: int = 1,
    ) -> None:
        history = [minute for minute in ordered if minute.step < 0][-HISTORY:]
        if phi is not None and not math.isfinite(phi):
            raise ValueError(f"phi must be a finite number, got {phi}")
        if phi is None:
            phi = burstiness([(minute.baseline.n, minute.baseline.bad) for minute in history])
        self._phi, self._limit = max(1.0, phi), 1.0 / alpha
        self._bake, self._bakes = bake, bakes or {}
        self._min_requests, self._names = min_requests, names
        self._wording = Wording(names, verb, min_requests)
        self.evidence = EProcess(history, steps, self._phi, math.log(self._limit), opening)
        self._fast = GoodEnough(self._phi) if fast else None

    def add(self, minute: Minute) -> None:
        self.evidence.add(minute)
        if self._fast is not None:
            self._fast.add(minute)

    def verdict(self) -> Verdict:
        seen = self.evidence
        bake = self._bakes.get(seen.step, self._bake)
        n_c, e_c, n_b, e_b = seen.n_c, seen.e_c, seen.n_b, seen.e_b
        walk_n_c, walk_e_c, walk_n_b, walk_e_b = seen.walk()
        canary, baseline = Counts(walk_n_c, walk_e_c), Counts(walk_n_b, walk_e_b)
        outcome, reason = self._decide(walk_n_c, bake)
        silent = self._names[0 if n_c == 0 else 1]
        return Verdict(
            outcome=outcome,
            reason=reason,
            sentence=self._wording.of(reason, canary, baseline, log_e=seen.log_e, silent=silent),
            e_value=math.exp(min(seen.log_e, 700.0)),
            log_e=seen.log_e,
            limit=self._limit,
            interval=newcombe(n_c, e_c, n_b, e_b, 1.96 * math.sqrt(self._phi)),
            phi=self._phi,
            guard=seen.guard,
            failed_at=seen.failed_at,
            step=seen.step,
            minutes=seen.minutes,
            bake=bake,
            min_requests=self._min_requests,
            canary=canary,
            baseline=baseline,
            step_canary=Counts(n_c, e_c),
            step_baseline=Counts(n_b, e_b),
        )

    def _decide(self, requests: int, bake: float | None) -> tuple[Outcome, Reason]:
        seen = self.evidence
        if seen.failed_at is not None:
            return "FAIL", "worse" if seen.log_e >= math.log(self._limit) else "outage"
        comparable = seen.n_c > 0 and seen.n_b > 0
        enough = requests >= self._min_requests
        if comparable and enough and bake is not None and self._fast is not None and self._fast.proven:
            return "PASS", "fast"
        if bake is None or not 0 < seen.minutes >= bake:
            return "INCONCLUSIVE", "baking"
        if not comparable or not enough:
            return "INCONCLUSIVE", "low traffic" if comparable else "no data"
        if seen.minutes < LONGEST * bake and seen.current() >= math.log(SUSPICION * self._limit):
            return "INCONCLUSIVE", "suspicious"
        return "PASS", "baked"


def _in_order(minutes: Iterable[Minute], steps: int, alpha: float) -> list[Minute]:
    """All rows in the order of time."""
    if steps < 1 or not 0.0 < alpha < 1.0:
        raise ValueError(f"steps must be at least 1 and alpha between 0 and 1, got steps={steps}, alpha={alpha}")
    ordered = sorted(minutes, key=attrgetter("t"))
    if ordered and not (math.isfinite(ordered[0].t) and math.isfinite(ordered[-1].t)):
        raise ValueError("every `t` must be a finite number")
    for before, after in pairwise(ordered):
        if before.t == after.t:
            raise ValueError(f"two rows for t={after.t}: each minute must be given once")
        if after.step < before.step:
            raise ValueError(f"the step goes back from {before.step} to {after.step} at t={after.t}")
    return ordered
