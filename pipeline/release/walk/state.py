"""A walk as its controller has it: the record, what was seen and decided last. A value; nothing is read or written."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.aws.aliases import AliasState
from pipeline.release.decide.decision import STOPPED, Decision
from pipeline.release.decide.signals import TRAFFIC
from pipeline.release.decide.together import GONE
from pipeline.release.judge.judge import Minute
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import Rollout


@dataclass(frozen=True)
class Walk:
    """A rollout under way in this process."""

    record: ServiceRecord
    rollout: Rollout
    lease: Lease
    decision: Decision | None = None
    minutes: tuple[Minute, ...] = ()  # of `signal`
    signal: str = TRAFFIC  # the one that decided last
    metrics_away_since: float | None = None
    away_since: float | None = None  # when the first of the rounds broke off since the last that did not,
    broken: int = 0  # and how many they are
    overtaken: bool = False  # the last one broke off because a person's verb changed the record
    share: float | None = None  # the new version's, where the alias has not what is recorded
    left: bool = False  # nobody walks it: its controller is gone
    seen: AliasState | None = None  # its alias, where the next round may rely on it (`looking`),
    looked: float = 0.0  # and when AWS was asked for it last (epoch seconds)

    @property
    def finished(self) -> bool:
        """Whether this controller has nothing left to do for it."""
        stopped = self.decision is not None and self.decision.kind in STOPPED
        return self.rollout.over or stopped

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to see of it; what waits is looked at while others walk, it may be worse."""
        return self.rollout.over or (self.decision is not None and self.decision.kind in GONE)
