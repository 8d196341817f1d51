"""What is where and what is going on with a service, from its alias, its record, its lease and its evidence. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipeline.aws.functions import AliasState
from pipeline.release.decide.calendar import closed
from pipeline.release.decide.decision import Decision
from pipeline.release.ledger.head import Head, trusted
from pipeline.release.ledger.lease import GRACE_S, Holder
from pipeline.release.ledger.records import Entry, Frozen, ServiceRecord
from pipeline.release.ledger.story import evidence_of
from pipeline.release.model import LATEST, Rollout, percent
from pipeline.release.terms import Order
from pipeline.release.walk.outcome import how_it_ended
from pipeline.release.words import moment, who

NOTHING = "nothing"


@dataclass(frozen=True)
class Approval:
    """A step that waits for a person: since when and until when (epoch seconds), who may, and how."""

    traffic: float
    since: float
    until: float
    approvers: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class ServiceStatus:
    """One service as it stands; `traffic` maps versions to their share (0..1), times are epoch seconds."""

    service: str
    traffic: dict[str, float]
    # live | walking | paused | waiting | held | rolled-back | never-released | changed-by-somebody-else | absent
    state: str
    release: str | None
    commit: str | None
    doing: str
    next: str  # what a person can do
    url: str | None = None
    candidate: str | None = None  # of the release under way,
    steps: tuple[float, ...] = ()  # its declared traffic,
    step: int | None = None  # and where it is: -1 before the first
    walker: str | None = None  # who holds the lease now
    paused: dict[str, Any] | None = None  # the order that paused it, `since`
    approval: Approval | None = None
    quiet: str | None = None  # why nothing goes forward now, and until when
    frozen: Frozen | None = None
    ringing: tuple[str, ...] = ()  # alarms that rang before the walk: told, not counted
    evidence: dict[str, Any] | None = None  # the judge's numbers, with its `sentence`
    then: str | None = None  # what happens next by itself
    last: str | None = None  # how the last release ended, where none is under way


def describe(
    record: ServiceRecord,
    alias: AliasState,
    lease: Holder | None,
    *,
    env: str,
    now: float,
    decision: Decision | None = None,
) -> ServiceStatus:
    """The status of a service that has an alias; `decision`: what its controller would decide now, if it has one."""
    service, alive = record.service, lease is not None and lease.living
    walker = lease.who if lease is not None and alive else None
    if alias.version == LATEST:
        deploys = f"crabwalk deploy {service}"
        return ServiceStatus(service, {}, "never-released", None, None, _doing(lease), deploys, walker=walker)
    traffic = {alias.version: round(1 - sum(alias.weights.values()), 6), **alias.weights}
    head, rollout = trusted(alias), record.under_way
    doing, after = _record(env, record, lease if alive else None, head)
    if head is None:
        state = "changed-by-somebody-else"
        back = f"crabwalk rollback {service} --env {env}"
        # What is split cannot be adopted, and what is not has no weights to take away.
        adopt = f"{back} --to VERSION, or crabwalk adopt {service} --env {env} --reason TEXT: what is there stays"
        after = back if alias.weights else adopt
        found = ServiceStatus(service, traffic, state, None, None, doing, after, walker=walker)
        return replace(found, frozen=record.frozen, last=_last(record, None))
    state = "walking" if head.state == "walk" else "live" if head.state == "live" else "rolled-back"
    if rollout is not None and not head.rolled_back:
        state = _state(rollout, state)
    if state == "rolled-back" and rollout is not None:
        doing = f"release {rollout.release_id} was rolled back, its end is not recorded yet"
        after = f"`crabwalk deploy --env {env}` records its end"
    release: str | None = head.release
    commit = head.commit
    if state == "rolled-back":
        # The head tells of the release that was taken back; who asks what runs is told of the one that does.
        doing = f"release {head.release} of {(head.commit or '')[:12]} was rolled back" if doing == NOTHING else doing
        known = record.promoted if record.promoted is not None and record.promoted.version == alias.version else None
        release, commit = (known.release_id, known.commit) if known is not None else (None, None)
    frozen = _frozen(record, head)
    if frozen is not None and rollout is None:
        reverted = f", or commit a revert of {frozen.commit[:12]}" if frozen.commit else ""
        after = f"crabwalk resume {service} --env {env}{reverted}"
    found = ServiceStatus(service, traffic, state, release, commit, doing, after, walker=walker, frozen=frozen)
    found = replace(found, last=_last(record, head))
    return found if rollout is None else _walk(found, rollout, env, now, decision)


def absent(service: str, last: Entry | None, env: str, *, declared: bool = True) -> ServiceStatus:
    """The status of a service that has no function; `last`: the newest entry of its history."""
    deploys = f"crabwalk deploy {service} --env {env}"
    if last is None or last.kind != "destroy":
        return ServiceStatus(service, {}, "absent", None, None, "not deployed", deploys)
    why = f": {last.reason}" if last.reason else ""
    doing = f"destroyed on {moment(last.ended)} by {who(last.actor, last.claimed_actor)}{why}"
    after = f"{deploys} makes it anew" + ("" if declared else ", once its manifest is back")
    return ServiceStatus(service, {}, "absent", None, None, doing, after)


def _last(record: ServiceRecord, head: Head | None) -> str | None:
    """How the last release ended, where none is under way."""
    rollout = record.rollout
    if rollout is None or not rollout.over:
        return None
    after = head is not None and head.rolled_back and head.release == rollout.release_id
    taken = ", and rolled back after that" if after and rollout.phase == "promoted" else ""
    return f"release {rollout.release_id} of version {rollout.candidate} {how_it_ended(rollout)}{taken}"


def _walk(found: ServiceStatus, rollout: Rollout, env: str, now: float, decision: Decision | None) -> ServiceStatus:
    """With what is known of the release under way."""
    last = rollout.pause
    found = replace(
        found,
        candidate=rollout.candidate,
        steps=tuple(one.traffic for one in rollout.steps),
        step=rollout.step,
        paused=None if rollout.paused is None else _paused(last, rollout.paused),
        approval=_approval(rollout, env),
        quiet=closed(rollout.terms, now),
        ringing=rollout.ringing,
    )
    if decision is None:
        return found
    verdict = decision.verdict
    if verdict is not None:
        found = replace(found, evidence={**evidence_of(verdict, decision.check), "sentence": verdict.sentence})
    if found.walker is None and found.state == "walking":
        goes_on = (
            f"`crabwalk resume {rollout.service} --env {env}` or `crabwalk watch --unattended --env {env}` goes on"
        )
        return replace(found, then=f"nothing happens by itself until {goes_on}")
    return replace(found, then=_then(decision))


def _then(decision: Decision) -> str:
    """What its controller does with its next look, where that is not to wait."""
    said = {
        "shift": f"the next step, now: {decision.next}",
        "promote": f"promotion, now: {decision.next}",
        "roll-back": f"rolled back, now: {decision.sentence}",
        "abandon": f"given up, now: {decision.sentence}",
    }
    return said.get(decision.kind, decision.next)


def _state(rollout: Rollout, state: str) -> str:
    if rollout.phase == "held":
        return "held"
    if rollout.paused is not None:
        return "paused"
    return "waiting" if _stopped(rollout) else state


def _stopped(rollout: Rollout) -> bool:
    """Whether its controller stopped to wait for a person or for the end of quiet hours."""
    return rollout.waiting is not None or (rollout.step < 0 and rollout.reason == "quiet")


def _paused(order: Order | None, since: float) -> dict[str, Any]:
    return {
        "since": since,
        "actor": order.actor if order else "unknown",
        "claimed_actor": order.claimed_actor if order else None,
        "reason": order.reason if order else "",
    }


def _approval(rollout: Rollout, env: str) -> Approval | None:
    if rollout.waiting is None:
        return None
    return Approval(
        traffic=rollout.traffic(rollout.step + 1),
        since=rollout.waiting,
        until=rollout.waiting + rollout.terms.approval_timeout_s,
        approvers=rollout.terms.approvers,
        command=f"crabwalk promote {rollout.service} --env {env}",
    )


def _frozen(record: ServiceRecord, head: Head) -> Frozen | None:
    """The record's mark, or what the alias tells of one the record does not have."""
    if record.frozen is not None or head.state != "frozen":
        return record.frozen
    return Frozen(head.release, head.commit, head.origin, "unknown", None, "", 0.0)


