"""How a release is told afterwards: the judge's numbers and the history's entry, as the ledger keeps them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from pipeline.release.judge.judge import Verdict
from pipeline.release.ledger.records import Entry
from pipeline.release.model import LATEST, REJECTS, Rollout, from_json, to_json

# Of a rollout, what its manifest and its environment declared of it.
DECLARED = frozenset(
    {
        "function",
        "configuration",
        "steps",
        "min_requests",
        "deadline_s",
        "on_inconclusive",
        "timeout_s",
        "period_s",
        "lag_s",
        "terms",
        "ringing",
    }
)


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
        # As it is read back, with lists for tuples: an entry is equal to what the ledger gives of it.
        declared=json.loads(json.dumps({name: one for name, one in to_json(rollout).items() if name in DECLARED})),
    )


def rollout_of(entry: Entry) -> Rollout | None:
    """The release an entry tells of, as it ended, for looking at it afterwards; nothing may be decided from it.

    Its steps are those that were taken. None where the entry tells of something else, or is from before the
    declaration was kept, or is damaged.
    """
    if entry.kind != "release" or not entry.declared or not entry.steps or entry.stable is None:
        return None
    specs = entry.declared.get("steps", ())
    taken = [float(one["traffic"]) for one in entry.steps]
    walked = [{"traffic": share, "bake_s": 0.0, **_spec(specs, share)} for share in taken if share < 1]
    told = {name: getattr(entry, name) for name in Rollout.__dataclass_fields__ if hasattr(entry, name)}
    ended = {
        "phase": "promoted" if entry.outcome == "promoted" else "rolled-back",
        "steps": walked,
        "step": len(taken) - 1,
        "step_starts": [one["started"] for one in entry.steps],
        "previous": None,
        "intent": None,
    }
    try:
        return from_json({**told, **entry.declared, **ended})
    except (KeyError, TypeError, ValueError):
        return None


def _spec(specs: Any, share: float) -> dict[str, Any]:
    """What was declared of the step with this share."""
    return next((dict(one) for one in specs if one.get("traffic") == share), {})


def _steps(rollout: Rollout) -> tuple[dict[str, float], ...]:
    """When each step began; the last one is where the release was, which `promote --full` may have got to in one."""
    last = len(rollout.step_starts) - 1
    return tuple(
        {"traffic": rollout.traffic(rollout.step if index == last else index), "started": at}
        for index, at in enumerate(rollout.step_starts)
    )
