"""What a look at rollouts sees: one read of CloudWatch for all, each alias, what people asked. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.aws.aliases import AliasState
from pipeline.release.decide import observe
from pipeline.release.decide.decision import Observation
from pipeline.release.model import Rollout
from pipeline.release.walk.act import Engine


@dataclass(frozen=True)
class Metered:
    """What CloudWatch said to one round over all walks; `error` and `unread` say why it did not."""

    values: observe.Values
    error: str | None = None
    ringing: frozenset[str] = frozenset()
    unread: str | None = None  # of the alarms

    def error_of(self, rollout: Rollout) -> str | None:
        """Why nothing can be said of this rollout now."""
        return self.error or (self.unread if rollout.checks.alarms else None)


def metered(engine: Engine, rollouts: Sequence[Rollout], now: float) -> Metered:
    """Ask CloudWatch for all rollouts at once; that it does not answer is said, not raised."""
    # Before its first step a rollout shows nothing, and the client is slow to make.
    begun = any(rollout.step >= 0 for rollout in rollouts)
    values, error = observe.read(engine.metrics, rollouts, now) if begun else ({}, None)
    watching = [rollout for rollout in rollouts if rollout.alarms]
    ringing, unread = observe.ringing(engine.alarms, watching) if watching else (frozenset[str](), None)
    return Metered(values, error, ringing, unread)


def observed(
    engine: Engine, rollout: Rollout, read: Metered, now: float, dark_s: float = 0.0, *, alias: AliasState | None = None
) -> Observation:
    """What is seen of a rollout now; `dark_s`: for how long the metrics could not be read. Changes nothing.

    `alias`: as it was seen before, where that is to do.
    """
    return Observation(
        engine.alias(rollout) if alias is None else alias,
        observe.minutes(rollout, read.values, now),
        read.error_of(rollout),
        dark_s,
        tuple(name for name in rollout.checks.alarms if name in read.ringing),
        broken=observe.broken(rollout, read.values, now),
        order=engine.ledger.order(rollout.service),
        throttled=observe.throttled(rollout, read.values, now),
    )
