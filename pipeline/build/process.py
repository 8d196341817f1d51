"""Runs a program line by line. However it ends, nothing of it is left running."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.errors import BuildError

_GRACE_SECONDS = 5


def stream(arguments: Sequence[str], cwd: Path, env: Mapping[str, str], on_line: Callable[[str], None]) -> int:
    """Runs a program in its own process group, line by line; an interruption stops all of it."""
    try:
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="backslashreplace",
            process_group=0,
        )
    except FileNotFoundError:
        hint = "install crabwalk with its dependencies: `make setup`"
        raise BuildError(f"{Path(arguments[0]).name} cannot be started", where=arguments[0], hint=hint) from None
    try:
        for line in process.stdout or ():
            on_line(line.rstrip("\n"))
        return process.wait()
    finally:
        if process.returncode is None:
            _stop(process)
        if process.stdout:
            process.stdout.close()


def _stop(process: subprocess.Popen[str]) -> None:
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
