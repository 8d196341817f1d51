"""A release's curves: what is drawn of its weights, requests, rates, evidence and latency. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.release.judge.judge import Counts
from pipeline.release.verbs.account import Account, Curve, Latency, Look
from pipeline.report.page.charts import MOST_POINTS, Chart, Line
from pipeline.report.text import odds, percent

TRAFFIC = "errors"  # the signal every invocation is counted in
SIGNALS = {"errors": "Errors", "failures": "Failures", "timeouts": "Timeouts", "slow": "Slow requests"}


def charts(found: Account) -> Iterator[Chart]:
    """In the order in which they are read."""
    if not found.weights:
        return
    yield _weights(found)
    traffic = next((one for one in found.curves if one.signal == TRAFFIC), None)
    if traffic is not None:
        yield _requests(found, traffic)
    for curve in found.curves:
        yield _rates(found, curve)
        yield _evidence(found, curve)
    if any(one.points for one in found.latency):
        yield _latency(found)


def _start(found: Account) -> float:
    return min(at for at, _ in found.weights)


def _end(found: Account) -> float:
    seen = [look.t + one.period_s for one in found.curves for look in one.looks]
    end = max([found.end, *seen])
    # What happened at the very end has room to be seen.
    return end if found.under_way else end + 0.03 * (end - _start(found))


def _marks(found: Account) -> tuple[tuple[float, str], ...]:
    return tuple((at, percent(share)) for at, share in found.weights)


def _names(found: Account) -> tuple[str, str]:
    return f"version {found.entry.candidate} (new)", f"version {found.entry.stable or 'none'} (old)"


def _weights(found: Account) -> Chart:
    points = [*found.weights, (_end(found), found.weights[-1][1])]
    return Chart(
        key="weights",
        title="Share of the traffic",
        description=f"What share of the requests version {found.entry.candidate} got, as the alias had it.",
        start=_start(found),
        end=_end(found),
        lines=(Line(_names(found)[0], "new", tuple(points), stairs=True),),
        value=percent,
        top=1.0,
        filled=True,
    )


def _requests(found: Account, curve: Curve) -> Chart:
    new, old = _names(found)
    looks, each = joined(curve.looks)
    unit = _per(curve.period_s * each)
    return Chart(
        key="requests",
        title=f"Requests {unit}",
        description="Invocations of each version through the alias, from CloudWatch.",
        start=_start(found),
        end=_end(found),
        lines=(
            Line(new, "new", tuple((one.t, float(one.canary.n)) for one in looks)),
            Line(old, "old", tuple((one.t, float(one.baseline.n)) for one in looks)),
        ),
        value=lambda value: f"{value:,.4g}",
        marks=_marks(found),
    )


def _rates(found: Account, curve: Curve) -> Chart:
    new, old = _names(found)
    looks, each = joined(curve.looks)
    shares = [(one.t, one.canary.rate, one.baseline.rate) for one in looks]
    band = tuple(_banded(looks))
    return Chart(
        key=f"rate-{curve.signal}",
        title=f"{SIGNALS.get(curve.signal, curve.signal)}: share of requests that {curve.verb}",
        description=f"Of the requests {_per(curve.period_s * each)}. Band: where the new version's rate in this step "
        "lies by the judge's 95 % interval of the difference, around the old version's.",
        start=_start(found),
        end=_end(found),
        lines=(
            Line(new, "new", tuple((t, rate) for t, rate, _ in shares if rate is not None)),
            Line(old, "old", tuple((t, rate) for t, _, rate in shares if rate is not None)),
        ),
        value=percent,
        band=band,
        band_name="95 % band",
        marks=_marks(found),
        top=_top(looks),
    )


def _top(looks: Sequence[Look]) -> float:
    """The scale's end: the rates, not the band's width while there is little to tell."""
    rates = [rate for one in looks for rate in (one.canary.rate, one.baseline.rate) if rate is not None]
    return min(1.0, max([0.01, *rates]) * 1.15)


def _banded(looks: Sequence[Look]) -> Iterator[tuple[float, float, float]]:
    """Around the old version's rate of the step so far, as the interval is."""
    step, base = -1, Counts(0, 0)
    for one in looks:
        base = one.baseline if one.step != step else base + one.baseline
        step = one.step
        if one.interval is not None and base.rate is not None:
            low, high = one.interval
            yield one.t, max(0.0, base.rate + low), min(1.0, base.rate + high)


def _evidence(found: Account, curve: Curve) -> Chart:
    limit = math.exp(curve.log_limit)
    top = max([curve.log_limit * 1.15, *(min(one.log_e, curve.log_limit * 3) for one in curve.looks)])
    return Chart(
        key=f"evidence-{curve.signal}",
        title=f"{SIGNALS.get(curve.signal, curve.signal)}: evidence that the new version is worse",
        description=f"The judge's e-value, on a logarithmic scale; at {odds(limit)} the release is rolled back.",
        start=_start(found),
        end=_end(found),
        lines=(
            Line("e-value", "new", tuple((one.t, one.log_e) for one in curve.looks)),
            Line("limit", "limit", ((_start(found), curve.log_limit), (_end(found), curve.log_limit))),
        ),
        value=lambda value: odds(math.exp(min(value, 700.0))),
        marks=_marks(found),
        top=top,
    )


def _latency(found: Account) -> Chart:
    def line(one: Latency) -> Line:
        new = one.version == found.entry.candidate
        kind = ("new" if new else "old") + ("" if one.quantile == "p99" else "2")
        return Line(f"{one.version} {one.quantile}", kind, one.points)

    ordered = sorted(found.latency, key=lambda one: (one.quantile != "p99", one.version != found.entry.candidate))
    return Chart(
        key="latency",
        title="Latency",
        description="Duration of invocations in milliseconds, from CloudWatch: of 100 requests 99 (p99) and 50 (p50) "
        "were faster.",
        start=_start(found),
        end=_end(found),
        lines=tuple(line(one) for one in ordered if one.points),
        value=lambda value: f"{value:,.3g} ms",
        marks=_marks(found),
    )


def joined(looks: Sequence[Look]) -> tuple[list[Look], int]:
    """At most `MOST_POINTS` looks, neighbours of one step added up; and how many make one."""
    each = math.ceil(len(looks) / MOST_POINTS) or 1
    if each == 1:
        return list(looks), 1
    found: list[Look] = []
    part: list[Look] = []
    for one in looks:
        if part and (len(part) == each or part[0].step != one.step):
            found.append(_sum(part))
            part = []
        part.append(one)
    return [*found, *([_sum(part)] if part else [])], each


def _sum(part: Sequence[Look]) -> Look:
    canary, baseline = Counts(0, 0), Counts(0, 0)
    for one in part:
        canary, baseline = canary + one.canary, baseline + one.baseline
    return replace(part[-1], t=part[0].t, canary=canary, baseline=baseline)


def _per(seconds: float) -> str:
    return "a minute" if seconds == 60 else "a second" if seconds == 1 else f"in {seconds:g} s"
