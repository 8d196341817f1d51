"""Compiles through sccache where it is installed, and tells what it saved. It changes no byte: no key knows of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECONDS = 20


@dataclass(frozen=True)
class Counts:
    """Compilations that sccache was asked for, and those it had."""

    hits: int
    misses: int

    def since(self, before: Counts) -> str:
        """What one build added, in words; empty when it asked for nothing."""
        hits, misses = self.hits - before.hits, self.misses - before.misses
        return f"sccache had {hits} of {hits + misses} compilations" if hits + misses > 0 else ""


def variables(base: Mapping[str, str]) -> dict[str, str]:
    """What cargo is told; nothing where the user has said something else about a wrapper."""
    found = None if "RUSTC_WRAPPER" in base else shutil.which("sccache", path=base.get("PATH", ""))
    return {"RUSTC_WRAPPER": found} if found else {}


def counts(environ: Mapping[str, str] = os.environ) -> Counts | None:
    """Its statistics as of now; None where it is not what compiles, or does not say."""
    wrapper = {**environ, **variables(environ)}.get("RUSTC_WRAPPER", "")
    if Path(wrapper).stem != "sccache":
        return None
    try:
        done = subprocess.run(
            (wrapper, "--show-stats", "--stats-format", "json"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        stats = json.loads(done.stdout)["stats"]
        return Counts(_sum(stats["cache_hits"]), _sum(stats["cache_misses"]))
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError, AttributeError):
        return None


def _sum(found: Any) -> int:
    return sum(int(number) for number in found["counts"].values())
