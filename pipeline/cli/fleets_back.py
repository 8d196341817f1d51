"""What `rollback`, `abort` and `pause` do with an environment of many targets. Loads what `rollback` may load."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pipeline.cli.fleets import fleet_of, ledger_of

if TYPE_CHECKING:
    from pipeline.cli.options import Here
    from pipeline.errors import CrabwalkError
    from pipeline.release.rollback.rollback import RollbackDone
    from pipeline.release.terms import OrderKind


def rollback(here: Here, service: str, to: str | None, reason: str) -> int:
    """Move a service's traffic back in every target at once; then end the fleet's release, and record it.

    A target that the release under way has not come to stays as it is.
    """
    from pipeline.cli.rollback import place_of
    from pipeline.cli.rolled_back import tell
    from pipeline.errors import CrabwalkError, UsageError
    from pipeline.release.walk.outcome import worst

    fleet = fleet_of(here)
    if to is not None:
        raise UsageError("a version's number is that of one target", hint=f"name a target: {', '.join(fleet.members)}")
    moved, unread = _moved(here, service)
    codes = []
    try:
        _end_release(here, reason or f"rollback of {service}")
    except CrabwalkError as fault:  # the traffic has moved, and that is told
        why = " either" if unread is not None and unread.what == fault.what else f": {fault.what}"
        hint = f"`crabwalk abort --env {fleet.name}` once more, or its deploy may go on"
        here.console.warn(f"the release could not be ended{why}; {hint}")
        codes.append(fault.exit_code)
    for target, done in moved.items():
        if isinstance(done, CrabwalkError):
            here.console.warn(f"{target}: {done.sentence}")
            codes.append(done.exit_code)
        elif done is None:
            member = fleet.member(target)
            how = f"`crabwalk rollback {service} --env {member}` moves it"
            here.console.line(f"{target}: the release has not come to it, its traffic stays; {how}")
        else:
            member_of = here.member(target)
            here.console.title(f"{target}:")
            codes.append(tell(member_of, place_of(member_of, service), done, reason))
    if here.json:
        found = [_told(target, done) for target, done in moved.items()]
        here.console.json({"service": service, "environment": fleet.name, "targets": found})
    return worst(1 if code else 0 for code in codes)


def _moved(here: Here, service: str) -> tuple[dict[str, RollbackDone | CrabwalkError | None], CrabwalkError | None]:
    """What became of it by target, the last wave's first, None where it was left alone; and why no release was read.

    The first wave's targets do not wait for what is known of the release; where nothing is, all of them move.
    """
    from concurrent.futures import ThreadPoolExecutor

    from pipeline.abreast import abreast
    from pipeline.cli import Terminated
    from pipeline.cli.rollback import place_of, unclear
    from pipeline.errors import CrabwalkError
    from pipeline.fleet.look import spared
    from pipeline.fleet.plan import FleetRelease

    fleet = fleet_of(here)
    newest_first = tuple(reversed(fleet.targets))
    heres = {target: here.member(target) for target in newest_first}

    def release() -> FleetRelease | CrabwalkError | None:
        try:
            return ledger_of(here).read().release
        except CrabwalkError as fault:
            here.warn(f"how far the release has come is not known, no target is spared: {fault.what}")
            return fault

    def untouched(target: str) -> bool:
        known = read.result() if target not in fleet.waves[0].targets else None
        if not isinstance(known, FleetRelease):
            return False
        try:
            return spared(known, target, heres[target].engine.ledger.service(service))
        except CrabwalkError as fault:
            here.warn(f"{target}: whether the release came to it is not known, it is not spared: {fault.what}")
            return False

    def move(target: str) -> RollbackDone | CrabwalkError | None:
        if untouched(target):
            return None
        try:
            return place_of(heres[target], service).roll_back(None, lambda text: here.warn(f"{target}: {text}"))
        except CrabwalkError as fault:
            return fault

    with ThreadPoolExecutor(1) as beside:
        read = beside.submit(release)
        try:
            moved = dict(zip(newest_first, abreast(move, newest_first), strict=True))
        except (KeyboardInterrupt, Terminated):
            here.warn(unclear(f"{service} in each target"))
            raise
        unread = read.result()
    return moved, unread if isinstance(unread, CrabwalkError) else None


def _told(target: str, done: RollbackDone | CrabwalkError | None) -> dict[str, object]:
    """One target as JSON."""
    from pipeline.errors import CrabwalkError

    if done is None:
        return {"target": target, "changed": False, "begun": False}
    if isinstance(done, CrabwalkError):
        return {"target": target, "fault": done.what}
    return {
        "target": target,
        "changed": done.plan.target is not None,
        "version": done.after.version,
        "from": done.plan.origin,
        "release": done.plan.release,
    }


def abort(here: Here, services: Sequence[str], reason: str) -> int:
    """End the fleet's release and what is under way of it in any target; what was promoted stays."""
    from pipeline.errors import UsageError

    fleet = fleet_of(here)
    ended = None if services else _end_release(here, reason)
    codes = _steer(here, "abort", services, reason)
    if ended is None and not codes:
        raise UsageError(f"no release of `{fleet.name}` is under way", hint=f"see `crabwalk status --env {fleet.name}`")
    if here.json:
        here.console.json({"environment": fleet.name, "release": ended, "exit": max(codes, default=0)})
    return max(codes, default=0)


