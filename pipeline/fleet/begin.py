"""What a fleet's deploy begins with: the release it goes on with or a new one, built once and copied everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.abreast import abreast
from pipeline.errors import ConflictError, UsageError
from pipeline.fleet.copies import copy
from pipeline.fleet.member import Target
from pipeline.fleet.plan import FleetRelease
from pipeline.fleet.record import FleetLedger, Kept
from pipeline.fleet.voices import Board, Voice
from pipeline.infra.side_by_side import Teller
from pipeline.manifest.fleets import Fleet
from pipeline.release.model import new_release_id


@dataclass(frozen=True)
class Asked:
    """What a deploy of a fleet was asked for."""

    commit: str
    subject: str
    only: tuple[str, ...]
    retry: bool
    claimed_actor: str | None


@dataclass(frozen=True)
class Scene:
    """What a deploy of a fleet works on, and where it says so."""

    fleet: Fleet
    targets: Mapping[str, Target]
    tell: Teller
    board: Board


def goes_on(kept: FleetRelease | None, asked: Asked) -> bool:
    """Whether the release that the record has is the one that is asked for; pure.

    One that was stopped stays so unless it is asked for again with `retry`. One that is done is looked at anew: a
    target may have come since.
    """
    if kept is None or kept.commit != asked.commit or kept.only != asked.only:
        return False
    return not kept.over or (kept.phase == "stopped" and not asked.retry)


def begin(scene: Scene, ledger: FleetLedger, asked: Asked) -> Kept:
    """The release to go on with as the ledger has it, its artifacts in every bucket it still goes to.

    Raises ConflictError for a commit that is older than what a target carries, for other bytes than those that other
    targets carry, and for an object in a bucket that is not what was built.
    """
    kept = ledger.read()
    before = kept.release
    if before is not None and goes_on(before, asked):
        if before.phase == "going-back":  # it is released to no target any more
            _checked(scene.fleet, before)
        elif not before.over:
            left = [one for one in scene.fleet.targets if one not in before.finished]
            _checked(scene.fleet, before)
            _same(before, _built(scene, left, anew=False))
            _copied(scene, left)
        return kept
    wants = _built(scene, scene.fleet.targets, anew=True)
    _copied(scene, scene.fleet.targets)
    if before is not None and before.phase == "done" and before.commit == asked.commit and not any(wants.values()):
        return kept  # there is nothing new to do
    release = _new(scene, asked, wants)
    return Kept(release, ledger.save(release, _make_way(scene, ledger, kept, release)))


def _new(scene: Scene, asked: Asked, wants: Mapping[str, Mapping[str, str]]) -> FleetRelease:
    home = scene.targets[scene.fleet.targets[0]]
    now = home.engine.now()
    return FleetRelease(
        fleet=scene.fleet.name,
        id=new_release_id(now),
        commit=asked.commit,
        subject=asked.subject,
        actor=home.actor,
        claimed_actor=asked.claimed_actor,
        started=now,
        wants=wants,
        only=asked.only,
        ringing=dict(zip(scene.targets, abreast(_ringing, scene.targets.values()), strict=True)),
    )


def _make_way(scene: Scene, ledger: FleetLedger, kept: Kept, release: FleetRelease) -> str | None:
    """End the release that stood there, if one did: this one takes its place."""
    before = kept.release
    if before is None or before.over:
        return kept.etag
    scene.tell.warn(
        f"release {before.id} of {before.commit[:12]} was not over; this one of {release.commit[:12]} takes its place"
    )
    sentence = f"release {release.id} of {release.commit[:12]} took its place"
    return ledger.save(replace(before, phase="superseded", sentence=sentence, ended=release.started), kept.etag)


def _copied(scene: Scene, names: Sequence[str]) -> None:
    """Lay what was built for these targets into their buckets."""
    chosen = {name: scene.targets[name] for name in names}
    buckets = {name: one.engine.objects for name, one in chosen.items()}
    copy(buckets, {name: tuple(one.artifacts.values()) for name, one in chosen.items()}, scene.tell.progress)


def _built(scene: Scene, names: Iterable[str], *, anew: bool) -> dict[str, dict[str, str]]:
    """What each target is to carry. One after the other: what the first has compiled the others find in the store."""
    board = scene.board
    return {name: scene.targets[name].build(Voice(scene.tell, name, board), board, anew=anew) for name in names}


def _checked(fleet: Fleet, before: FleetRelease) -> None:
    """The waves are those that it was begun with, as far as it got."""
    if before.wave >= len(fleet.waves) or any(one not in fleet.targets for one in before.finished):
        raise UsageError(
            f"the waves of `{fleet.name}` are not those that release {before.id} was begun with",
            hint=f"crabwalk abort --env {fleet.name}, then deploy again",
        )


def _same(before: FleetRelease, built: Mapping[str, Mapping[str, str]]) -> None:
    for target, wants in built.items():
        for service, sha256 in wants.items():
            expected = before.wants.get(target, {}).get(service, sha256)
            if expected != sha256:
                raise ConflictError(
                    f"`{service}` was built as {sha256[:12]} now, and release {before.id} began with {expected[:12]}",
                    hint="deploy with the store it was built with, or commit anew",
                )


def _ringing(target: Target) -> tuple[str, ...]:
    """The alarms that ring already: they say nothing of this release."""
    names = tuple(dict.fromkeys(name for some in target.alarms().values() for name in some))
    return (
        tuple(name for name, state in target.engine.alarms.states(names).items() if state == "ALARM") if names else ()
    )
