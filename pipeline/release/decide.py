"""What to do with a rollout now: pure and total, from the rollout, what was observed, and the time.

The rules, in order: the alias always wins (a foreign write is observed, never overwritten); a verdict FAIL goes back;
a verdict PASS takes the next step; anything inconclusive holds the weight until the deadline, and then does what the
manifest declares; but nothing goes forward on metrics that cannot be read. Nothing is kept that the rollout and the
observation do not have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.aws.functions import AliasState
from pipeline.release.head import Head, trusted
from pipeline.release.judge import Minute, Verdict, judge, unavailable
from pipeline.release.model import Intent, Rollout, percent

Kind = Literal["wait", "shift", "promote", "roll-back", "hold", "conflict", "settled", "undone", "away"]
Standing = Literal["ours", "intent", "undone", "foreign"]


@dataclass(frozen=True)
class Observation:
    """The alias as it is, and every complete metric period since the hour before the walk (step -1)."""

    alias: AliasState
    minutes: tuple[Minute, ...]
    metrics_error: str | None = None
    metrics_away_s: float = 0.0  # for how long they could not be read without a break


@dataclass(frozen=True)
class Decision:
    """What to do. `step` is the step begun by `shift`; `sentence` says why, `next` what happens then."""

    kind: Kind
    sentence: str
    next: str
    verdict: Verdict | None = None
    step: int = -1


def decide(rollout: Rollout, seen: Observation, now: float) -> Decision:
    """Decide for a rollout that is not over."""
    where = standing(rollout, seen.alias)
    if where != "ours":
        return _elsewhere(rollout, seen.alias, where)
    if rollout.step < 0:
        return _forward(rollout, 0, None, _first_reason(rollout))
    if rollout.step >= len(rollout.steps):  # all traffic moved, not yet recorded as over
        return _forward(rollout, rollout.step, None, rollout.sentence)
    verdict, left = verdict_of(rollout, seen), rollout.started + rollout.deadline_s - now
    if seen.metrics_error is not None:
        return _blind(rollout, verdict, max(left, patience(rollout) - seen.metrics_away_s))
    if verdict.reason == "baking" and left <= 0 and now > due(rollout) + patience(rollout):
        return _blind(rollout, unavailable("some periods never became complete"), left)
    return _judged(rollout, verdict, left)


def away(rollout: Rollout, why: str, verdict: Verdict | None) -> Decision:
    """AWS stayed away for too long: this controller gives up, and what it recorded stands."""
    goes_on = f"`crabwalk deploy --env {rollout.environment}` goes on with it once AWS answers"
    ends = f"`crabwalk rollback {rollout.service} --env {rollout.environment}` ends it"
    return Decision("away", why, f"{goes_on}, {ends}", verdict)


def standing(rollout: Rollout, alias: AliasState) -> Standing:
    """Whose the alias's present state is."""
    head = trusted(alias)
    if head is not None:
        if rollout.nonce and head.nonce == rollout.nonce:
            return "ours"
        if arrived(rollout, alias) is not None:
            return "intent"
        if head.state == "back" and _after(rollout, head, alias):
            return "undone"
    if rollout.step < 0 and not rollout.nonce:
        untouched = bool(rollout.revision) and alias.revision == rollout.revision
        if untouched or (alias.version == rollout.stable and not alias.weights):
            return "ours"
    return "foreign"


def arrived(rollout: Rollout, alias: AliasState) -> Intent | None:
    """The announced write that the alias shows, if any."""
    head = trusted(alias)
    return next((one for one in rollout.announced if head is not None and one.nonce == head.nonce), None)


def overruled(rollout: Rollout, intent: Intent) -> bool:
    """Whether a step arrived late, after it had been decided to go back: then it is gone back from there."""
    return rollout.intent is not None and rollout.intent.kind == "back" and intent.kind != "back"


def patience(rollout: Rollout) -> float:
    """For how long metrics that cannot be read are waited for, however late it is: outages of CloudWatch pass."""
    return max(5.0 * rollout.period_s + rollout.lag_s, rollout.steps[rollout.step].bake_s)


def due(rollout: Rollout) -> float:
    """When the last period of the current step should be complete."""
    late = rollout.timeout_s + rollout.lag_s + 2.0 * rollout.period_s
    return rollout.step_starts[-1] + rollout.steps[rollout.step].bake_s + late


def verdict_of(rollout: Rollout, seen: Observation) -> Verdict:
    """The judge's word on the walk so far; metrics that cannot be read are inconclusive, never a failure."""
    if seen.metrics_error is not None:
        return unavailable(seen.metrics_error)
    bake = math.ceil(rollout.steps[rollout.step].bake_s / rollout.period_s)
    verdict = judge(
        seen.minutes,
        steps=len(rollout.steps),
        bake=bake,
        min_requests=rollout.min_requests,
        names=(f"version {rollout.candidate}", f"version {rollout.stable}"),
    )
    if verdict.outcome != "FAIL" and verdict.step != rollout.step:
        # No complete period of this step yet: what an earlier step proved does not end this one.
        return replace(verdict, outcome="INCONCLUSIVE", reason="baking", step=rollout.step, minutes=0)
    return verdict


