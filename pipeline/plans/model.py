"""A plan as it is shown: frozen values for every rendering. Attributes by name only, never with a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.cost.changes import Cost
from pipeline.infra.model import Change

Build = Literal["store", "compile"]


@dataclass(frozen=True)
class ServiceShown:
    """Whether a service is released, and why. `base`: the commit it is compared with."""

    name: str
    affected: bool
    base: str | None
    reasons: tuple[tuple[str, str], ...]  # kind and detail
    architecture: str = ""
    build: Build | None = None
    artifact: str | None = None  # the zip's SHA-256, where it is known already,
    size: int | None = None  # its bytes,
    size_before: int | None = None  # and those of the zip that carries the traffic


@dataclass(frozen=True)
class StackShown:
    """What Terraform would do to a stack: now, and `then`, once services that are new have their first release.

    `drift`: what somebody else changed and an apply puts back. `refused`: what would be destroyed and was not named.
    `waits`: services whose release makes a value that is still missing.
    """

    name: str
    terraform: bool
    changes: tuple[Change, ...] = ()
    then: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    refused: tuple[Change, ...] = ()
    waits: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReleaseShown:
    """How a service would be released. `version`: the number it would be published under, None where nobody knows.

    `none`: why it is not, although the commit affects it; `sentence` says it too.
    """

    name: str
    first: bool
    version: str | None
    steps: tuple[tuple[float, float], ...]  # share of the traffic, seconds
    sentence: str
    probe: str = ""
    outlook: tuple[str, ...] = ()
    none: str | None = None


@dataclass(frozen=True)
class SavedShown:
    """Under which id a plan was saved, and until when it may be applied (epoch seconds)."""

    id: str
    expires: float


@dataclass(frozen=True)
class Preview:
    """Everything a deploy would do now."""

    project: str
    environment: str
    commit: str
    subject: str
    services: tuple[ServiceShown, ...]
    stacks: tuple[StackShown, ...]
    releases: tuple[ReleaseShown, ...]
    costs: tuple[tuple[str, Cost], ...] = ()  # by service
    warnings: tuple[str, ...] = ()
    saved: SavedShown | None = None

    @property
    def changes(self) -> tuple[Change, ...]:
        """All that Terraform would do, in both phases."""
        return tuple(one for stack in self.stacks for one in (*stack.changes, *stack.then))

    @property
    def released(self) -> tuple[ReleaseShown, ...]:
        """Those that would be released, as far as that is known."""
        return tuple(one for one in self.releases if one.none is None)

    @property
    def refused(self) -> tuple[Change, ...]:
        """All that would be destroyed and was not named."""
        return tuple(one for stack in self.stacks for one in stack.refused)


def flags(refused: Sequence[Change]) -> str:
    """What to add to the command line for these to be destroyed."""
    return " ".join(f"--allow-destroy '{one.address}'" for one in refused)
