"""What the end of a release leaves in its service's record, and the word for why it ended. Pure."""

from __future__ import annotations

from dataclasses import replace

from pipeline.release.decide.decision import Decision
from pipeline.release.decide.together import TOGETHER
from pipeline.release.ledger.records import Rejected, Released, ServiceRecord
from pipeline.release.model import Rollout

# Tried again by the next deploy: with the others of its group, or because a gate may say yes another time.
AGAIN = frozenset({TOGETHER, "hook"})


def closed(record: ServiceRecord, ended: Rollout) -> ServiceRecord:
    """The record once a rollout is over: what is promoted now, and what is not to be tried again."""
    if ended.phase == "promoted":
        at = ended.started if ended.ended is None else ended.ended
        promoted = Released(
            ended.release_id,
            ended.candidate,
            ended.commit,
            ended.artifact,
            ended.configuration,
            at,
            needs=ended.needs,
            until=at + ended.terms.rollback_window_s,
        )
        # Promoted after all (--retry): to come back to it one day is no repetition of what was rolled back.
        made_of = (ended.artifact, ended.configuration)
        rejections = tuple(one for one in record.rejected if (one.artifact, one.configuration) != made_of)
        return replace(record, rollout=ended, promoted=promoted, rejected=rejections)
    if ended.reason in AGAIN:
        return replace(record, rollout=ended)
    rejected = Rejected(ended.release_id, ended.commit, ended.artifact, ended.configuration)
    return replace(record, rollout=ended, rejected=(*record.rejected, rejected))


def reason_of(decision: Decision) -> str:
    """The word for why, as the history has it."""
    if decision.order is not None:
        return "aborted" if decision.kind in {"roll-back", "abandon"} else "by hand"
    if decision.check == TOGETHER:
        return TOGETHER
    if decision.check == "approval":
        return "not approved"
    return decision.verdict.reason if decision.verdict else ""
