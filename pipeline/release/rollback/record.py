"""The ledger's side of a rollback by hand: written after the traffic has moved, never before.

The alias is the source: a rollback whose record was never written (the ledger was away, its process was killed) waits
in a file (`unrecorded`) or is recorded by the next rollback that finds nothing left to move.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.errors import ConflictError
from pipeline.release.ledger.head import Head, parse, trusted
from pipeline.release.ledger.ledger import Ledger
from pipeline.release.ledger.records import Entry, Frozen, Rejected, ServiceRecord
from pipeline.release.model import Rollout, new_release_id, second
from pipeline.release.rollback.rollback import RollbackDone

ATTEMPTS = 5
LOOK_BACK = 50
LOOKS, LOOK_PAUSE_S = 5, 0.5
MARK = 6  # of the nonce's characters, in the entry's id
BY_HAND = "by hand"
SAFETY_NET = "safety net"  # nobody's controller has a record of it, and no person's mark
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Note:
    """A rollback by hand as it has to be recorded. Plain values and nothing secret: it may wait in a file.

    `head` is what the alias's description says now; `moved` is False where somebody else had moved the traffic before.
    `at` is in epoch seconds.
    """

    service: str
    environment: str
    function: str
    head: str
    moved: bool
    sentence: str
    actor: str
    claimed_actor: str | None
    reason: str
    at: float

    @property
    def who(self) -> str:
        """Who wants it recorded."""
        return f"{self.actor} ({self.claimed_actor})" if self.claimed_actor else self.actor


@dataclass(frozen=True)
class Noted:
    """`written`: there was something to record; `by`: who moved the traffic, where the history tells.

    `rollout`: the service's last release, where it was looked at.
    """

    written: bool
    by: str | None = None
    rollout: Rollout | None = None


def needs_record(done: RollbackDone) -> bool:
    """Whether the alias carries a rollback's mark; a version that is simply live is no rollback."""
    head = trusted(done.after)
    return head is not None and head.rolled_back


def note_of(
    done: RollbackDone,
    *,
    service: str,
    environment: str,
    function: str,
    actor: str,
    claimed_actor: str | None,
    reason: str,
) -> Note:
    """What there is to be recorded of a rollback that was made just now."""
    return Note(
        service=service,
        environment=environment,
        function=function,
        head=done.after.description,
        moved=done.plan.target is not None,
        sentence=done.plan.sentence,
        actor=actor,
        claimed_actor=claimed_actor,
        reason=reason,
        at=time.time(),
    )


def who_moved(ledger: Ledger, note: Note) -> str | None:
    """Who rolled back what the note speaks of, where the history tells already."""
    head = parse(note.head)
    known = _known(ledger, note.service, head) if head is not None else None
    return _who(known) if known is not None else None


def record_rollback(
    ledger: Ledger, note: Note, *, current: bool = True, pause: Callable[[float], None] = time.sleep
) -> Noted:
    """Add the history entry, copy the freeze, and note that what lost its traffic is not to be tried again.

    The end of a rollout that is under way is left to its controller, which sees the mark in the alias.
    `current` False: the alias has moved on since, so only the history is completed. Where somebody else moved the
    traffic, they get a moment to write their own entry. Raises ConflictError when the record kept changing.
    """
    head = parse(note.head)
    if head is None:
        return Noted(False)
    if note.moved:
        ledger.append(_entry(note, head))
        by: str | None = note.who
        missing = True
    else:
        known = _known_soon(ledger, note.service, head, pause)
        by = _who(known) if known is not None else None
        missing = known is None and not _left_to_its_controller(ledger.service(note.service), head)
        if missing:
            ledger.append(_afterwards(note, head))
    if not current:
        return Noted(missing, by)
    changed, rollout = _settle(ledger, note, head)
    return Noted(changed or missing, by, rollout)


def _left_to_its_controller(record: ServiceRecord, head: Head) -> bool:
    return record.under_way is not None and record.under_way.release_id == head.release


