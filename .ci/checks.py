"""Runs the checks of `make test` and `make lint` in order and stops at the first that fails, naming it.

pytest comes last and replaces this process, so that the last lines are its own summary.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision import stamp

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crabwalk"
INTERRUPTED = 130


@dataclass(frozen=True)
class Check:
    """One command and what it is called."""

    name: str
    command: tuple[str, ...]


LINT = (
    Check("ruff", (f"{BIN}/ruff", "check", "--quiet")),
    Check("ruff format", (f"{BIN}/ruff", "format", "--check", "--quiet")),
    Check("mypy", (f"{BIN}/mypy",)),
    Check("rustfmt", ("cargo", "fmt", "--all", "--check")),
    Check("clippy", ("cargo", "clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings")),
)
RUST = (Check("cargo test", ("cargo", "test", "--workspace", "--locked", "--quiet")),)
GROUPS = {"lint": LINT, "rust": RUST}


def pytest_command(extra: Sequence[str], *, exhaustive: bool) -> tuple[str, ...]:
    """The whole test suite; without the long runs unless asked for."""
    marks = () if exhaustive else ("-m", "not exhaustive")
    return (f"{BIN}/python", "-m", "pytest", "-q", "--durations=10", *marks, *extra)


def environment(directory: str) -> dict[str, str]:
    """The compiler that set-up chose comes first; what cargo leaves is kept out of the work tree."""
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(BIN), directory, os.environ.get("PATH", ""))),
        "CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR", str(CACHE / "checks")),
    }


def run(check: Check, env: Mapping[str, str]) -> int:
    """Runs one check on the terminal there is."""
    began = time.monotonic()
    code = subprocess.run(check.command, cwd=ROOT, env=env, check=False).returncode
    seconds = f"{time.monotonic() - began:.1f} s"
    if code == 0:
        print(f"{check.name}: passed, {seconds}", flush=True)
    else:
        print(
            f"\n{check.name} FAILED (exit code {code}, {seconds}): {shlex.join(check.command)}",
            file=sys.stderr,
            flush=True,
        )
    return code


def main(arguments: Sequence[str]) -> int:
    """`lint rust pytest -- options of pytest`."""
    groups, extra = list(arguments), []
    if "--" in groups:
        cut = groups.index("--")
        groups, extra = groups[:cut], groups[cut + 1 :]
    last = stamp.read(ROOT)
    if last is None:
        print("not set up yet: make setup", file=sys.stderr)
        return 1
    env = environment(last.cargo)
    for check in (check for group in groups if group != "pytest" for check in GROUPS[group]):
        code = run(check, env)
        if code != 0:
            return code
    if "pytest" in groups:
        command = pytest_command(extra, exhaustive=bool(os.environ.get("CRABWALK_EXHAUSTIVE")))
        os.chdir(ROOT)
        os.execve(command[0], command, env)  # noqa: S606
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
