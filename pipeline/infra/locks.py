"""Who holds the lock of a stack's state, and whether that run is dead. Frees nothing by itself.

Terraform's lock is an object beside the state (S3 native locking) that tells who took it, by user and machine, but
not by which process. So each run notes its own process on this machine, and one that had to be killed is noted in
the bucket: only these two prove that a lock is left behind.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConflictError
from pipeline.infra.root import state_key

if TYPE_CHECKING:
    from pipeline.aws.objects import Objects

NOTES = ".terraform"
_NOTE = "crabwalk-run-{}.json"
EARLY_S, LATE_S = 2.0, 60.0  # a lock is dated when it is asked for, right after its process began
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_FRACTION = re.compile(r"(\.\d{6})\d+")


@dataclass(frozen=True)
class StateLock:
    """A lock as Terraform wrote it; `etag` names this very object."""

    stack: str
    id: str
    operation: str
    who: str
    since: float | None  # epoch seconds
    etag: str

    @property
    def machine(self) -> str:
        """The machine it was taken on."""
        return self.who.rpartition("@")[2]


@dataclass(frozen=True)
class OwnRun:
    """A Terraform process this machine started; `ticks` tells it from a later process of the same number."""

    pid: int
    ticks: str
    boot: str
    host: str
    command: str
    since: float

    def can_have_taken(self, lock: StateLock, here: str) -> bool:
        """Whether it is the run that took this lock: on this machine, and right after it began."""
        if self.host != here or lock.machine != here or lock.since is None:
            return False
        return -EARLY_S <= lock.since - self.since <= LATE_S


@dataclass(frozen=True)
class Verdict:
    """Whether the run that holds a lock is dead for certain, and how that is known."""

    dead: bool
    why: str


def lock_key(stack: str) -> str:
    """Key of the lock of a stack's state."""
    return f"{state_key(stack)}.tflock"


def killed_key(stack: str) -> str:
    """Key of the note that a run of this stack was killed by crabwalk itself."""
    return f"{state_key(stack)}.killed"


def held(objects: Objects, stack: str) -> StateLock | None:
    """The lock of a stack's state; None when nobody holds it."""
    stored = objects.get(lock_key(stack))
    if stored is None:
        return None
    try:
        told = json.loads(stored.body)
    except ValueError:
        told = {}
    if not isinstance(told, dict):
        told = {}
    operation = str(told.get("Operation") or "an operation").removeprefix("OperationType").lower()
    who, since = str(told.get("Who") or "somebody unknown"), _moment(str(told.get("Created") or ""))
    return StateLock(stack, str(told.get("ID") or "unknown"), operation, who, since, stored.etag)


def locked(objects: Objects) -> tuple[str, ...]:
    """The stacks whose locks are held."""
    return _names(objects, lock_key("*"))


def stacks_with_state(objects: Objects) -> tuple[str, ...]:
    """The stacks that were ever applied, whether or not a manifest still names them."""
    return _names(objects, state_key("*"))


def _names(objects: Objects, key: str) -> tuple[str, ...]:
    start, end = key.split("*")
    return tuple(one[len(start) : -len(end)] for one in objects.keys(start) if one.endswith(end))


def looked_at(objects: Objects, lock: StateLock, directories: Iterable[Path]) -> Verdict:
    """Whether the run that holds `lock` is dead, by what was noted in these directories and in the bucket."""
    here = socket.gethostname()
    noted = (one for directory in directories for one in own_runs(directory) if one.can_have_taken(lock, here))
    run = min(noted, key=lambda one: (not alive(one), one.pid), default=None)  # one that lives may be the one
    killed = objects.get(killed_key(lock.stack))
    by_us = None if killed is None else killed.body.decode("utf-8", "replace")
    return judge(lock, run, by_us, here, running=run is not None and alive(run))


def free(objects: Objects, lock: StateLock) -> None:
    """Take away exactly this lock; ConflictError when another run has taken it meanwhile."""
    from pipeline.aws.objects import PreconditionFailed

    try:
        objects.delete(lock_key(lock.stack), if_match=lock.etag)
    except PreconditionFailed as error:
        raise ConflictError(
            f"the lock of stack {lock.stack} is not the one any more that was looked at; it stays",
            hint="somebody else runs Terraform there now: wait for it",
        ) from error
    objects.delete(killed_key(lock.stack))


def judge(lock: StateLock, run: OwnRun | None, killed: str | None, here: str, *, running: bool) -> Verdict:
    """Whether the run that holds `lock` is dead. Pure.

    `run`: the last one noted on this machine, `here`; `running`: whether its process lives. `killed`: the lock of the
    run that crabwalk killed last.
    """
    if killed is not None and killed == lock.id:
        return Verdict(dead=True, why="crabwalk killed that run itself, because it did not end when it was asked to")
    if lock.machine != here:
        return Verdict(dead=False, why=f"it was taken on `{lock.machine}`, which cannot be looked at from here")
    if run is None or not run.can_have_taken(lock, here):
        return Verdict(dead=False, why="no run that was started from this directory took it, so it cannot be told")
    if running:
        return Verdict(dead=False, why=f"process {run.pid} (terraform {run.command}) is alive and ends by itself")
    return Verdict(dead=True, why=f"process {run.pid} (terraform {run.command}) on this machine is gone")


def note(directory: Path, pid: int, command: str) -> None:
    """Note the process that is about to take the lock."""
    run = OwnRun(pid, _ticks(pid), _boot(), socket.gethostname(), command, datetime.now(UTC).timestamp())
    with suppress(OSError):  # a note that cannot be written makes `unlock` ask for --force
        (directory / NOTES).mkdir(exist_ok=True)
        (directory / NOTES / _NOTE.format(pid)).write_text(json.dumps(asdict(run)))


def forget(directory: Path, pid: int | str) -> None:
    """This process ended in order, so it holds no lock; `*`: none that was ever noted does."""
    for path in (directory / NOTES).glob(_NOTE.format(pid)):
        path.unlink(missing_ok=True)


def own_runs(directory: Path) -> tuple[OwnRun, ...]:
    """The runs that were noted in a stack's directory and did not end in order, or have not yet."""
    found = []
    for path in sorted((directory / NOTES).glob(_NOTE.format("*"))):
        with suppress(OSError, ValueError, TypeError):
            found.append(OwnRun(**json.loads(path.read_text())))
    return tuple(found)


def alive(run: OwnRun) -> bool:
    """Whether the noted process runs."""
    if run.boot != _boot():
        return False
    try:
        os.kill(run.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _ticks(run.pid) == run.ticks


def _moment(text: str) -> float | None:
    with suppress(ValueError):  # Go writes nanoseconds
        return datetime.fromisoformat(_FRACTION.sub(r"\1", text)).timestamp()
    return None


def _ticks(pid: int) -> str:
    """When the process began, as the kernel counts; empty for a dead one, and where there is no /proc."""
    with suppress(OSError, IndexError):
        # The name in parentheses may hold anything, spaces too.
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state == "Z" else rest[18]
    return ""


def _boot() -> str:
    with suppress(OSError):
        return _BOOT.read_text().strip()
    return ""