def _known(ledger: Ledger, service: str, head: Head) -> Entry | None:
    """What the history has of this head: a rollback by hand, or the end of its release."""
    end: Entry | None = None
    for one in ledger.history(service, LOOK_BACK):
        if one.kind == "rollback" and one.release_id.endswith(f"-{head.nonce[:MARK]}"):
            return one
        ended = (one.kind, one.release_id, one.outcome) == ("release", head.release, "rolled-back")
        if end is None and ended and one.candidate == head.origin:
            end = one
    return end


def _known_soon(ledger: Ledger, service: str, head: Head, pause: Callable[[float], None]) -> Entry | None:
    """What the history has, or will have in a moment: whoever moved the traffic may be about to write it."""
    for _ in range(LOOKS):
        known = _known(ledger, service, head)
        if known is not None or _left_to_its_controller(ledger.service(service), head):
            return known
        pause(LOOK_PAUSE_S)
    return _known(ledger, service, head)


def _who(entry: Entry) -> str | None:
    """Who rolled back by hand; the end of a release names who released."""
    if entry.kind != "rollback" or entry.actor == UNKNOWN:
        return None
    return f"{entry.actor} ({entry.claimed_actor})" if entry.claimed_actor else entry.actor


def _entry(note: Note, head: Head) -> Entry:
    """The entry's id is made of what does not change, so that a note written twice is one entry."""
    stamp = second(new_release_id(note.at))
    return Entry(
        kind="rollback",
        release_id=f"{stamp}-{head.nonce[:MARK]}",
        service=note.service,
        environment=note.environment,
        outcome="rolled-back",
        stable=head.primary,
        candidate=head.origin,
        commit=head.commit,
        subject=f"rollback of release {head.release}",
        artifact=None,
        actor=note.actor,
        claimed_actor=note.claimed_actor,
        started=note.at,
        ended=note.at,
        reason=note.reason or BY_HAND,
        sentence=note.sentence,
    )


def _afterwards(note: Note, head: Head) -> Entry:
    """Of a rollback whose own record was lost: who moved the traffic is not known, only who found it."""
    sentence = f"version {head.primary} has all traffic; recorded afterwards by {note.who}"
    entry = _entry(note, head)
    reason = BY_HAND if head.state == "frozen" else SAFETY_NET
    return replace(entry, actor=UNKNOWN, claimed_actor=None, reason=reason, sentence=sentence)


def _settle(ledger: Ledger, note: Note, head: Head) -> tuple[bool, Rollout | None]:
    """Bring the service's record in line with the alias; whether that was still to be done, and its last release."""
    attempts = 0
    while True:
        record = ledger.service(note.service)
        changed = _without(_frozen(record, note, head), head.origin)
        if changed is record:
            return False, record.rollout
        try:
            ledger.save(changed)
        except ConflictError:
            attempts += 1
            if attempts == ATTEMPTS:
                raise
        else:
            return True, record.rollout


def _frozen(record: ServiceRecord, note: Note, head: Head) -> ServiceRecord:
    """The record with the freeze of the alias's description."""
    known = record.frozen
    if head.state != "frozen":
        return record
    if known is not None and (known.release_id, known.version) == (head.release, head.origin):
        return record
    ours = note.moved
    freeze = Frozen(
        release_id=head.release,
        commit=_commit(record, head),
        version=head.origin,
        actor=note.actor if ours else UNKNOWN,
        claimed_actor=note.claimed_actor if ours else None,
        reason=note.reason if ours else "",
        at=note.at,
    )
    return replace(record, frozen=freeze)


def _commit(record: ServiceRecord, head: Head) -> str | None:
    """The bad release's commit in full where the record has it: the description has room for twelve characters."""
    rollout, promoted = record.rollout, record.promoted
    if rollout is not None and rollout.release_id == head.release:
        return rollout.commit
    if promoted is not None and promoted.release_id == head.release:
        return promoted.commit
    return head.commit


def _without(record: ServiceRecord, version: str | None) -> ServiceRecord:
    """The record with the promoted release `version` marked as rejected."""
    promoted = record.promoted
    if promoted is None or promoted.version != version:
        return record
    if record.rejection(promoted.artifact, promoted.configuration) is not None:
        return record
    rejected = Rejected(promoted.release_id, promoted.commit, promoted.artifact, promoted.configuration)
    return replace(record, rejected=(*record.rejected, rejected))
