"""The ledger's side of a rollback by hand: written after the traffic has moved, never before.

The alias is the source: a rollback whose record was never written (the ledger was away, its process was killed) is
recorded by the next one that finds nothing left to move.
"""

from __future__ import annotations

import time
from dataclasses import replace

from pipeline.errors import ConflictError
from pipeline.release.head import Head, trusted
from pipeline.release.ledger import Entry, Ledger, Rejected, ServiceRecord
from pipeline.release.model import new_release_id
from pipeline.release.rollback import RollbackDone

ATTEMPTS = 5
LOOK_BACK = 50
MARK = 6  # of the nonce's characters, in the entry's id


def record_rollback(
    ledger: Ledger, service: str, environment: str, done: RollbackDone, *, actor: str, claimed_actor: str | None
) -> bool:
    """Add the history entry, and note that the artifact which lost its traffic is not to be tried again.

    A rollout that is under way is left to its controller: it sees the mark in the alias and records its own end.
    Returns whether there was anything to record; raises ConflictError when the record kept changing.
    """
    head = trusted(done.after)
    if head is None or not head.rolled_back:
        return False
    now = done.plan.target is not None
    missing = now or not (_left_to_its_controller(ledger.service(service), head) or _known(ledger, service, head))
    if missing:
        sentence = done.plan.sentence if now else f"version {head.primary} has all traffic; recorded afterwards"
        entry = _entry(service, environment, head, sentence)
        ledger.append(replace(entry, actor=actor, claimed_actor=claimed_actor))
    return _reject(ledger, service, head.origin) or missing


def _left_to_its_controller(record: ServiceRecord, head: Head) -> bool:
    return record.under_way is not None and record.under_way.release_id == head.release


def _known(ledger: Ledger, service: str, head: Head) -> bool:
    """Whether the history has what this head says: as a rollback by hand, or as the end of its release."""
    for one in ledger.history(service, LOOK_BACK):
        if one.kind == "rollback" and one.release_id.endswith(f"-{head.nonce[:MARK]}"):
            return True
        ended = (one.kind, one.release_id, one.outcome) == ("release", head.release, "rolled-back")
        if ended and one.candidate == head.origin:
            return True
    return False


def _entry(service: str, environment: str, head: Head, sentence: str) -> Entry:
    now = time.time()
    stamp = new_release_id(now).rpartition("-")[0]
    return Entry(
        kind="rollback",
        release_id=f"{stamp}-{head.nonce[:MARK]}",
        service=service,
        environment=environment,
        outcome="rolled-back",
        stable=head.primary,
        candidate=head.origin,
        commit=head.commit,
        subject=f"rollback of release {head.release}",
        artifact=None,
        actor="",
        claimed_actor=None,
        started=now,
        ended=now,
        reason="by hand",
        sentence=sentence,
    )


def _reject(ledger: Ledger, service: str, version: str | None) -> bool:
    """Mark the promoted release `version` as rejected; whether that was still to be done."""
    attempts = 0
    while True:
        record = ledger.service(service)
        changed = _without(record, version)
        if changed is record:
            return False
        try:
            ledger.save(changed)
        except ConflictError:
            attempts += 1
            if attempts == ATTEMPTS:
                raise
        else:
            return True


def _without(record: ServiceRecord, version: str | None) -> ServiceRecord:
    """The record with the promoted release `version` marked as rejected."""
    promoted = record.promoted
    if promoted is None or promoted.version != version:
        return record
    if record.rejection(promoted.artifact, promoted.configuration) is not None:
        return record
    rejected = Rejected(promoted.release_id, promoted.commit, promoted.artifact, promoted.configuration)
    return replace(record, rejected=(*record.rejected, rejected))
