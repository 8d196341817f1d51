"""What a record says of the alias writes of its rollout: before each, what was announced; after it, what has become.

`act.py` saves what these return, and writes the alias in between. Pure but for the nonces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.release.decide.standing import arrived
from pipeline.release.decide.steer import heard, obeyed, unpaused
from pipeline.release.ledger.head import fresh_nonce
from pipeline.release.ledger.story import evidence_of
from pipeline.release.model import Intent, Phase, Rollout
from pipeline.release.walk.ending import reason_of

if TYPE_CHECKING:
    from pipeline.aws.functions import AliasState
    from pipeline.release.decide.decision import Decision

REMEMBERED = 8  # revisions; a read that is older than as many writes is taken for somebody else's


def intended(rollout: Rollout, alias: AliasState, decision: Decision, step: int) -> tuple[Rollout, Intent]:
    """The write that a decision needs, with a new nonce, and the rollout that it is made for. `step`: -1 = back.

    A step that arrived after it was overruled is ours: what overruled it is sent once more, on the alias as it is now.
    """
    late, verdict = arrived(rollout, alias), decision.verdict
    if late is not None and rollout.intent is not None:
        intent = replace(rollout.intent, nonce=fresh_nonce(), revision=alias.revision)
        return replace(rollout, nonce=late.nonce), intent
    return rollout, Intent(
        step,
        fresh_nonce(),
        alias.revision,
        "back" if step < 0 else "step",
        decision.sentence,
        reason_of(decision),
        evidence_of(verdict, decision.check) if verdict else {},
        decision.order,
    )


def announced(rollout: Rollout, intent: Intent) -> tuple[Rollout, Intent]:
    """The rollout before a write is made; an earlier one on the same revision may still arrive and stays known.

    The same write announced again keeps its nonce: whichever of the two arrives, it is this one.
    """
    unclear = tuple(one for one in rollout.announced if one.revision == intent.revision)
    for one in unclear:
        if (one.kind, one.step) == (intent.kind, intent.step):
            intent = replace(intent, nonce=one.nonce)
    others = tuple(one for one in unclear if one.nonce != intent.nonce)
    return replace(rollout, intent=intent, unclear=others), intent


def settled(rollout: Rollout, intent: Intent, now: float, *, told: bool) -> tuple[Rollout, Phase | None]:
    """The rollout after an announced write that succeeded, and how it has ended, None where it goes on.

    All other writes relied on the revision before this one and cannot arrive. `told`: verdicts are, so a step keeps
    what it rests on for whoever comes to tell it.
    """
    replaced = (*rollout.replaced, intent.revision)[-REMEMBERED:]
    moved = replace(rollout, intent=None, unclear=(), nonce=intent.nonce, replaced=replaced)
    if intent.kind == "fence":
        return moved if intent.order is None else obeyed(moved, intent.order, now), None
    if intent.sentence:
        moved = replace(moved, sentence=intent.sentence, reason=intent.reason)
    if intent.order is not None:
        moved = unpaused(heard(moved, intent.order), now)
    if intent.kind == "back":
        return moved, "rolled-back"
    if intent.step != rollout.step:
        moved = replace(moved, step=intent.step, step_starts=(*rollout.step_starts, now), waiting=None, judged="")
    moved = replace(moved, phase="walking", proof=intent.evidence)
    if intent.step < len(rollout.steps):
        return moved if told else replace(moved, proof={}), None
    if rollout.terms.together is not None:  # whoever takes over finds it under way, whatever becomes of the others
        return moved, None
    return moved, "promoted"


def noted(rollout: Rollout, decision: Decision, now: Callable[[], float]) -> Rollout:
    """The rollout as a decision that moves no traffic leaves it; `now`: epoch seconds, where they are needed."""
    kind = decision.kind
    if kind in {"hold", "conflict"} and rollout.phase != "held":
        return replace(rollout, phase="held", sentence=decision.sentence, reason=kind)
    if kind in {"approval", "quiet"}:
        since = now() if kind == "approval" and rollout.waiting is None else rollout.waiting
        return replace(rollout, waiting=since, sentence=decision.sentence, reason=kind)
    if kind == "obey" and decision.order is not None:
        return obeyed(rollout, decision.order, now())
    return rollout
