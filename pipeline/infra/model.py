"""What the infra stage takes and returns, as frozen values. Must never start a process or touch a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipeline.infra.calls import Call
    from pipeline.manifest.models import Service

Action = Literal["create", "update", "delete", "replace", "read"]
Effect = Literal["walks", "at-once", "destroys"]
Amount = tuple[str, float | None, float | None]  # an attribute, before and after


@dataclass(frozen=True)
class Placement:
    """A service as it is to stand in a stack: its module calls, also those that a version that still runs may need.

    `artifact_key`: the zip a new function is created from; an existing function does not look at it.
    """

    service: Service
    calls: tuple[Call, ...]
    artifact_key: str | None = None


@dataclass(frozen=True)
class Root:
    """A Terraform root module as files, relative to its directory.

    `fingerprint` covers what Terraform would act on, and neither artifact keys nor commits: equal fingerprints mean
    that Terraform need not run. `walk_fingerprints`: per service, only what a canary tries out besides the code.
    `calls`: the module calls of each service, also of those no manifest declares any more.
    """

    stack: str
    files: Mapping[str, bytes]
    fingerprint: str
    walk_fingerprints: Mapping[str, str]
    calls: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One planned change of one resource and when it takes effect; of values only the `amounts` that cost."""

    address: str
    type: str
    service: str | None
    action: Action
    effect: Effect
    attributes: tuple[str, ...] = ()
    amounts: tuple[Amount, ...] = ()


def when(change: Change) -> str:
    """When a change takes effect, in a word or two."""
    if change.effect == "destroys":
        return "destroys" if change.action in {"delete", "replace"} else "takes away"
    return "walks" if change.effect == "walks" else "at once"


@dataclass(frozen=True)
class InfraPlan:
    """A saved plan. `pending`: there is something to apply (changed outputs count, though they are no Change).

    `drift`: where the world differs from the state, whether or not the plan does something about it.
    """

    root: Root
    directory: Path
    changes: tuple[Change, ...]
    pending: bool = True
    plan_sha256: str = ""
    drift: tuple[Change, ...] = ()
