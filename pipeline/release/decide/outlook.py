"""What a walk can find at a service's own traffic of the last week: for `plan`, so that nobody believes too much."""

from __future__ import annotations

from pipeline.aws.metrics import Metrics, Series
from pipeline.errors import AwsError
from pipeline.release.decide.evidence import ALPHA
from pipeline.release.judge.power import Step, sentences
from pipeline.release.model import ALIAS, StepSpec

WEEK_S = 7 * 86_400
HOUR_S = 3600


def outlook(
    metrics: Metrics, function: str, steps: tuple[StepSpec, ...], signals: int, now: float, *, probes: float = 0.0
) -> tuple[str, ...]:
    """Sentences for a person: the traffic, and what each step would find with a probability of 80 %.

    `signals`: how many share alpha; `probes`: how many are sent a minute. That the metrics cannot be read is said,
    not raised.
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
    return (f"{told}:", *sentences(own + probes, walk, rate, alpha=ALPHA / max(1, signals)))
