"""What people ask of a release under way, and whether it may be done. Pure.

Evidence that the new version is worse comes before any order, and an order before everything else. Each order is
obeyed once: its nonce is recorded with the write that carries it out.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from pipeline.release.decide.decision import Decision, Observation
from pipeline.release.decide.evidence import Evidence
from pipeline.release.model import Phase, Rollout, percent
from pipeline.release.terms import Order
from pipeline.release.words import who


def pending(rollout: Rollout, seen: Observation) -> Order | None:
    """The order that is still to be obeyed, if any."""
    order = seen.order
    if order is None or order.release != rollout.release_id:
        return None
    return None if any(order.nonce == one.nonce for one in rollout.obeyed) else order


def obey(rollout: Rollout, order: Order, evidence: Evidence | None) -> Decision:
    """The decision an order asks for, or the refusal of it, with its reason."""
    env = rollout.environment
    see = f"crabwalk status {rollout.service} --env {env}"
    if order.kind == "abort":
        return _abort(rollout, order, evidence)
    if order.kind == "pause":
        return _noted(order, f"paused by {name(order)}", f"`crabwalk resume {rollout.service} --env {env}` goes on")
    if order.kind == "resume":
        return _noted(order, f"resumed by {name(order)}", "the walk goes on")
    if order.kind == "promote" and order.step is not None and order.step < rollout.step:
        there = percent(rollout.traffic(rollout.step))
        return _noted(order, f"promoted already: it is at {there} by now", see)
    step = len(rollout.steps) if order.kind == "full" else min(rollout.step + 1, len(rollout.steps))
    no = refusal(rollout, order, evidence, step)
    if no:
        return _noted(order, f"not promoted: {no}", see)
    kind = "shift" if step < len(rollout.steps) else "promote"
    verdict = evidence.verdict if evidence else None
    goal = percent(rollout.traffic(step))
    return Decision(kind, _said(order, "promoted"), f"{goal} of the traffic", verdict, step, order=order)  # type: ignore[arg-type]


def refusal(rollout: Rollout, order: Order, evidence: Evidence | None, step: int) -> str:
    """Why this order cannot be followed; empty when it can.

    Only who is named may approve; only with a reason is evidence overridden that is not a PASS. Who asked for the
    next step before the present one began has it.
    """
    if order.kind == "promote" and rollout.step_starts and order.at < rollout.step_starts[-1]:
        return f"{percent(rollout.traffic(rollout.step))} had begun meanwhile"
    skipped = rollout.steps[rollout.step + 1 : step + 1]
    named = rollout.terms.approvers
    if any(one.approve for one in skipped) and named and not may_approve(named, order.actor):
        return f"{order.actor} is not among the approvers"
    if order.reason or evidence is None or evidence.verdict.outcome == "PASS":
        return ""
    return f"the evidence does not say so yet ({evidence.verdict.reason}); a reason is needed"


def may_approve(approvers: tuple[str, ...], actor: str) -> bool:
    """Whether an identity, as STS reports it, is one of these: by its ARN, or by the name of its user or role.

    Not by the name of a session: whoever assumes a role chooses that.
    """
    parts = actor.split("/")
    name = parts[1] if ":assumed-role/" in actor and len(parts) > 1 else parts[-1]
    return any(fnmatchcase(each, pattern) for pattern in approvers for each in (actor, name))


def name(order: Order) -> str:
    """Who asked, in words."""
    return who(order.actor, order.claimed_actor)


def _abort(rollout: Rollout, order: Order, evidence: Evidence | None) -> Decision:
    said, stays = _said(order, "aborted"), f"version {rollout.stable} has all traffic"
    if rollout.step < 0 and not rollout.nonce and not rollout.announced:  # else a first step may still arrive
        return Decision("abandon", said, "no traffic was moved", check="order", order=order)
    return Decision("roll-back", said, stays, evidence.verdict if evidence else None, check="order", order=order)


def _noted(order: Order, sentence: str, after: str) -> Decision:
    return Decision("obey", f"{sentence}: {order.reason}" if order.reason else sentence, after, order=order)


def _said(order: Order, done: str) -> str:
    return f"{done} by {name(order)}" + (f": {order.reason}" if order.reason else "")


def heard(rollout: Rollout, order: Order | None) -> Rollout:
    """The rollout with an order noted as obeyed, once."""
    if order is None or any(order.nonce == one.nonce for one in rollout.obeyed):
        return rollout
    return replace(rollout, obeyed=(*rollout.obeyed, order))


def unpaused(rollout: Rollout, now: float) -> Rollout:
    """The rollout as it goes on: a pause moved its deadline, a held one has a new deadline from now."""
    if rollout.phase == "held":
        phase: Phase = "walking" if rollout.step >= 0 else "published"
        return replace(rollout, phase=phase, paused=None, clock=now)
    if rollout.paused is None:
        return rollout
    since = rollout.started if rollout.clock is None else rollout.clock
    return replace(rollout, paused=None, clock=since + max(0.0, now - rollout.paused))


def obeyed(rollout: Rollout, order: Order, now: float) -> Rollout:
    """The rollout after an order that moves no traffic. A pause stops the deadline's clock until `resume`."""
    after = heard(rollout, order)
    if order.kind == "pause" and rollout.paused is None:
        return replace(after, paused=now)
    return unpaused(after, now) if order.kind == "resume" else after
