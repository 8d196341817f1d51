"""What a look at rollouts sees: one read of CloudWatch for all, each alias, what people asked. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.abreast import abreast
from pipeline.aws.aliases import AliasState
from pipeline.errors import CrabwalkError
from pipeline.release.decide import observe
from pipeline.release.decide.decision import Observation
from pipeline.release.ledger.copies import NOTHING_KEPT, Copy
from pipeline.release.model import Rollout
from pipeline.release.walk.act import Engine


@dataclass(frozen=True)
class Metered:
    """What CloudWatch said to one round over all walks; `error` and `unread` say why it did not.

    By release: `copies`, what the ledger has of its seconds, and `lost`, why it cannot be read.
    """

    values: observe.Values
    error: str | None = None
    ringing: frozenset[str] = frozenset()
    unread: str | None = None  # of the alarms
    copies: Mapping[str, Copy] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)

    def error_of(self, rollout: Rollout) -> str | None:
        """Why nothing can be said of this rollout now."""
        alarms = self.unread if rollout.checks.alarms else None
        return self.error or self.lost.get(rollout.release_id) or alarms


def metered(engine: Engine, rollouts: Sequence[Rollout], now: float) -> Metered:
    """Ask CloudWatch for all rollouts at once; that it does not answer is said, not raised."""
    copies, lost = _copies(engine, rollouts, now)
    asked = [rollout for rollout in rollouts if rollout.release_id not in lost]
    # Before its first step a rollout shows nothing, and the client is slow to make.
    begun = any(rollout.step >= 0 for rollout in asked)
    values, error = observe.read(engine.metrics, asked, now, copies) if begun else ({}, None)
    watching = [rollout for rollout in rollouts if rollout.alarms]
    ringing, unread = observe.ringing(engine.alarms, watching) if watching else (frozenset[str](), None)
    return Metered(values, error, ringing, unread, copies, lost)


def _copies(engine: Engine, rollouts: Sequence[Rollout], now: float) -> tuple[Mapping[str, Copy], Mapping[str, str]]:
    """What is kept of the walks that are judged by the second, and why what is kept of the others cannot be read."""
    fine = [rollout for rollout in rollouts if rollout.terms.evidence is not None and rollout.step >= 0]

    def read(rollout: Rollout) -> Copy | CrabwalkError:
        try:
            return engine.copies.of(rollout.service, rollout.release_id, now)
        except CrabwalkError as fault:
            return fault

    found = dict(zip((rollout.release_id for rollout in fine), abreast(read, fine), strict=True))
    return (
        {release: one for release, one in found.items() if isinstance(one, Copy)},
        {release: one.what for release, one in found.items() if isinstance(one, CrabwalkError)},
    )


def observed(
    engine: Engine, rollout: Rollout, read: Metered, now: float, dark_s: float = 0.0, *, alias: AliasState | None = None
) -> Observation:
    """What is seen of a rollout now; `dark_s`: for how long the metrics could not be read. Changes nothing.

    `alias`: as it was seen before, where that is to do.
    """
    copy = read.copies.get(rollout.release_id, NOTHING_KEPT)
    return Observation(
        engine.alias(rollout) if alias is None else alias,
        observe.minutes(rollout, read.values, now, copy),
        read.error_of(rollout),
        dark_s,
        tuple(name for name in rollout.checks.alarms if name in read.ringing),
        broken=observe.broken(rollout, read.values, now),
        order=engine.ledger.order(rollout.service),
        throttled=observe.throttled(rollout, read.values, now),
        told=observe.told(rollout, read.values, now, copy),
    )
