"""What to do next with a fleet's release: a pure and total function of what was declared and how its targets stand.

A wave begins only when every target before it carries the release and has been watched for as long as was declared.
What fails ends it: nothing further begins, and where the wave says so the targets that carry the release go back, the
newest first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pipeline.manifest.fleets import Fleet, Wave

# carries: this release's artifact has all traffic; walking: its walk is not over; waits: nothing was tried yet;
# held: it was tried, and somebody has to do something; frozen: a person rolled it back before, it is passed over.
CellState = Literal["carries", "walking", "waits", "held", "frozen", "failed"]
TargetState = Literal["done", "open", "failed"]
Phase = Literal["walking", "baking", "going-back", "stopped", "done", "superseded"]
OPEN: frozenset[str] = frozenset({"walking", "waits", "held"})
OVER: frozenset[str] = frozenset({"stopped", "done", "superseded"})


@dataclass(frozen=True)
class Cell:
    """One service in one target; `sentence`: why it failed or is held."""

    service: str
    state: CellState
    sentence: str = ""


@dataclass(frozen=True)
class Standing:
    """One target: its services that this release is about. `fault`: what ended its deploy, and no ledger has."""

    target: str
    cells: tuple[Cell, ...] = ()
    fault: str = ""

    @property
    def failed(self) -> tuple[Cell, ...]:
        """The services in which it failed."""
        return tuple(cell for cell in self.cells if cell.state == "failed")

    @property
    def state(self) -> TargetState:
        """Whether the release is through with this target."""
        if self.fault or self.failed:
            return "failed"
        return "open" if any(cell.state in OPEN for cell in self.cells) else "done"

    @property
    def sentence(self) -> str:
        """What failed first."""
        first = next(iter(self.failed), None)
        return self.fault or (f"{first.service}: {first.sentence}" if first is not None else "")


@dataclass(frozen=True)
class FleetRelease:
    """One commit on its way through a fleet; times are epoch seconds.

    `wants`: by target the services that are released there, with the SHA-256 of each zip. `wave`: the index of the
    one that is walked or watched. `finished`: targets that carry it, in the order in which they came to, and once it
    failed those that carry a part of it. `back`: those of them that went back. `ringing`: alarms that rang before,
    which do not count.
    """

    fleet: str
    id: str
    commit: str
    subject: str
    actor: str
    claimed_actor: str | None
    started: float
    wants: Mapping[str, Mapping[str, str]]
    only: tuple[str, ...] = ()
    phase: Phase = "walking"
    wave: int = 0
    baking: float | None = None
    finished: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    ringing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)  # targets, with what failed there, once it is stopped
    sentence: str = ""
    ended: float | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.phase in OVER


@dataclass(frozen=True)
class Walk:
    """Release to these targets now, side by side."""

    wave: Wave
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Bake:
    """Watch the targets that carry it for so many seconds more."""

    wave: Wave
    left_s: float


@dataclass(frozen=True)
class Back:
    """Take it back from this target."""

    target: str


@dataclass(frozen=True)
class Hold:
    """It stands: these targets wait for somebody."""

    wave: Wave
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Become:
    """Nothing is to be done but to record that it stands like this now."""

    release: FleetRelease


@dataclass(frozen=True)
class End:
    """It is over."""


Step = Walk | Bake | Back | Hold | Become | End


def decide(
    fleet: Fleet,
    release: FleetRelease,
    seen: Mapping[str, Standing],
    now: float,
    *,
    tried: Collection[str] = (),
    away: Collection[str] = (),
    abort: str | None = None,
) -> Step:
    """What comes next. `abort`: who ended it, and why.

    `tried`: targets this process has released to in this wave; `away`: those it could not take it back from.
    """
    if release.over:
        return End()
    if release.phase == "going-back":
        return _back(fleet, release, now, away)
    if abort is not None:
        return Become(replace(release, phase="stopped", sentence=abort, ended=now, baking=None))
    reached = fleet.waves[: release.wave + 1]
    noted = _noted(release, reached, seen)
    if noted is not release:
        return Become(noted)
    lost = next((one for one in reached if has_failed(one, seen)), None)
    if lost is not None:
        return Become(_failed(release, lost, seen, now))
    return _go_on(fleet, release, seen, now, tried)


def not_begun(fleet: Fleet, release: FleetRelease, target: str) -> bool:
    """Whether a target lies in a wave that this release has not come to."""
    return all(target not in wave.targets for wave in fleet.waves[: release.wave + 1])


def _back(fleet: Fleet, release: FleetRelease, now: float, away: Collection[str]) -> Step:
    """Who goes back next; who could not be taken back keeps none of the others from it."""
    left = tuple(one for one in reversed(release.finished) if one not in release.back)
    if not left:
        return Become(replace(release, phase="stopped", ended=now))
    begin = next((one for one in left if one not in away), None)
    return Back(begin) if begin is not None else Hold(fleet.waves[release.wave], left)


def _go_on(
    fleet: Fleet, release: FleetRelease, seen: Mapping[str, Standing], now: float, tried: Collection[str]
) -> Step:
    """What comes next where nothing is wrong."""
    wave = fleet.waves[release.wave]
    if release.phase == "baking":
        left_s = (release.baking if release.baking is not None else now) + wave.bake_s - now
        return Bake(wave, left_s) if left_s > 0 else Become(_after(fleet, release, now))
    waiting = tuple(target for target in wave.targets if _standing(seen, target).state == "open")
    begin = tuple(target for target in waiting if target not in tried)
    if waiting:
        return Walk(wave, begin) if begin else Hold(wave, waiting)
    if wave.bake_s > 0 and any(release.wants.get(target) for target in wave.targets):
        return Become(replace(release, phase="baking", baking=now))
    return Become(_after(fleet, release, now))


def has_failed(wave: Wave, seen: Mapping[str, Standing]) -> bool:
    """Whether so much of a wave failed that it has."""
    lost = [one for one in (_standing(seen, target) for target in wave.targets) if one.state == "failed"]
    services = sum(max(1, len(one.failed)) for one in lost)
    return bool(lost) and wave.stop.reached(len(lost), services)


def _standing(seen: Mapping[str, Standing], target: str) -> Standing:
    return seen.get(target) or Standing(target, (Cell("", "waits"),))


def _noted(release: FleetRelease, waves: tuple[Wave, ...], seen: Mapping[str, Standing]) -> FleetRelease:
    """With the targets that have come to carry it; who went back by hand stays among them, so that it is not lost."""
    new = tuple(
        target
        for wave in waves
        for target in wave.targets
        if target not in release.finished and _standing(seen, target).state == "done"
    )
    return replace(release, finished=(*release.finished, *new)) if new else release


def _failed(release: FleetRelease, wave: Wave, seen: Mapping[str, Standing], now: float) -> FleetRelease:
    """After a wave that failed: the rest is stopped, or goes back first."""
    standings = (_standing(seen, target) for target in wave.targets)
    lost = {one.target: one.sentence for one in standings if one.state == "failed"}
    target, why = next(iter(lost.items()))
    sentence = f"wave `{wave.name}` failed in `{target}`: {why}"
    carrying = _carrying(release, lost, seen)
    if wave.on_failure == "roll-back" and carrying:
        return replace(release, phase="going-back", failed=lost, sentence=sentence, baking=None, finished=carrying)
    return replace(release, phase="stopped", failed=lost, sentence=sentence, baking=None, ended=now)


def _carrying(release: FleetRelease, lost: Collection[str], seen: Mapping[str, Standing]) -> tuple[str, ...]:
    """Who has something of a failed release to go back from; where only a part failed, the rest carries it."""
    partly = [
        one.target
        for one in seen.values()
        if one.state == "failed" and any(cell.state == "carries" for cell in one.cells)
    ]
    finished = (one for one in release.finished if one not in lost or one in partly)
    return (*finished, *(one for one in partly if one not in release.finished))


def _after(fleet: Fleet, release: FleetRelease, now: float) -> FleetRelease:
    """After a wave that went well."""
    if release.wave + 1 < len(fleet.waves):
        return replace(release, phase="walking", wave=release.wave + 1, baking=None)
    return replace(release, phase="done", baking=None, ended=now, sentence="every target carries it")
