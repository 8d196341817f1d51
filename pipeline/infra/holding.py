"""Holds the locks of states without Terraform, in the form of Terraform's own, so that none gets in between."""

from __future__ import annotations

import getpass
import json
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.infra import locks
from pipeline.infra.events import StateLockedError
from pipeline.infra.root import state_key

if TYPE_CHECKING:
    from pipeline.aws.objects import Objects
    from pipeline.manifest.environments import Environment

MOVE = "crabwalk move"


@contextmanager
def holding(objects: Objects, env: Environment, directories: Mapping[str, Path]) -> Iterator[None]:
    """Hold the locks of these stacks' states for a move; StateLockedError when somebody else holds one.

    `directories`: by stack, where this process is noted, for `unlock`. Who calls this has the leases of all the
    stacks' services, so a lock that an earlier move left is dead, and is taken over.
    """
    with ExitStack() as held:
        for stack, directory in sorted(directories.items()):
            held.enter_context(_held(objects, env, stack, directory))
        yield


@contextmanager
def _held(objects: Objects, env: Environment, stack: str, directory: Path) -> Iterator[None]:
    with suppress(OSError):  # as for the note itself
        directory.mkdir(parents=True, exist_ok=True)
    locks.note(directory, os.getpid(), "move")
    try:
        etag = _take(objects, env, stack)
        try:
            yield
        finally:
            with suppress(Exception):  # AWS may be what failed; the next move takes the lock over
                objects.delete(locks.lock_key(stack), if_match=etag)
    finally:
        locks.forget(directory, os.getpid())


def _take(objects: Objects, env: Environment, stack: str) -> str:
    from pipeline.aws.objects import PreconditionFailed

    key, body = locks.lock_key(stack), _body(env, stack)
    with suppress(PreconditionFailed):
        return objects.put(key, body, if_absent=True)
    found = locks.held(objects, stack)
    if found is not None and found.operation == MOVE:
        with suppress(PreconditionFailed):
            return objects.put(key, body, if_match=found.etag)
    said = "somebody" if found is None else f"{found.who} for {found.operation} (lock {found.id})"
    raise StateLockedError(
        f"the state of stack `{stack}` is locked by {said}; nothing was moved",
        hint=f"wait for it to end; if its process is dead, `crabwalk unlock {stack} --env {env.name}` frees it",
    )


def _body(env: Environment, stack: str) -> bytes:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    told = {
        "ID": str(uuid.uuid4()),
        "Operation": MOVE,
        "Info": "",
        "Who": f"{user}@{socket.gethostname()}",
        "Version": "",
        "Created": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "Path": f"{env.bucket}/{state_key(stack)}",
    }
    return json.dumps(told).encode()
