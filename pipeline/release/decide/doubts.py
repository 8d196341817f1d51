"""Whether what a service tells of itself is all there is: a process that dies tells nothing. Pure.

Two checks stand beside counts by the second. Lambda draws a version for each request by the alias's weights, so the
lines of both are divided as the weights are, up to chance; and Lambda's own count of invocations, later and by the
minute, must not be far above the service's. Where one of them is off the walk is held and Lambda's errors decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.release.decide.seconds import Told
from pipeline.release.judge.judge import Minute
from pipeline.release.judge.math import NOWHERE, logsumexp
from pipeline.release.judge.verdict import Reason
from pipeline.release.model import Rollout, percent

DOUBTS: frozenset[Reason] = frozenset({"sample ratio mismatch", "metrics disagree"})
SHARES = (0.5, 0.2, 0.02)  # of what the weight says: how far below it a share is looked for
LOG_LEVEL = math.log(1e6)  # held falsely at most once in a million such stretches of minutes
TOLD_LEAST = 0.5  # of Lambda's invocations
UNTOLD_LEAST = 20  # invocations, below which nothing is made of them


def doubt(rollout: Rollout, told: Told | None) -> tuple[Reason, str] | None:
    """Why the service's own counts are not believed now, and in a sentence; None where they are."""
    if told is None or not 0 <= rollout.step < len(rollout.steps):
        return None
    new = f"version {rollout.candidate}"
    weight = rollout.traffic(rollout.step)
    if mismatch(told.lines, weight) >= LOG_LEVEL:
        n_c = sum(one.canary.n for one in told.lines)
        every = n_c + sum(one.baseline.n for one in told.lines)
        said = f"{new} has {percent(weight)} of the traffic and told of {n_c:,} of the last {every:,} requests"
        return "sample ratio mismatch", f"{said}; what ends without a word is not counted, so Lambda's errors are asked"
    missing = told.invocations - told.requests
    if missing >= UNTOLD_LEAST and told.requests < TOLD_LEAST * told.invocations:
        said = f"{new} told of {told.requests:,} requests where Lambda counted {told.invocations:,} invocations"
        return "metrics disagree", f"{said} in the same time; nothing goes forward on the smaller number"
    return None


def mismatch(lines: Sequence[Minute], weight: float) -> float:
    """The evidence, as the natural logarithm of an e-value, that the new version's share is far below its weight.

    Of n_c and n_b lines a share of f·w instead of w is (f^n_c)·((1 - f·w)/(1 - w))^n_b times as likely; the mean over
    `SHARES` and over every moment at which it may have begun has expectation at most 1 where the weight is what it
    should be (A. Wald, 1945, and the mixture of Lorden, 1971). "Sample ratio mismatch" is the field's name for it.
    """
    if not lines or not 0.0 < weight < 1.0:
        return NOWHERE
    ratios = [(math.log(share), math.log((1.0 - share * weight) / (1.0 - weight))) for share in SHARES]
    since = [NOWHERE] * len(SHARES)  # of all that began so far
    for line in lines:
        since = [
            logsumexp((0.0, before)) + line.canary.n * log_c + line.baseline.n * log_b
            for before, (log_c, log_b) in zip(since, ratios, strict=True)
        ]
    return logsumexp(since) - math.log(len(SHARES) * len(lines))
