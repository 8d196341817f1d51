"""Releases of one group end as one: what each of them decided becomes what all of them do. Pure and total.

A group is the releases of one commit whose manifests name the same `together`. Each walks its own steps at its own
pace; three rules bind them. One that goes back takes all others back, also one whose traffic was moved completely a
moment before. Nobody is promoted until everybody who is not over is ready to be; and as long as one of them has not all
its traffic, no promotion is recorded, so that whoever takes over finds all of them under way. And where one must stop
(an approval, hours in which nothing goes forward, no conclusion, somebody else's write), the others stop too: as soon
as none of them still bakes, because until then somebody has to look at what they answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.release.decide.decision import Decision
from pipeline.release.model import Rollout

TOGETHER = "together"  # the check that decided, and the reason in the history

BACK = frozenset({"roll-back", "abandon", "undone"})
FORWARD = frozenset({"shift", "promote"})
STOPS = frozenset({"hold", "approval", "quiet"})
GONE = frozenset({"conflict", "away"})  # this controller cannot go on with it, whatever the others do


@dataclass(frozen=True)
class Member:
    """A release and what was decided for it alone; None where it is over, or nothing could be seen of it.

    `here`: this controller walks it; of another it only knows what the ledger says.
    """

    rollout: Rollout
    decision: Decision | None = None
    here: bool = True

    @property
    def begun(self) -> bool:
        """Whether it has, or may have, moved traffic."""
        return self.rollout.step >= 0 or bool(self.rollout.nonce or self.rollout.announced)


def joined(members: Sequence[Member]) -> tuple[Decision | None, ...]:
    """What each is to do, in their order; what belongs to no group does what was decided for it alone."""
    return tuple(_for(one, _others(one, members)) for one in members)


def complete(members: Sequence[Member]) -> tuple[bool, ...]:
    """Whose promotion is to be recorded now: all traffic of its whole group is moved."""
    return tuple(_landed(one) and all(_landed(other) for other in _others(one, members)) for one in members)


def grouped(one: Rollout, other: Rollout) -> bool:
    """Whether two releases are of one group; one that was over before the other began is another time's."""
    mine, theirs = one.terms.together, other.terms.together
    if mine is None or (mine, one.commit) != (theirs, other.commit) or one.release_id == other.release_id:
        return False
    return all(a.ended is None or a.ended >= b.started for a, b in ((one, other), (other, one)))


def _others(one: Member, members: Sequence[Member]) -> tuple[Member, ...]:
    if one.rollout.terms.together is None:  # as of most of hundreds
        return ()
    return tuple(other for other in members if grouped(one.rollout, other.rollout))


def _for(one: Member, others: Sequence[Member]) -> Decision | None:
    decision = one.decision
    if not others or one.rollout.over:
        return decision
    culprit = next((other for other in others if _goes_back(other)), None)
    if culprit is not None:
        return _back(one, culprit)
    if decision is None or decision.kind not in FORWARD | STOPS | {"wait"}:
        return decision
    gone = next((other for other in others if _gone(other)), None)
    return _stopped(decision, gone, "hold") if gone is not None else _in_step(decision, one, others)


def _in_step(decision: Decision, one: Member, others: Sequence[Member]) -> Decision:
    """What one that waits, stops or goes forward does as one of its group."""
    group = (one, *others)
    stopping = next((each for each in group if each.decision is not None and each.decision.kind in STOPS), None)
    if stopping is None:
        late = [each.rollout.service for each in group if not (each.rollout.over or _ready(each, one))]
        return _waits_for(decision, late) if decision.kind == "promote" and late else decision
    if not all(_rests(each) for each in group):
        return decision if decision.kind == "wait" else replace(decision, kind="wait", step=-1)
    if decision.kind in STOPS:
        return decision
    held = stopping.decision is not None and stopping.decision.kind == "hold"
    return _stopped(decision, stopping, "hold" if held else "quiet")


def _goes_back(one: Member) -> bool:
    return one.rollout.phase == "rolled-back" or (one.decision is not None and one.decision.kind in BACK)


def _gone(one: Member) -> bool:
    """Whether this controller cannot bring it to its end."""
    if one.rollout.over:
        return False
    return not one.here or (one.decision is not None and one.decision.kind in GONE)


def _rests(one: Member) -> bool:
    """Whether it would stop or go forward, so that nothing has to be waited for."""
    return one.rollout.over or (one.decision is not None and one.decision.kind in STOPS | FORWARD)


def _ready(one: Member, asking: Member) -> bool:
    """Whether the one that asks need not wait for it: before its traffic is moved, and once more before it is over."""
    if asking.rollout.moved:
        return _landed(one)
    return one.decision is not None and one.decision.kind == "promote"


def _landed(one: Member) -> bool:
    """Whether all its traffic is moved and nothing else was decided for it."""
    if one.rollout.over:
        return one.rollout.phase == "promoted"
    decided = one.decision is not None and one.decision.kind in {"promote", "settled", "wait"}
    return one.here and one.rollout.moved and one.rollout.paused is None and decided


def _back(one: Member, culprit: Member) -> Decision | None:
    decision, rollout = one.decision, one.rollout
    if decision is None or decision.kind in BACK | GONE | {"settled"}:
        return decision
    why = culprit.decision.sentence if culprit.decision is not None else culprit.rollout.sentence
    sentence = f"`{culprit.rollout.service}`, which it goes together with, went back: {why}"
    if not one.begun:
        return Decision("abandon", sentence, "no traffic was moved", decision.verdict, check=TOGETHER)
    after = f"version {rollout.stable} has all traffic"
    return Decision("roll-back", sentence, after, decision.verdict, check=TOGETHER)


def _stopped(decision: Decision, because: Member, kind: str) -> Decision:
    """Stop with the one that has to."""
    name, other = because.rollout.service, because.decision
    why = other.sentence if other is not None else "its release is under way, and is not walked here"
    after = other.next if other is not None else f"`crabwalk status {name}` tells who"
    sentence = f"it goes together with `{name}`: {why}"
    return Decision("hold" if kind == "hold" else "quiet", sentence, after, decision.verdict, check=TOGETHER)


def _waits_for(decision: Decision, late: Sequence[str]) -> Decision:
    named = f"`{late[0]}`" + (f" and {len(late) - 1} more" if len(late) > 1 else "")
    after = f"promotion together with {named}, which {'are' if len(late) > 1 else 'is'} not ready yet"
    return Decision("wait", decision.sentence, after, decision.verdict, check=decision.check)
