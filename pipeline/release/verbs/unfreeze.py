"""Unfreezes a service that a person rolled back, under its lease: no traffic is moved and nothing is started."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.aws.functions import NotFoundError
from pipeline.errors import ConflictError
from pipeline.release.ledger.head import fresh_nonce, trusted
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.records import Entry, ServiceRecord
from pipeline.release.model import ALIAS, new_release_id, second
from pipeline.release.verbs.steering import Asker, Steered
from pipeline.release.walk.act import Engine
from pipeline.release.walk.freeze import is_frozen, thaw
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import tick


def frozen(engine: Engine, service: str, function: str) -> bool:
    """Whether a person's mark stands in the alias, or in the record."""
    if engine.ledger.service(service).frozen is not None:
        return True
    try:
        return is_frozen(engine.functions.alias(function, ALIAS))
    except NotFoundError:
        return False


def unfreeze(engine: Engine, service: str, function: str, asker: Asker, say: Callable[[str], None]) -> Steered:
    """Take the mark away and note who did; a release whose end is not recorded yet is recorded first.

    Raises ConflictError when somebody living works on the service, or the alias keeps changing.
    """
    doing = "resume of a service that was rolled back"
    with Lease(engine.objects, service, ttl_s=engine.env.lease_s, doing=doing).acquire(say) as lease:
        record = _ended(engine, engine.ledger.service(service), lease)
        entry = _entry(engine, record, function, asker)
        thaw(engine, record, function, note=lambda: engine.ledger.append(entry))
    env = engine.env.name
    after = (
        f"the next `crabwalk deploy --env {env}` releases what changed since, "
        f"`crabwalk retry {service} --env {env}` the same once more; nothing was started"
    )
    return Steered(service, entry.release_id, "resume", "done", entry.sentence, after)


def _ended(engine: Engine, record: ServiceRecord, lease: Lease) -> ServiceRecord:
    """The record once a rollback in mid-walk has ended its release."""
    rollout = record.under_way
    if rollout is None:
        return record
    record = engine.take_over(record, rollout, lease)
    if record.under_way is None:
        return record
    (walk,) = tick(engine, [Walk(record, record.under_way, lease)])
    if walk.record.under_way is not None:
        said = walk.decision.sentence if walk.decision is not None else "its release is under way"
        raise ConflictError(said, hint=f"crabwalk status {record.service} --env {engine.env.name}")
    return walk.record


def _entry(engine: Engine, record: ServiceRecord, function: str, asker: Asker) -> Entry:
    head, now = trusted(engine.functions.alias(function, ALIAS)), engine.now()
    mark = record.frozen
    release = mark.release_id if mark else head.release if head else "unknown"
    live = head.primary if head else None
    stamp = second(new_release_id(now))
    sentence = f"unfrozen; version {live} keeps all traffic" if live else "unfrozen"
    return Entry(
        kind="resume",
        release_id=f"{stamp}-{fresh_nonce()[:6]}",
        service=record.service,
        environment=engine.env.name,
        outcome="resumed",
        stable=live,
        candidate=None,
        commit=mark.commit if mark else head.commit if head else None,
        subject=f"resume after release {release}",
        artifact=None,
        actor=asker.actor,
        claimed_actor=asker.claimed_actor,
        started=now,
        ended=now,
        reason=asker.reason,
        sentence=sentence,
    )
