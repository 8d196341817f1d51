"""Takes a release back that was promoted a moment ago, because its group went back. Traffic first, then the record."""

from __future__ import annotations

from dataclasses import replace

from pipeline.aws.functions import AliasMoved, AliasUncertain
from pipeline.errors import ConflictError
from pipeline.release.decide.standing import head_of, standing, traffic
from pipeline.release.decide.together import TOGETHER
from pipeline.release.ledger.head import fresh_nonce, trusted
from pipeline.release.ledger.records import Released, ServiceRecord
from pipeline.release.ledger.story import entry_of
from pipeline.release.model import Rollout, new_release_id
from pipeline.release.walk.act import Engine

MARK = 6  # of the nonce's characters, in the entry's id


def revert(engine: Engine, rollout: Rollout, base: Released | None, sentence: str) -> ServiceRecord | None:
    """Give all traffic back to the version before; `base`: the release that was promoted before this one.

    None when the write was refused or its answer lost: the next round sees which. Raises ConflictError when the alias
    or the record is not as this release left it, and so is somebody else's.
    """
    alias, record = engine.alias(rollout), engine.ledger.service(rollout.service)
    if record.rollout is None or record.rollout.release_id != rollout.release_id:
        raise ConflictError(f"the record of `{rollout.service}` is about another release now")
    where = standing(rollout, alias)
    if where == "ours":
        head = head_of(rollout, -1, fresh_nonce())
        try:
            engine.functions.write_alias(alias, head.primary, head.weights, str(head))
        except (AliasMoved, AliasUncertain):
            return None
        nonce = head.nonce
    elif where == "undone":  # a write of the round before that was not answered, or a person's
        found = trusted(alias)
        nonce = found.nonce if found is not None else rollout.nonce
    else:
        raise ConflictError(
            f"the alias of `{rollout.service}` was changed after its promotion, and stays as it is: {traffic(alias)}",
            hint=f"{sentence}; `crabwalk rollback {rollout.service} --env {rollout.environment}` goes back here too",
        )
    now = engine.now()
    back = replace(rollout, phase="rolled-back", ended=now, sentence=sentence, reason=TOGETHER, nonce=nonce)
    stamp = new_release_id(now).rpartition("-")[0]
    entry = replace(entry_of(back, {}), kind="rollback", release_id=f"{stamp}-{nonce[:MARK]}", started=now, orders=())
    engine.ledger.append(entry)
    after = engine.ledger.save(replace(record, rollout=back, promoted=base))
    engine.notices.heed(rollout, back, now)
    return after
