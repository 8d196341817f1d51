"""Hands walks over once they have begun: to the watchdog, to Step Functions, or to whoever resumes them.

What was recorded stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.errors import CrabwalkError
from pipeline.release.decide.together import GONE
from pipeline.release.model import percent
from pipeline.release.walk.act import Engine
from pipeline.release.walk.shown import view
from pipeline.release.walk.state import Walk
from pipeline.release.walk.view import ReleaseResult, WalkView
from pipeline.release.walk.walk import tick


def hand_over(
    engine: Engine,
    walks: Sequence[Walk],
    show: Callable[[Sequence[WalkView]], None],
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Walk, ...]:
    """Tick until every walk has begun its first step, or has nothing to begin now."""
    current = tuple(walks)
    while True:
        current = tick(engine, current)
        show([view(walk, engine.now()) for walk in current])
        if all(walk.finished or walk.rollout.step >= 0 for walk in current):
            return current
        pause(engine.env.tick_s)


def handed_over(walk: Walk, result: ReleaseResult) -> ReleaseResult:
    """How it is told: a walk that goes on, at once or once the quiet hours are over; any other result as it is."""
    rollout, decision = walk.rollout, walk.decision
    quiet = decision is not None and decision.kind == "quiet"
    if rollout.over or (walk.finished and not quiet):
        return result
    env = rollout.environment
    watchdog = f"nothing happens by itself until `crabwalk watch --unattended --env {env}` goes on with it"
    here = f"or `crabwalk resume {rollout.service} --env {env}` here"
    at = f"version {rollout.candidate} has {percent(rollout.traffic(rollout.step))} of the traffic"
    said = decision.sentence if quiet and decision is not None else at
    return replace(result, outcome="handed-over", sentence=said, next=f"{watchdog}, {here}", check=None)


def on_its_way(walk: Walk) -> bool:
    """Whether a controller that never sleeps has something to do for it: it is not over, and nobody else's."""
    return not walk.rollout.over and (walk.decision is None or walk.decision.kind not in GONE)


def given(walk: Walk, result: ReleaseResult, url: str, fault: CrabwalkError | None) -> ReleaseResult:
    """How it is told that Step Functions walks on, at `url`; or why nobody does."""
    rollout, decision = walk.rollout, walk.decision
    env = rollout.environment
    at = f"version {rollout.candidate} has {percent(rollout.traffic(rollout.step))} of the traffic"
    if fault is not None:
        said = f"{at}, and Step Functions could not take it: {fault.what}"
        again = (
            f"crabwalk resume {rollout.service} --env {env} --detach tries that again, without --detach it goes on here"
        )
        return replace(result, outcome="failed", sentence=said, next=again, check=None)
    waits = decision is not None and walk.finished
    said = decision.sentence if waits and decision is not None else at
    after = f"Step Functions walks it on: {url}; `crabwalk watch {rollout.service} --env {env}` shows it"
    return replace(result, outcome="handed-over", sentence=said, next=after, check=None)
