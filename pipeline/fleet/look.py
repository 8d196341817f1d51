"""How the targets of a fleet stand: read from each member's own ledger, alias and alarms. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pipeline.aws.functions import NotFoundError
from pipeline.fleet.plan import Cell, FleetRelease, Standing
from pipeline.release.ledger.head import Head, trusted
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS
from pipeline.release.walk.act import Engine
from pipeline.release.walk.outcome import how_it_ended
from pipeline.release.walk.view import ReleaseResult

Told = Mapping[str, ReleaseResult]  # by service: how this process's deploy ended there


class Member(Protocol):
    """One target, as far as looking at it goes."""

    @property
    def engine(self) -> Engine: ...
    def function(self, service: str) -> str: ...


def standing(
    member: Member,
    target: str,
    release: FleetRelease,
    *,
    told: Told,
    alarms: Mapping[str, tuple[str, ...]],
    fault: str = "",
) -> Standing:
    """One target as it stands. `alarms`: by service those its release looks at, where they count now."""
    engine = member.engine
    names = tuple(dict.fromkeys(name for some in alarms.values() for name in some))
    known = release.ringing.get(target, ())
    states = engine.alarms.states(names) if names else {}
    rings = {name for name, state in states.items() if state == "ALARM" and name not in known}
    cells = []
    for service, artifact in release.wants.get(target, {}).items():
        found = cell(engine.ledger.service(service), _head(engine, member.function(service)), release, artifact)
        found = _as_told(found, told.get(service))
        loud = next((name for name in alarms.get(service, ()) if name in rings), None)
        if loud is not None and found.state == "carries":
            found = Cell(service, "failed", f"the alarm `{loud}` rings")
        cells.append(found)
    return Standing(target, tuple(cells), fault)


def cell(record: ServiceRecord, head: Head | None, release: FleetRelease, artifact: str) -> Cell:
    """One service in one target, by its record and what its alias says of itself. Pure."""
    service, promoted, rollout = record.service, record.promoted, record.rollout
    walked = record.under_way
    if walked is not None:
        return Cell(service, "walking" if walked.commit == release.commit else "waits")
    frozen = record.frozen
    if promoted is not None and (promoted.commit, promoted.artifact) == (release.commit, artifact):
        back = head is not None and head.rolled_back and head.origin == promoted.version
        if frozen is None and not back and record.rejection(promoted.artifact, promoted.configuration) is None:
            return Cell(service, "carries")
        why = f": {frozen.reason}" if frozen is not None and frozen.reason else ""
        return Cell(service, "failed", f"version {promoted.version} was rolled back after it was promoted{why}")
    if rollout is not None and rollout.commit == release.commit and rollout.started >= release.started:
        return Cell(service, "failed", f"version {rollout.candidate} {how_it_ended(rollout)}")
    if frozen is not None and frozen.at < release.started:
        return Cell(service, "frozen", f"a person rolled it back before: {frozen.reason or 'no reason was given'}")
    return Cell(service, "waits")


def spared(release: FleetRelease, target: str, record: ServiceRecord) -> bool:
    """Whether going back from this release leaves a service in a target alone: it never got there. Pure.

    A release that is over and that nobody carries is not what anybody goes back from: then it is the one before.
    """
    artifact = release.wants.get(target, {}).get(record.service)
    if artifact is None or target in release.finished:
        return False
    live = not release.over or any(one not in release.back for one in release.finished)
    return live and cell(record, None, release, artifact).state in {"waits", "frozen"}


def _as_told(found: Cell, result: ReleaseResult | None) -> Cell:
    """What no ledger has: a release that was refused, passed over, or did not begin."""
    if result is None or found.state not in {"waits", "walking"}:
        return found
    # A walk that is not over was not worse: its controller stopped, as where AWS was away from it for too long.
    if result.outcome in {"held", "conflict", "handed-over"} or (found.state, result.outcome) == ("walking", "failed"):
        return Cell(found.service, "held", result.sentence)
    if result.outcome in {"promoted", "no-op"}:
        return found
    return Cell(found.service, "failed", result.sentence)


def _head(engine: Engine, function: str) -> Head | None:
    try:
        return trusted(engine.functions.alias(function, ALIAS))
    except NotFoundError:
        return None
