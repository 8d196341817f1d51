"""A fleet for people: how its release stands, and the matrix of targets and services. Pure but for the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.fleet.plan import not_begun
from pipeline.release.words import moment, who
from pipeline.report.text import one_line, percent

if TYPE_CHECKING:
    from pipeline.fleet.plan import FleetRelease
    from pipeline.manifest.fleets import Fleet
    from pipeline.release.verbs.status import ServiceStatus
    from pipeline.report.console import Console

Seen = Mapping[str, Sequence["ServiceStatus"]]  # by target; one that could not be asked is not there


def show_fleet(
    console: Console, fleet: Fleet, release: FleetRelease | None, seen: Seen, *, unread: bool = False
) -> None:
    """The headline, then the matrix. `unread`: how the release stands could not be read."""
    lines = [f"{fleet.name}: how its release stands is not known"] if unread else fleet_lines(fleet, release)
    how = console.bad if release is not None and release.phase == "stopped" else console.title
    how(lines[0])
    for line in lines[1:]:
        console.line(line)
    columns, rows = matrix(fleet, release, seen)
    console.table("", columns, rows)


def fleet_lines(fleet: Fleet, release: FleetRelease | None) -> list[str]:
    """What is going on with the whole, the headline first."""
    if release is None:
        return [f"{fleet.name}: nothing was released wave by wave yet"]
    wave = fleet.waves[min(release.wave, len(fleet.waves) - 1)]
    said = {
        "walking": f"wave `{wave.name}` is released to",
        "baking": f"wave `{wave.name}` is watched for {wave.bake_s:g} s",
        "going-back": "it is taken back",
    }
    head = f"{fleet.name}: {said.get(release.phase, release.phase)}"
    lines = [head, f"  release  {release.id} of {release.commit[:12]} {one_line(release.subject)}".rstrip()]
    if release.sentence:
        lines.append(f"  why      {one_line(release.sentence)}")
    if release.back:
        lines.append(f"  back     {', '.join(release.back)}")
    if not release.over:
        lines.append(f"  next     `crabwalk deploy --env {fleet.name}` goes on with it where nobody does")
    return lines


def matrix(fleet: Fleet, release: FleetRelease | None, seen: Seen) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: a row a target, a column a service."""
    services = sorted({one.service for some in seen.values() for one in some})
    rows = []
    for target in fleet.targets:
        found = {one.service: one for one in seen.get(target, ())}
        other = "-" if target in seen else "not known"
        cells = [cell(found[name]) if name in found else other for name in services]
        rows.append([fleet.wave_of(target).name, target, *cells, _of(fleet, release, target)])
    return ["wave", "target", *services, "this release"], rows


def cell(one: ServiceStatus) -> str:
    """A service in a target: its versions with their shares, and its state where that is not `live`."""
    shares = " + ".join(f"v{version} {percent(share)}" for version, share in one.traffic.items())
    state = "" if one.state == "live" else one.state.replace("-", " ")
    return ", ".join(part for part in (shares, state) if part) or "-"


def _of(fleet: Fleet, release: FleetRelease | None, target: str) -> str:
    """How far the release got in a target."""
    if release is None:
        return "-"
    come = [word for word, those in (("failed", release.failed), ("taken back", release.back)) if target in those]
    if come:
        return ", ".join(come)
    if target in release.finished:
        return "done" if release.wants.get(target) else "nothing to do"
    if release.over:
        return "not begun"
    return "waits" if not_begun(fleet, release, target) else "under way"


def show_release(console: Console, fleet: Fleet, release: FleetRelease) -> None:
    """One release of a fleet as it ended, or as it stands: what each target was to carry, and what came of it."""
    console.title(f"{fleet.name}: release {release.id}, {release.phase}")
    console.line(f"  commit   {release.commit[:12]} {one_line(release.subject)}".rstrip())
    ended = f" to {moment(release.ended)}" if release.ended is not None else ""
    console.line(
        f"  when     {moment(release.started)}{ended}, by {one_line(who(release.actor, release.claimed_actor))}"
    )
    if release.sentence:
        console.line(f"  why      {one_line(release.sentence)}")
    waves = {target: wave.name for wave in fleet.waves for target in wave.targets}
    rows = [
        [
            waves.get(target, "-"),
            target,
            ", ".join(f"{name} {sha256[:12]}" for name, sha256 in sorted(wants.items())) or "-",
            _of(fleet, release, target),
            one_line(release.failed.get(target, "")) or "-",
        ]
        for target, wants in release.wants.items()
    ]
    console.table("", ["wave", "target", "artifacts", "this release", "why"], rows)
