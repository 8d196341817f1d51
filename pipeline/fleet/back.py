"""Takes a release back from a target that carries it, by the rollback that a person would make, with the reason.

The services are not left frozen: nobody looked at each of them, so a fix is deployed to them like to any other.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline.errors import CrabwalkError
from pipeline.fleet.look import Member
from pipeline.fleet.plan import FleetRelease
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS
from pipeline.release.rollback.record import needs_record, note_of
from pipeline.release.rollback.rollback import WrongVersionError, roll_back
from pipeline.release.rollback.unrecorded import record_safely
from pipeline.release.walk.freeze import is_frozen, thaw


def take_back(member: Member, target: str, release: FleetRelease, actor: str, say: Callable[[str], None]) -> None:
    """Move the traffic of everything this release brought to the target back, the last service first.

    What was live before it, and what somebody has under way, is left alone. Raises AwsError, ConflictError: the first
    fault, once all services were tried.
    """
    faults: list[CrabwalkError] = []
    for service in sorted(release.wants.get(target, {}), reverse=True):
        try:
            _take_back(member, service, release, actor, say)
        except CrabwalkError as fault:
            say(f"{service}: {fault.sentence}")
            faults.append(fault)
    if faults:
        raise faults[0]


def _take_back(member: Member, service: str, release: FleetRelease, actor: str, say: Callable[[str], None]) -> None:
    engine = member.engine
    reason = f"release {release.id} of `{release.fleet}`: {release.sentence}"
    record = engine.ledger.service(service)
    frozen = record.frozen is not None and record.frozen.reason == reason
    if not brought(record, release) or (rejected(record) and not frozen):
        return
    function = member.function(service)
    try:
        done = roll_back(engine.functions, function, ALIAS, None, account=engine.env.account, say=say)
    except WrongVersionError as fault:  # its first release: there is nothing before it
        say(f"{service}: {fault.what}")
        return
    say(f"{service}: {done.plan.sentence}")
    moved = done.plan.target is not None
    if needs_record(done) and (moved or is_frozen(done.after)):
        note = note_of(
            done,
            service=service,
            environment=engine.env.name,
            function=function,
            actor=actor,
            claimed_actor=release.claimed_actor,
            reason=reason,
        )
        record_safely(engine.env, engine.ledger, note)
    if moved or frozen:
        thaw(engine, engine.ledger.service(service), function)


def brought(record: ServiceRecord, release: FleetRelease) -> bool:
    """Whether the version that was promoted last came with this release."""
    promoted = record.promoted
    ours = promoted is not None and promoted.commit == release.commit and promoted.at >= release.started
    return ours and record.under_way is None


def rejected(record: ServiceRecord) -> bool:
    """Whether what was promoted last was taken back already, by whomever."""
    promoted = record.promoted
    return promoted is not None and record.rejection(promoted.artifact, promoted.configuration) is not None
