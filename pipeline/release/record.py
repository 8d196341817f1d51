"""The ledger's side of a rollback by hand: written after the traffic has moved, never before."""

from __future__ import annotations

import time
from dataclasses import replace

from pipeline.errors import ConflictError
from pipeline.release.ledger import Entry, Ledger, Rejected, ServiceRecord
from pipeline.release.model import new_release_id
from pipeline.release.rollback import RollbackDone

ATTEMPTS = 5


def record_rollback(
    ledger: Ledger, service: str, environment: str, done: RollbackDone, *, actor: str, claimed_actor: str | None
) -> None:
    """Add the history entry, and note that the artifact which lost its traffic is not to be tried again.

    A rollout that is under way is left to its controller: it sees the mark in the alias and records its own end.
    """
    now = time.time()
    ledger.append(
        Entry(
            kind="rollback",
            release_id=new_release_id(now),
            service=service,
            environment=environment,
            outcome="rolled-back",
            stable=done.after.version,
            candidate=done.plan.origin,
            commit=done.plan.commit,
            subject=f"rollback of release {done.plan.release}",
            artifact=None,
            actor=actor,
            claimed_actor=claimed_actor,
            started=now,
            ended=time.time(),
            reason="by hand",
            sentence=done.plan.sentence,
        )
    )
    for _ in range(ATTEMPTS):
        record = ledger.service(service)
        changed = _without(record, done.plan.origin)
        if changed is record:
            return
        try:
            ledger.save(changed)
        except ConflictError:
            continue
        return


def _without(record: ServiceRecord, version: str | None) -> ServiceRecord:
    """The record with the promoted release `version` marked as rejected."""
    promoted = record.promoted
    if promoted is None or promoted.version != version:
        return record
    if record.rejection(promoted.artifact, promoted.configuration) is not None:
        return record
    rejected = Rejected(promoted.release_id, promoted.commit, promoted.artifact, promoted.configuration)
    return replace(record, rejected=(*record.rejected, rejected))