def traffic(alias: AliasState) -> str:
    """The alias's traffic in words."""
    extra = ", ".join(f"{percent(weight)} to version {version}" for version, weight in sorted(alias.weights.items()))
    return f"version {alias.version}" + (f" with {extra}" if extra else " alone")


def _after(rollout: Rollout, head: Head, alias: AliasState) -> bool:
    """Whether a rollback's mark was set after this rollout was planned: an earlier release's may still stand there.

    A rollback from an alias that was not trusted names no release.
    """
    if rollout.nonce or head.release == rollout.release_id:
        return True
    if rollout.revision:
        return alias.revision != rollout.revision
    # A record without the revision it was planned on: only what it announced tells.
    moved = rollout.intent is not None and rollout.intent.revision != alias.revision
    return moved and head.origin == rollout.candidate


def _elsewhere(rollout: Rollout, alias: AliasState, where: Standing) -> Decision:
    """The alias is not as this rollout recorded it."""
    intent = arrived(rollout, alias)
    if where == "intent" and intent is not None:
        if overruled(rollout, intent) and rollout.intent is not None:
            return Decision("roll-back", rollout.intent.sentence, f"version {rollout.stable} has all traffic")
        why = intent.sentence or rollout.sentence or "the write was ours and succeeded"
        return Decision("settled", why, "go on", step=intent.step)
    if where == "undone":
        when = "in mid-walk" if rollout.step >= 0 else "before the new version got any traffic"
        return Decision(
            "undone",
            f"somebody rolled {rollout.service} back to version {alias.version} {when}",
            "the release is over; fix forward, then deploy",
        )
    return Decision(
        "conflict",
        f"the alias was changed by somebody else in mid-walk: {traffic(alias)}, "
        f"not {_expected(rollout)}; nothing was written",
        f"find out who, then `crabwalk rollback {rollout.service} --env {rollout.environment}`",
    )


def _blind(rollout: Rollout, verdict: Verdict, left: float) -> Decision:
    """The metrics cannot be read: wait, and when that lasts hold or go back, never forward."""
    if left > 0:
        return Decision("wait", verdict.sentence, _waiting(rollout, verdict, left), verdict=verdict)
    late = f"no conclusion within {_span(rollout.deadline_s)}: {verdict.sentence}"
    if rollout.on_inconclusive == "rollback":
        return Decision("roll-back", late, f"version {rollout.stable} has all traffic", verdict)
    return Decision("hold", late, "the weight stays; deploy again once the metrics can be read, or roll back", verdict)


def _judged(rollout: Rollout, verdict: Verdict, left: float) -> Decision:
    if verdict.outcome == "FAIL":
        return Decision("roll-back", verdict.sentence, f"version {rollout.stable} has all traffic", verdict=verdict)
    if verdict.outcome == "PASS":
        return _forward(rollout, rollout.step + 1, verdict, verdict.sentence)
    if verdict.reason == "baking" or left > 0:
        return Decision("wait", verdict.sentence, _waiting(rollout, verdict, left), verdict=verdict)
    late = f"no conclusion within {_span(rollout.deadline_s)}: {verdict.sentence}"
    if rollout.on_inconclusive == "promote":
        return _forward(rollout, rollout.step + 1, verdict, late)
    if rollout.on_inconclusive == "hold":
        return Decision("hold", late, "the weight stays; deploy again once there is traffic, or roll back", verdict)
    return Decision("roll-back", late, f"version {rollout.stable} has all traffic", verdict=verdict)


def _first_reason(rollout: Rollout) -> str:
    if rollout.steps:
        return "the smoke checks passed"
    return "no steps are declared" if rollout.stable.isdigit() else "the first release, nothing to compare with"


def _forward(rollout: Rollout, step: int, verdict: Verdict | None, why: str) -> Decision:
    if step < len(rollout.steps):
        goal, bake = _goal(rollout, step + 1), _span(rollout.steps[step].bake_s)
        return Decision("shift", why, f"{goal} after {bake} of clean evidence", verdict=verdict, step=step)
    step = len(rollout.steps)
    return Decision("promote", why, f"version {rollout.candidate} has all traffic", verdict=verdict, step=step)


def _goal(rollout: Rollout, step: int) -> str:
    return percent(rollout.traffic(step)) if step < len(rollout.steps) else "promotion"


def _waiting(rollout: Rollout, verdict: Verdict, left: float) -> str:
    if verdict.reason == "baking":
        missing = max(0, (verdict.bake or 0) - verdict.minutes) * rollout.period_s
        return f"{_goal(rollout, rollout.step + 1)} after {_span(missing)} more of clean evidence"
    forward = "held" if verdict.reason == "metrics unavailable" else "let through"
    ends = {"rollback": "rolled back", "hold": "held", "promote": forward}[rollout.on_inconclusive]
    return f"held at {percent(rollout.traffic(rollout.step))} ({verdict.reason}); {ends} in {_span(max(0.0, left))}"


def _expected(rollout: Rollout) -> str:
    share = rollout.traffic(rollout.step)
    return f"version {rollout.stable}" + (
        f" with {percent(share)} to version {rollout.candidate}" if share else " alone"
    )


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
