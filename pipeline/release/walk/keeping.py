"""Copies what a walk was judged by into the ledger, as far as it is by the second. Decides nothing.

Once a minute what cannot change any more, and everything when the walk ends: CloudWatch forgets seconds after three
hours, and a walk may last for days, or be asked about afterwards.
"""

from __future__ import annotations

import math
from typing import Any

from pipeline.errors import CrabwalkError
from pipeline.release.decide.decision import Observation
from pipeline.release.decide.evidence import ALPHA
from pipeline.release.decide.periods import complete_until
from pipeline.release.decide.seconds import RECENT_S, opening, settled
from pipeline.release.model import Rollout
from pipeline.release.terms import TOLD
from pipeline.release.walk.act import Engine

EVERY_S = 60.0


def keep(engine: Engine, rollout: Rollout, seen: Observation, now: float, *, over: bool) -> None:
    """Write what is to be kept, if anything; that it cannot be written is said, and the next round writes it."""
    pace = rollout.terms.evidence
    rows = seen.minutes.get(TOLD, ())
    if pace is None or not rows or seen.metrics_error is not None:
        return
    try:
        before = engine.copies.of(rollout.service, rollout.release_id, now)
        until = math.inf if over else complete_until(rollout, now, pace) - RECENT_S
        if not over and until - max(before.until, rollout.step_starts[0]) < EVERY_S:
            return
        copy = settled(rows, pace.period_s, until)
        if copy.until > before.until:
            engine.copies.keep(rollout.service, rollout.release_id, copy, declared(rollout), now)
    except CrabwalkError as fault:
        engine.say(f"the evidence of `{rollout.service}` was not copied: {fault.what}")


def declared(rollout: Rollout) -> dict[str, Any]:
    """What a replay needs to know to say what the walk said."""
    period_s = rollout.pace(TOLD).period_s
    return {
        "signal": TOLD,
        "release": rollout.release_id,
        "service": rollout.service,
        "candidate": rollout.candidate,
        "stable": rollout.stable,
        "period_s": period_s,
        "opening": opening(rollout),
        "steps": len(rollout.steps),
        "bakes": [math.ceil(step.bake_s / period_s) for step in rollout.steps],
        "min_requests": rollout.min_requests,
        "alpha": ALPHA / max(1, len(rollout.signals)),
        "fast": rollout.terms.fast,
    }
