"""Has cargo enter a new service into the Cargo.lock of its workspace, so that a build with `--locked` takes it at once.

Without a network: `new` must not wait for one. Changes nothing else, and nothing at all where cargo cannot do it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

COMMAND = "cargo update --workspace"
_SECONDS = 60


def enter(root: Path) -> str | None:
    """Bring Cargo.lock up to date; why it could not be done, or None."""
    command = (*COMMAND.split(), "--offline", "--quiet")
    try:
        done = subprocess.run(
            command,
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return "cargo is not installed"
    except OSError as error:
        return f"cargo cannot be run: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"cargo did not end within {_SECONDS} s"
    if done.returncode == 0:
        return None
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    first = next((line for line in said if line.startswith("error: ")), said[0] if said else "it said nothing")
    return f"without a network cargo could not: {first.removeprefix('error: ')}"


def by_hand(service: str, why: str) -> str:
    """What a person runs instead."""
    return f"{COMMAND}, which enters {service} into Cargo.lock: {why}"
