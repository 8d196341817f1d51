"""Saved plans in the environment's bucket: `plans/ID/plan.json`, and beside it a plan file a stack.

The bucket encrypts what lies in it. Plan files hold every value of their resources: they are written and read here,
never printed, and go nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.aws.objects import Objects, PreconditionFailed
from pipeline.errors import ConflictError
from pipeline.plans.saved import LIFE_S, SavedPlan, from_json, to_json
from pipeline.release.words import moment

PREFIX = "plans/"
AGAIN = "make a new plan: crabwalk plan --save"
_STAMP = "%Y%m%dT%H%M%S"  # what an id begins with


@dataclass(frozen=True)
class Use:
    """Who applied a plan, and when (epoch seconds)."""

    actor: str
    claimed_actor: str | None
    at: float


class PlanStore:
    """The saved plans of one environment."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def save(self, plan: SavedPlan, files: Mapping[str, bytes]) -> None:
        """Write the plan files by stack, then what names them: a plan that is there is whole."""
        for stack, content in files.items():
            self._objects.put(_key(plan.id, f"{stack}.tfplan"), content, if_absent=True)
        body = json.dumps(to_json(plan), sort_keys=True).encode()
        self._objects.put(_key(plan.id, "plan.json"), body, if_absent=True)

    def load(self, plan_id: str) -> SavedPlan:
        """Read a plan; ConflictError when there is none, or none that this crabwalk can read."""
        if not plan_id or "/" in plan_id or (stored := self._objects.get(_key(plan_id, "plan.json"))) is None:
            raise ConflictError(
                f"there is no saved plan `{plan_id}` in this environment",
                hint=f"plans go after {LIFE_S / 86_400:.0f} days; {AGAIN}",
            )
        try:
            return from_json(json.loads(stored.body))
        except (KeyError, TypeError, ValueError) as error:
            raise ConflictError(f"plan `{plan_id}` cannot be read: {error}", where=stored.key, hint=AGAIN) from error

    def file(self, plan: SavedPlan, stack: str) -> bytes:
        """The plan file of a stack; ConflictError when it is not the one that was saved."""
        stored = self._objects.get(_key(plan.id, f"{stack}.tfplan"))
        if stored is None or hashlib.sha256(stored.body).hexdigest() != plan.stacks[stack].plan_sha256:
            raise ConflictError(
                f"the file of stack {stack} in plan `{plan.id}` is not the one that was saved", hint=AGAIN
            )
        return stored.body

    def used(self, plan_id: str) -> Use | None:
        """Who applied it, None when nobody has."""
        stored = self._objects.get(_key(plan_id, "used.json"))
        return None if stored is None else Use(**json.loads(stored.body))

    def claim(self, plan_id: str, use: Use) -> None:
        """Use the plan, which works once. ConflictError tells who was faster."""
        body = json.dumps({"actor": use.actor, "claimed_actor": use.claimed_actor, "at": use.at}).encode()
        try:
            self._objects.put(_key(plan_id, "used.json"), body, if_absent=True)
        except PreconditionFailed as error:
            raise self.taken(plan_id) from error

    def taken(self, plan_id: str) -> ConflictError:
        """The error for a plan that somebody applied."""
        by = self.used(plan_id)
        who = "somebody else at this moment"
        if by is not None:
            claimed = f" ({by.claimed_actor})" if by.claimed_actor else ""
            who = f"{by.actor}{claimed} at {moment(by.at, seconds=True)}"
        return ConflictError(f"plan `{plan_id}` was applied by {who}; a plan is applied once", hint=AGAIN)

    def expired(self, now: float) -> tuple[str, ...]:
        """Ids of plans that are too old to be applied; what is no plan of ours is left alone."""
        return tuple(one for one in self._objects.folders(PREFIX) if (at := _made(one)) and at + LIFE_S < now)

    def reserved(self, now: float) -> dict[str, str]:
        """The zips that plans need which may still be applied, by hex SHA-256, and which plan each."""
        found: dict[str, str] = {}
        for plan_id in set(self._objects.folders(PREFIX)) - set(self.expired(now)):
            with suppress(ConflictError):  # what is no plan, or was half written, needs nothing
                if self.used(plan_id) is None:
                    plan = self.load(plan_id)
                    found |= {one.artifact.sha256: f"saved plan {plan_id} needs it" for one in plan.services.values()}
        return found

    def delete(self, plan_id: str) -> None:
        """Delete everything of a plan, what names the files first."""
        keys = sorted(self._objects.keys(_key(plan_id, "")), key=lambda key: not key.endswith("/plan.json"))
        for key in keys:
            self._objects.delete(key)


def _key(plan_id: str, name: str) -> str:
    return f"{PREFIX}{plan_id}/{name}"


def _made(plan_id: str) -> float | None:
    try:
        return datetime.strptime(plan_id.partition("-")[0], _STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
