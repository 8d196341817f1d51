"""What a walk can find at a service's own traffic of the last week: for `plan`, so that nobody believes too much."""

from __future__ import annotations

from pipeline.aws.metrics import Metrics, Series
from pipeline.errors import AwsError
from pipeline.release.evidence import ALPHA
from pipeline.release.model import ALIAS, StepSpec
from pipeline.release.power import Step, sentences

WEEK_S = 7 * 86_400
HOUR_S = 3600


def outlook(metrics: Metrics, function: str, steps: tuple[StepSpec, ...], signals: int, now: float) -> tuple[str, ...]:
    """Sentences for a person: the traffic, and what each step would find with a probability of 80 %.

    `signals`: how many share alpha. That the metrics cannot be read is said, not raised.
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
    if total < 1:
        return ("it had no traffic last week, so nothing could be judged: `release.probe` sends some",)
    # An hour without a request has no value; since when the service has traffic at all is not known before it.
    since = min(hours)
    per_minute = total / max(1.0, (min(end, now) - since) / 60.0)
    shown = f"{per_minute:,.0f}" if per_minute >= 10 else f"{per_minute:.2g}"
    told = f"at its traffic of last week, {shown} requests a minute on average"
    walk = tuple(Step(one.traffic, one.bake_s / 60.0) for one in steps)
    return (f"{told}:", *sentences(per_minute, walk, min(1.0, bad / total), alpha=ALPHA / max(1, signals)))
