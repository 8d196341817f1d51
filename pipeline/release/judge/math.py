"""The arithmetic under the judge: likelihood ratios, dispersion, score intervals. Knows no walk, no verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

GRID = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
LOG_CAP = math.log(20.0)
NOWHERE = -math.inf  # log of zero

Ratios = tuple[tuple[float, float], ...]
LOG_AND_EXCESS: Ratios = tuple((math.log(r), r - 1.0) for r in GRID)  # log(r), r - 1


def logsumexp(values: Sequence[float]) -> float:
    """The log of Σ exp(values); exact in the order of its arguments (fsum), and -inf for nothing."""
    top = max(values, default=NOWHERE)
    if top == NOWHERE:
        return NOWHERE
    exp = math.exp
    return top + math.log(math.fsum([exp(value - top) for value in values]))


def rate_ratio(n_c: float, e_c: float, n_b: float, e_b: float, *, r: float, r0: float = 1.0) -> float:
    """Log likelihood ratio of rate ratio `r` against `r0` for one minute, given the number of bad events on both sides.

    n_…: requests, e_…: bad ones among them, of canary and baseline. Given E = e_c + e_b, e_c is binomial with chance
    pi·r / (1 + pi·(r - 1)), pi = n_c / (n_c + n_b), when bad events are rare (M. Lindon, A. Malek, NeurIPS 2022,
    arXiv:2011.03567: counts of Poisson processes given their total are multinomial):

        l = e_c·log(r / r0) - E·(log(1 + pi·(r - 1)) - log(1 + pi·(r0 - 1)))

    Under "same rate" it is exactly hypergeometric, which is less spread than the binomial (Hoeffding 1963,
    Theorem 4), so the expectation of this ratio stays at most 1 at any rate.
    """
    bad = e_c + e_b
    if n_c <= 0 or n_b <= 0 or bad <= 0:
        return 0.0
    pi = n_c / (n_c + n_b)
    return e_c * math.log(r / r0) - bad * (math.log1p(pi * (r - 1.0)) - math.log1p(pi * (r0 - 1.0)))


def rate_ratios(n_c: float, e_c: float, n_b: float, e_b: float, ratios: Ratios = LOG_AND_EXCESS) -> list[float]:
    """`rate_ratio` against 1 for every one of `ratios`; the inner loop of the judge."""
    bad = e_c + e_b
    pi = n_c / (n_c + n_b)
    log1p = math.log1p
    return [e_c * log_r - bad * log1p(pi * excess) for log_r, excess in ratios]


def odds_ratios(
    n_c: float, e_c: float, n_b: float, e_b: float, guess: float, *, ratios: Ratios = LOG_AND_EXCESS
) -> list[float]:
    """Log e-value of one minute for every odds ratio of `ratios`: the two-sample Bernoulli form, for high rates.

    With b = `guess`, c its shift by the odds ratio and m = (n_c·c + n_b·b) / (n_c + n_b), the product over all
    requests of p_side(y) / p_m(y) has expectation at most 1 whatever the common rate is, as long as `guess` was fixed
    before the minute (R. Turner, A. Ly, P. Grünwald, "Generic E-Variables for Exact Sequential k-Sample Tests",
    2021). For small rates it becomes `rate_ratios`; above some 5 % it finds the same regression sooner.
    """
    # In logarithms relative to b, where log(1 + (r - 1)·b) stands for both log(c) and log(1 - c).
    pi = n_c / (n_c + n_b)
    bad = e_c + e_b
    good = n_c + n_b - bad
    log1p = math.log1p
    out = []
    for log_r, excess in ratios:
        grown = 1.0 + excess * guess
        shift = pi * excess / grown
        out.append(
            e_c * log_r
            - n_c * log1p(excess * guess)
            - bad * log1p(shift * (1.0 - guess))
            - good * log1p(-shift * guess)
        )
    return out


def dispersion(series: Sequence[tuple[float, float]], chance: float = 0.0) -> float:
    """Pearson χ² per degree of freedom of bad events per period against one common rate, at least 1.

    `series` holds (requests, bad) per period; 1 is what independent failures show, more means bursts. With fewer than
    two periods with traffic, no bad event, or nothing but bad events there is no dispersion to see: 1. It is 1, too,
    while it is within `chance` standard deviations of what independent failures show: for Poisson counts of means m
    the variance of χ² is Σ (2 + 1/m) (J. Haldane, Biometrika 29, 1937).
    """
    periods = [(n, bad) for n, bad in series if n > 0]
    total, bad_total = math.fsum([n for n, _ in periods]), math.fsum([bad for _, bad in periods])
    if len(periods) < 2 or bad_total <= 0 or bad_total >= total:
        return 1.0
    p = bad_total / total
    # Σ (bad - n·p)² / n, multiplied out: most periods of most services have no bad event
    chi2 = (math.fsum([bad * bad / n for n, bad in periods if bad]) - bad_total * p) / (p * (1.0 - p))
    freedom = len(periods) - 1
    if chi2 <= freedom:
        return 1.0
    spread = math.sqrt(2.0 * len(periods) + math.fsum([1.0 / n for n, _ in periods]) / p) if chance else 0.0
    return chi2 / freedom if chi2 > freedom + chance * spread else 1.0


def burstiness(series: Sequence[tuple[float, float]]) -> float:
    """phi: the largest dispersion over blocks of 1, 3 and 5 periods that is more than chance; 1 if there is none.

    Blocks see what lasts: a sandbox stuck for minutes spreads its failures evenly over them. The blocks end with the
    last period, and longer ones must be further from chance (3 standard deviations instead of 2): there are few.
    """
    if not any(bad for _, bad in series):
        return 1.0
    phi = dispersion(series, 2.0)
    requests, bad = [n for n, _ in series], [one for _, one in series]
    for length in (3, 5):
        starts = range(len(series) % length, len(series), length)
        blocks = [(sum(requests[at : at + length]), sum(bad[at : at + length])) for at in starts]
        phi = max(phi, dispersion(blocks, 3.0))
    return phi


def wilson(n: float, bad: float, z: float) -> tuple[float, float]:
    """Wilson's score interval of a rate, `z` standard deviations either way; (0, 1) when there was no request."""
    if n <= 0:
        return 0.0, 1.0
    p, z2 = bad / n, z * z
    middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n)
    half = z / (1.0 + z2 / n) * math.sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if bad <= 0 else min(low, p)), (1.0 if bad >= n else max(high, p))


def newcombe(n_c: float, e_c: float, n_b: float, e_b: float, z: float) -> tuple[float, float]:
    """Newcombe's hybrid score interval (1998, method 10) of the difference of two rates, canary minus baseline."""
    if n_c <= 0 or n_b <= 0:
        return -1.0, 1.0
    p_c, p_b = e_c / n_c, e_b / n_b
    low_c, high_c = wilson(n_c, e_c, z)
    low_b, high_b = wilson(n_b, e_b, z)
    diff = p_c - p_b
    return diff - math.hypot(p_c - low_c, high_b - p_b), diff + math.hypot(high_c - p_c, p_b - low_b)


def absolute_rate(n: float, bad: float, q: float, a: float) -> float:
    """Log likelihood ratio of bad rate `q` against `a` for `bad` of `n` requests (binomial; A. Wald, 1945)."""
    if q <= 0.0:
        return -n * math.log1p(-a) if bad <= 0 else NOWHERE
    return bad * math.log(q / a) + (n - bad) * (math.log1p(-q) - math.log1p(-a))
