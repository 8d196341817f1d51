"""How a release is told afterwards: the judge's numbers and the history's entry, as the ledger keeps them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from pipeline.release.judge.judge import Verdict
from pipeline.release.ledger.records import Entry
from pipeline.release.model import LATEST, REJECTS, Rollout


def evidence_of(verdict: Verdict, check: str = "") -> dict[str, Any]:
    """The judge's numbers as the ledger keeps them; `check`: the signal, alarm or limit that decided."""
    return {
        "check": check,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "e_value": min(verdict.e_value, 1e300),
        "limit": verdict.limit,
        "interval": list(verdict.interval),
        "phi": verdict.phi,
        "canary": asdict(verdict.canary),
        "baseline": asdict(verdict.baseline),
    }


def ended_as(rollout: Rollout) -> Literal["rolled-back", "rejected", "aborted"]:
    """How a release that was not promoted ended.

    `rejected`: a smoke check or a hook said no, before any traffic; `aborted`: a person did.
    """
    if rollout.reason in REJECTS:
        return "rejected"
    return "aborted" if rollout.reason == "aborted" else "rolled-back"


def entry_of(rollout: Rollout, evidence: Mapping[str, Any]) -> Entry:
    """The history entry of a rollout that ended."""
    return Entry(
        kind="release",
        release_id=rollout.release_id,
        service=rollout.service,
        environment=rollout.environment,
        outcome=rollout.phase if rollout.phase == "promoted" else ended_as(rollout),
        stable=None if rollout.stable == LATEST else rollout.stable,
        candidate=rollout.candidate,
        commit=rollout.commit,
        subject=rollout.subject,
        artifact=rollout.artifact,
        actor=rollout.actor,
        claimed_actor=rollout.claimed_actor,
        started=rollout.started,
        ended=rollout.ended or rollout.started,
        reason=rollout.reason,
        sentence=rollout.sentence,
        evidence=dict(evidence),
        steps=_steps(rollout),
        orders=tuple(asdict(order) for order in rollout.obeyed),
        committed=rollout.committed,
    )


def _steps(rollout: Rollout) -> tuple[dict[str, float], ...]:
    """When each step began; the last one is where the release was, which `promote --full` may have got to in one."""
    last = len(rollout.step_starts) - 1
    return tuple(
        {"traffic": rollout.traffic(rollout.step if index == last else index), "started": at}
        for index, at in enumerate(rollout.step_starts)
    )
