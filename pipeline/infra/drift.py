"""Drift apart from change: what somebody else made of the world, and what the manifests want of it. Pure.

A plan with a refresh says both at once: where the world differs from the state, and what an apply would do, which
also puts the first right. What the release engine writes (the alias's version, weights and description, the code) is
never drift; `kinds` says so for each type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pipeline.infra.model import Change

if TYPE_CHECKING:
    from pipeline.infra.model import InfraPlan

State = Literal["clean", "changed", "drifted", "unread"]


@dataclass(frozen=True)
class Parted:
    """`drift`: what an apply would put back. `unclaimed`: what differs in attributes nobody declares, so it
    stays; mostly what AWS fills in by itself.

    `follows`: what an apply would do only because of the drift (a policy that names what is to be made again).
    `changes`: what it would do because the manifests want it.
    """

    drift: tuple[Change, ...] = ()
    follows: tuple[Change, ...] = ()
    unclaimed: tuple[Change, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class StackDrift:
    """What was found of one stack. `declared`: whether a manifest still speaks of it. `error`: why it was not read."""

    stack: str
    services: tuple[str, ...]
    declared: bool
    found: Parted
    error: str | None = None
    hint: str | None = None

    @property
    def state(self) -> State:
        """In one word."""
        if self.error is not None:
            return "unread"
        return "drifted" if self.found.drift else "changed" if self.found.changes else "clean"


def parted(plan: InfraPlan, *, applied: bool) -> Parted:
    """Part the two; an attribute that both somebody edited and a manifest changed counts as drift.

    `applied`: what was applied last is what the manifests want, so that nothing can be a change of theirs.
    """
    planned = {one.address: one for one in plan.changes}
    drift = tuple(one for one in plan.drift if _put_back(one, planned.get(one.address)))
    drifted = {one.address: one for one in drift}
    besides = tuple(_besides(plan.changes, drifted))
    follows = besides if applied and drift else ()
    unclaimed = tuple(one for one in plan.drift if one.address not in drifted and one.address not in planned)
    return Parted(drift, follows, unclaimed, besides if not follows else ())


def _put_back(drift: Change, planned: Change | None) -> bool:
    """Whether an apply would undo it."""
    if planned is None:
        return False
    if drift.action == "delete" or planned.action != "update":
        return True
    return bool({*drift.attributes} & {*planned.attributes})


def _besides(changes: tuple[Change, ...], drifted: dict[str, Change]) -> Iterator[Change]:
    """What remains of the changes without what puts drift right."""
    for one in changes:
        drift = drifted.get(one.address)
        if drift is None:
            yield one
        elif one.action == "update" and (left := tuple(a for a in one.attributes if a not in drift.attributes)):
            yield replace(one, attributes=left)
