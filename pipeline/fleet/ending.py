"""Ends what still walks of a fleet's release in one target once the whole has ended, and no deploy of ours walks it.

That is a walk that was held, or one whose process has died: without this its share of the traffic would stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from pipeline.errors import ConflictError, UsageError
from pipeline.fleet.plan import FleetRelease
from pipeline.release.terms import Order
from pipeline.release.verbs.carry import carry_out
from pipeline.release.verbs.steering import Asker, Steered, ask
from pipeline.release.walk.act import Engine


def end_walks(
    engine: Engine, target: str, release: FleetRelease, asker: Asker, pause: Callable[[float], None]
) -> tuple[Steered, ...]:
    """Have them aborted, by whoever walks them or here; what came of each. Raises AwsError where nothing is asked."""
    return carry_out(engine, tuple(_orders(engine, target, release, asker)), go_on=False, pause=pause)


def _orders(engine: Engine, target: str, release: FleetRelease, asker: Asker) -> Iterator[tuple[str, Order]]:
    for service in release.wants.get(target, {}):
        rollout = engine.ledger.service(service).under_way
        if rollout is None or rollout.commit != release.commit:
            continue
        with suppress(UsageError, ConflictError):  # it is over by now, or an abort was asked for before
            ask(engine, "abort", [service], asker)
        placed = engine.ledger.order(service)
        if placed is not None and (placed.kind, placed.release) == ("abort", rollout.release_id):
            yield service, placed