def pause(here: Here, services: Sequence[str], reason: str) -> int:
    """Hold the walks of these services in every target where one is under way."""
    from pipeline.errors import UsageError

    fleet = fleet_of(here)
    codes = _steer(here, "pause", services, reason)
    if not codes:
        raise UsageError(
            f"no release of {', '.join(services)} is under way in `{fleet.name}`",
            hint=f"see `crabwalk status --env {fleet.name}`",
        )
    if here.json:
        here.console.json({"environment": fleet.name, "exit": max(codes)})
    return max(codes)


def _steer(here: Here, kind: OrderKind, services: Sequence[str], reason: str) -> list[int]:
    """Ask it of each target's releases under way; the exit code of each target that has some."""
    from pipeline.cli.asking import steer

    codes = []
    for target in fleet_of(here).targets:
        member = here.member(target)
        ledger = member.engine.ledger
        known = [name for name in ledger.services() if not services or name in services]
        walking = [name for name in known if ledger.service(name).under_way is not None]
        if walking:
            here.console.title(f"{target}:")
            codes.append(steer(kind, walking, member, reason, go_on=False))
    return codes


def _end_release(here: Here, reason: str) -> str | None:
    """Have the fleet's release end: its deploy obeys with its next look, and where nobody deploys it ends here.

    Its id, None where none is under way.
    """
    from dataclasses import replace

    from pipeline.aws.identity import actor
    from pipeline.errors import ConflictError
    from pipeline.fleet.record import Asked
    from pipeline.release.ledger.lease import Lease, holder

    fleet, ledger = fleet_of(here), ledger_of(here)
    kept = ledger.read()
    release = kept.release
    if release is None or release.over:
        return None
    home = here.member(fleet.targets[0])
    objects, now = home.engine.objects, home.engine.now()
    asked = Asked(release.id, actor(home.env), os.environ.get("GITHUB_ACTOR") or None, " ".join(reason.split()), now)
    ledger.ask(asked)
    found = holder(objects, fleet.name, "fleets")
    if found is not None and found.living:
        here.console.line(f"release {release.id} ends with the next look of {found.who}")
        return release.id
    with ExitStack() as held:
        try:
            lease = Lease(objects, fleet.name, ttl_s=home.env.lease_s, doing="abort", folder="fleets")
            held.enter_context(lease.acquire(_quiet))
            ledger.save(replace(release, phase="stopped", sentence=asked.sentence, ended=now, baking=None), kept.etag)
        except ConflictError:  # somebody has gone on with it meanwhile, and obeys
            return release.id
    here.console.line(f"release {release.id} of {fleet.name} is ended: {asked.sentence}")
    return release.id


_quiet: Callable[[str], None] = lambda _: None  # noqa: E731
