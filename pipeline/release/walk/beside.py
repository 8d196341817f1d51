"""The releases a walk's group has elsewhere, as the ledger knows them: they end together."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import AwsError, CrabwalkError
from pipeline.release.model import Rollout
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk


def beside(engine: Engine, walks: Sequence[Walk]) -> tuple[Rollout, ...]:
    """The last releases of the other services, where one of a group is walked here. Raises AwsError."""
    if all(walk.rollout.terms.together is None for walk in walks):
        return ()
    here = {walk.rollout.service for walk in walks}
    found = (_last(engine, name) for name in engine.ledger.services() if name not in here)
    return tuple(rollout for rollout in found if rollout is not None)


def _last(engine: Engine, service: str) -> Rollout | None:
    """A service's last release; of a record that cannot be read, which nobody can walk either, none."""
    try:
        return engine.ledger.service(service).rollout
    except AwsError:
        raise
    except CrabwalkError:
        return None
