"""Starts other programs for set-up and is its one place that prints; a failure shows the end of their output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# A probe that takes longer hangs (a network drive, a proxy asking for input): treated as absent.
PROBE_SECONDS = 30
GRACE_SECONDS = 20
TAIL_LINES = 20
TIMED_OUT = 124
NOT_FOUND = 127


class SetupError(Exception):
    """Set-up cannot go on; the text says what is wrong and what to type."""


@dataclass(frozen=True)
class Done:
    """How a program ended."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    def tail(self) -> str:
        """The last lines of the output, indented, for an error message."""
        lines = [line.rstrip() for line in self.output.splitlines() if line.strip()]
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])


def run(
    command: Sequence[str | Path],
    *,
    seconds: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    holding: Sequence[int] = (),
) -> Done:
    """Runs to the end or the time limit; stdout and stderr together. The program shares the files it is `holding`."""
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            pass_fds=holding,
            process_group=0,
        )
    except OSError as fault:
        return Done(NOT_FOUND, str(fault))
    with process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            stop(process)
            return Done(TIMED_OUT, f"no end after {seconds:.0f} s")
        except BaseException:
            stop(process)
            raise
    return Done(process.returncode, said.decode(errors="backslashreplace"))


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a program with all it started: asks first, since apt must not be cut off while it unpacks."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(GRACE_SECONDS)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def probe(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> str | None:
    """What a quick command prints, or None when it is absent, broken or hangs."""
    done = run(command, seconds=PROBE_SECONDS, env=env)
    return done.output.strip() if done.ok else None


def say(text: str) -> None:
    """One line for the person who waits."""
    print(text, flush=True)


def complain(text: str) -> None:
    """The last words of a set-up that failed."""
    print(text, file=sys.stderr, flush=True)
