"""How long the processes of a function have run on a processor, from the kernel's own accounts of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def used_ms(function: str, version: str) -> float | None:
    """The time that processes of this version have run on a processor so far; None where the kernel does not tell.

    A function's process knows its own name and version from the environment it was started with.
    """
    wanted = {f"AWS_LAMBDA_FUNCTION_NAME={function}".encode(), f"AWS_LAMBDA_FUNCTION_VERSION={version}".encode()}
    times = [_used_ns(process) for process in _processes(wanted)]
    known = [one for one in times if one is not None]
    return sum(known) / 1e6 if known else None


def _processes(wanted: set[bytes]) -> Iterator[Path]:
    for entry in os.scandir(_PROC):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended, or is somebody else's
                found = set((_PROC / entry.name / "environ").read_bytes().split(b"\0"))
                if wanted <= found:
                    yield _PROC / entry.name


def _used_ns(process: Path) -> int | None:
    """Of all its threads, the first figure of each `schedstat`."""
    total, told = 0, False
    with contextlib.suppress(OSError):
        for task in (process / "task").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                total += int((task / "schedstat").read_text().split()[0])
                told = True
    return total if told else None
