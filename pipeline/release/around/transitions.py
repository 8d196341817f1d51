"""What there is to tell of a release: from one state of its rollout to the next, and what that rests on. Pure.

Every form in which a release is told (a message, an event on a bus, a deployment's status at GitHub) is made of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.release.around.link import moment
from pipeline.release.judge.verdict import Verdict
from pipeline.release.ledger.head import Head
from pipeline.release.ledger.story import evidence_of
from pipeline.release.model import LATEST, REJECTS, Rollout, percent
from pipeline.release.terms import Order
from pipeline.release.words import who

Event = Literal[
    "start",  # recorded, and no traffic moved yet
    "step",  # another share of the traffic
    "verdict",  # the judge says something else than before
    "hold",  # stands, until somebody or the time decides
    "conflict",  # stands: somebody else wrote the alias
    "approval",  # stands, until a person says yes
    "pause",
    "resume",
    "takeover",  # another controller goes on with it
    "promote",  # over: all traffic
    "rollback",  # over: back
    "abort",  # over: back, because a person said so
    "rejected",  # over: a smoke check or a hook said no, and no traffic was moved
]
Cause = Literal["evidence", "deadline", "approval", "group", "person", "safety net"]

ENDS: frozenset[Event] = frozenset({"promote", "rollback", "abort", "rejected"})
BY_HAND = "rolled back by hand"
ADOPTED = "adopted"  # somebody else gave a version all traffic, and it stays
_ASKS: Mapping[Event, str] = {"pause": "pause", "resume": "resume", "abort": "abort"}
_CAUSES: Mapping[str, Cause] = {  # by the reason of the end
    "together": "group",
    "not approved": "approval",
    ADOPTED: "person",
}


@dataclass(frozen=True)
class Ground:
    """What a transition rests on beside the rollout.

    `evidence`: the judge's numbers, as the ledger keeps them; `said`: its sentence. `head`: what the alias says, where
    somebody else had moved the traffic back.
    """

    evidence: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""
    head: Head | None = None


NONE = Ground()


@dataclass(frozen=True)
class Transition:
    """One thing that happened to a release, which is as `rollout` after it. `at`: epoch seconds.

    `mark`: what the record has of a verdict, by which it is told from another one in the same words.
    """

    event: Event
    rollout: Rollout
    at: float
    ground: Ground = NONE
    mark: str = ""

    @property
    def id(self) -> str:
        """The same whoever tells it and however often: the release, the event, and what makes it one of its kind."""
        rollout, order = self.rollout, self.order
        own = {
            "step": f"/{rollout.step}",
            "verdict": f"/{rollout.step}/{self._judged}/{self.mark}",
            "approval": f"/{rollout.waiting or 0:.0f}",
            "hold": f"/{rollout.reason}/{rollout.step}/{rollout.clock or 0:.0f}",
            "conflict": f"/{rollout.step}/{rollout.clock or 0:.0f}",
            "takeover": f"/{rollout.nonce}",
            "rollback": f"/{self.ground.head.nonce if self.ground.head else rollout.nonce}",
        }.get(self.event, f"/{order.nonce}" if order is not None and self.event != "abort" else "")
        return f"{rollout.release_id}/{self.event}{own}"

    @property
    def order(self) -> Order | None:
        """The person's word that is carried out with it."""
        asked = self.rollout.obeyed[-1] if self.rollout.obeyed else None
        by_hand = self.rollout.reason == "by hand" and self.event in {"step", "promote"}
        return asked if asked is not None and (by_hand or _ASKS.get(self.event) == asked.kind) else None

    @property
    def cause(self) -> Cause | None:
        """Why it went back, in one word; None where it did not, or a person aborted it."""
        if self.event != "rollback":
            return None
        if self.rollout.reason == BY_HAND:
            return "person" if self.ground.head is None or self.ground.head.state == "frozen" else "safety net"
        late = self.ground.evidence.get("check") == "deadline"
        return _CAUSES.get(self.rollout.reason, "deadline" if late else "evidence")

    @property
    def traffic(self) -> float:
        """The new version's share after it."""
        return 0.0 if self.rollout.phase == "rolled-back" else self.rollout.traffic(self.rollout.step)

    @property
    def headline(self) -> str:
        """What happened."""
        return _headline(self.event, self.rollout, self._judged)

    @property
    def sentence(self) -> str:
        """Why."""
        return self.ground.said if self.event == "verdict" and self.ground.said else _sentence(self.event, self.rollout)

    @property
    def _judged(self) -> str:
        return judged(self.ground.evidence) or "baking"


def transitions(before: Rollout | None, after: Rollout, at: float, ground: Ground = NONE) -> tuple[Transition, ...]:
    """What there is to tell of a rollout that was as `before` and is as `after`; None: it was not recorded before."""
    if not ground.evidence and before is not None:
        ground = Ground(_recorded(before, after), head=ground.head)
    # What was said of a step is told as of that step, also where the traffic has moved by it.
    judged_of = after if before is None else before
    events = _events(before, after, ground)
    return tuple(
        Transition(one, judged_of, at, ground, _mark(judged_of, after))
        if one == "verdict"
        else Transition(one, after, at, ground)
        for one in events
    )


