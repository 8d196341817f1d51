"""Runs a program line by line. However it ends, nothing of it is left running."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from pipeline.errors import BuildError

_GRACE_SECONDS = 5
_QUIET_SECONDS = 5.0
_CHUNK_BYTES = 1 << 16


def _nothing() -> None: ...


def stream(
    arguments: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    on_quiet: Callable[[], None] = _nothing,
) -> int:
    """Runs a program in its own process group, line by line; an interruption stops all of it.

    `on_quiet` is called every few seconds in which nothing comes.
    """
    try:
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            process_group=0,
        )
    except FileNotFoundError:
        hint = "install crabwalk with its dependencies: pip install crabwalk"
        raise BuildError(f"{Path(arguments[0]).name} cannot be started", where=arguments[0], hint=hint) from None
    try:
        for line in _lines(process.stdout, on_quiet) if process.stdout else ():
            on_line(line.decode("utf-8", "backslashreplace").rstrip("\r"))
        return process.wait()
    finally:
        if process.returncode is None:
            _stop(process)
        if process.stdout:
            process.stdout.close()


def _lines(pipe: IO[bytes], on_quiet: Callable[[], None]) -> Iterator[bytes]:
    """What is written, line by line and as soon as it is."""
    rest = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while True:
            if not waiting.select(_QUIET_SECONDS):
                on_quiet()
                continue
            chunk = os.read(pipe.fileno(), _CHUNK_BYTES)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
    if rest:
        yield rest


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the group to end, then ends it: a compiler may not outlive its build."""
    for number, seconds in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
