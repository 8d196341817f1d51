"""The e-process under the judge: one walk's evidence, minute by minute. Decides nothing, knows no bake time.

Hypothesis: in each minute both versions fail at one common rate. Wealth 1 is divided over the S declared steps. Each
step's share is invested when the step begins, spread evenly over the grid of ratios, so that a regression that only
shows at a higher weight meets fresh wealth:

    at a step's first minute   A_r <- log(exp(A_r) + 1/S)
    every minute               A_r <- A_r + min(log 20, l_r / phi)          l_r: `rate_ratios` or `odds_ratios`
    evidence                   e = mean over r of exp(A_r) + (steps not begun) / S

Given how many requests failed, l_r is a log likelihood ratio whose exponential has expectation at most 1 under the
hypothesis, so e is a nonnegative supermartingale that starts at 1 and P(ever e >= 1/alpha) <= alpha (J. Ville, 1939).
The likelihood ratio of counts given their total, and the mixture over alternatives, are those of M. Lindon and A. Malek
for time-inhomogeneous Poisson processes (NeurIPS 2022, arXiv:2011.03567); the division over steps is ours. Whatever is
taken away from the wealth (caps, loan, ruin, phi) can only lower it: the guarantee stays.

Little traffic: minutes are put together until ten requests have come, to whichever version, because a minute in which
only one was asked compares nothing, however many of its requests failed. The rate may change within such a block too:
the alias draws a version for each request, so whichever of them fail, each is as likely as any to be the new version's;
and a block ends by how many requests came, not by whose they are. What is said of minutes here is meant of blocks.

Periods of seconds: the first `opening` of them of each step are one block, because a cold start lasts for more than a
second. How long a period is, and that the first are put together, is fixed beforehand, so the guarantee is the same.

Cold starts: what a step's first minute gained is on loan. Three minutes after it the evidence keeps no more of it than
the two minutes since have borne out (or a factor of two), because a blip of failing starts is over by then and a
regression is not. In a later step that first minute also counts for less to begin with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import add

from pipeline.release.judge.math import (
    GRID,
    LOG_AND_EXCESS,
    LOG_CAP,
    NOWHERE,
    absolute_rate,
    logsumexp,
    odds_ratios,
    rate_ratio,
    rate_ratios,
    wilson,
)
from pipeline.release.judge.verdict import Minute

TOGETHER = 10  # requests to both versions, from which on minutes are compared
LOAN_MINUTES = 3  # of a step, with requests to the new version: for so long its first minute counts in full
LOG_KEPT = math.log(2.0)  # what stays of the first minute's gain without any confirmation
LOG_RUIN = -60.0  # wealth below this is given up: it could come back only by 20 and more capped minutes on end
LOG_LATER_CAP = math.log(5.0)  # of a later step's first minute: the shift of weight brings cold starts again
OUTAGE_RATE = 0.20
OUTAGE_AT_ONCE = 0.40  # in a step's first minute, where cold starts fail
OUTAGE_RATIO = 2.0
FAST_MINUTES = 3
LOG_FAST_LIMIT = math.log(20.0)
FAST_RATIO = 1.5  # the fast lane shows: less than 1.5 times the old rate,
FAST_RATE = 0.001  # or less than one bad request in a thousand
HIGH_RATE = 0.05  # from here on the two-sample form finds more than the rare-event form
HIGH_BAD = 5.0  # bad events behind an expected rate before it is believed
MEMORY = 0.95  # per minute: how fast the expected rate forgets

_LOG_MIXTURE = math.log(len(GRID))
_LOG_2 = math.log(2.0)
_ZEROS = [0.0] * len(GRID)


class EProcess:
    """What a walk's minutes show so far; `add` them in the order of time. Units: requests, and natural logarithms.

    history: minutes before the walk, from which the expected rate is taken; steps: S; phi: dispersion of the old
    version's failures, at least 1; log_limit: log(1/alpha); opening: periods at a step's start that count as one.
    """

    def __init__(self, history: Iterable[Minute], steps: int, phi: float, log_limit: float, opening: int = 1) -> None:
        self.log_e = 0.0  # running maximum of the evidence, as its natural logarithm
        self.failed_at: float | None = None  # `t` of the first minute that failed the walk
        self.guard = False  # the outage guard fired at some minute
        self.step = -1
        self.minutes = 0  # of this step
        self.n_c = self.e_c = self.n_b = self.e_b = 0  # requests and bad ones of this step: new version, old version
        self._matched = 0.0  # bad ones of the new version this step, had it failed at the old one's rate of each minute
        self._before = (0, 0, 0, 0)  # the same of the steps before
        self._steps, self._phi, self._limit, self._opening = steps, phi, log_limit, opening
        self._ratios = LOG_AND_EXCESS  # of the grid, those that are not ruined, beside their wealth
        self._wealth = [NOWHERE] * len(GRID)
        self._begun = 0  # steps
        self._idle = 0.0  # log of the wealth kept for the steps that have not begun
        self._served = 0  # minutes of this step in which the new version had requests
        # Of minutes that are not weighed yet: requests and bad ones of the new version, and of the old one.
        self._block: tuple[int, int, int, int] | None = None
        self._blocks = 0  # of this step that were weighed, with requests to the new version
        self._loan: list[float] = _ZEROS  # what the step's first minute gained
        self._since: list[float] = _ZEROS  # what the minutes after it gained, while it is on loan
        n = bad = 0.0
        for minute in history:
            n = MEMORY * n + minute.baseline.n
            bad = MEMORY * bad + minute.baseline.bad
        self._n, self._bad = n, bad  # of the old version, fading: the rate to expect next

    def add(self, minute: Minute) -> None:
        """Weigh one more complete minute."""
        if minute.step != self.step:
            self._begin(minute.step)
        self.minutes += minute.periods
        canary, baseline = minute.canary, minute.baseline
        n_c, e_c, n_b, e_b = canary.n, canary.bad, baseline.n, baseline.bad
        self.n_c += n_c
        self.e_c += e_c
        self.n_b += n_b
        self.e_b += e_b
        if n_c:
            self._served += 1
            if e_b:
                self._matched += n_c * e_b / n_b
        if self._block is not None:
            before = self._block
            n_c, e_c, n_b, e_b = n_c + before[0], e_c + before[1], n_b + before[2], e_b + before[3]
        if n_c + n_b >= TOGETHER and self.minutes >= self._opening:
            self._block = None
            self._compare(n_c, e_c, n_b, e_b)
        elif n_c or n_b:
            self._block = (n_c, e_c, n_b, e_b)
        if minute.canary.bad and not self.guard:
            at_once = self._served == 1 or self.minutes <= self._opening
            sums = self.n_c, self.e_c, self.n_b, self.e_b
            self.guard = outage(*sums, phi=self._phi, matched=self._matched, at_once=at_once)
        if self.failed_at is None and (self.guard or self.log_e >= self._limit):
            self.failed_at = minute.t

    def current(self) -> float:
        """The natural logarithm of the evidence after the last minute; `log_e` is its running maximum."""
        return logsumexp([*[a - _LOG_MIXTURE for a in self._wealth], self._idle])

    def walk(self) -> tuple[int, int, int, int]:
        """Requests and bad ones of the whole walk: new version, old version."""
        n_c, e_c, n_b, e_b = self._before
        return n_c + self.n_c, e_c + self.e_c, n_b + self.n_b, e_b + self.e_b

    def _compare(self, n_c: int, e_c: int, n_b: int, e_b: int) -> None:
        """Weigh a minute, or those that were put together."""
        if n_c:
            self._blocks += 1
            if self._blocks == LOAN_MINUTES + 1:
                self._forget()
            if n_b:
                guess = self._expected() if self._bad >= HIGH_BAD else None
                # what has no bad events counts too, once a rate is expected: without it the guarantee would break
                if e_c or e_b or guess is not None:
                    self._weigh(n_c, e_c, n_b, e_b, guess)
        self._n = MEMORY * self._n + n_b
        self._bad = MEMORY * self._bad + e_b

    def _begin(self, step: int) -> None:
        if self._block is not None:
            self._compare(*self._block)
            self._block = None
        self._before = self.walk()
        self.n_c = self.e_c = self.n_b = self.e_b = 0
        self._matched = 0.0
        self.step, self.minutes = step, 0
        self._begun += 1
        self._idle = math.log((self._steps - self._begun) / self._steps) if self._begun < self._steps else NOWHERE
        self._served, self._blocks, self._loan, self._since = 0, 0, _ZEROS, _ZEROS
        stake = -math.log(self._steps)
        wealth = dict(zip(self._ratios, self._wealth, strict=True))
        self._ratios = LOG_AND_EXCESS
        self._wealth = [logsumexp((wealth.get(ratio, NOWHERE), stake)) for ratio in LOG_AND_EXCESS]

    def _weigh(self, n_c: int, e_c: int, n_b: int, e_b: int, guess: float | None) -> None:
        ratios, phi = self._ratios, self._phi
        if not ratios:
            return
        if guess is None:
            gains = rate_ratios(n_c, e_c, n_b, e_b, ratios)
        else:
            gains = odds_ratios(n_c, e_c, n_b, e_b, guess, ratios=ratios)
        if phi != 1.0:
            gains = [gain / phi for gain in gains]
        # Where the new version does no worse than the old one every gain is at most 0: nothing to cap, no new maximum.
        worse = e_c * n_b > e_b * n_c
        if worse:
            cap = LOG_LATER_CAP if self._blocks == 1 and self._begun > 1 else LOG_CAP
            if max(gains) > cap:
                gains = [min(cap, gain) for gain in gains]
        if self._blocks == 1:
            self._loan = gains
        elif self._blocks <= LOAN_MINUTES:
            self._since = list(map(add, self._since, gains))
        self._wealth = list(map(add, self._wealth, gains))
        if min(self._wealth) < LOG_RUIN:
            self._ruin()
        # e = mean of the wealth + idle <= 2 * the larger: a healthy walk needs no exponentials
        if worse and max((self._idle, *self._wealth)) + _LOG_2 > self.log_e:
            self.log_e = max(self.log_e, self.current())

    def _ruin(self) -> None:
        left = [i for i, a in enumerate(self._wealth) if a >= LOG_RUIN]
        self._ratios = tuple(self._ratios[i] for i in left)
        self._wealth = [self._wealth[i] for i in left]
        self._loan = [self._loan[i] for i in left]
        self._since = [self._since[i] for i in left]

    def _forget(self) -> None:
        self._wealth = [
            a - max(0.0, loan - max(LOG_KEPT, since))
            for a, loan, since in zip(self._wealth, self._loan, self._since, strict=True)
        ]

    def _expected(self) -> float | None:
        """The rate to expect next, from the old version's past alone: fixed before the minute it is used in.

        None while failures are rare: then the rare-event form, which needs no guess, is the one.
        """
        if self._bad < HIGH_RATE * self._n:
            return None
        return (self._bad + 0.5) / (self._n + 1.0)


def outage(n_c: int, e_c: int, n_b: int, e_b: int, *, phi: float, matched: float = 0.0, at_once: bool = False) -> bool:
    """The guard, on a step's sums: over 20 % of the canary's requests fail, and over twice as many as the baseline's.

    Both with Wilson bounds (E. B. Wilson, JASA 22, 1927) widened by phi: the canary's lower one (z = 3) against 20 %
    and twice the baseline's upper one (z = 1). In a step's first minute, `at_once`, it is 40 % instead: cold starts.
    `matched` is how many would have failed at the baseline's rate of each minute; twice as many are required, so that
    a shared incident in a minute of uneven traffic is none of the canary's.
    It catches an outage after a handful of requests, where the e-process needs more. It is outside the guarantee:
    looked at every minute, nothing bounds its false alarms but its width. The factor of two is what keeps it silent
    where the common rate itself is above 20 % (simulated: 2.3 % false rollbacks without it at 30 %, 0.3 % at most with
    it).
    """
    rate = OUTAGE_AT_ONCE if at_once else OUTAGE_RATE
    if n_b == 0 or e_c <= rate * n_c or e_c <= OUTAGE_RATIO * matched:
        return False
    z = math.sqrt(phi)
    low = wilson(n_c, e_c, 3.0 * z)[0]
    return low > rate and low > OUTAGE_RATIO * wilson(n_b, e_b, z)[1]


class GoodEnough:
    """The fast lane: e-value, from one step's minutes, against "at least 1.5 times the old rate AND at least 0.1 %".

    Half the wealth shows that the ratio is below 1.5, half that the rate is below 0.1 %; proven at e >= 20 after at
    least 3 minutes of the step, so falsely at most once in 20 steps of such a version. What is between the old rate
    and these tolerances is let through. In numbers: without a single failure it takes 4,150 requests to the new
    version. At 1,000 requests a minute that is 42 minutes at 10 % and 9 at 50 %; at 10,000, 5 and 3 minutes.
    """

    def __init__(self, phi: float) -> None:
        self._phi = phi
        self._step, self._minutes = -1, 0
        self._better, self._rare = [0.0] * 3, [0.0] * 3

    def add(self, minute: Minute) -> None:
        """Weigh one more complete minute; a new step starts from nothing."""
        if minute.step != self._step:
            self._step, self._minutes = minute.step, 0
            self._better, self._rare = [0.0] * 3, [0.0] * 3
        self._minutes += minute.periods
        c, b = minute.canary, minute.baseline
        for i, r in enumerate((0.5, 0.8, 1.0)):
            gain = rate_ratio(c.n, c.bad, b.n, b.bad, r=r, r0=FAST_RATIO)
            self._better[i] += min(LOG_CAP, gain / self._phi)
        for i, q in enumerate((0.0, FAST_RATE / 10.0, FAST_RATE / 3.0)):
            self._rare[i] += min(LOG_CAP, absolute_rate(c.n, c.bad, q, FAST_RATE) / self._phi)

    @property
    def proven(self) -> bool:
        """Whether this step's minutes suffice."""
        evidence = logsumexp([*self._better, *self._rare]) - math.log(6.0)
        return self._minutes >= FAST_MINUTES and evidence >= LOG_FAST_LIMIT
