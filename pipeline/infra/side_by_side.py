"""Several roots at once, as many as this machine's cores and memory bear; what they say never gets mixed up.

A Terraform process with the AWS provider computes for seconds and holds 600 MB (measured with provider 5.100), so more
of them than cores make nothing faster, and more than fit into memory end the whole run.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Protocol, Self, TypeVar

from pipeline.errors import CrabwalkError, UsageError
from pipeline.infra.process import interruptible

REQUEST = "CRABWALK_ROOTS_AT_ONCE"
ROOT_MB = 700  # one process with its provider, and some air
_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB", re.MULTILINE)
_CGROUP = Path("/sys/fs/cgroup")

Made = TypeVar("Made")


class Teller(Protocol):
    """Who tells a person what happens; `pipeline.report.console.Console` is one."""

    def progress(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...
    def group(self, title: str, /) -> AbstractContextManager[None]: ...


Work = Callable[[Teller], Made]


def at_once(cores: int, free_mb: int | None) -> int:
    """How many roots may be worked on at once; pure. `free_mb`: None where it is not known."""
    fitting = cores if free_mb is None else free_mb // ROOT_MB
    return max(1, min(cores, fitting))


def room(environment: Mapping[str, str] = os.environ) -> int:
    """How many roots this machine bears now, or as many as CRABWALK_ROOTS_AT_ONCE says. Raises UsageError."""
    if asked := environment.get(REQUEST):
        if not asked.isdecimal() or int(asked) < 1:
            raise UsageError(f"{REQUEST}: `{asked}` is no number of roots", hint="1 or more, or unset it")
        return int(asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return at_once(cores, free_memory_mb())


def free_memory_mb() -> int | None:
    """What new processes can have: of the machine, and of the container this one runs in. None where neither tells."""
    found = []
    with suppress(OSError):
        available = _AVAILABLE.search(Path("/proc/meminfo").read_text())
        found += [int(available[1]) // 1024] if available else []
    with suppress(OSError, ValueError):  # `max`: there is no limit
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        found.append((limit - used) // 1024**2)
    return min(found) if found else None


def side_by_side(
    tell: Teller, title: Callable[[str], str], works: Mapping[str, Work[Made]], limit: int | None = None
) -> dict[str, Made | CrabwalkError]:
    """What came of each root's work, its fault in its place; in their order. One alone runs in this very thread.

    `works`: by the root's name. Interrupted, each Terraform that runs is asked once to end, and has ended before this
    raises.
    """
    limit = 1 if len(works) <= 1 else min(limit or room(), len(works))
    if limit <= 1:
        return {name: _tried(work, tell) for name, work in works.items()}
    from concurrent.futures import ThreadPoolExecutor, wait

    voices = {name: _Voice(tell, name, title(name)) for name in works}
    tell.progress(f"terraform: {len(works)} stacks, {limit} at a time: {', '.join(works)}")
    pool = ThreadPoolExecutor(limit, thread_name_prefix="root")
    with pool, interruptible(lambda: pool.shutdown(wait=True, cancel_futures=True)):
        futures = {name: pool.submit(_alone, work, voices[name]) for name, work in works.items()}
        wait(futures.values())
    return {name: future.result() for name, future in futures.items()}


def _alone(work: Work[Made], voice: _Voice) -> Made | CrabwalkError:
    with voice:
        return _tried(work, voice)


def _tried(work: Work[Made], tell: Teller) -> Made | CrabwalkError:
    try:
        return work(tell)
    except CrabwalkError as error:
        return error


class _Voice:
    """One root among several. Where output is folded into groups it speaks once it has ended, as one block; elsewhere
    at once, its name in front of each line.
    """

    _speaking = threading.Lock()

    def __init__(self, tell: Teller, name: str, title: str) -> None:
        self._tell, self._name, self._title = tell, name, title
        self._block: list[str] | None = [] if getattr(tell, "github", False) else None

    def progress(self, text: str) -> None:
        if self._block is not None:
            self._block.append(text)
            return
        with self._speaking:
            self._tell.progress(f"{self._name}: {text}")

    def warn(self, text: str) -> None:
        with self._speaking:
            self._tell.warn(f"{self._name}: {text}")

    def group(self, _title: str, /) -> AbstractContextManager[None]:
        return nullcontext()  # it has one already

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._block:
            with self._speaking, self._tell.group(self._title):
                for line in self._block:
                    self._tell.progress(line)
