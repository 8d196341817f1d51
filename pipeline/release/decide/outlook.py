"""What a walk can find at a service's own traffic of the last week: for `plan`, so that nobody believes too much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.aws.metrics import Metrics, Series
from pipeline.errors import AwsError
from pipeline.release.decide.evidence import ALPHA
from pipeline.release.judge.power import Step, minutes_needed, sentences
from pipeline.release.model import ALIAS, StepSpec, percent
from pipeline.release.terms import Pace

WEEK_S = 7 * 86_400
HOUR_S = 3600


@dataclass(frozen=True)
class Fine:
    """How a service is judged by the second: its pace, its timeout, how often it is looked at; in seconds."""

    pace: Pace
    timeout_s: int
    tick_s: float


def outlook(
    metrics: Metrics,
    function: str,
    steps: tuple[StepSpec, ...],
    signals: int,
    now: float,
    *,
    probes: float = 0.0,
    fine: Fine | None = None,
) -> tuple[str, ...]:
    """Sentences for a person: the traffic, and what each step would find with a probability of 80 %.

    `signals`: how many share alpha; `probes`: how many are sent a minute; `fine`: where it is judged by the second.
    That the metrics cannot be read is said, not raised.
    """
    if not steps:
        return ()
    requests, errors = (Series(function, ALIAS, None, name) for name in ("Invocations", "Errors"))
    end = now // HOUR_S * HOUR_S + HOUR_S
    try:
        found = metrics.read((requests, errors), end - WEEK_S, end, period_s=HOUR_S)
    except AwsError as error:
        return (f"its traffic of last week could not be read: {error.what}",)
    hours, bad = found[requests], sum(found[errors].values())
    total = sum(hours.values())
    if total < 1 and not probes:
        return ("it had no traffic last week, so nothing could be judged: `release.probe` sends some",)
    # An hour without a request has no value; since when the service has traffic at all is not known before it.
    age_s = min(end, now) - min(hours, default=now)
    own = total / max(1.0, age_s / 60.0)
    shown = f"{own:,.0f}" if own >= 10 or own == 0 else f"{own:.2g}"
    when = "last week" if age_s > WEEK_S - 86_400 else f"the last {max(1, round(age_s / HOUR_S))} h, all it ever had"
    told = f"at its traffic of {when}, {shown} requests a minute on average"
    if probes:
        told += f" and {probes:,.0f} probes"
    walk = tuple(Step(one.traffic, one.bake_s / 60.0) for one in steps)
    rate = min(1.0, bad / total) if total else 0.0
    alpha = ALPHA / max(1, signals)
    said = (f"{told}:", *sentences(own + probes, walk, rate, alpha=alpha))
    return said if fine is None else (*said, *_by_the_second(fine, (own + probes) / 60.0, walk, rate, alpha))


def _by_the_second(fine: Fine, per_second: float, walk: Sequence[Step], rate: float, alpha: float) -> Iterator[str]:
    """How soon an outage and five points more errors go back, 8 times in 10."""
    behind = fine.timeout_s + fine.pace.lag_s
    yield f"by the second: {behind} s behind (timeout {fine.timeout_s} s, its lines {fine.pace.lag_s} s)"
    for number, step in enumerate(walk, 1):
        length = fine.pace.period_s
        sides = per_second * length * step.traffic, per_second * length * (1.0 - step.traffic)
        found = []
        for what, new in (("an outage", 1.0), ("5 points more", min(1.0, rate + 0.05))):
            needed = minutes_needed(*sides, rate, new, steps=len(walk), alpha=alpha)
            after = f"about {_span(needed * length + behind + fine.tick_s)}" if needed else "no time that helps"
            found.append(f"{what} after {after}")
        yield f"step {number} ({percent(step.traffic)}): {' and '.join(found)} of traffic"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
