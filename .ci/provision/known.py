"""What was found before, and need not be looked for again: where it lies, and by which hash it is known."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def cache(name: str) -> Path:
    """A folder of the user's cache that all clones share."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crabwalk" / name


def digest(identity: bytes, root: Path, files: Iterable[Path]) -> str:
    """Hash of what an outcome depends on: who looked, and the files, by their names below `root` and their contents."""
    found = hashlib.sha256(identity)
    for path in files:
        found.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
