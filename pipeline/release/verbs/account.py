"""One release as it is told afterwards: its weights, its curves, its events. Plain values; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.release.decide.evidence import ALPHA
from pipeline.release.decide.seconds import opening
from pipeline.release.judge.judge import Counts, Minute, follow
from pipeline.release.judge.verdict import VERBS
from pipeline.release.ledger.records import Entry
from pipeline.release.model import Rollout
from pipeline.release.terms import TOLD


@dataclass(frozen=True)
class Look:
    """One period of the walk: what came in, and what the judge made of all so far.

    `interval`: of the difference of the rates in this step, new minus old, 95 %; None before there is any.
    `log_e`: the natural logarithm of the e-value.
    """

    t: float
    step: int
    canary: Counts
    baseline: Counts
    interval: tuple[float, float] | None
    log_e: float
    outcome: str
    reason: str


@dataclass(frozen=True)
class Curve:
    """One signal over the walk; `log_limit`: where its evidence fails the new version. `before`: the old one alone.

    `period_s`: how finely it was counted, to begin with.
    """

    signal: str
    verb: str
    log_limit: float
    looks: tuple[Look, ...]
    before: tuple[tuple[float, Counts], ...] = ()
    period_s: int = 60


@dataclass(frozen=True)
class Latency:
    """How long requests took, in milliseconds by the period's start: of each version and quantile."""

    version: str
    quantile: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Event:
    """Something that happened to a release. `actor`: what STS said, empty where the controller did it by itself."""

    at: float
    what: str
    actor: str = ""
    claimed_actor: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Account:
    """A release as its report shows it; `missing`: what cannot be told any more, and why."""

    entry: Entry  # of one under way, what it would be now
    under_way: bool
    now: float
    period_s: int
    weights: tuple[tuple[float, float], ...]  # when the new version got which share
    curves: tuple[Curve, ...]
    latency: tuple[Latency, ...]
    events: tuple[Event, ...]
    missing: tuple[str, ...] = ()

    @property
    def end(self) -> float:
        """When it ended, or now."""
        return self.now if self.under_way else max(self.entry.ended, self.entry.started)


def events(entry: Entry, after: Sequence[Entry], *, under_way: bool) -> tuple[Event, ...]:
    """Everything that happened to a release, in the order of time. Pure."""
    asked = {"promote": "asked for the next step", "full": "asked for all traffic", "pause": "paused it"}
    asked |= {"resume": "went on with it", "abort": "aborted it"}
    found = [Event(entry.started, "the release began", entry.actor, entry.claimed_actor, entry.subject)]
    if entry.committed is not None:
        found.append(Event(entry.committed, "the commit was made", "git"))
    got = f"version {entry.candidate} got"
    found += [Event(one["started"], f"{got} {one['traffic'] * 100:g} % of the traffic") for one in entry.steps]
    for order in entry.orders:
        what = asked.get(str(order.get("kind")), str(order.get("kind")))
        who, claimed = str(order.get("actor", "")), order.get("claimed_actor")
        found.append(Event(float(order.get("at", 0.0)), what, who, claimed, str(order.get("reason") or "")))
    if not under_way:
        check = str(entry.evidence.get("check") or "")
        why = f"{check}: {entry.sentence}" if check and entry.outcome != "promoted" else entry.sentence
        found.append(Event(entry.ended, entry.outcome.replace("-", " "), reason=why))
    for later in after:
        what = later.outcome.replace("-", " ") + (" by hand" if later.kind == "rollback" else "")
        found.append(Event(later.ended, what, later.actor, later.claimed_actor, later.reason or later.sentence))
    return tuple(sorted(found, key=lambda one: one.at))


def curve_of(rollout: Rollout, signal: str, rows: Sequence[Minute]) -> Curve:
    """One signal as somebody saw it who looked after every period. Pure."""
    alpha = ALPHA / max(1, len(rollout.signals))
    period_s = rollout.pace(signal).period_s
    bakes = {at: float(math.ceil(step.bake_s / period_s)) for at, step in enumerate(rollout.steps)}
    followed = follow(
        rows,
        steps=max(1, len(rollout.steps)),
        bakes={at: bake for at, bake in bakes.items() if bake},
        min_requests=rollout.min_requests,
        alpha=alpha,
        fast=rollout.terms.fast,
        opening=opening(rollout) if signal == TOLD else 1,
    )
    looks = tuple(
        Look(
            t=row.t,
            step=row.step,
            canary=row.canary,
            baseline=row.baseline,
            interval=None if verdict.interval == (-1.0, 1.0) else verdict.interval,
            log_e=max(0.0, verdict.log_e),
            outcome=verdict.outcome,
            reason=verdict.reason,
        )
        for row, verdict, _ in followed
    )
    before = tuple((row.t, row.baseline) for row in rows if row.step < 0)
    return Curve(signal, VERBS.get(signal, "failed"), -math.log(alpha), looks, before, period_s)


def as_json(found: Account, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """For machines; docs/reports.md has the shape. `evidence`: what the bucket tells of the package."""
    return {
        "format": 1,
        "release": found.entry,
        "under_way": found.under_way,
        "at": found.now,
        "period_s": found.period_s,
        "weights": [{"at": at, "traffic": share} for at, share in found.weights],
        "events": found.events,
        "signals": [
            {
                "signal": one.signal,
                "limit": math.exp(one.log_limit),
                "periods": one.looks,
                "before": [{"t": t, "baseline": counts} for t, counts in one.before],
            }
            for one in found.curves
        ],
        "latency": found.latency,
        "artifact": evidence,
        "missing": list(found.missing),
    }
