"""Asks rustup for the std of a triple, and remembers for an hour what it could not get: offline that takes minutes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.build import cache
from pipeline.build.model import Compiler

REMEMBERED_SECONDS = 3600
_ADD_SECONDS = 180


def add(compiler: Compiler, triple: str, on_line: Callable[[str], None]) -> bool:
    """`rustup target add`; a failure is said and remembered."""
    on_line(f"rustup target add {triple}")
    try:
        done = subprocess.run(
            [str(compiler.rustup), "target", "add", triple],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            errors="backslashreplace",
            timeout=_ADD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        said = f"rustup did not answer within {_ADD_SECONDS} s"
    else:
        if done.returncode == 0:
            return True
        said = done.stdout.strip()
    on_line(said)
    file = _file(compiler, triple)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"at": time.time(), "said": said}))
    return False


def failed(compiler: Compiler, triple: str) -> str:
    """What to tell of a failure that is not an hour old; empty when rustup may be asked."""
    try:
        entry = json.loads(_file(compiler, triple).read_bytes())
        age = time.time() - float(entry["at"])
        said = str(entry["said"]).strip().splitlines()[-1:]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    if not 0 <= age < REMEMBERED_SECONDS:
        return ""
    minutes = max(1, round((REMEMBERED_SECONDS - age) / 60))
    words = f" ({said[0]})" if said else ""
    return (
        f"rustup could not add {triple} {max(1, round(age / 60))} min ago{words}; it is asked again in {minutes} min, "
        f"or type `rustup target add {triple}`"
    )


def _file(compiler: Compiler, triple: str) -> Path:
    name = hashlib.sha256(f"{compiler.rustup}\n{compiler.verbose}\n{triple}".encode()).hexdigest()
    return cache.directory() / "rustup" / f"{name}.json"
