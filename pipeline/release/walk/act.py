"""Carries a decision out: the alias protocol, and the record of it. Decides nothing.

Every alias write is announced in the ledger (an intent with the nonce it will carry), sent with the RevisionId that
was read, so that it can happen only once, and then recorded. Whoever dies in between leaves enough for the next
controller to tell what happened: the nonce stands in the alias's description or it does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec

from pipeline.aws import TransientError
from pipeline.aws.alarms import Alarms
from pipeline.aws.functions import AliasMoved, AliasState, AliasUncertain, Functions
from pipeline.aws.metrics import Metrics
from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError
from pipeline.manifest.environments import Environment
from pipeline.release.around.notifier import Notifier
from pipeline.release.around.probe import Prober
from pipeline.release.around.transitions import BY_HAND, ground_of, judged
from pipeline.release.decide.decision import Decision, Observation
from pipeline.release.decide.standing import arrived, fenceable, head_of, overruled, standing, traffic
from pipeline.release.decide.steer import heard
from pipeline.release.ledger.copies import Copies
from pipeline.release.ledger.head import Head, fresh_nonce, parse
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.ledger import Ledger
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.ledger.story import entry_of, evidence_of
from pipeline.release.model import ALIAS, Intent, Phase, Rollout
from pipeline.release.terms import Order
from pipeline.release.walk.ending import closed, reason_of
from pipeline.release.walk.intents import announced, intended, noted, settled
from pipeline.release.words import STALE

# An alias is read from AWS's copies: one may lag behind what was written a moment ago.
STALE_PAUSES_S = (0.1, 0.2, 0.4, 0.8)

P = ParamSpec("P")


def _told(
    method: Callable[Concatenate[Engine, ServiceRecord, P], ServiceRecord],
) -> Callable[Concatenate[Engine, ServiceRecord, P], ServiceRecord]:
    """Tell those whom the manifest names what the method made of the record's rollout, once it is recorded."""

    @wraps(method)
    def telling(self: Engine, record: ServiceRecord, /, *args: P.args, **kwargs: P.kwargs) -> ServiceRecord:
        after = method(self, record, *args, **kwargs)
        self.notices.heed(record.rollout, after.rollout, self.now())
        return after

    return telling


