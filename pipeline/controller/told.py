"""What of a release was told already, from look to look. Pure.

A look that dies between the record and the sending is made again, and the one that is made again finds in the record
what it would have told, also the judge's numbers by which a step was taken. So what was told last goes through the
state machine, and what the record has beyond that is told then: at least once, with the same `id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.release.model import Rollout

KEPT = ("step", "phase", "paused", "waiting", "reason", "judged")  # what `transitions` compares


def kept(rollout: Rollout) -> dict[str, Any]:
    """What the next look must know of a rollout that was told as it is."""
    return {name: getattr(rollout, name) for name in KEPT}


def as_told(rollout: Rollout, told: Mapping[str, Any]) -> Rollout:
    """The rollout as far as it was told."""
    whole = {"paused": None, "waiting": None, **told}  # nothing may be left out on the way
    return replace(rollout, **{name: whole[name] for name in KEPT if name in whole})


def recorded(rollout: Rollout, told: Mapping[str, Any]) -> Rollout:
    """The rollout as it is, but for the judge's word on its present step: who judges tells that, with its numbers."""
    if rollout.over:
        return rollout
    return replace(rollout, judged=told.get("judged", rollout.judged) if told.get("step") == rollout.step else "")