def _record(env: str, record: ServiceRecord, lease: Holder | None, head: Head | None) -> tuple[str, str]:
    """What the ledger says is going on, and what to do about it; the share is the alias's where it is trusted."""
    rollout = record.under_way
    if rollout is None:
        return _doing(lease), ""
    service = record.service
    walked = head is not None and head.release == rollout.release_id and head.state == "walk"
    share = head.weight if head is not None and walked else rollout.traffic(rollout.step)
    at = f"release {rollout.release_id} of version {rollout.candidate} at {percent(share)}"
    on = f"`crabwalk deploy --env {env}` goes on with it"
    end = f"`crabwalk rollback {service} --env {env}` ends it"
    resume = f"`crabwalk resume {service} --env {env}` goes on, {end}"
    if rollout.phase == "held":
        return f"{at}, held: {rollout.sentence}", resume
    if rollout.paused is not None:
        return f"{at}, paused" + (f", watched by {lease.who}" if lease else ", and nobody watches it"), resume
    if lease is not None and rollout.waiting is None:
        dead = f"{end}; if that process is gone, {on} once its lease has run out, in {lease.left_s:.0f} s"
        late = lease.age_s > lease.ttl_s / 2 + GRACE_S  # it is renewed twice in that time
        return f"{at}, walked by {lease.who}", dead if late else _offered(service, env)
    if rollout.waiting is not None:
        yes = f"`crabwalk promote {service} --env {env}` approves it"
        return f"{at}, {rollout.sentence}", f"{yes}, {end}" if share > 0 else yes
    # Before the first step there is no share to take away: a rollback would leave the stable version instead.
    left = f"{on}, {end}" if share > 0 else on
    quiet = f"{on} then, or `crabwalk watch --unattended --env {env}`"
    stopped = (f"{at}, {rollout.sentence}", quiet)
    return stopped if _stopped(rollout) else (f"{at}, and nobody walks it: its controller ended", left)


def _offered(service: str, env: str) -> str:
    """What a person can do with a walk that goes well."""
    verbs = {"promote": "takes the next step now", "pause": "holds it", "abort": "ends it"}
    return ", ".join(f"`crabwalk {verb} {service} --env {env}` {what}" for verb, what in verbs.items())


def _doing(lease: Holder | None) -> str:
    if lease is None or not lease.living:
        return NOTHING
    return lease.told
