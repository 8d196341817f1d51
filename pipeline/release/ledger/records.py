"""What the ledger keeps: a service's record, a stack's, an entry of the history. Plain values, nothing is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.release.model import Rollout


@dataclass(frozen=True)
class Released:
    """The release that carries all traffic: what it was made of."""

    release_id: str
    version: str
    commit: str
    artifact: str
    configuration: str
    at: float
    needs: str = ""  # hash of what its manifest wants around it: permissions, routes, triggers
    until: float = 0.0  # before then the version before it may come back by itself


@dataclass(frozen=True)
class Rejected:
    """An artifact with a configuration that was rolled back: not tried again unless asked for."""

    release_id: str
    commit: str
    artifact: str
    configuration: str


@dataclass(frozen=True)
class Frozen:
    """A person rolled back: the service is not deployed until `resume`, or a commit that reverts `commit`."""

    release_id: str
    commit: str | None
    version: str | None  # that was rolled back from
    actor: str
    claimed_actor: str | None
    reason: str
    at: float


@dataclass(frozen=True)
class ServiceRecord:
    """The state of one service in one environment."""

    service: str
    seq: int = 0
    rollout: Rollout | None = None
    promoted: Released | None = None
    rejected: tuple[Rejected, ...] = ()
    frozen: Frozen | None = None
    etag: str | None = None

    @property
    def under_way(self) -> Rollout | None:
        """The rollout that has not ended, if any."""
        return self.rollout if self.rollout is not None and not self.rollout.over else None

    def rejection(self, artifact: str, configuration: str) -> Rejected | None:
        """The earlier rejection of the same artifact with the same configuration, if any."""
        return next(
            (one for one in self.rejected if (one.artifact, one.configuration) == (artifact, configuration)), None
        )


@dataclass(frozen=True)
class StackRecord:
    """What Terraform last applied to a stack; `outputs` per service."""

    stack: str
    fingerprint: str
    outputs: dict[str, Any]
    services: tuple[str, ...]  # that had triggers, i.e. were released, in that root
    at: float
    commit: str
    calls: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)  # of modules, by service


@dataclass(frozen=True)
class Entry:
    """One line of the history, immutable. Times are epoch seconds; `evidence` is the judge's last word."""

    kind: str  # release | rollback
    release_id: str
    service: str
    environment: str
    outcome: str
    stable: str | None
    candidate: str | None
    commit: str | None
    subject: str
    artifact: str | None
    actor: str
    claimed_actor: str | None
    started: float
    ended: float
    reason: str
    sentence: str
    evidence: dict[str, Any] = field(default_factory=dict)
    steps: tuple[dict[str, float], ...] = ()
    orders: tuple[dict[str, Any], ...] = ()  # what people asked of it
    committed: float | None = None  # when the commit was made, where git told
    declared: dict[str, Any] = field(default_factory=dict)  # how it was to be walked; `story.rollout_of` reads it
