"""A service that a person rolled back is frozen: nothing is deployed to it until somebody says so, or a revert does.

The mark stands in the alias's description, where the rollback wrote it together with the traffic; the ledger has a copy
with who and why. The alias is right where they differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pipeline.aws.functions import AliasState
from pipeline.errors import ConflictError
from pipeline.release.ledger.head import fresh_nonce, trusted
from pipeline.release.ledger.records import Frozen, ServiceRecord
from pipeline.release.model import ALIAS
from pipeline.release.walk.act import Engine
from pipeline.release.words import moment, who


def is_frozen(alias: AliasState) -> bool:
    """Whether the alias carries a person's mark."""
    head = trusted(alias)
    return head is not None and head.state == "frozen"


def told(frozen: Frozen) -> str:
    """Who froze a service, when, why."""
    by = who(frozen.actor, frozen.claimed_actor)
    what = f"rolled back version {frozen.version}" if frozen.version else "rolled back"
    return f"frozen since {moment(frozen.at)}: {by} {what}" + (f": {frozen.reason}" if frozen.reason else "")


def thaw(
    engine: Engine, record: ServiceRecord, function: str, note: Callable[[], None] = lambda: None
) -> ServiceRecord:
    """Take the mark away, from the alias first; moves no traffic and starts nothing.

    `note` is called in between: a run that dies before the record is clear leaves something to thaw, and notes it.

    Raises ConflictError when the alias keeps changing meanwhile.
    """
    alias = engine.functions.alias(function, ALIAS)
    head = trusted(alias)
    thawed = replace(head, state="back", nonce=fresh_nonce()) if head is not None and head.state == "frozen" else None
    if thawed is not None and not engine.write(alias, thawed):
        raise ConflictError(
            f"the alias of `{record.service}` was changed meanwhile",
            hint=f"crabwalk status {record.service} --env {engine.env.name}",
        )
    note()
    return record if record.frozen is None else engine.ledger.save(replace(record, frozen=None))
