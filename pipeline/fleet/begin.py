"""What a fleet's deploy begins with: the release it goes on with or a new one, built once and copied everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.abreast import abreast
from pipeline.errors import ConflictError, UsageError
from pipeline.fleet.copies import copy
from pipeline.fleet.member import Target
from pipeline.fleet.plan import FleetRelease
from pipeline.fleet.record import Kept
from pipeline.fleet.voices import Board, Voice
from pipeline.infra.side_by_side import Teller
from pipeline.manifest.fleets import Fleet
from pipeline.release.model import new_release_id

if TYPE_CHECKING:
    from pipeline.build import Artifact


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

    One that was stopped stays so unless it is asked for again with `retry`, or nothing of it was worse: what failed
    was Terraform, or an artifact that did not arrive, and that may be tried again.
    """
    if kept is None or kept.commit != asked.commit or kept.only != asked.only:
        return False
    return not (kept.over and (asked.retry or kept.phase == "superseded"))


def begin(scene: Scene, kept: Kept, asked: Asked) -> FleetRelease:
    """The release to go on with, its artifacts in every bucket it still goes to.

    Raises ConflictError for a commit that is older than what a target carries, for other bytes than those that other
    targets carry, and for an object in a bucket that is not what was built.
    """
    fleet, targets, tell = scene.fleet, scene.targets, scene.tell
    home = targets[fleet.targets[0]]
    before, now = kept.release, home.engine.now()
    if goes_on(before, asked) and before is not None:
        if not before.over:
            left = [one for one in fleet.targets if one not in before.finished]
            _checked(fleet, before)
            built = _built(scene, left)
            _same(before, built)
            copy({one: targets[one].engine.objects for one in left}, _artifacts(targets, left), tell.progress)
        return before
    if before is not None and not before.over:
        where = fleet.waves[before.wave].name if before.wave < len(fleet.waves) else "?"
        tell.warn(
            f"release {before.id} of {before.commit[:12]} stood in wave `{where}`; "
            f"this one of {asked.commit[:12]} takes its place"
        )
    wants = _built(scene, fleet.targets)
    copy({one: targets[one].engine.objects for one in targets}, _artifacts(targets, fleet.targets), tell.progress)
    return FleetRelease(
        fleet=fleet.name,
        id=new_release_id(now),
        commit=asked.commit,
        subject=asked.subject,
        actor=home.actor,
        claimed_actor=asked.claimed_actor,
        started=now,
        wants=wants,
        only=asked.only,
        ringing=dict(zip(targets, abreast(_ringing, targets.values()), strict=True)),
    )


def _built(scene: Scene, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """What each target is to carry. One after the other: what the first has compiled the others find in the store."""
    board = scene.board
    return {name: scene.targets[name].build(Voice(scene.tell, name, board), board) for name in names}


def _artifacts(targets: Mapping[str, Target], names: Iterable[str]) -> dict[str, tuple[Artifact, ...]]:
    return {name: tuple(targets[name].artifacts.values()) for name in names}


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
