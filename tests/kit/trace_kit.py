"""What must hold of a release whatever happened to its controllers: checked on every alias write that AWS accepted.

The invariants are those of the design's alias protocol: traffic to the new version never above the current step's,
a step at a time and only after its bake time; nothing raised after a foreign write or a rollback; the end promoted or
rolled back, with a history that says what happened and says it once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.aws.functions import AliasState
from pipeline.release.ledger.head import Head, parse
from pipeline.release.ledger.records import Entry, ServiceRecord
from pipeline.release.model import Rollout


@dataclass(frozen=True)
class Written:
    """An alias write that AWS carried out."""

    by: str
    at: float
    version: str
    weights: Mapping[str, float]
    head: Head | None

    def share(self, version: str) -> float:
        rest = 1.0 - sum(self.weights.values())
        return rest if self.version == version else self.weights.get(version, 0.0)


def written(by: str, at: float, answer: Any) -> Written:
    """From what AWS answered to UpdateAlias."""
    weights = (answer.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return Written(by, at, str(answer["FunctionVersion"]), dict(weights), parse(str(answer.get("Description") or "")))


def to_line(write: Written) -> str:
    """As one line of a file, for another process."""
    return json.dumps({**asdict(write), "head": str(write.head) if write.head else ""})


def from_line(data: dict[str, Any]) -> Written:
    return Written(**{**data, "head": parse(data["head"])})


def check_traffic(rollout: Rollout, trace: Sequence[Written]) -> None:
    """Every raise is one step, after the whole bake time of the step before it, and never after the way back."""
    shares = (*(step.traffic for step in rollout.steps), 1.0)
    asked = {order.kind for order in rollout.obeyed}
    step, began, share, back = -1, rollout.started, 0.0, False
    for write in trace:
        now = write.share(rollout.candidate)
        ours = write.head is not None and write.head.release == rollout.release_id
        if now > share + 1e-9:
            assert ours, f"{write} raised the traffic of a release that is not its own"
            assert not back, f"{write} undid a rollback"
            if "full" in asked and now == 1.0:
                step, share = len(rollout.steps), now
                continue
            assert now == shares[step + 1], f"{write} is above step {step + 1}"
            if step >= 0 and "promote" not in asked:
                bake = rollout.steps[step].bake_s
                assert write.at - began >= bake, f"{write} came {write.at - began} s after the step before it"
            step, began = step + 1, write.at
        elif now < share:
            assert now == 0, f"{write} lowered the traffic without taking it away"
            back = True
        share = now


def check_end(
    record: ServiceRecord, alias: AliasState, history: Sequence[Entry], trace: Sequence[Written], *, undone: bool
) -> None:
    """The end is recorded once and truly. `undone`: a person rolled back, be it before or after the promotion."""
    rollout = record.rollout
    assert rollout is not None
    assert rollout.phase in {"promoted", "rolled-back"}, f"it ended {rollout.phase}"
    assert (rollout.intent, rollout.unclear) == (None, ())
    full = any(write.share(rollout.candidate) == 1.0 for write in trace)
    entries = [one for one in history if one.kind == "release" and one.release_id == rollout.release_id]
    by_hand = [one for one in history if one.kind == "rollback"]
    assert len(entries) == 1, f"{len(entries)} entries of one release"
    entry, head = entries[0], parse(alias.description)
    # A rollback that died before its record in mid-walk is recorded by the walk's controller.
    assert len(by_hand) == int(undone and entry.reason != "rolled back by hand") or (undone and len(by_hand) == 1)
    assert entry.outcome in {"rolled-back", "aborted"} or full, "promoted without all traffic"
    assert head is not None
    assert head.agrees(alias)
    if undone or rollout.phase == "rolled-back":
        assert (alias.version, dict(alias.weights)) == (rollout.stable, {})
        assert record.rejection(rollout.artifact, rollout.configuration) is not None
        assert (record.frozen is not None) == undone
        assert (head.state, head.origin) == ("frozen" if undone else "back", rollout.candidate)
    else:
        assert (alias.version, dict(alias.weights)) == (rollout.candidate, {})
        assert entry.outcome == "promoted"
        assert record.promoted is not None
        assert (record.promoted.version, record.promoted.release_id) == (rollout.candidate, rollout.release_id)
    begun = [one["traffic"] for one in entry.steps]
    walked = [write for write in trace if write.head is not None and write.head.state in {"walk", "live"}]
    shares = list(dict.fromkeys(write.share(rollout.candidate) for write in walked))
    taken = [share for share in shares if share > 0]
    assert begun == taken[: len(begun)], f"history {begun}, traffic {taken}"
    assert len({one.nonce for one in rollout.obeyed}) == len(rollout.obeyed)
