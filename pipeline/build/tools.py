"""Where a build finds cargo's own folder and tools, and what a program says when it is asked. Decides nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def cargo_home(env: Mapping[str, str]) -> Path:
    """`$CARGO_HOME`, else `~/.cargo`."""
    return Path(env.get("CARGO_HOME") or Path.home() / ".cargo")


def installed(name: str, env: Mapping[str, str]) -> Path | None:
    """A program on PATH, or where `cargo install` puts it."""
    found = shutil.which(name, path=f"{env.get('PATH', '')}{os.pathsep}{cargo_home(env) / 'bin'}")
    return Path(found) if found else None


def asked(
    command: Sequence[str], *, seconds: float, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str] | None:
    """How a program that is asked something ended; None when it does not start, or not end in time."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            env=env,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
