"""A walk as a person sees it: one instant of it, as plain values for the live view. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.release.decide.decision import STOPPED
from pipeline.release.judge.judge import Counts
from pipeline.release.walk.state import Walk
from pipeline.release.walk.view import WalkView

RECENT = 30  # periods


def view(walk: Walk, now: float) -> WalkView:
    """What a person sees of a walk."""
    rollout, decision = walk.rollout, walk.decision
    verdict = decision.verdict if decision else None
    walked = [minute for minute in walk.minutes if minute.step >= 0]
    step = rollout.step
    baking = 0 <= step < len(rollout.steps)
    period_s = rollout.pace(walk.signal).period_s
    baked = sum(minute.periods for minute in walked if minute.step == step) * period_s if baking else 0
    return WalkView(
        service=rollout.service,
        environment=rollout.environment,
        release_id=rollout.release_id,
        commit=rollout.commit,
        subject=rollout.subject,
        stable=rollout.stable,
        candidate=rollout.candidate,
        weight=_weight(walk),
        steps=tuple(one.traffic for one in rollout.steps),
        step=step,
        bake_s=rollout.steps[step].bake_s if baking else 0.0,
        baked_s=baked,
        canary=_total(minute.canary for minute in walked),
        baseline=_total(minute.baseline for minute in walked),
        recent=tuple((minute.canary, minute.baseline) for minute in walked[-RECENT:]),
        verdict=verdict,
        phase=_phase(walk),
        next=_next(walk),
        elapsed_s=(rollout.ended or now) - rollout.started,
        period_s=period_s,
        signal=walk.signal,
    )


def _weight(walk: Walk) -> float:
    if walk.share is not None:
        return walk.share
    return 0.0 if walk.rollout.phase == "rolled-back" else walk.rollout.traffic(walk.rollout.step)


def _next(walk: Walk) -> str:
    rollout, decision = walk.rollout, walk.decision
    if walk.away_since is not None and not walk.finished:
        return "its record was changed; it is read again" if walk.overtaken else "AWS did not answer; it is asked again"
    if decision is None:
        return "the first look at the evidence"
    if walk.share is not None or (rollout.paused is not None and decision.kind == "wait"):
        return f"{decision.sentence}; {decision.next}"
    if _phase(walk) == "left":
        env = rollout.environment
        here = f"`crabwalk resume {rollout.service} --env {env}`"
        return f"nothing happens by itself until {here} or `crabwalk watch --unattended --env {env}` goes on"
    return decision.next


def _phase(walk: Walk) -> str:
    if walk.rollout.phase in {"promoted", "rolled-back"}:
        return walk.rollout.phase
    if walk.rollout.phase == "held" or (walk.decision is not None and walk.decision.kind in STOPPED):
        return "held"
    if walk.rollout.paused is not None:
        return "paused"
    if walk.left:
        return "left"
    verdict = walk.decision.verdict if walk.decision else None
    if verdict is not None and verdict.outcome == "INCONCLUSIVE" and verdict.reason != "baking":
        return "inconclusive"
    return "walking"


def _total(parts: Iterable[Counts]) -> Counts:
    total = Counts(0, 0)
    for part in parts:
        total += part
    return total