def takeover(rollout: Rollout, at: float) -> tuple[Transition, ...]:
    """What is told by a controller that goes on with a rollout whose own is gone.

    It repeats where the walk stands: what its last controller did not come to tell. Nothing where a stop was told.
    """
    stopped = rollout.phase == "held" or rollout.paused is not None or rollout.waiting is not None
    return () if rollout.over or stopped or rollout.reason == "quiet" else (Transition("takeover", rollout, at),)


def ground_of(verdict: Verdict | None, check: str, head: Head | None = None) -> Ground:
    """What a decision rests on; `check`: the signal, alarm or limit that decided."""
    if verdict is None:
        return Ground(head=head)
    return Ground(evidence_of(verdict, check), verdict.sentence, head)


def judged(evidence: Mapping[str, Any]) -> str:
    """A verdict in the words by which it is told from another; empty while there is nothing to decide yet."""
    outcome, reason = evidence.get("outcome"), evidence.get("reason")
    return "" if not outcome or reason == "baking" else f"{outcome} {reason}"


def _recorded(before: Rollout, after: Rollout) -> Mapping[str, Any]:
    """The judge's numbers of a write that was announced and is known by now to have happened, or that is recorded."""
    arrived = (one.evidence for one in before.announced if one.nonce == after.nonce)
    proof = after.proof if after.step > before.step else before.proof if before.moved else {}
    return next(arrived, proof)


def _events(before: Rollout | None, after: Rollout, ground: Ground) -> tuple[Event, ...]:
    if before is None:
        return (_end(after),) if after.over else ("start",)
    said: tuple[Event, ...] = ("verdict",) if _says_else(before, after, ground) else ()
    if after.over:
        return () if before.phase == after.phase else (*said, _end(after))
    found: list[Event] = [*said]
    if after.paused is None and (before.paused is not None or (before.phase == "held" != after.phase)):
        found.append("resume")
    if after.step > before.step and not after.moved:  # its promotion is told once it is recorded
        found.append("step")
    if after.waiting is not None and before.waiting is None:
        found.append("approval")
    if after.paused is not None and before.paused is None:
        found.append("pause")
    if (after.phase == "held" != before.phase) or (after.reason == "quiet" != before.reason):
        found.append("conflict" if after.reason == "conflict" else "hold")
    return tuple(found)


def _says_else(before: Rollout, after: Rollout, ground: Ground) -> bool:
    """Whether the judge says something else than what was recorded; told once it is recorded, or was acted on."""
    if not ground.evidence:
        return False
    said = judged(ground.evidence)
    acted = (before.step, before.phase) != (after.step, after.phase)
    return said != before.judged and (acted or after.judged == said)


def _mark(before: Rollout, after: Rollout) -> str:
    """Of a verdict that was acted on: the write. Of one that was only noted: when."""
    acted = (before.step, before.phase) != (after.step, after.phase)
    return after.nonce if acted else f"{after.judged_at or 0:.1f}"


def _end(rollout: Rollout) -> Event:
    if rollout.phase == "promoted":
        return "promote"
    if rollout.reason in REJECTS:
        return "rejected"
    return "abort" if rollout.reason == "aborted" else "rollback"


def _headline(event: Event, rollout: Rollout, judged: str) -> str:
    share, version = percent(rollout.traffic(rollout.step)), f"version {rollout.candidate}"
    if event == "step":
        return f"{share} of the traffic to {version}"
    if event == "promote":
        return f"{version} has all traffic"
    if event in {"rollback", "abort"}:
        done = "rolled back" if event == "rollback" else "aborted"
        by_hand = rollout.reason in {BY_HAND, ADOPTED}  # to whichever version the person named
        return done if by_hand or rollout.stable == LATEST else f"{done}, version {rollout.stable} has all traffic"
    words = {
        "start": f"the release of {version} begins",
        "verdict": f"{judged} of {version}",
        "hold": f"held at {share} to {version}",
        "conflict": f"held at {share} to {version}",
        "approval": f"{version} at {share} waits for approval",
        "pause": f"paused at {share} to {version}",
        "resume": f"goes on at {share} to {version}",
        "takeover": f"taken over at {share} to {version}",
        "rejected": f"{version} is rejected, no traffic was moved",
    }
    return words[event]


def _sentence(event: Event, rollout: Rollout) -> str:
    if event == "start":
        against = f"against version {rollout.stable}" if rollout.stable != LATEST else "nothing to compare it with"
        steps = " → ".join(percent(one.traffic) for one in rollout.steps)
        return f"{against}, {steps + ' → ' if steps else ''}100 %"
    if event == "approval" and rollout.waiting is not None:
        until = moment(rollout.waiting + rollout.terms.approval_timeout_s)
        return f"{rollout.sentence} until {until}: crabwalk promote {rollout.service} --env {rollout.environment}"
    if event in {"pause", "resume"} and rollout.obeyed:
        order = rollout.obeyed[-1]
        return f"by {who(order.actor, order.claimed_actor)}" + (f": {order.reason}" if order.reason else "")
    return rollout.sentence
