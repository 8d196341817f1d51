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
    """Move a service's traffic back in every target at once; then end the fleet's release, and record it."""
    from pipeline.abreast import abreast
    from pipeline.cli.rollback import place_of, tell
    from pipeline.errors import CrabwalkError, UsageError
    from pipeline.release.rollback.rollback import roll_back
    from pipeline.release.walk.outcome import worst
    from pipeline.release.words import ALIAS

    fleet = fleet_of(here)
    if to is not None:
        raise UsageError("a version's number is that of one target", hint=f"name a target: {', '.join(fleet.members)}")
    newest_first = tuple(reversed(fleet.targets))
    heres = {target: here.member(target) for target in newest_first}

    def move(target: str) -> RollbackDone | CrabwalkError:
        place = place_of(heres[target], service)
        try:
            with place.aliases() as aliases:
                return roll_back(aliases, place.function, ALIAS, None, account=place.account, say=here.warn)
        except CrabwalkError as fault:
            return fault

    moved = dict(zip(newest_first, abreast(move, newest_first), strict=True))
    _end_release(here, reason or f"rollback of {service}")
    codes = []
    for target, done in moved.items():
        if isinstance(done, CrabwalkError):
            here.console.warn(f"{target}: {done.what}")
            codes.append(done.exit_code)
            continue
        member = heres[target]
        here.console.title(f"{target}:")
        codes.append(tell(member, place_of(member, service), done, reason))
    if here.json:
        here.console.json(
            {
                "service": service,
                "environment": fleet.name,
                "targets": [
                    {"target": target, "fault": done.what}
                    if isinstance(done, CrabwalkError)
                    else {
                        "target": target,
                        "changed": done.plan.target is not None,
                        "version": done.after.version,
                        "from": done.plan.origin,
                        "release": done.plan.release,
                    }
                    for target, done in moved.items()
                ],
            }
        )
    return worst(1 if code else 0 for code in codes)


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
    asked = Asked(release.id, _actor(home), os.environ.get("GITHUB_ACTOR") or None, " ".join(reason.split()), now)
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


def _actor(here: Here) -> str:
    from pipeline.aws.identity import whoami
    from pipeline.errors import CrabwalkError

    try:
        return whoami(here.env).arn
    except CrabwalkError:
        return "unknown"


_quiet: Callable[[str], None] = lambda _: None  # noqa: E731
