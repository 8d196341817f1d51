"""Rollbacks that are not recorded yet, as files of this user until a verb has reached the ledger.

`STATE/crabwalk/unrecorded/*.json`, STATE being XDG_STATE_HOME or ~/.local/state. A file says who, what, when and why;
it holds no credentials, no configuration and no payload.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipeline.aws import TransientError
from pipeline.aws.aliases import Aliases, NotFoundError
from pipeline.errors import CrabwalkError
from pipeline.release.ledger.head import parse, trusted
from pipeline.release.rollback.record import Note, Noted, record_rollback
from pipeline.release.words import ALIAS, who

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.release.ledger.ledger import Ledger

FORMAT = 1
PAUSES_S = (0.3, 1.0)

T = TypeVar("T")


def record_safely(env: Environment, ledger: Ledger, note: Note) -> Noted:
    """Record a rollback; until the ledger has it, a file has it: also if this process dies.

    Raises what kept it from being recorded; of traffic that has moved its hint says where the note waits.
    """
    kept, full = None, ""
    if note.moved:
        try:
            kept = keep(env, note)
        except OSError as error:
            full = error.strerror or str(error)
    try:
        noted = persist(lambda: record_rollback(ledger, note))
    except CrabwalkError as fault:
        if kept is not None:
            fault.hint = f"it waits in {kept} for the next crabwalk command that reaches `{env.name}`"
        elif note.moved:
            fault.hint = f"nor could it be kept for later ({full}); the same command records it once it can"
        raise
    if kept is not None:
        kept.unlink(missing_ok=True)
    return noted


def persist(write: Callable[[], T], pause: Callable[[float], None] = time.sleep) -> T:
    """Try again, twice, what a moment of trouble kept from being written; the last error is raised."""
    for wait_s in PAUSES_S:
        try:
            return write()
        except TransientError:
            pause(wait_s)
    return write()


def folder() -> Path:
    """Where they wait."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "crabwalk" / "unrecorded"


def keep(env: Environment, note: Note) -> Path:
    """Write a note to be recorded later; the same note twice is one file. Raises OSError."""
    here = folder()
    here.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = hashlib.sha256(f"{_place(env)}\n{note.service}\n{note.head}".encode()).hexdigest()[:16]
    path = here / f"{name}.json"
    partial = here / f"{name}.{os.getpid()}.new"
    body = json.dumps({"format": FORMAT, "ledger": _place(env), "note": asdict(note)}, indent=2)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(body)
    partial.replace(path)
    return path


def waiting(env: Environment) -> Iterator[tuple[Path, Note]]:
    """The notes for this environment's ledger, oldest first; what cannot be read is left alone."""
    found = []
    with suppress(OSError):
        for path in folder().glob("*.json"):
            note = _read(path, _place(env))
            if note is not None:
                found.append((path, note))
    yield from sorted(found, key=lambda one: one[1].at)


def settle(env: Environment, ledger: Ledger, functions: Aliases) -> list[str]:
    """Record what waits for this environment; a sentence for each. Raises CrabwalkError where it cannot (it stays).

    A freeze and a rejection are only noted while the alias still is as the rollback left it.
    """
    said = []
    for path, note in waiting(env):
        record_rollback(ledger, note, current=_is_current(functions, note))
        path.unlink(missing_ok=True)
        said.append(f"{note.service}: the rollback by {who(note.who, None)} that had waited for it is recorded now")
    return said


def _is_current(functions: Aliases, note: Note) -> bool:
    try:
        now = trusted(functions.alias(note.function, ALIAS))
    except NotFoundError:
        return False
    then = parse(note.head)
    return now is not None and then is not None and now.nonce == then.nonce


def _place(env: Environment) -> str:
    return f"{env.account}/{env.region}/{env.bucket}"


def _read(path: Path, place: str) -> Note | None:
    try:
        data = json.loads(path.read_bytes())
        if data["format"] != FORMAT or data["ledger"] != place:
            return None
        return Note(**data["note"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
