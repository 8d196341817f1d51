"""Runs a hook's program for a limited time, line by line. However it ends, nothing of it is left running."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import CrabwalkError

GRACE_S = 2.0
LOOK_S = 0.2  # how often it is looked whether the program ended while somebody else holds its output
LAST_LINES = 5
LONGEST_LINE = 500
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Ran:
    """How a program ended: its exit code (negative: the signal), None when its time was over; its last lines."""

    code: int | None
    last: tuple[str, ...]


def run(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float, on_line: Callable[[str], None]
) -> Ran:
    """Run a program in its own process group, without a shell and without input.

    Raises CrabwalkError when it cannot be started.
    """
    try:
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            process_group=0,
        )
    except OSError as error:
        what = f"the hook `{arguments[0]}` cannot be started: {error.strerror}"
        raise CrabwalkError(what, where=str(cwd), hint="no traffic was moved; see `release.hooks`") from error
    last: deque[str] = deque(maxlen=LAST_LINES)
    in_time = False
    try:
        for line in _lines(process, time.monotonic() + timeout_s):
            last.append(line)
            on_line(line)
        in_time = _ended(process)
    finally:
        _stop(process, at_once=in_time)
    return Ran(process.returncode if in_time else None, tuple(last))


def _lines(process: subprocess.Popen[bytes], until: float) -> Iterator[str]:
    """What is written until the program ends or its time is over, as soon as it is there."""
    pipe, rest = process.stdout, b""
    if pipe is None:
        return
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        open_ = True
        while (left := until - time.monotonic()) > 0:
            if open_ and waiting.select(min(left, LOOK_S)):
                chunk = os.read(pipe.fileno(), _CHUNK_BYTES)
                open_ = bool(chunk)
                if not open_:
                    waiting.unregister(pipe)
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (_readable(line) for line in whole)
            elif _ended(process):
                break
            elif not open_:
                time.sleep(min(left, LOOK_S / 10))
    if rest:
        yield _readable(rest)


def _readable(line: bytes) -> str:
    """A line that no terminal obeys."""
    text = line[:LONGEST_LINE].decode("utf-8", "backslashreplace").rstrip("\r").expandtabs(4)
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended; it is not reaped, so that its group's number stays its own."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _stop(process: subprocess.Popen[bytes], *, at_once: bool) -> None:
    """End whatever of the group is left; what had its time is asked first."""
    if not at_once:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        end = time.monotonic() + GRACE_S
        while not _ended(process) and time.monotonic() < end:
            time.sleep(LOOK_S / 10)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()