class Engine:
    """The hands of the release engine in one environment."""

    def __init__(
        self,
        env: Environment,
        now: Callable[[], float] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.env, self._pause = env, pause
        self._now = now
        self.functions = Functions(env)
        self.objects = Objects(env)
        self.ledger = Ledger(self.objects)
        self.written: dict[str, AliasState] = {}  # by function: what our last write of its alias was answered with
        self.copies = Copies(self.objects)
        self.say: Callable[[str], None] = lambda _: None  # what is to be known and stops nothing
        self.notices = Notifier(env, self._warn)
        self.probes = Prober(env, self.functions, self.objects)

    def now(self) -> float:
        """Epoch seconds by AWS's clock, which also stamps the evidence."""
        return self._now() if self._now is not None else self.objects.now()

    def _warn(self, text: str) -> None:
        self.say(text)

    @cached_property
    def metrics(self) -> Metrics:
        """CloudWatch; only a walk needs it, and its client is slow to make."""
        return Metrics(self.env)

    @cached_property
    def alarms(self) -> Alarms:
        """CloudWatch's alarms; only a walk that looks at some needs them."""
        return Alarms(self.env)

    def alias(self, rollout: Rollout) -> AliasState:
        """The alias as it is; one that is provably older than our last write of it is read again.

        Raises TransientError when AWS keeps answering with such a one.
        """
        for seconds in (*STALE_PAUSES_S, None):
            alias = self.functions.alias(rollout.function, ALIAS)
            if not rollout.outdated(alias.revision):
                return alias
            if seconds is not None:
                self._pause(seconds)
        raise TransientError(f"{STALE} (function `{rollout.function}`)")

    @_told
    def begin(self, record: ServiceRecord, rollout: Rollout) -> ServiceRecord:
        """Record a rollout that has not moved any traffic yet.

        Raises ConflictError when another one is under way, or the alias is not as it was when this one was planned.
        """
        other = record.under_way
        if other is not None:
            raise ConflictError(
                f"release {other.release_id} of `{rollout.service}` is under way",
                hint=f"`crabwalk deploy --env {self.env.name}` goes on with it",
            )
        alias = self.alias(rollout)
        if rollout.revision and alias.revision != rollout.revision:
            raise ConflictError(
                f"the alias of `{rollout.service}` was changed while its release was prepared: "
                f"it is at {traffic(alias)}",
                hint=f"see `crabwalk status {rollout.service} --env {self.env.name}`, then deploy again",
            )
        return self.ledger.save(replace(record, rollout=rollout))

    def take_over(self, record: ServiceRecord, rollout: Rollout, lease: Lease | None = None) -> ServiceRecord:
        """Make an abandoned rollout ours: settle what its holder left, then fence the holder out.

        `lease` is confirmed first: whoever slept since it was taken may have read its successor's record.

        The fence is an alias write with the same weights and a new nonce: whatever the old holder still sends fails
        on its RevisionId. Raises ConflictError when the alias is not what the record says.
        """
        if lease is not None:
            lease.confirm()
        after = self._taken_over(record, rollout)
        self.notices.heed(record.rollout, after.rollout, self.now(), taken=True)
        return after

    def _taken_over(self, record: ServiceRecord, rollout: Rollout) -> ServiceRecord:
        alias = self.alias(rollout)
        where, intent = standing(rollout, alias), arrived(rollout, alias)
        if where == "foreign":
            raise ConflictError(
                f"the alias of `{rollout.service}` is not what its record says: it is at {traffic(alias)}",
                hint=f"crabwalk rollback {rollout.service} --env {self.env.name}",
            )
        if where == "intent" and intent is not None:  # whatever else was announced relied on the revision before
            return record if overruled(rollout, intent) else self._settle(record, rollout, intent)
        head = fenceable(rollout, alias)
        if where == "undone" or head is None:  # a description that is not ours has no nonce to change
            return record
        record, fenced = self._fence(record, rollout, alias, head)
        if not fenced:
            raise ConflictError(f"the alias of `{rollout.service}` was changed while this run took over")
        return record

    def _fence(
        self, record: ServiceRecord, rollout: Rollout, alias: AliasState, head: Head, order: Order | None = None
    ) -> tuple[ServiceRecord, bool]:
        """Write the alias as it is with a new nonce, so that nothing sent before can arrive; whether that is sure."""
        fence = Intent(rollout.step, fresh_nonce(), alias.revision, "fence", order=order)
        record, fence = self._announce(record, rollout, fence)
        if not self.write(alias, replace(head, nonce=fence.nonce)):
            return record, False
        return self._settle(record, rollout, fence), True

    def act(self, record: ServiceRecord, rollout: Rollout, seen: Observation, decision: Decision) -> ServiceRecord:
        """Carry `decision` out and record it; an unclear or refused write changes nothing and is seen next tick."""
        after = self._carried_out(record, rollout, seen, decision)
        if self.notices.heard(rollout):
            moved_by = parse(seen.alias.description) if decision.kind == "undone" else None
            ground = ground_of(decision.verdict, decision.check, moved_by)
            self.notices.heed(record.rollout, after.rollout, self.now(), ground)
        return after

    def _carried_out(
        self, record: ServiceRecord, rollout: Rollout, seen: Observation, decision: Decision
    ) -> ServiceRecord:
        kind = decision.kind
        if kind in {"shift", "promote"}:
            return self._move(record, rollout, seen.alias, decision, decision.step)
        if kind == "roll-back":
            return self._move(record, rollout, seen.alias, decision, -1)
        if kind == "settled":
            intent = arrived(rollout, seen.alias)
            return record if intent is None else self._settle(record, rollout, intent)
        if kind == "undone":
            ended = replace(rollout, sentence=decision.sentence, reason=BY_HAND)
            return self._end(record, ended, "rolled-back", {})
        if kind == "abandon":
            ended = replace(heard(rollout, decision.order), sentence=decision.sentence, reason=reason_of(decision))
            return self._end(record, ended, "rolled-back", {})
        return self._note(record, rollout, seen.alias, decision)

    @_told
    def promoted(self, record: ServiceRecord, rollout: Rollout) -> ServiceRecord:
        """Record the promotion of a rollout whose traffic is all moved already."""
        return self._end(record, rollout, "promoted", rollout.proof)

    def _note(self, record: ServiceRecord, rollout: Rollout, alias: AliasState, decision: Decision) -> ServiceRecord:
        order, head = decision.order, fenceable(rollout, alias)
        if order is not None and order.kind == "pause" and rollout.announced and head is not None:
            # A step that was sent and not answered could arrive in the pause.
            return self._fence(record, rollout, alias, head, order)[0]
        after = noted(rollout, decision, self.now)
        if self.env.events is not None and decision.verdict is not None:  # else nobody is told of verdicts
            said = judged(evidence_of(decision.verdict))
            if said != rollout.judged:
                after = replace(after, judged=said, judged_at=self.now())
        return record if after == rollout else self.ledger.save(replace(record, rollout=after))

    @_told
    def reject(self, record: ServiceRecord, rollout: Rollout, reason: str, sentence: str) -> ServiceRecord:
        """End a rollout that never got traffic (a smoke check or a hook said no); the alias is not touched."""
        return self._end(record, replace(rollout, reason=reason, sentence=sentence), "rolled-back", {})

    def _move(
        self, record: ServiceRecord, rollout: Rollout, alias: AliasState, decision: Decision, step: int
    ) -> ServiceRecord:
        if step >= 0 and rollout.moved:
            return self._end(record, heard(rollout, decision.order), "promoted", rollout.proof)
        rollout, intent = intended(rollout, alias, decision, step)
        record, intent = self._announce(record, rollout, intent)
        until = int(self.now() + rollout.terms.rollback_window_s) if step >= len(rollout.steps) else None
        if not self.write(alias, head_of(rollout, step, intent.nonce, until)):
            return record  # the intent stays: an unclear write may still arrive
        return self._settle(record, rollout, intent)

    def _announce(self, record: ServiceRecord, rollout: Rollout, intent: Intent) -> tuple[ServiceRecord, Intent]:
        """Record a write before it is made."""
        rollout, intent = announced(rollout, intent)
        return self.ledger.save(replace(record, rollout=rollout)), intent

    def write(self, seen: AliasState, head: Head) -> bool:
        """Send one guarded write; whether it happened, by the nonce the alias carries when the answer was unclear."""
        try:
            self.written[seen.function] = self.functions.write_alias(seen, head.primary, head.weights, str(head))
        except (AliasMoved, AliasUncertain):
            found = parse(self.functions.alias(seen.function, seen.name).description)
            return found is not None and found.nonce == head.nonce
        return True

    def _settle(self, record: ServiceRecord, rollout: Rollout, intent: Intent) -> ServiceRecord:
        """Record an announced write that succeeded."""
        after, over = settled(rollout, intent, self.now(), told=self.env.events is not None)
        if over is not None:
            return self._end(record, after, over, intent.evidence)
        return self.ledger.save(replace(record, rollout=after))

    def _end(self, record: ServiceRecord, rollout: Rollout, phase: Phase, evidence: Mapping[str, Any]) -> ServiceRecord:
        """History first, state last: a run that dies in between is completed by the next one."""
        ended = replace(rollout, phase=phase, ended=self.now(), intent=None, unclear=(), proof={})
        self.ledger.append(entry_of(ended, evidence))
        return self.ledger.save(closed(record, ended))
