"""What verbs do with an environment of many targets. No verb itself: `deploy`, `status` and others call it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.cli.options import Here
    from pipeline.deploying.run import Options
    from pipeline.errors import CrabwalkError
    from pipeline.fleet.member import Target
    from pipeline.fleet.plan import FleetRelease
    from pipeline.fleet.record import FleetLedger
    from pipeline.manifest.fleets import Fleet
    from pipeline.release.ledger.records import Entry
    from pipeline.release.verbs.status import ServiceStatus
    from pipeline.release.walk.view import WalkView


def fleet_of(here: Here) -> Fleet:
    """The fleet that was named; only for whoever has seen that there is one."""
    fleet = here.fleet
    if fleet is None:
        raise AssertionError("no fleet was named")
    return fleet


def ledger_of(here: Here) -> FleetLedger:
    """What is known of the fleet as a whole."""
    from pipeline.fleet.record import FleetLedger

    fleet = fleet_of(here)
    return FleetLedger(here.member(fleet.targets[0]).engine.objects, fleet.name)


def deploy(
    here: Here,
    services: tuple[str, ...],
    base: str | None,
    *,
    retry: bool,
    allow_destroy: frozenset[str],
    record: Path | None,
    max_parallel: int | None,
    prebuilt: bool,
) -> int:
    """Deploy the commit to every target, wave by wave; the exit code."""
    from contextlib import ExitStack

    from pipeline.aws import sharing
    from pipeline.aws.budget import limits_of
    from pipeline.deploying.checkout import check_checkout
    from pipeline.deploying.run import MAX_PARALLEL, Options
    from pipeline.fleet.begin import Asked, Scene, begin
    from pipeline.fleet.member import Target
    from pipeline.fleet.voices import Board
    from pipeline.fleet.waves import Waves
    from pipeline.manifest.project import environment
    from pipeline.release.ledger.lease import Lease

    fleet, console, alone = fleet_of(here), here.console, threading.Lock()
    claimed = os.environ.get("GITHUB_ACTOR") or None
    options = Options(services, base, retry, allow_destroy, claimed, False, max_parallel or MAX_PARALLEL, prebuilt)
    targets: dict[str, Target] = {}
    for name in fleet.targets:
        env = environment(here.project, fleet.member(name))
        targets[name] = Target(here.project, env, options, alone)
    home = targets[fleet.targets[0]]
    warning = check_checkout(here.repo, home.env)
    if warning:
        console.warn(warning)
    board = Board(_walking(here, record))
    commit = here.repo.head
    doing = f"deploy of {commit[:12]}"
    lease = Lease(home.engine.objects, fleet.name, ttl_s=home.env.lease_s, doing=doing, folder="fleets")
    with ExitStack() as held:
        held.enter_context(sharing(limits_of(home.env)))
        for one in targets.values():
            here.member(one.env.target or "").settle_unrecorded()
        held.enter_context(lease.acquire(console.progress))
        ledger = ledger_of(here)
        asked = Asked(commit, here.repo.subject(commit), services, retry, claimed)
        kept = begin(Scene(fleet, targets, console, board), ledger, asked)
        waves = Waves(fleet, targets, ledger, kept, home.actor, console, board, lease.check)
        try:
            code = waves.execute()
        except BaseException:
            if not waves.release.over:
                console.warn(
                    f"the release stands in wave `{fleet.waves[waves.release.wave].name}`, recorded; "
                    f"`crabwalk deploy --env {fleet.name}` goes on with it"
                )
            raise
    _tell(here, fleet, waves, code)
    return code


def _tell(here: Here, fleet: Fleet, waves: Any, code: int) -> None:
    """How it ended, target by target."""
    from pipeline.cli.summarizing import summarize
    from pipeline.report.fleet import show_fleet
    from pipeline.report.markdown.fleet import markdown
    from pipeline.report.release import show_result

    for target in fleet.targets:
        back = target in waves.release.back  # that it was promoted is not the end of it: the matrix tells
        for result in waves.results.get(target, ()):
            if not (back and result.outcome == "promoted"):
                show_result(here.console, result)
    seen, faults = _statuses(here, fleet)
    show_fleet(here.console, fleet, waves.release, seen)
    summarize(lambda limit: markdown(fleet, waves.release, seen, limit))
    if here.json:
        every = [result for target in fleet.targets for result in waves.results.get(target, ())]
        found = document(fleet, waves.release, seen, faults, exit=code, commit=waves.release.commit, releases=every)
        here.console.json(found)


def status(here: Here, services: Sequence[str]) -> int:
    """The matrix of targets and services; the exit code of what could not be asked, which hides nothing else."""
    from pipeline.errors import CrabwalkError
    from pipeline.report.fleet import show_fleet

    fleet, release, unread = fleet_of(here), None, None
    try:
        release = ledger_of(here).read().release
    except CrabwalkError as fault:  # the first target has the record of the whole, and may be the one that is away
        unread = fault
    seen, faults = _statuses(here, fleet, services)
    if unread is not None:
        here.warn(f"the release of `{fleet.name}`: {unread.sentence}")
    if here.json:
        more = {"fault": unread.what} if unread is not None else {}
        here.console.json(document(fleet, release, seen, faults, **more))
    else:
        show_fleet(here.console, fleet, release, seen, unread=unread is not None)
    every = [*faults.values(), *([unread] if unread is not None else [])]
    return max((fault.exit_code for fault in every), default=0)


def document(
    fleet: Fleet,
    release: FleetRelease | None,
    seen: Mapping[str, Sequence[ServiceStatus]],
    faults: Mapping[str, CrabwalkError],
    **more: object,
) -> dict[str, object]:
    """A fleet as JSON: the release under way or the last one, and every target with its services, or its fault."""
    return {
        "environment": fleet.name,
        **more,
        "release": release,
        "targets": [
            {
                "target": target,
                "environment": fleet.member(target),
                "wave": fleet.wave_of(target).name,
                "services": list(seen.get(target, ())),
                **({"fault": faults[target].what} if target in faults else {}),
            }
            for target in fleet.targets
        ],
    }


def _statuses(
    here: Here, fleet: Fleet, services: Sequence[str] = ()
) -> tuple[dict[str, Sequence[ServiceStatus]], dict[str, CrabwalkError]]:
    """How the services of each target stand, asked side by side; and what kept a target from being asked, warned of.

    Raises UsageError for a name that nothing has, and what all targets say where none can be asked.
    """
    from pipeline.abreast import abreast
    from pipeline.cli.status import statuses
    from pipeline.errors import CrabwalkError, UsageError

    def look(target: str) -> Sequence[ServiceStatus] | CrabwalkError:
        try:
            return statuses(here.member(target), services, lambda text: here.warn(f"{target}: {text}"))[0]
        except UsageError:
            raise
        except CrabwalkError as fault:
            return fault

    found = dict(zip(fleet.targets, abreast(look, fleet.targets, 8), strict=True))
    faults = {target: one for target, one in found.items() if isinstance(one, CrabwalkError)}
    if len(faults) == len(found):
        raise faults[fleet.targets[0]]
    for target, fault in faults.items():
        here.warn(f"{target}: {fault.sentence}")
    return {target: one for target, one in found.items() if not isinstance(one, CrabwalkError)}, faults


def _walking(
    here: Here, record: Path | None
) -> Callable[[], AbstractContextManager[Callable[[Sequence[WalkView]], None]]]:
    @contextmanager
    def opened() -> Iterator[Callable[[Sequence[WalkView]], None]]:
        from pipeline.report.live import WalkLive

        with WalkLive(here.console, record) as live:
            yield live.update

    return opened


def plan(here: Here, options: Options, output: str, *, save: bool, comment: Path | None) -> int:
    """Show what a deploy would do in each target, in the order of the waves."""
    from pipeline.cli.plan import show_plan
    from pipeline.errors import UsageError

    fleet = fleet_of(here)
    if save or comment is not None or output == "json":
        what = "--save" if save else "--comment" if comment is not None else "--output json"
        raise UsageError(f"{what} is of one target's plan", hint=f"name a target: --env {', '.join(fleet.members)}")
    for wave in fleet.waves:
        for target in wave.targets:
            here.console.title(f"wave `{wave.name}`, target {target}")
            show_plan(fleet.member(target), options, output)
    return 0


def history(
    here: Here,
    services: tuple[str, ...],
    limit: int,
    *,
    wanted: Callable[[Iterator[Entry]], Iterator[Entry]],
    since: float | None,
) -> int:
    """The audit trails of all targets as one, the newest first; each entry names its target."""
    import heapq
    from itertools import islice

    from pipeline.abreast import abreast
    from pipeline.cli.history import names_of
    from pipeline.release.model import second
    from pipeline.report.history import entry_lines

    fleet = fleet_of(here)
    heres = {fleet.member(target): here.member(target) for target in fleet.targets}
    names = dict(zip(heres, abreast(lambda one: names_of(one, services), heres.values()), strict=True))
    start = None if since is None else ledger_now(here) - since
    trails = [heres[env].engine.ledger.entries(some, start) for env, some in names.items()]
    merged = heapq.merge(*trails, key=lambda one: (second(one.release_id), one.started), reverse=True)
    entries = list(islice(wanted(merged), limit))
    if here.json:
        every = sorted({name for some in names.values() for name in some})
        here.console.json({"environment": fleet.name, "services": every, "entries": entries})
        return 0
    for entry in entries:
        head, *rest = entry_lines(entry)
        here.console.title(f"{entry.environment.removeprefix(fleet.name + '-')}: {head}")
        for line in rest:
            here.console.line(line)
    if not entries:
        here.console.line(f"{fleet.name}: nothing fits")
    return 0


def ledger_now(here: Here) -> float:
    """Epoch seconds by AWS's clock."""
    return here.member(fleet_of(here).targets[0]).engine.now()


def report(here: Here, release: str, file: Path | None) -> int:
    """How one release went through the fleet: its waves, and how each target stood at its end."""
    from pipeline.errors import UsageError
    from pipeline.report.fleet import show_release

    fleet = fleet_of(here)
    if file is not None:
        raise UsageError("--html is of one target's release", hint=f"name a target: --env {', '.join(fleet.members)}")
    found = ledger_of(here).release(release)
    if found is None:
        raise UsageError(
            f"`{fleet.name}` has no release `{release}`",
            hint=f"`crabwalk status --env {fleet.name}` names the last one; of a target's: --env {fleet.members[0]}",
        )
    if here.json:
        here.console.json({"environment": fleet.name, "release": found})
    else:
        show_release(here.console, fleet, found)
    return 0
