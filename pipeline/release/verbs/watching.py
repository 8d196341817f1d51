"""Shows walks as they go, from the ledger, the aliases and the metrics. Holds nothing and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.aws import TransientError
from pipeline.aws.functions import AliasState
from pipeline.release.decide.decide import decide
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import Rollout
from pipeline.release.verbs.steering import living
from pipeline.release.walk.act import Engine
from pipeline.release.walk.metering import metered, observed
from pipeline.release.walk.shown import view
from pipeline.release.walk.state import Walk
from pipeline.release.walk.view import WalkView


def watch(
    engine: Engine,
    services: Sequence[str],
    show: Callable[[Sequence[WalkView]], None],
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Walk, ...]:
    """Show the walks of these services until none moves any more; returns those that ended, or are stuck, meanwhile.

    Stuck is one whose alias somebody else changed, or that is held and nobody walks.

    AWS being away for less than a lease's time is waited out, after longer it is raised.
    """
    walks: dict[str, Walk] = {}
    away_since: float | None = None
    while True:
        now = engine.now()
        try:
            walks = {service: walk for service in services if (walk := _read(engine, service, walks)) is not None}
            going = [walk for walk in walks.values() if not walk.rollout.over]
            walks |= {name: _sure(engine, walk) for name, walk in looked(engine, going, now).items()}
            away_since = None
        except TransientError:
            away_since = now if away_since is None else away_since
            if now - away_since > engine.env.lease_s:
                raise
        if walks:
            show([view(walk, now) for walk in walks.values()])
        if away_since is None and all(walk.rollout.over or stuck(walk) for walk in walks.values()):
            return tuple(walks.values())
        pause(engine.env.tick_s)


def looked(engine: Engine, walks: Sequence[Walk], now: float) -> dict[str, Walk]:
    """These walks with what their controllers would see and decide now, by service."""
    read = metered(engine, [walk.rollout for walk in walks], now)
    found = {}
    for walk in walks:
        seen = observed(engine, walk.rollout, read, now)
        decision = decide(walk.rollout, seen, now)
        share = _real(walk.rollout, seen.alias) if decision.kind == "conflict" else None
        signal, minutes = seen.shown(decision.check)
        found[walk.rollout.service] = replace(walk, decision=decision, minutes=minutes, signal=signal, share=share)
    return found


def stuck(walk: Walk) -> bool:
    """Whether nothing happens to it any more unless a person does something."""
    foreign = walk.decision is not None and walk.decision.kind == "conflict"
    return foreign or (walk.rollout.phase == "held" and walk.left)


def _sure(engine: Engine, walk: Walk) -> Walk:
    """The walk with who walks it. What its controller recorded while it was looked at is no conflict."""
    walk = replace(walk, left=living(engine, walk.rollout.service) is None)
    if not stuck(walk) and not walk.left:
        return walk
    record = engine.ledger.service(walk.rollout.service)
    if record.etag == walk.record.etag:
        return walk
    conflict = walk.decision is not None and walk.decision.kind == "conflict"
    return replace(walk, decision=None if conflict else walk.decision, share=None, left=False)


def _real(rollout: Rollout, alias: AliasState) -> float:
    """The share of the new version that the alias really gives it."""
    if alias.version == rollout.candidate:
        return 1.0 - sum(alias.weights.values())
    return alias.weights.get(rollout.candidate, 0.0)


def _read(engine: Engine, service: str, before: dict[str, Walk]) -> Walk | None:
    """A service's release that is under way, or ended since it was looked at; its lease is never taken."""
    record, walk = engine.ledger.service(service), before.get(service)
    rollout = record.rollout
    if rollout is None or (rollout.over and (walk is None or walk.rollout.release_id != rollout.release_id)):
        return walk
    if walk is not None and walk.rollout.release_id == rollout.release_id:
        return replace(walk, record=record, rollout=rollout)
    return onlooker(engine, record)


def onlooker(engine: Engine, record: ServiceRecord) -> Walk:
    """The walk of a record that has a release, under a lease that is never taken."""
    assert record.rollout is not None  # noqa: S101 - see above
    return Walk(record, record.rollout, Lease(engine.objects, record.service, ttl_s=0.0, doing="watch"))
